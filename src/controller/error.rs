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
    /// For the log: what the API server said, once. Its client's errors say it again at every level.
    pub fn sentence(&self) -> String {
        match self {
            Self::Incomplete(_) | Self::Stopping => self.to_string(),
            Self::Conflict(cause) | Self::Forbidden(cause) | Self::Cluster(cause) => match &**cause {
                kube::Error::Api(status) => format!("{self}: {} ({} {})", status.message, status.code, status.reason),
                other => {
                    // The innermost cause says what happened; the ones around it repeat it.
                    let mut innermost: &dyn std::error::Error = other;
                    while let Some(source) = innermost.source() {
                        innermost = source;
                    }
                    format!("{self}: {innermost}")
                }
            },
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_said_is_told_once() {
        let status = serde_json::json!({ "message": "quota exceeded", "reason": "Forbidden", "code": 403 });
        let refused = kube::Error::Api(Box::new(serde_json::from_value(status).unwrap()));
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        for (error, wanted) in [
            (refused, "the operator has no right to do this: quota exceeded (403 Forbidden)"),
            (kube::Error::SerdeError(json), "the API server did not do what it was asked: expected value"),
        ] {
            let sentence = Error::from(error).sentence();
            assert!(sentence.starts_with(wanted), "{sentence}");
            assert_eq!(sentence.matches("quota").count() + sentence.matches("expected value").count(), 1, "{sentence}");
        }
    }
}
