//! Why there is no plan, by what the caller does next.

/// An error of an iterator, a scratch or a sink that the caller gave, handed back as it came.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nobody said which domains the connector may speak for (mail-rules §2).
    #[error("the connector {connector} has no authoritative domains, so nothing can be planned with it")]
    DomainsUnknown { connector: String },
    /// Two sources are one mail system: the schedule is wrong.
    #[error("the sources {first} and {second} are the same mail system")]
    SameIdentity { first: String, second: String },
    #[error("the source {connector} has no entries at all")]
    SourceEmpty { connector: String },
    /// A snapshot that is not in order of its anchors: damaged, read it anew.
    #[error("the entries of {connector} are not in order")]
    Unsorted { connector: String },
    /// Kept contents that are not in order of their keys: damaged, read them anew.
    #[error("the contents of the target are not in order")]
    UnsortedTarget,
    /// The directory handed out a contact that is not ours; a fault of the program.
    #[error("the target gave a contact with another owner's mark as ours")]
    ForeignMark,
    #[error("the entries of {connector} cannot be read")]
    Source { connector: String, source: Failure },
    #[error("the contents of the target cannot be read")]
    Target(#[source] Failure),
    #[error("the scratch space failed")]
    Scratch(#[source] Failure),
    #[error("the plan cannot be written")]
    Sink(#[source] Failure),
}
