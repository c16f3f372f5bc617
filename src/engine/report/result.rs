//! What a finished plan is, its changes aside.

use crate::engine::input::history::History;
use crate::engine::safety::totals::{PairCounts, Totals};
use crate::model::counts::PlanCounts;
use crate::model::reason::UnsafeReason;
use crate::model::safety::Policy;
use crate::model::{Digest, OwnerId, SyncId, SystemIdentity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanResult {
    /// Of the changes that the sink got; with [`PlanResult::removals_held`], of those that remove nothing.
    pub digest: Digest,
    pub header: PlanHeader,
    pub counts: PlanCounts,
    /// Skipped and undecided entries by label of the reason.
    pub reasons: BTreeMap<String, u64>,
    /// Why it needs approval. Empty = safe.
    pub unsafe_reasons: BTreeSet<UnsafeReason>,
    /// What would happen, in one sentence with numbers; empty for a safe plan whose removals are not held.
    pub unsafe_message: String,
    /// `onExceeded: HoldDeletes` applies: the changes that hide or delete wait. The caller leaves them out of the
    /// plan that it keeps (`change.kind.removes()`).
    pub removals_held: bool,
    /// How many changes wait so; they are in `counts` as well.
    pub held: u64,
    /// Contacts of ours in the target, before.
    pub managed: u64,
    pub pairs: BTreeMap<SystemIdentity, PairCounts>,
    /// Entries of each source, for [`History::record_push`].
    pub entries: BTreeMap<SystemIdentity, u64>,
    /// The history to keep after a simulation.
    pub history: History,
}

impl PlanResult {
    /// What the plan adds up to, for the next one.
    pub fn totals(&self) -> Totals {
        let (counts, reasons, pairs) = (self.counts, self.reasons.clone(), self.pairs.clone());
        Totals { counts, reasons, pairs, confirmed: BTreeSet::new() }
    }

    /// Whether there is anything to push.
    pub fn is_empty(&self) -> bool {
        self.counts.total().changes() == self.held
    }
}

/// What a plan was made for; kept beside it, and compared by the push (design §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanHeader {
    pub target: SystemIdentity,
    pub owner: OwnerId,
    pub sync: SyncId,
    pub policy: Policy,
    pub unsafe_reasons: BTreeSet<UnsafeReason>,
    /// Those about sources that lost entries, also where removals are held and nobody is asked.
    #[serde(default)]
    pub losses: BTreeSet<UnsafeReason>,
}
