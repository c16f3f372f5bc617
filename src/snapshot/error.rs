//! Why a snapshot cannot be read or written, by what the caller does next.

use std::io;

/// No message holds a key or a document: they are personal data. Records are named by their number, from 1.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Make the snapshot anew; this one was cut off or never finished.
    #[error("the snapshot ends too early: it was cut off or never finished")]
    Truncated,
    /// Make the snapshot anew; storage or transport changed it.
    #[error("the snapshot is damaged: {0}")]
    Damaged(String),
    /// The writer's caller sorts first; a file like this is damaged.
    #[error("record {record} is out of order: records are sorted by the bytes of their keys")]
    OutOfOrder { record: u64 },
    #[error("record {record} has the same key as the one before it")]
    DuplicateKey { record: u64 },
    /// Of an older or newer program: read the source in full.
    #[error("the snapshot has format version {found}, this program reads version {wanted}", wanted = super::format::VERSION)]
    Version { found: String },
    /// Another file was meant.
    #[error("this is no GalSync snapshot")]
    Foreign,
    /// Another snapshot was meant.
    #[error("the snapshot holds {found}, not {wanted}")]
    Kind { found: &'static str, wanted: &'static str },
    #[error("a key must be 1 to {max} bytes of UTF-8 without control characters", max = super::format::MAX_KEY_BYTES)]
    InvalidKey,
    #[error("a document must be one line of at most {max} bytes", max = super::format::MAX_DOCUMENT_BYTES)]
    InvalidDocument,
    /// The document is whole but not what this program expects in a snapshot of this kind.
    #[error("the document of record {record} does not fit: {problem}")]
    Document { record: u64, problem: String },
    #[error("the temporary folder cannot be used: {0}")]
    Temporary(#[source] io::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// The file itself is at fault, so that making it anew helps.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Truncated
                | Self::Damaged(_)
                | Self::OutOfOrder { .. }
                | Self::DuplicateKey { .. }
                | Self::Version { .. }
                | Self::Foreign
                | Self::Kind { .. }
                | Self::Document { .. }
        )
    }

    /// serde's messages may quote a value, so only kind and place are kept.
    /// A document that cannot be parsed; without what it says.
    pub fn document(record: u64, error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Data => "a value is missing or of the wrong kind",
            _ => "it is no JSON",
        };
        Self::Document { record, problem: format!("{kind}, at column {}", error.column()) }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }
}
