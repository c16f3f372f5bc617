//! What can go wrong at a mail system, by what the caller does next. No variant holds personal data or secrets. An error
//! owns its text, so that it can come from another process.

use crate::http::{self, TransportProblem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// How a mail system is called in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SystemName(Cow<'static, str>);

impl SystemName {
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Error {
    /// The administrator corrects the credentials.
    #[error("{system} refused the credentials: {hint}")]
    Unauthenticated { system: SystemName, hint: String },
    /// The administrator grants a right; `action` names it.
    #[error("{system} does not permit {action}: {hint}")]
    Forbidden { system: SystemName, action: String, hint: String },
    /// The administrator corrects the connector; the sentence says what.
    #[error("{0}")]
    Configuration(String),
    #[error("the certificate of {server} is not trusted: {hint}")]
    Certificate { server: String, hint: String },
    /// A Secret or one of its keys is not there.
    #[error("the Secret {name} has no key {key}")]
    SecretMissing { name: String, key: String },
    /// A filter group is missing, unreadable or newly empty; it never means nobody or everybody.
    #[error("the filter group {group} {problem}")]
    FilterGroup { group: String, problem: Cow<'static, str> },
    /// Somebody else keeps values where the owner mark goes; the administrator names another attribute.
    #[error(
        "the owner attribute {attribute} already holds values that are no owner marks; name another in ownerAttribute"
    )]
    OwnerAttributeInUse { attribute: String },
    /// The token is of another server, another time or another question: read in full.
    #[error("{system} no longer knows the changes since the last read")]
    TokenExpired { system: SystemName },
    #[error("{system} asked to wait")]
    Throttled { system: SystemName, retry_after: Option<Duration> },
    /// A quota stops creates until then.
    #[error("{system} takes no more new contacts until its quota allows it")]
    QuotaExceeded { system: SystemName, until: Timestamp },
    #[error("{system} is unavailable: {hint}")]
    Unavailable { system: SystemName, hint: String },
    /// The system answered what its protocol does not allow.
    #[error("{system} answered something unexpected: {hint}")]
    Protocol { system: SystemName, hint: String },
    #[error("{0}")]
    NotSupported(String),
}

impl Error {
    /// Why `system` has not answered.
    pub fn of_http(system: SystemName, error: http::Error) -> Self {
        match error {
            http::Error::Transport { problem: TransportProblem::Certificate { host, hint } } => {
                Self::Certificate { server: host, hint }
            }
            http::Error::Throttled { retry_after } => Self::Throttled { system, retry_after },
            http::Error::NoAuthorities => Self::Configuration(error.to_string()),
            other => Self::Unavailable { system, hint: other.to_string() },
        }
    }

    /// Another try without anybody's doing may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Unavailable { .. })
    }
}
