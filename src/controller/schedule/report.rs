//! What finished and waiting runs mean for the schedule's status. Pure.

use crate::api::GalSyncRun;
use crate::api::conditions::{self, Wanted, types};
use crate::api::reasons::{EventReason, PendingReason, RemovalsHeldReason, RunReason, RunTargetResult, SyncedReason};
use crate::api::reference::LocalReference;
use crate::api::run::{GalSyncRunStatus, OperationKind, RunAction, RunPlan};
use crate::api::schedule::{GalSyncScheduleStatus, HistoryEntry, PendingApproval, TargetState};
use crate::api::text::Sha256;
use crate::controller::context::{Known, each};
use crate::controller::events::Event;
use crate::controller::run::{self, wire};
use crate::model::reason::Undecided;
use crate::operation::Outcome;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// How many finished runs the status remembers.
const HISTORY: usize = 5;

/// Takes over what the runs say; returns those that finished since the last time.
pub fn take_over(status: &mut GalSyncScheduleStatus, runs: &[Known<GalSyncRun>], now: Timestamp) -> Vec<HistoryEntry> {
    let newest_known = status.history.first().map(|entry| entry.completion_time.0);
    let known: Vec<String> = status.history.iter().map(|entry| entry.run_ref.name.to_string()).collect();
    let mut fresh: Vec<HistoryEntry> = each(runs)
        .filter_map(entry)
        .filter(|entry| !known.iter().any(|name| name == entry.run_ref.name.as_str()))
        .filter(|entry| newest_known.is_none_or(|newest| entry.completion_time.0 >= newest))
        .collect();
    fresh.sort_by_key(|entry| entry.completion_time.0);
    for entry in &fresh {
        let time = Some(entry.completion_time.clone());
        match RunReason::parse(entry.result.as_str()) {
            Some(RunReason::Succeeded) => {
                status.last_success_time = time;
                status.consecutive_failures = 0;
            }
            // A later run made its plans needless: neither a success nor a failure.
            Some(RunReason::Superseded) => {}
            _ => {
                status.last_failure_time = time;
                // What a person refused is not tried again before its time.
                if !refused(runs, entry) {
                    status.consecutive_failures = status.consecutive_failures.saturating_add(1);
                }
            }
        }
        status.history.insert(0, entry.clone());
    }
    status.history.truncate(HISTORY);
    status.pending_approvals = pending(runs, now);
    targets(status, runs);
    fresh
}

fn refused(runs: &[Known<GalSyncRun>], entry: &HistoryEntry) -> bool {
    let run = runs.iter().find(|run| run.name_any() == entry.run_ref.name.as_str());
    run.and_then(|run| run.status.as_ref())
        .is_some_and(|status| conditions::is_false(&status.conditions, types::APPROVED))
}

fn entry(run: &GalSyncRun) -> Option<HistoryEntry> {
    let status = run.status.as_ref().filter(|_| run::is_completed(run))?;
    let result = conditions::find(&status.conditions, types::SUCCEEDED)?;
    Some(HistoryEntry {
        run_ref: LocalReference::new(&run.name_any()),
        action: run.spec.action,
        start_time: status.start_time.clone().or_else(|| run.creation_timestamp())?,
        completion_time: status.completion_time.clone()?,
        result: result.reason.as_str().into(),
        counts: status.counts.unwrap_or_default(),
    })
}

fn pending(runs: &[Known<GalSyncRun>], now: Timestamp) -> Vec<PendingApproval> {
    let mut pending: BTreeMap<String, PendingApproval> = BTreeMap::new();
    for run in runs.iter().filter(|run| !run::is_completed(run)) {
        for target in run.status.iter().flat_map(|status| &status.targets) {
            let waits = target.result == Some(RunTargetResult::ApprovalRequired);
            let Some(plan) = target.plan.as_ref().filter(|_| waits) else { continue };
            if plan.expires_at.as_ref().is_some_and(|expires| expires.0 <= now) {
                continue;
            }
            let one = PendingApproval {
                target: target.connector.as_str().into(),
                run_ref: LocalReference::new(&run.name_any()),
                plan_digest: plan.digest.clone(),
                counts: wire::total([plan]),
                unsafe_reasons: plan.unsafe_reasons.clone(),
                message: plan.unsafe_message.clone(),
                expires_at: plan.expires_at.clone(),
            };
            pending.insert(target.connector.to_string(), one);
        }
    }
    pending.into_values().collect()
}

/// How each target stood after the newest run that dealt with it; a push that a quota holds goes before later passes,
/// which leave its target alone.
fn targets(status: &mut GalSyncScheduleStatus, runs: &[Known<GalSyncRun>]) {
    for target in &mut status.targets {
        target.waiting_until = None;
    }
    let (completed, open): (Vec<&GalSyncRun>, Vec<&GalSyncRun>) = each(runs).partition(|run| run::is_completed(run));
    // A run whose plan waited may end after those that came later.
    let mut completed: Vec<(&Time, &GalSyncRun)> =
        completed.into_iter().filter_map(|run| Some((run.status.as_ref()?.completion_time.as_ref()?, run))).collect();
    completed.sort_by_key(|(time, _)| time.0);
    for (completed, run) in completed {
        take_targets(status, run, Some(completed), |_| true);
    }
    for run in open {
        take_targets(status, run, None, |result| result == RunTargetResult::WaitingForQuota);
    }
    status.targets.sort_by(|a, b| a.connector.cmp(&b.connector));
    status.targets.truncate(16);
}

fn take_targets(
    status: &mut GalSyncScheduleStatus,
    run: &GalSyncRun,
    completed: Option<&Time>,
    concerns: impl Fn(RunTargetResult) -> bool,
) {
    let Some(of_run) = &run.status else { return };
    for target in &of_run.targets {
        let (Some(result), Some(plan)) = (target.result, &target.plan) else { continue };
        if !concerns(result) {
            continue;
        }
        let known = status.targets.iter().position(|known| known.connector.as_str() == target.connector.as_str());
        let before = known.map(|at| status.targets.remove(at));
        let last_success = before.and_then(|before| before.last_success_time);
        let success = completed
            .filter(|completed| result.is_up_to_date() && last_success.as_ref().is_none_or(|l| l.0 <= completed.0));
        let state = TargetState {
            connector: target.connector.as_str().into(),
            result: Some(result),
            last_success_time: success.cloned().or(last_success),
            waiting_until: completed.is_none().then(|| waiting_until(of_run, target.connector.as_str())).flatten(),
            managed: managed_now(of_run, target.connector.as_str(), plan),
            held: plan.held,
            protected: plan.reasons.get(Undecided::Protected.label()).copied().unwrap_or(0),
            counts: wire::total([plan]),
        };
        status.targets.push(state);
    }
}

fn pushes<'a>(run: &'a GalSyncRunStatus, target: &'a str) -> impl Iterator<Item = Outcome> + 'a {
    let pushes = run.operations.iter().filter(|operation| operation.kind == OperationKind::Push);
    pushes.filter(move |push| push.connector.as_str() == target).filter_map(wire::outcome)
}

fn waiting_until(run: &GalSyncRunStatus, target: &str) -> Option<Time> {
    pushes(run, target).filter_map(|outcome| outcome.retry_at).map(wire::time).last()
}

/// Contacts of the schedule in the target: those that the plan found, and what a push then made of them.
fn managed_now(run: &GalSyncRunStatus, target: &str, plan: &RunPlan) -> u64 {
    let pushed = pushes(run, target).filter_map(|outcome| outcome.plan).last();
    let Some(pushed) = pushed else { return plan.managed };
    let done = wire::total([&wire::plan(&pushed, None)]);
    (plan.managed + done.create).saturating_sub(done.delete)
}

/// How the last finished pass went; it stands while the next one runs.
pub fn synced(before: &GalSyncScheduleStatus, runs: &[Known<GalSyncRun>]) -> Option<Wanted> {
    let finished = runs.iter().filter(|run| run.spec.action == RunAction::Push && run.spec.targets.is_none());
    let newest = finished
        .filter_map(|run| {
            let status = run.status.as_ref()?;
            let result = conditions::find(&status.conditions, types::SUCCEEDED)?;
            (RunReason::parse(&result.reason) != Some(RunReason::Superseded)).then_some((
                run,
                result,
                status.completion_time.as_ref()?.0,
            ))
        })
        .max_by_key(|(_, _, completed)| *completed);
    if let Some((run, result, _)) = newest {
        let message = if result.message.is_empty() {
            format!("run {}", run.name_any())
        } else {
            format!("run {}: {}", run.name_any(), result.message)
        };
        return Some(Wanted::new(
            types::SYNCED,
            conditions::truth(result) == Some(true),
            result.reason.as_str(),
            message,
        ));
    }
    // The run is gone; what it said stays.
    let stands = conditions::find(&before.conditions, types::SYNCED);
    match stands.and_then(|stands| Some((stands, conditions::truth(stands)?))) {
        Some((stands, is_good)) => {
            let (reason, message) = (stands.reason.as_str(), stands.message.as_str());
            Some(Wanted::new(types::SYNCED, is_good, reason, message))
        }
        None => Some(Wanted::unknown(types::SYNCED, SyncedReason::NotYet, "no pass has pushed yet")),
    }
}

/// Removals that are not made, by target; only while there are some.
pub fn removals_held(status: &GalSyncScheduleStatus) -> Option<Wanted> {
    let sentence = |target: &TargetState| {
        let held =
            (target.held > 0).then(|| format!("{} hides and deletes are held by a limit of spec.safety", target.held));
        let protected = (target.protected > 0).then(|| format!("{} contacts are protected", target.protected));
        let parts: Vec<String> = held.into_iter().chain(protected).collect();
        (!parts.is_empty()).then(|| format!("{}: {}", target.connector, parts.join(", ")))
    };
    let sentences: Vec<String> = status.targets.iter().filter_map(sentence).collect();
    let limit = status.targets.iter().any(|target| target.held > 0);
    let reason = if limit { RemovalsHeldReason::LimitExceeded } else { RemovalsHeldReason::Protected };
    (!sentences.is_empty()).then(|| Wanted::new(types::REMOVALS_HELD, true, reason, sentences.join("; ")))
}

/// `listed` are the digests that the schedule approves beforehand.
pub fn approval(status: &GalSyncScheduleStatus, listed: &[Sha256]) -> Wanted {
    match status.pending_approvals.as_slice() {
        [] => Wanted::new(types::APPROVAL_REQUIRED, false, PendingReason::NothingWaits, ""),
        [first, rest @ ..] => {
            let what = first.message.as_ref().map(ToString::to_string).unwrap_or_default();
            let more = if rest.is_empty() { String::new() } else { format!(" ({} more targets wait)", rest.len()) };
            // Who approves by a commit sees nothing happen after a wrong digest.
            let fits = status.pending_approvals.iter().any(|pending| listed.contains(&pending.plan_digest));
            let strange = if listed.is_empty() || fits { "" } else { "; approvedPlanDigests has no digest that waits" };
            let message = format!(
                "{}: run {}, plan {}: {what}{more}{strange}",
                first.target, first.run_ref.name, first.plan_digest
            );
            Wanted::new(types::APPROVAL_REQUIRED, true, PendingReason::PlanWaits, message)
        }
    }
}

/// What has become wrong, or wrong in another way.
pub fn warnings(before: &GalSyncScheduleStatus, after: &GalSyncScheduleStatus) -> Vec<Event> {
    [(types::CONSISTENT, false), (types::REMOVALS_HELD, true)]
        .into_iter()
        .filter_map(|(kind, bad)| {
            let is = conditions::find(&after.conditions, kind)
                .filter(|condition| conditions::truth(condition) == Some(bad))?;
            let was = conditions::find(&before.conditions, kind);
            let same = was.is_some_and(|was| was.status == is.status && was.message == is.message);
            let reason = match kind {
                types::REMOVALS_HELD => EventReason::RemovalsHeld.label(),
                _ => is.reason.as_str(),
            };
            (!same).then(|| Event::warning(reason, is.message.as_str()))
        })
        .collect()
}

pub fn events(before: &GalSyncScheduleStatus, after: &GalSyncScheduleStatus, finished: &[HistoryEntry]) -> Vec<Event> {
    let mut events: Vec<Event> = finished
        .iter()
        .map(|entry| {
            let note = format!("run {}: {}", entry.run_ref.name, entry.result);
            match RunReason::parse(entry.result.as_str()) {
                Some(RunReason::Succeeded) => Event::normal(EventReason::RunSucceeded, note),
                Some(RunReason::Superseded) => Event::normal(EventReason::RunSuperseded, note),
                _ => Event::warning(EventReason::RunFailed, note),
            }
        })
        .collect();
    for pending in &after.pending_approvals {
        if !before.pending_approvals.iter().any(|known| known.plan_digest == pending.plan_digest) {
            let what = pending.message.as_ref().map(ToString::to_string).unwrap_or_default();
            events.push(Event::warning(
                EventReason::ApprovalRequired,
                format!("{}: run {}, plan {}: {what}", pending.target, pending.run_ref.name, pending.plan_digest),
            ));
        }
    }
    events
}
