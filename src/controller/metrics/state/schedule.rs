//! Figures of one schedule, of the plans that wait, and of its targets.

use super::catalogue::*;
use super::{Figures, Runs};
use crate::api::reasons::RunReason;
use crate::api::run::{Counts, OperationKind, RunAction};
use crate::api::schedule::PendingApproval;
use crate::api::{GalSyncRun, GalSyncSchedule};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

pub(super) fn figures(schedule: &GalSyncSchedule, runs: &Runs<'_>, interval: Option<u64>, figures: &mut Figures) {
    let (namespace, name) = (schedule.namespace().unwrap_or_default(), schedule.name_any());
    let labels = [namespace.as_str(), name.as_str()];
    let resource = ["GalSyncSchedule", labels[0], labels[1]];
    figures.set_flag(SUSPENDED, &resource, schedule.spec.suspend);
    begin_counters(schedule, labels, figures);
    if let Some(interval) = interval {
        figures.set_count(INTERVAL, &labels, interval);
    }
    for source in &schedule.spec.sources {
        figures.set_flag(
            SCHEDULE_CONNECTOR,
            &[labels[0], labels[1], source.connector_ref.name.as_str(), "source"],
            true,
        );
    }
    for target in &schedule.spec.targets {
        figures.set_flag(
            SCHEDULE_CONNECTOR,
            &[labels[0], labels[1], target.connector_ref.name.as_str(), "target"],
            true,
        );
    }
    let Some(status) = &schedule.status else { return };
    figures.set_conditions(resource, &status.conditions);
    for (family, time) in [
        (LAST_SUCCESS, &status.last_success_time),
        (LAST_FAILURE, &status.last_failure_time),
        (LAST_RUN, &status.last_schedule_time),
        (NEXT_RUN, &status.next_schedule_time),
    ] {
        figures.set_time(family, &labels, time.as_ref());
    }
    figures.set_count(FAILURES, &labels, u64::from(status.consecutive_failures));
    if let Some(last) = status.history.first() {
        let duration = last.completion_time.0.duration_since(last.start_time.0);
        figures.set(LAST_DURATION, &labels, duration.as_secs_f64().max(0.0));
    }
    let own = |reference: &str| runs.get(&(namespace.clone(), reference.to_owned())).copied();
    if let Some(active) = status.active_run_ref.as_ref().and_then(|active| own(active.name.as_str())) {
        let start = active.status.as_ref().and_then(|status| status.start_time.clone());
        figures.set_time(ACTIVE_SINCE, &labels, start.or_else(|| active.creation_timestamp()).as_ref());
    }
    for pending in &status.pending_approvals {
        let labels = [labels[0], labels[1], pending.target.as_str()];
        let since = own(pending.run_ref.name.as_str()).and_then(|run| waits_since(run, pending));
        figures.set_time(PENDING_SINCE, &labels, since.as_ref());
        figures.set_time(PENDING_EXPIRES, &labels, pending.expires_at.as_ref());
        for (change, count) in changes(&pending.counts) {
            figures.set_count(PENDING, &[labels[0], labels[1], labels[2], change], count);
        }
        for reason in &pending.unsafe_reasons {
            figures.set_flag(PENDING_UNSAFE, &[labels[0], labels[1], labels[2], reason.as_str()], true);
        }
    }
    for target in &status.targets {
        let labels = [labels[0], labels[1], target.connector.as_str()];
        figures.set_count(MANAGED, &labels, target.managed);
        figures.set_time(TARGET_SUCCESS, &labels, target.last_success_time.as_ref());
        figures.set_time(WAITING_UNTIL, &labels, target.waiting_until.as_ref());
        let (unchanged, failed) = (target.counts.unchanged, target.counts.failed);
        for (result, count) in changes(&target.counts).into_iter().chain([("unchanged", unchanged), ("failed", failed)])
        {
            figures.set_count(LAST_CHANGES, &[labels[0], labels[1], labels[2], result], count);
        }
    }
}

/// From zero on when the schedule appears, so that the first rise is seen as one.
fn begin_counters(schedule: &GalSyncSchedule, labels: [&str; 2], figures: &mut Figures) {
    let action = schedule.spec.mode.action();
    for result in [RunReason::Succeeded, RunReason::PartiallySucceeded, RunReason::Failed] {
        figures.set_count(RUNS, &[labels[0], labels[1], action.name(), result.label()], 0);
    }
    for target in schedule.spec.targets.iter().filter(|_| action == RunAction::Push) {
        let target = target.connector_ref.name.as_str();
        for (change, count) in changes(&Counts::default()) {
            figures.set_count(CHANGES, &[labels[0], labels[1], target, change], count);
        }
        for reason in ["refused", "drifted", "deferred"] {
            figures.set_count(CHANGES_LEFT, &[labels[0], labels[1], target, reason], 0);
        }
    }
}

fn changes(counts: &Counts) -> [(&'static str, u64); 4] {
    [("create", counts.create), ("update", counts.update), ("hide", counts.hide), ("delete", counts.delete)]
}

/// The end of the simulation that made the plan; for a plan that an earlier run showed, the start of this one.
fn waits_since(run: &GalSyncRun, pending: &PendingApproval) -> Option<Time> {
    let status = run.status.as_ref()?;
    let simulations = status.operations.iter().filter(|operation| operation.kind == OperationKind::Simulate);
    let planned = simulations.filter(|operation| operation.connector.as_str() == pending.target.as_str());
    planned.filter_map(|operation| operation.completion_time.clone()).next_back().or_else(|| status.start_time.clone())
}
