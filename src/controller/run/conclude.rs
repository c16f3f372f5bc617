//! What a run's status says: conditions, targets, counts; and which of it is worth an event. Pure.

use super::wire;
use crate::api::conditions::{self, Wanted, types};
use crate::api::reasons::{ApprovedReason, EventReason, PlannedReason, ProgressReason, RunReason, RunTargetResult};
use crate::api::run::{GalSyncRunStatus, OperationResult, RunAction, RunPlan, RunTarget};
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::events::Event;
use crate::operation::PlanSummary;
use crate::pass::{TargetReason, TargetState};
use jiff::Timestamp;
use kube::ResourceExt;

/// How far a run has come.
pub struct Progress {
    pub targets: Vec<(String, TargetState)>,
    pub finish: Option<Finished>,
}

pub struct Finished {
    pub reason: RunReason,
    pub message: String,
    pub succeeded: bool,
}

impl Progress {
    pub fn going(targets: Vec<(String, TargetState)>) -> Self {
        Self { targets, finish: None }
    }

    pub fn ended(
        reason: RunReason,
        message: impl Into<String>,
        succeeded: bool,
        targets: Vec<(String, TargetState)>,
    ) -> Self {
        Self { targets, finish: Some(Finished { reason, message: message.into(), succeeded }) }
    }
}

/// Fills in all of the status that people and tools look at.
pub fn conclude(
    run: &GalSyncRun,
    schedule: Option<&GalSyncSchedule>,
    status: &mut GalSyncRunStatus,
    progress: &Progress,
    now: Timestamp,
) {
    for (name, state) in &progress.targets {
        set_target(run, status, name, state);
    }
    if !status.targets.is_empty() {
        status.counts = Some(wire::total(status.targets.iter().filter_map(|target| target.plan.as_ref())));
    }
    if progress.finish.is_some() {
        status.completion_time = Some(wire::time(now));
    }
    let wanted = wanted(run, schedule, status, progress);
    status.conditions = conditions::merge(&status.conditions, wanted, run.metadata.generation, now);
}

fn set_target(run: &GalSyncRun, status: &mut GalSyncRunStatus, name: &str, state: &TargetState) {
    let plain = |result, plan| (result, String::new(), plan, None);
    let (result, message, plan, expires_at): (RunTargetResult, String, Option<&PlanSummary>, Option<Timestamp>) =
        match state {
            TargetState::WaitingForSources => plain(RunTargetResult::WaitingForSources, None),
            TargetState::ToStart { .. } => plain(RunTargetResult::Waiting, None),
            TargetState::Simulating => plain(RunTargetResult::Simulating, None),
            TargetState::ApprovalRequired { plan, expires_at } => {
                (RunTargetResult::ApprovalRequired, plan.unsafe_message.clone(), Some(plan), Some(*expires_at))
            }
            TargetState::Pushing { plan } => plain(RunTargetResult::Pushing, Some(plan)),
            TargetState::WaitingForQuota { plan, until } => {
                let message = format!("a quota of the target is used up; the push goes on at {until}");
                (RunTargetResult::WaitingForQuota, message, Some(plan), None)
            }
            TargetState::Frozen { plan, until } => {
                let message = format!("a freeze window: the push begins at {until}");
                (RunTargetResult::WaitingForFreezeEnd, message, Some(plan), None)
            }
            TargetState::Ended { reason, message, plan, .. } => {
                (wire::ended(*reason), message.clone(), plan.as_deref(), None)
            }
        };
    let at = status.targets.iter().position(|target| target.connector.as_str() == name).unwrap_or_else(|| {
        let target = RunTarget { connector: name.into(), plan: None, result: None, message: None };
        status.targets.push(target);
        status.targets.len() - 1
    });
    let target = &mut status.targets[at];
    target.result = Some(result);
    target.message = (!message.is_empty()).then(|| wire::sentence(&message));
    let before = target.plan.take();
    target.plan = match plan.map(|plan| wire::plan(plan, expires_at)) {
        // A state without a plan takes away none that was shown.
        None => before.map(|plan| RunPlan { expires_at: None, ..plan }),
        // What was decided about stays on show; the API server insists on it.
        Some(plan) => match before.filter(|before| is_decided(run, before) && before.digest != plan.digest) {
            Some(before) => Some(RunPlan { digest: before.digest, ..plan }),
            None => Some(plan),
        },
    };
}

fn is_decided(run: &GalSyncRun, plan: &RunPlan) -> bool {
    run.spec.decisions.iter().flatten().any(|decision| decision.plan_digest == plan.digest)
}

fn wanted(
    run: &GalSyncRun,
    schedule: Option<&GalSyncSchedule>,
    status: &GalSyncRunStatus,
    progress: &Progress,
) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let plans = matches!(run.spec.action, RunAction::Simulate | RunAction::Push | RunAction::Remove);
    if plans {
        wanted.push(planned(status, progress));
    }
    if matches!(run.spec.action, RunAction::Push | RunAction::Remove) {
        wanted.push(approved(run, schedule, status, progress));
    }
    match &progress.finish {
        Some(Finished { reason, message, succeeded }) => {
            wanted.push(Wanted::new(types::COMPLETED, true, *reason, message.as_str()));
            wanted.push(Wanted::new(types::SUCCEEDED, *succeeded, *reason, message.as_str()));
            // What a later run made needless leaves nothing to do.
            if !*succeeded && *reason != RunReason::Superseded {
                wanted.push(Wanted::new(types::STALLED, true, *reason, message.as_str()));
            }
        }
        None => {
            let (reason, message) = in_progress(status, progress);
            wanted.push(Wanted::new(types::COMPLETED, false, reason, message.as_str()));
            // For kstatus, which knows no other word for work in progress.
            wanted.push(Wanted::new(types::RECONCILING, true, reason, message.as_str()));
            wanted.push(Wanted::unknown(types::SUCCEEDED, reason, message));
        }
    }
    wanted
}

/// Why the run has not ended: only while nothing but a person or a time is waited for does it say so, since then a
/// later pass may begin.
fn in_progress(status: &GalSyncRunStatus, progress: &Progress) -> (RunReason, String) {
    use TargetState::{ApprovalRequired, Ended, Frozen, WaitingForQuota};
    let has = |wanted: fn(&TargetState) -> bool| progress.targets.iter().any(|(_, state)| wanted(state));
    if !has(|state| !matches!(state, ApprovalRequired { .. } | WaitingForQuota { .. } | Frozen { .. } | Ended { .. })) {
        if has(|state| matches!(state, ApprovalRequired { .. })) {
            return (RunReason::ApprovalRequired, "a plan waits for approval".to_owned());
        } else if has(|state| matches!(state, WaitingForQuota { .. })) {
            return (RunReason::WaitingForQuota, "a push waits for a quota of its target".to_owned());
        } else if has(|state| matches!(state, Frozen { .. })) {
            return (
                RunReason::WaitingForFreezeEnd,
                "an approved plan waits for the end of a freeze window".to_owned(),
            );
        }
    }
    let unfinished = || status.operations.iter().filter(|operation| operation.result.is_none());
    let all_wait = unfinished().all(|operation| operation.progress() == Some(ProgressReason::WaitingForSlot));
    match unfinished().next() {
        Some(operation) if all_wait => {
            (RunReason::WaitingForSlot, operation.message.as_ref().map(ToString::to_string).unwrap_or_default())
        }
        _ => {
            let names: Vec<String> =
                unfinished().map(|operation| format!("{:?} {}", operation.kind, operation.connector)).collect();
            (RunReason::InProgress, names.join(", "))
        }
    }
}

fn planned(status: &GalSyncRunStatus, progress: &Progress) -> Wanted {
    let with_plan = status.targets.iter().filter(|target| target.plan.is_some()).count();
    let undecided = |state: &TargetState| match state {
        TargetState::WaitingForSources | TargetState::Simulating => true,
        TargetState::ToStart { operation, .. } => operation.kind() == crate::operation::OperationType::Simulate,
        _ => false,
    };
    let waiting = progress.targets.iter().filter(|(_, state)| undecided(state)).count();
    let all = status.targets.len();
    let message = format!("{with_plan} of {all} targets have a plan");
    match progress.finish {
        None if waiting > 0 || all == 0 => Wanted::unknown(types::PLANNED, PlannedReason::InProgress, message),
        _ if with_plan == all && all > 0 => Wanted::new(types::PLANNED, true, PlannedReason::Planned, message),
        _ => Wanted::new(types::PLANNED, false, PlannedReason::PlanFailed, message),
    }
}

fn approved(
    run: &GalSyncRun,
    schedule: Option<&GalSyncSchedule>,
    status: &GalSyncRunStatus,
    progress: &Progress,
) -> Wanted {
    let with = |wanted: TargetReason| {
        progress
            .targets
            .iter()
            .any(|(_, state)| matches!(state, TargetState::Ended { reason, .. } if *reason == wanted))
    };
    if let Some(message) = approval_message(run, status, progress) {
        return Wanted::unknown(types::APPROVED, ApprovedReason::ApprovalRequired, message);
    }
    if with(TargetReason::Rejected) {
        return Wanted::new(types::APPROVED, false, ApprovedReason::Rejected, "a plan was rejected");
    }
    if with(TargetReason::ApprovalExpired) {
        return Wanted::new(types::APPROVED, false, ApprovedReason::ApprovalExpired, "nobody approved a plan in time");
    }
    if with(TargetReason::Superseded) {
        return Wanted::new(
            types::APPROVED,
            false,
            ApprovedReason::Superseded,
            "a later run made a waiting plan needless",
        );
    }
    let pushing = progress.targets.iter().any(|(_, state)| match state {
        TargetState::Pushing { .. } | TargetState::WaitingForQuota { .. } | TargetState::Frozen { .. } => true,
        TargetState::ToStart { operation, .. } => operation.kind() == crate::operation::OperationType::Push,
        TargetState::Ended { .. } => progress.finish.is_some(),
        _ => false,
    });
    match run.spec.decisions.as_ref().map(Vec::len) {
        Some(count) if count > 0 => {
            Wanted::new(types::APPROVED, true, ApprovedReason::Approved, format!("{count} decisions"))
        }
        _ if pushing && listed(schedule, status) => Wanted::new(
            types::APPROVED,
            true,
            ApprovedReason::Approved,
            "by spec.approval.approvedPlanDigests of the schedule",
        ),
        _ if pushing => {
            Wanted::new(types::APPROVED, true, ApprovedReason::NotNeeded, "within the limits of spec.safety")
        }
        _ => Wanted::unknown(types::APPROVED, ApprovedReason::InProgress, "there is no plan yet"),
    }
}

/// The schedule approves a plan of this run beforehand.
fn listed(schedule: Option<&GalSyncSchedule>, status: &GalSyncRunStatus) -> bool {
    let listed = schedule.map(|schedule| schedule.spec.approval.approved_plan_digests.as_slice()).unwrap_or_default();
    status.targets.iter().filter_map(|target| target.plan.as_ref()).any(|plan| listed.contains(&plan.digest))
}

/// Which plans wait, what they would do, and how to say yes.
pub fn approval_message(run: &GalSyncRun, status: &GalSyncRunStatus, progress: &Progress) -> Option<String> {
    let waiting: Vec<&RunTarget> = progress
        .targets
        .iter()
        .filter(|(_, state)| matches!(state, TargetState::ApprovalRequired { .. }))
        .filter_map(|(name, _)| status.targets.iter().find(|target| target.connector.as_str() == name))
        .collect();
    let first = waiting.first()?.plan.as_ref()?;
    let counts = wire::total([first]);
    let what = first.unsafe_message.as_ref().map_or_else(
        || {
            format!(
                "create {}, update {}, hide {}, delete {}",
                counts.create, counts.update, counts.hide, counts.delete
            )
        },
        ToString::to_string,
    );
    let others = waiting.len() - 1;
    let more = if others == 0 { String::new() } else { format!(" ({others} more targets wait)") };
    let decision = format!(
        "{{\"spec\":{{\"decisions\":[{{\"planDigest\":\"{}\",\"verdict\":\"Approve\",\"by\":\"YOUR NAME\"}}]}}}}",
        first.digest
    );
    let how = if run.spec.decisions.as_ref().is_none_or(Vec::is_empty) && others == 0 {
        let (name, namespace) = (run.name_any(), run.namespace().unwrap_or_default());
        format!("; to approve: kubectl -n {namespace} patch gsr {name} --type=merge -p '{decision}'")
    } else {
        format!("; add a decision about {}", first.digest)
    };
    let what: String = what.chars().take(400).collect();
    Some(format!("{}: {what}{more}{how}", waiting.first()?.connector))
}

/// What happened between two statuses.
pub fn events(before: &GalSyncRunStatus, after: &GalSyncRunStatus) -> Vec<Event> {
    let mut events = Vec::new();
    for operation in &after.operations {
        let name = format!("{:?} {}", operation.kind, operation.connector);
        let old =
            before.operations.iter().find(|old| old.kind == operation.kind && old.connector == operation.connector);
        let message = || operation.message.as_ref().map(ToString::to_string).unwrap_or_default();
        let reason = || operation.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        if operation.attempts > old.map_or(0, |old| old.attempts) {
            events.push(Event::normal(EventReason::JobCreated, format!("{name}, attempt {}", operation.attempts)));
        }
        let ended = operation.completion_time.is_some() && old.is_none_or(|old| old.completion_time.is_none());
        if ended && matches!(operation.result, None | Some(OperationResult::Failed)) {
            events.push(Event::warning(EventReason::JobFailed, format!("{name}: {}: {}", reason(), message())));
        }
    }
    let became = |kind: &str, status: Option<bool>, reason: Option<&str>| {
        let stands = |conditions: &[_]| {
            conditions::find(conditions, kind).is_some_and(|condition| {
                conditions::truth(condition) == status && reason.is_none_or(|reason| condition.reason == reason)
            })
        };
        (stands(&after.conditions) && !stands(&before.conditions))
            .then(|| conditions::find(&after.conditions, kind).cloned())
            .flatten()
    };
    if became(types::PLANNED, Some(true), None).is_some() {
        let counts = after.counts.unwrap_or_default();
        let note = format!(
            "create {}, update {}, hide {}, delete {}; {} undecided, {} conflicts",
            counts.create, counts.update, counts.hide, counts.delete, counts.undecided, counts.conflict
        );
        events.push(Event::normal(EventReason::PlanComputed, note));
    }
    if let Some(condition) = became(types::APPROVED, None, Some(ApprovedReason::ApprovalRequired.label())) {
        events.push(Event::warning(EventReason::ApprovalRequired, condition.message));
    }
    if let Some(condition) = became(types::APPROVED, Some(true), Some(ApprovedReason::Approved.label())) {
        events.push(Event::normal(EventReason::Approved, condition.message));
    }
    if let Some(condition) = became(types::APPROVED, Some(false), None) {
        events.push(Event::warning(condition.reason, condition.message));
    }
    for (reason, event) in [
        (RunReason::WaitingForQuota, EventReason::WaitingForQuota),
        (RunReason::WaitingForFreezeEnd, EventReason::WaitingForFreezeEnd),
    ] {
        if let Some(condition) = became(types::COMPLETED, Some(false), Some(reason.label())) {
            events.push(Event::normal(event, condition.message));
        }
    }
    if let Some(condition) = became(types::SUCCEEDED, Some(true), None) {
        events.push(Event::normal(EventReason::Completed, condition.reason));
    }
    if let Some(condition) = became(types::SUCCEEDED, Some(false), None) {
        events.push(Event::warning(EventReason::Completed, format!("{}: {}", condition.reason, condition.message)));
    }
    events
}
