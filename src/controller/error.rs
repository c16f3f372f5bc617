//! What can go wrong while the cluster is read and written; deciding has no errors.

/// The variants are what comes next: look again, wait a little, or tell a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("somebody else wrote the object first")]
    Conflict(#[source] Box<kube::Error>),
    #[error("the operator has no right to do this")]
    Forbidden(#[source] Box<kube::Error>),
    #[error("the API server did not do what it was asked")]
    Cluster(#[source] Box<kube::Error>),
    #[error("the object has no {0}, which every stored object has")]
    Incomplete(&'static str),
    #[error("the operator is stopping")]
    Stopping,
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_conflict() => Self::Conflict(Box::new(error)),
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden(Box::new(error)),
            _ => Self::Cluster(Box::new(error)),
        }
    }
}

impl Error {
    /// For metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Forbidden(_) => "forbidden",
            Self::Cluster(_) => "cluster",
            Self::Incomplete(_) => "incomplete",
            Self::Stopping => "stopping",
        }
    }

    /// When to look again, in seconds.
    pub fn retry_after_seconds(&self) -> u64 {
        match self {
            Self::Conflict(_) => 1,
            Self::Cluster(_) => 10,
            Self::Forbidden(_) | Self::Incomplete(_) | Self::Stopping => 60,
        }
    }
}
