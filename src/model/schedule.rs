//! A schedule's part in one plan, checked: what crosses from which sources to one target, and how far.

use super::filters::Filters;
use super::mapping::Mapping;
use super::safety::{Policy, Safety};
use super::{OwnerId, SyncId};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum ForeignContact {
    /// Undecided as `HeldByForeignContact`.
    #[default]
    Skip,
    Adopt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    #[serde(default)]
    pub foreign_contact: ForeignContact,
}

/// Everything of a schedule that a plan for one target depends on, its sources aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetRules {
    pub owner: OwnerId,
    pub sync: SyncId,
    pub policy: Policy,
    pub mapping: Mapping,
    pub safety: Safety,
    /// How long a contact is hidden before it is deleted; 0 = deleted at once.
    pub hide_for_seconds: u64,
    pub conflict: Conflict,
}

/// A source's part: the schedule's own filters, which apply beside the connector's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRules {
    pub filters: Filters,
}
