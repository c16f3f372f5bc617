//! Outcomes as tests need them.

use super::{Outcome, PlanSummary, Reason, SourceCounts, Verdict};
use crate::model::Digest;
use crate::model::counts::PlanCounts;
use crate::model::reason::UnsafeReason;
use jiff::Timestamp;
use std::collections::BTreeMap;

pub fn succeeded(started: Timestamp, finished: Timestamp) -> Outcome {
    Outcome::new(Verdict::Succeeded, Reason::Completed, "", started, finished)
}

/// What a full pull of three people says.
pub fn source_counts(connector: &str) -> SourceCounts {
    SourceCounts {
        snapshot: Digest::of(connector.as_bytes()),
        fingerprint: Digest::of(b"fingerprint"),
        identity: format!("id-{connector}"),
        full: true,
        changed: 0,
        users: 3,
        groups: 0,
        contacts: 0,
        rejected: BTreeMap::new(),
        invalid: 0,
        delta_missed: None,
    }
}

/// A plan of so many creates; each number has its own digest.
pub fn plan(creates: u64, reasons: &[UnsafeReason]) -> PlanSummary {
    let mut counts = PlanCounts::default();
    counts.users.create = creates;
    PlanSummary {
        digest: Digest::of(&creates.to_be_bytes()),
        counts,
        unsafe_reasons: reasons.iter().copied().collect(),
        unsafe_message: String::new(),
        held: 0,
        managed: 0,
        reasons: BTreeMap::new(),
        drifted: 0,
        deferred: 0,
    }
}
