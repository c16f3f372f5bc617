//! What only runs know: what works and waits now, and why the newest plan of each target leaves entries out.

use super::catalogue::*;
use super::{Figures, There};
use crate::api::GalSyncRun;
use crate::api::run::{OperationKind, OperationResult};
use crate::model::reason::Undecided;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use std::collections::{BTreeMap, HashMap};

/// How the engine counts changes that the schedule's policy does not let through.
const POLICY: &str = "Policy";

/// A schedule's target, or a connector's operation: namespace, and the two names.
type Of<'a> = (String, &'a str, &'a str);

/// When the newest pull of each connector began, by namespace and name. The oldest run comes first.
pub(super) fn newest_pulls<'a>(runs: &[&'a GalSyncRun]) -> HashMap<(String, &'a str), &'a Time> {
    let mut newest = HashMap::new();
    for run in runs {
        for operation in run.status.iter().flat_map(|status| &status.operations) {
            if operation.kind == OperationKind::Pull
                && operation.result == Some(OperationResult::Succeeded)
                && let Some(start) = &operation.start_time
            {
                newest.insert((run.namespace().unwrap_or_default(), operation.connector.as_str()), start);
            }
        }
    }
    newest
}

/// The oldest run comes first.
pub(super) fn figures(runs: &[&GalSyncRun], there: &There, figures: &mut Figures) {
    let counts = || OperationKind::ALL.iter().map(|kind| (kind.label(), 0)).collect::<BTreeMap<&str, u64>>();
    let (mut active, mut waiting) = (counts(), counts());
    let mut newest_plans: HashMap<Of<'_>, &BTreeMap<String, u64>> = HashMap::new();
    let mut newest_peaks: HashMap<Of<'_>, u64> = HashMap::new();
    for run in runs {
        let Some(status) = &run.status else { continue };
        let namespace = || run.namespace().unwrap_or_default();
        for operation in &status.operations {
            let kind = operation.kind.label();
            if operation.completion_time.is_none() && operation.result.is_none() {
                let counts = if operation.attempts > 0 { &mut active } else { &mut waiting };
                *counts.entry(kind).or_default() += 1;
            }
            let peak = operation.counters.map_or(0, |counters| counters.peak_memory_bytes);
            if peak > 0 {
                newest_peaks.insert((namespace(), operation.connector.as_str(), kind), peak);
            }
        }
        let Some(schedule) = &run.spec.schedule_ref else { continue };
        for target in &status.targets {
            if let Some(plan) = &target.plan {
                newest_plans.insert((namespace(), schedule.name.as_str(), target.connector.as_str()), &plan.reasons);
            }
        }
    }
    for (family, counts) in [(ACTIVE, active), (WAITING, waiting)] {
        for (operation, count) in counts {
            figures.add_count(family, operation, count);
        }
    }
    for ((namespace, connector, kind), peak) in newest_peaks {
        if there.has_connector(&namespace, connector) {
            figures.set_count(PEAK_MEMORY, &[&namespace, connector, kind], peak);
        }
    }
    for ((namespace, schedule, connector), reasons) in newest_plans {
        if !there.has_schedule(&namespace, schedule) || !there.has_connector(&namespace, connector) {
            continue;
        }
        for (reason, count) in reasons {
            figures.set_count(LEFT_OUT, &[&namespace, schedule, connector, state_of(reason), reason], *count);
        }
    }
}

/// What became of entries with this reason.
fn state_of(reason: &str) -> &'static str {
    match Undecided::parse(reason) {
        Some(known) if known.is_conflict() => "conflict",
        Some(_) => "undecided",
        None if reason == POLICY => "withheld",
        None => "skipped",
    }
}
