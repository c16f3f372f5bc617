//! Why an operation did not succeed, as what goes into its outcome.

use crate::directory;
use crate::engine::{Failure, PlanError};
use crate::operation::Reason;
use crate::{snapshot, store};
use jiff::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Directory(#[from] directory::Error),
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("temporary files cannot be written: {0}")]
    Temporary(#[from] std::io::Error),
    /// What this layer itself found out.
    #[error("{message}")]
    Refused { reason: Reason, message: String },
    #[error("the operation was asked to stop")]
    Interrupted,
}

impl Error {
    pub(super) fn refused(reason: Reason, message: impl Into<String>) -> Self {
        Self::Refused { reason, message: message.into() }
    }

    pub fn reason(&self) -> Reason {
        match self {
            Self::Directory(error) => of_directory(error),
            Self::Snapshot(error) => of_snapshot(error),
            Self::Store(error) => of_store(error),
            Self::Plan(error) => of_plan(error),
            Self::Temporary(_) => Reason::StoreUnavailable,
            Self::Refused { reason, .. } => *reason,
            Self::Interrupted => Reason::Interrupted,
        }
    }

    /// When another try makes sense, where the system said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Directory(directory::Error::QuotaExceeded { until, .. }) => Some(*until),
            _ => None,
        }
    }

    /// The error and what led to it, in one sentence.
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.ends_with(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        text
    }
}

fn of_directory(error: &directory::Error) -> Reason {
    use directory::Error;
    match error {
        Error::Unauthenticated { .. } => Reason::AuthenticationFailed,
        Error::Forbidden { .. } => Reason::InsufficientPermission,
        Error::Configuration(_) => Reason::InvalidConfiguration,
        Error::OwnerAttributeInUse { .. } => Reason::OwnerAttributeInUse,
        Error::Certificate { .. } => Reason::CertificateInvalid,
        Error::SecretMissing { .. } => Reason::SecretNotFound,
        Error::FilterGroup { .. } => Reason::FilterGroupUnavailable,
        // A token is tried before anything is made of it, so this is a read that ended early.
        Error::TokenExpired { .. } => Reason::Incomplete,
        Error::Throttled { .. } => Reason::Throttled,
        Error::QuotaExceeded { .. } => Reason::QuotaExceeded,
        Error::Unavailable { .. } => Reason::Unreachable,
        Error::Protocol { .. } => Reason::Internal,
        Error::NotSupported(_) => Reason::NotSupported,
    }
}

fn of_snapshot(error: &snapshot::Error) -> Reason {
    if error.is_damage() { Reason::SnapshotDamaged } else { Reason::StoreUnavailable }
}

fn of_plan(error: &PlanError) -> Reason {
    match error {
        PlanError::DomainsUnknown { .. } => Reason::DomainsUnknown,
        PlanError::SameIdentity { .. } => Reason::SameIdentity,
        PlanError::SourceEmpty { .. } => Reason::SourceEmpty,
        PlanError::Unsorted { .. } | PlanError::UnsortedTarget => Reason::SnapshotDamaged,
        PlanError::ForeignMark => Reason::Internal,
        PlanError::Source { source, .. }
        | PlanError::Target(source)
        | PlanError::Scratch(source)
        | PlanError::Sink(source) => of_failure(source),
    }
}

fn of_failure(failure: &Failure) -> Reason {
    let of_store = |failure: &Failure| failure.downcast_ref::<store::Error>().map(of_store);
    failure.downcast_ref::<snapshot::Error>().map(of_snapshot).or_else(|| of_store(failure)).unwrap_or(Reason::Internal)
}

fn of_store(error: &store::Error) -> Reason {
    use store::Error;
    match error {
        Error::Damaged { .. } => Reason::SnapshotDamaged,
        Error::Snapshot(error) => of_snapshot(error),
        Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::PermissionDenied { .. }
        | Error::Full
        | Error::ReadOnly
        | Error::Unavailable { .. }
        | Error::Location { .. }
        | Error::Temporary(_) => Reason::StoreUnavailable,
    }
}
