//! What can go wrong at the store, by what the administrator or the caller does next.

use crate::snapshot;
use std::io::{self, ErrorKind};

/// No message holds personal data or secrets: keys are made of names, numbers and digests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was never there, or retention, garbage collection or EmptyCache took it.
    #[error("the store has no {key}")]
    NotFound { key: String },
    /// Another writer was first: read again, then repeat.
    #[error("another writer changed {key} at the same time")]
    Conflict { key: String },
    /// The administrator gives the right.
    #[error("the store does not permit access to {key}: {hint}; check the rights of the credentials or of the folder")]
    PermissionDenied { key: String, hint: String },
    #[error("the store is full: nothing more can be written; make room or enlarge the volume")]
    Full,
    #[error("the store is read-only: nothing can be written; check how the volume is mounted")]
    ReadOnly,
    /// Another try may succeed.
    #[error("the store is unavailable: {hint}")]
    Unavailable { hint: String },
    /// What is stored is not what was written; for a cache, make it anew.
    #[error("{key} in the store is damaged: {problem}")]
    Damaged { key: String, problem: String },
    #[error("the store's location {location} cannot be used: {hint}")]
    Location { location: String, hint: String },
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    #[error("the temporary folder cannot be used: {0}")]
    Temporary(#[source] io::Error),
}

impl Error {
    /// Another try without anybody's doing may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict { .. })
    }

    /// What was asked for is gone or of no use: make it anew.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::Damaged { .. } => true,
            Self::Snapshot(error) => error.is_damage(),
            _ => false,
        }
    }

    pub(super) fn of(error: object_store::Error, key: &str) -> Self {
        use object_store::Error as E;
        let key = key.to_owned();
        match &error {
            E::NotFound { .. } => return Self::NotFound { key },
            E::AlreadyExists { .. } | E::Precondition { .. } => return Self::Conflict { key },
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
                return Self::PermissionDenied { key, hint: hint(&error) };
            }
            _ => {}
        }
        match io_kind(&error) {
            Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Self::Full,
            Some(ErrorKind::ReadOnlyFilesystem) => Self::ReadOnly,
            Some(ErrorKind::PermissionDenied) => Self::PermissionDenied { key, hint: hint(&error) },
            _ => match hint(&error) {
                // Uploads in parts and listings tell the status in their text only.
                hint if REFUSED.iter().any(|status| hint.contains(status)) => Self::PermissionDenied { key, hint },
                hint => Self::Unavailable { hint },
            },
        }
    }
}

fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn io_kind(error: &object_store::Error) -> Option<ErrorKind> {
    sources(error).find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind)
}

const REFUSED: [&str; 2] = ["401 Unauthorized", "403 Forbidden"];

/// What S3 and Azure call a missing bucket; Google says it in words of its own.
const NO_BUCKET: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];

/// The innermost cause in one short line. Queries of URLs may hold signatures, so they are cut out.
pub(super) fn hint(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = sources(error).last().map(ToString::to_string).unwrap_or_default();
    if NO_BUCKET.iter().any(|code| innermost.contains(code)) {
        return "the bucket or container does not exist".into();
    }
    let text = innermost.split_once('<').map_or(innermost.as_str(), |(start, _)| start);
    let words = text.split_whitespace().map(|word| word.split_once('?').map_or(word, |(start, _)| start));
    words.collect::<Vec<_>>().join(" ").trim_end_matches(':').chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(kind: ErrorKind) -> object_store::Error {
        object_store::Error::Generic { store: "test", source: Box::new(io::Error::new(kind, "x")) }
    }

    #[test]
    fn causes_are_told_apart() {
        assert!(matches!(Error::of(generic(ErrorKind::StorageFull), "k"), Error::Full));
        assert!(matches!(Error::of(generic(ErrorKind::ReadOnlyFilesystem), "k"), Error::ReadOnly));
        assert!(matches!(Error::of(generic(ErrorKind::PermissionDenied), "k"), Error::PermissionDenied { .. }));
        assert!(matches!(Error::of(generic(ErrorKind::ConnectionRefused), "k"), Error::Unavailable { .. }));
        let refused = io::Error::other("Server returned non-2xx status code: 403 Forbidden");
        let refused = object_store::Error::Generic { store: "test", source: Box::new(refused) };
        assert!(matches!(Error::of(refused, "k"), Error::PermissionDenied { .. }));
    }

    #[test]
    fn signatures_do_not_reach_a_message() {
        let error = io::Error::other("GET https://x.test/a?sig=secret failed");
        assert_eq!(hint(&error), "GET https://x.test/a failed");
        let error = io::Error::other("404 Not Found: <?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code></Error>");
        assert_eq!(hint(&error), "the bucket or container does not exist");
        assert_eq!(hint(&io::Error::other("500: <Error>x</Error>")), "500");
    }
}
