//! What a directory observed of itself and of its system.

use super::Domain;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Verification {
    pub identity: String,
    pub can_read: bool,
    pub can_write: bool,
    /// Domains that the system says it is authoritative for.
    pub domains: BTreeSet<Domain>,
    /// Rights that are wider than needed, attributes that nobody has, and the like; one sentence each.
    pub warnings: Vec<String>,
    pub credential_expires: Option<Timestamp>,
}

/// What a kind of target can do, beyond what all can (mail-rules §10). It is the same at every call, whatever was
/// read or written before: plans depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Google shared contacts cannot be hidden: they stay visible until they are deleted.
    pub can_hide: bool,
    /// Whether a contact can carry X500 addresses.
    pub x500: bool,
    /// The most changes that one [`Target::apply`](crate::directory::Target::apply) takes. Nothing in a plan depends
    /// on it.
    pub batch: usize,
}

/// Work done, for metrics and for the figures of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    pub requests: u64,
    pub throttled: u64,
    pub retries: u64,
    pub bytes_read: u64,
    /// Resident memory at its highest.
    pub peak_memory_bytes: u64,
}
