//! Between what stands in a run's status and what the pass works with. Pure.

use crate::api::any_object::AnyObject;
use crate::api::connector::LastPull;
use crate::api::reasons::{ProgressReason, RunReason, RunTargetResult};
use crate::api::reference::LocalReference;
use crate::api::run::{
    ClassCounts, Counters, Counts, GalSyncRunStatus, OperationKind, OperationResult, OperationStatus, RunPlan,
};
use crate::model::Digest;
use crate::model::counts::{ChangeCounts, PlanCounts};
use crate::operation::{OperationType, Outcome, PlanSummary, SourceCounts, Verdict};
use crate::pass;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

/// Whole seconds: finer ones do not survive the API server, and a status that differs would be written again.
pub fn time(timestamp: Timestamp) -> Time {
    Time(Timestamp::from_second(timestamp.as_second()).unwrap_or(timestamp))
}

/// Cut to what the schema takes.
pub fn sentence(text: &str) -> crate::api::text::Sentence {
    text.chars().take(1_000).collect::<String>().into()
}

/// `None` for garbage collection, which is no run's.
pub fn kind(operation: OperationType) -> Option<OperationKind> {
    match operation {
        OperationType::Verify => Some(OperationKind::Verify),
        OperationType::Pull => Some(OperationKind::Pull),
        OperationType::Simulate => Some(OperationKind::Simulate),
        OperationType::Push => Some(OperationKind::Push),
        OperationType::EmptyCache => Some(OperationKind::EmptyCache),
        OperationType::CollectGarbage => None,
    }
}

pub fn operation(kind: OperationKind) -> OperationType {
    match kind {
        OperationKind::Verify => OperationType::Verify,
        OperationKind::Pull => OperationType::Pull,
        OperationKind::Simulate => OperationType::Simulate,
        OperationKind::Push => OperationType::Push,
        OperationKind::EmptyCache => OperationType::EmptyCache,
    }
}

/// How a target ended, as status tells it.
pub fn ended(reason: pass::TargetReason) -> RunTargetResult {
    match reason {
        pass::TargetReason::Pushed => RunTargetResult::Pushed,
        pass::TargetReason::InSync => RunTargetResult::InSync,
        pass::TargetReason::Simulated => RunTargetResult::Simulated,
        pass::TargetReason::PartiallySucceeded => RunTargetResult::PartiallySucceeded,
        pass::TargetReason::QuotaExceeded => RunTargetResult::QuotaExceeded,
        pass::TargetReason::Rejected => RunTargetResult::Rejected,
        pass::TargetReason::ApprovalExpired => RunTargetResult::ApprovalExpired,
        pass::TargetReason::PendingElsewhere => RunTargetResult::PendingElsewhere,
        pass::TargetReason::RemovalsHeld => RunTargetResult::RemovalsHeld,
        pass::TargetReason::Frozen => RunTargetResult::Frozen,
        pass::TargetReason::Superseded => RunTargetResult::Superseded,
        pass::TargetReason::SourceIncomplete => RunTargetResult::SourceIncomplete,
        pass::TargetReason::DomainsUnknown => RunTargetResult::DomainsUnknown,
        pass::TargetReason::SameIdentity => RunTargetResult::SameIdentity,
        pass::TargetReason::NoSource => RunTargetResult::NoSource,
        pass::TargetReason::PlanChanged => RunTargetResult::PlanChanged,
        pass::TargetReason::PlanMissing => RunTargetResult::PlanMissing,
        pass::TargetReason::SimulateFailed => RunTargetResult::SimulateFailed,
        pass::TargetReason::PushFailed => RunTargetResult::PushFailed,
    }
}

/// How a run ended, as status tells it.
pub fn finished(reason: pass::RunReason) -> RunReason {
    match reason {
        pass::RunReason::Succeeded => RunReason::Succeeded,
        pass::RunReason::PartiallySucceeded => RunReason::PartiallySucceeded,
        pass::RunReason::QuotaExceeded => RunReason::QuotaExceeded,
        pass::RunReason::Superseded => RunReason::Superseded,
        pass::RunReason::PlanChanged => RunReason::PlanChanged,
        pass::RunReason::PlanMissing => RunReason::PlanMissing,
        pass::RunReason::Failed => RunReason::Failed,
    }
}

/// The operation as the pass sees it; `None` for one that waits for its slot.
pub fn observed(status: &OperationStatus) -> Option<pass::Observed> {
    if status.attempts == 0 && status.result.is_none() {
        return None;
    }
    let state = if status.result == Some(OperationResult::Shared) {
        pass::State::Shared(shared(status)?)
    } else if let Some(outcome) = outcome(status) {
        pass::State::Finished(Box::new(outcome))
    } else if status.completion_time.is_some() {
        pass::State::Interrupted
    } else {
        pass::State::Running
    };
    Some(pass::Observed {
        kind: operation(status.kind),
        connector: status.connector.to_string(),
        attempt: status.attempts.max(1),
        quota_pauses: status.quota_pauses,
        state,
    })
}

/// The outcome that stands in the status.
pub fn outcome(status: &OperationStatus) -> Option<Outcome> {
    status.outcome.as_ref()?.read()
}

/// The operation is done once more: what the attempt before left behind is told no longer.
pub fn begin_attempt(status: &mut OperationStatus, attempt: u32) {
    if status.result == Some(OperationResult::QuotaExceeded) {
        status.quota_pauses += 1;
    }
    let (kind, connector, quota_pauses) = (status.kind, status.connector.clone(), status.quota_pauses);
    let reason = Some(ProgressReason::Started.into());
    *status = OperationStatus { attempts: attempt, quota_pauses, reason, ..OperationStatus::waiting(kind, connector) };
}

/// Puts the outcome into the status.
pub fn record(status: &mut OperationStatus, outcome: &Outcome) {
    status.completion_time = Some(time(outcome.finished));
    status.result = Some(match outcome.verdict {
        Verdict::Succeeded => OperationResult::Succeeded,
        Verdict::PartiallySucceeded => OperationResult::PartiallySucceeded,
        Verdict::Failed => OperationResult::Failed,
        Verdict::QuotaExceeded => OperationResult::QuotaExceeded,
    });
    status.reason = Some(outcome.reason.label().into());
    status.message = (!outcome.message.is_empty()).then(|| sentence(&outcome.message));
    status.counters = Some(Counters {
        requests: outcome.counters.requests,
        throttled: outcome.counters.throttled,
        retries: outcome.counters.retries,
        bytes_read: outcome.counters.bytes_read,
        peak_memory_bytes: outcome.counters.peak_memory_bytes,
    });
    status.snapshot_digest = outcome.source.as_ref().map(|source| source.snapshot.to_string().into());
    status.report = outcome.report.as_deref().map(sentence);
    status.outcome = Some(AnyObject::of(outcome));
}

/// Records that another run's pull serves.
pub fn record_shared(status: &mut OperationStatus, pull: &pass::LastPull, now: Timestamp) {
    status.result = Some(OperationResult::Shared);
    status.completion_time = Some(time(now));
    status.reason = Some(ProgressReason::Shared.into());
    status.message = pull.run.as_ref().map(|run| sentence(&format!("served by the pull of run {run}")));
    status.snapshot_digest = Some(pull.snapshot.to_string().into());
    status.outcome = Some(AnyObject::of(&json!({ "shared": {
        "started": pull.started, "fingerprint": pull.fingerprint, "snapshot": pull.snapshot,
        "identity": pull.identity, "run": pull.run,
    } })));
}

fn shared(status: &OperationStatus) -> Option<pass::LastPull> {
    let outcome: Value = status.outcome.as_ref()?.read()?;
    let shared = outcome.get("shared")?;
    let text = |name: &str| shared.get(name).and_then(|value| value.as_str());
    Some(pass::LastPull {
        started: text("started")?.parse().ok()?,
        fingerprint: Digest::parse(text("fingerprint")?).ok()?,
        snapshot: Digest::parse(text("snapshot")?).ok()?,
        identity: text("identity")?.to_owned(),
        run: text("run").map(str::to_owned),
    })
}

/// A connector's last pull as the pass sees it.
pub fn last_pull(pull: &LastPull) -> Option<pass::LastPull> {
    Some(pass::LastPull {
        started: pull.start_time.0,
        fingerprint: Digest::parse(pull.fingerprint.as_str()).ok()?,
        snapshot: Digest::parse(pull.snapshot_digest.as_str()).ok()?,
        identity: pull.identity.to_string(),
        run: Some(pull.run_ref.name.to_string()),
    })
}

/// A finished pull as the connector's status shows it.
pub fn last_pull_of(run: &str, outcome: &Outcome, source: &SourceCounts) -> LastPull {
    LastPull {
        time: time(outcome.finished),
        start_time: time(outcome.started),
        run_ref: LocalReference::new(run),
        snapshot_digest: source.snapshot.to_string().into(),
        fingerprint: source.fingerprint.to_string().into(),
        identity: source.identity.as_str().into(),
        full: source.full,
        users: source.users,
        groups: source.groups,
        contacts: source.contacts,
        rejected: source.rejected.clone(),
        invalid: source.invalid,
    }
}

/// The target and the summary of the plan with this digest, where the status shows it.
pub fn plan_shown(status: &GalSyncRunStatus, digest: Digest) -> Option<(String, PlanSummary)> {
    let simulations = status.operations.iter().filter(|operation| operation.kind == OperationKind::Simulate);
    simulations
        .filter_map(|simulation| Some((simulation.connector.to_string(), outcome(simulation)?.plan?)))
        .find(|(_, plan)| plan.digest == digest)
}

pub fn plan(summary: &PlanSummary, expires_at: Option<Timestamp>) -> RunPlan {
    RunPlan {
        digest: summary.digest.to_string().into(),
        counts: class_counts(&summary.counts),
        unsafe_reasons: summary.unsafe_reasons.iter().map(|reason| reason.label().into()).collect(),
        unsafe_message: (!summary.unsafe_message.is_empty()).then(|| sentence(&summary.unsafe_message)),
        held: summary.held,
        managed: summary.managed,
        reasons: summary.reasons.clone(),
        expires_at: expires_at.map(time),
    }
}

pub fn class_counts(counts: &PlanCounts) -> ClassCounts {
    ClassCounts {
        users: one_class(&counts.users),
        groups: one_class(&counts.groups),
        contacts: one_class(&counts.contacts),
    }
}

pub fn one_class(counts: &ChangeCounts) -> Counts {
    let ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = *counts;
    Counts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed }
}

/// The sum over the classes and over several plans.
pub fn total<'a>(plans: impl IntoIterator<Item = &'a RunPlan>) -> Counts {
    let classes = plans.into_iter().flat_map(|plan| [plan.counts.users, plan.counts.groups, plan.counts.contacts]);
    let parts = classes.map(|part| {
        let Counts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = part;
        ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed }
    });
    one_class(&parts.sum())
}
