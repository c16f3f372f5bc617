//! Limits beyond which a plan waits for a person, as a schedule writes them.

use super::filters::wire_enum;
use super::text::{AddressPattern, DurationText};
use crate::model::safety as checked;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a plan is unsafe. Percentages count per pair of source and target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Safety {
    /// More deletes than this are unsafe, in one plan and over seven days. Hides count as deletes.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_deletes: u32,
    /// Deletes of more than this part of the pair's contacts are unsafe.
    #[schemars(range(min = 0, max = 100))]
    pub max_delete_percent: u32,
    /// So many deletes never count against maxDeletePercent, so that small directories can breathe.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub always_allowed_deletes: u32,
    /// Changes of address, display name or visibility.
    #[schemars(range(min = 0, max = 100))]
    pub max_strict_update_percent: u32,
    /// Changes of other attributes.
    #[schemars(range(min = 0, max = 100))]
    pub max_update_percent: u32,
    /// Creates above the greater of maxCreates and maxCreatePercent are unsafe.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_creates: u32,
    #[schemars(range(min = 0, max = 100))]
    pub max_create_percent: u32,
    /// Entries that cannot be judged, of all of the pair.
    #[schemars(range(min = 0, max = 100))]
    pub max_undecided_percent: u32,
    /// By how much a source may shrink from one pass to the next.
    #[schemars(range(min = 0, max = 100))]
    pub max_source_shrink_percent: u32,
    /// A source without any entry: Fail the plan, or let it be Unsafe, so that a person decides.
    pub on_empty_source: OnEmptySource,
    /// How old the last complete snapshot of a source may be that cannot be read now.
    pub max_snapshot_age: DurationText,
    /// What waits when a limit is exceeded: Block holds the whole plan, HoldDeletes only hides and deletes.
    pub on_exceeded: OnExceeded,
    /// Addresses that are never hidden or deleted; `*` stands for any run of characters, as in `*@board.test`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "set"))]
    pub protected: Vec<AddressPattern>,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            max_deletes: 500,
            max_delete_percent: 10,
            always_allowed_deletes: 5,
            max_strict_update_percent: 20,
            max_update_percent: 50,
            max_creates: 500,
            max_create_percent: 20,
            max_undecided_percent: 5,
            max_source_shrink_percent: 30,
            on_empty_source: OnEmptySource::Fail,
            max_snapshot_age: "72h".into(),
            on_exceeded: OnExceeded::Block,
            protected: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum OnEmptySource {
    #[default]
    Fail,
    Unsafe,
}

wire_enum!(
    #[derive(Default)]
    OnExceeded = checked::OnExceeded {
        #[default]
        Block,
        HoldDeletes
    }
);
wire_enum!(Policy = checked::Policy { CreateOnly, Upsert, Sync });
wire_enum!(
    #[derive(Default)]
    ApprovalMode = checked::ApprovalMode {
        #[default]
        WhenUnsafe,
        Always
    }
);
