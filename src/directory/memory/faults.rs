//! What can be made to go wrong in the reference directory, for tests and for trying out what GalSync does then.

use crate::directory::Error;
use crate::model::{Anchor, Attribute, SmtpAddress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Faults {
    /// Reads of entries end after this many events, without "complete" and without an error.
    pub cut_read_after: Option<u64>,
    /// The same for reads of a target's contents.
    pub cut_contents_after: Option<u64>,
    /// This call fails, counted from 1 over the life of the handle.
    pub fail_call: Option<u64>,
    /// This call and all after it fail.
    pub fail_from_call: Option<u64>,
    /// Every call fails so.
    pub fail_always: Option<Failure>,
    /// How the calls of `fail_call` and `fail_from_call` fail.
    pub failure: Failure,
    /// Contacts with these primary addresses are refused.
    pub refuse: BTreeSet<SmtpAddress>,
    /// Contacts with these primary addresses find their address taken for now.
    pub defer: BTreeSet<SmtpAddress>,
    /// This many creates are taken, the others wait until `waiting_until`.
    pub create_quota: Option<u64>,
    pub waiting_until: Option<Timestamp>,
    /// Reads return no value of these attributes, as after a lost read right.
    pub vanished: BTreeSet<Attribute>,
    /// Reads of changes say nothing of these, as a changes feed with a hole.
    pub untold: BTreeSet<Anchor>,
    /// Every call takes so long.
    pub delay_milliseconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Failure {
    #[default]
    Unavailable,
    Throttled,
    Unauthenticated,
    Forbidden,
}

impl Failure {
    pub(super) fn error(self) -> Error {
        let system = super::SYSTEM;
        match self {
            Self::Unavailable => Error::Unavailable { system, hint: "a fault was asked for".into() },
            Self::Throttled => Error::Throttled { system, retry_after: None },
            Self::Unauthenticated => Error::Unauthenticated { system, hint: "a fault was asked for".into() },
            Self::Forbidden => {
                Error::Forbidden { system, action: "this call".into(), hint: "a fault was asked for".into() }
            }
        }
    }
}

impl Faults {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
