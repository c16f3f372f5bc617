//! When a run's status is written. What starts and what ends well waits a little, so that it goes together with
//! what follows: a pass in which nothing changed must not write more often than the cluster notices. Until it is
//! written, the Jobs themselves tell it again, also to another operator.

use super::Turn;
use crate::api::reasons::{ProgressReason, RunTargetResult};
use crate::api::run::{GalSyncRunStatus, OperationResult, OperationStatus, RunTarget};
use crate::controller::context::each;
use crate::controller::run::observe::{Observation, connector_names};
use crate::controller::run::{is_completed, rests};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

/// How long the first starts may go unwritten, so that those of one look and the next go together.
const STARTED_SECONDS: i64 = 10;
/// How long the good end of one operation, and the start of the next, wait for what follows.
const SUCCEEDED_SECONDS: i64 = 120;

impl Turn<'_> {
    /// Seconds until the status must be written; `None` where nothing is to be written.
    pub(super) fn seconds_until_written(&self, before: &GalSyncRunStatus) -> Option<u64> {
        if *before == self.status {
            return None;
        }
        let now = self.observation.now;
        let own = |release: &super::Release| self.observation.jobs.iter().any(|job| job.uid == release.uid);
        if self.is_contended() || self.releases.iter().any(own) {
            return Some(0);
        }
        let due = self.due(before)?;
        Some(u64::try_from(due.duration_since(now).as_secs()).unwrap_or(0))
    }

    /// Another run may wait for a connector that this one has, and reads in the status how far it is.
    fn is_contended(&self) -> bool {
        let Observation { run, runs, schedules, .. } = self.observation;
        let mut others = each(runs).filter(|other| !is_completed(other) && !rests(other) && other.uid() != run.uid());
        let Some(first) = others.next() else { return false };
        let own = connector_names(run, schedules);
        std::iter::once(first).chain(others).any(|other| !own.is_disjoint(&connector_names(other, schedules)))
    }

    fn due(&self, before: &GalSyncRunStatus) -> Option<Timestamp> {
        let (after, now) = (&self.status, self.observation.now);
        let created = self.observation.run.creation_timestamp().map_or(now, |time| time.0);
        let later = |time: Timestamp, seconds| time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
        let seen = before.observed_generation.unwrap_or(-1);
        if seen != -1 && before.observed_generation != after.observed_generation
            || after.completion_time.is_some()
            || !same_targets(&before.targets, &after.targets)
        {
            return Some(now);
        }
        let begun = before.operations.iter().any(|operation| operation.attempts > 0 || operation.result.is_some());
        let started = if begun { SUCCEEDED_SECONDS } else { STARTED_SECONDS };
        let last_end =
            after.operations.iter().filter_map(|operation| Some(operation.completion_time.as_ref()?.0)).max();
        let changed = after.operations.iter().filter(|operation| !before.operations.contains(operation));
        let due = changed.map(|operation| match (told(operation), operation.start_time.as_ref()) {
            (Told::Clearing, _) => later(last_end.unwrap_or(created), started),
            (Told::Started, Some(start)) => later(start.0, started),
            (Told::Succeeded(end), _) => later(end, SUCCEEDED_SECONDS),
            (Told::Started | Told::Other, _) => now,
        });
        // The first status at all, which is empty where nothing could begin yet.
        let first = before.conditions.is_empty().then(|| later(created, STARTED_SECONDS));
        Some(due.chain(first).min().unwrap_or(now))
    }
}

enum Told {
    Clearing,
    Started,
    Succeeded(Timestamp),
    Other,
}

fn told(operation: &OperationStatus) -> Told {
    let progress = operation.progress();
    match (&operation.completion_time, operation.result) {
        (None, None) if operation.attempts == 0 && progress == Some(ProgressReason::ClearingSlot) => Told::Clearing,
        (None, None) if progress == Some(ProgressReason::Started) => Told::Started,
        (Some(end), Some(OperationResult::Succeeded | OperationResult::Shared)) => Told::Succeeded(end.0),
        _ => Told::Other,
    }
}

/// Nothing that a person would want to know of has changed.
fn same_targets(before: &[RunTarget], after: &[RunTarget]) -> bool {
    use RunTargetResult::{InSync, Simulating, Waiting, WaitingForSources};
    let under_way = |target: &RunTarget| match target.result {
        Some(InSync) => true,
        Some(WaitingForSources | Waiting | Simulating) => target.plan.is_none(),
        _ => false,
    };
    after.iter().all(|target| match before.iter().find(|old| old.connector == target.connector) {
        Some(old) => old == target || under_way(old) && under_way(target),
        None => under_way(target),
    })
}
