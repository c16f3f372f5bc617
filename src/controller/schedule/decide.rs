//! Whether a pass begins now, and what the schedule's status says. Pure.

use super::observe::Observation;
use super::{removal, report};
use crate::api::conditions::{self, Wanted, types};
use crate::api::reasons::{ConsistentReason, EventReason, ScheduleReason};
use crate::api::reference::LocalReference;
use crate::api::schedule::GalSyncScheduleStatus;
use crate::api::{GalSyncSchedule, REQUESTED_AT};
use crate::controller::context::each;
use crate::controller::events::Event;
use crate::controller::names::bounded;
use crate::controller::run::{self, wire};
use crate::model::digest::short_hash;
use crate::model::timing::{Due, Remembered, Terms, due};
use crate::resolve::{Namespace, NotRunnable, Times, inconsistencies};
use jiff::Timestamp;
use kube::ResourceExt;

/// Flux' own annotation for the same wish.
const FLUX_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub status: GalSyncScheduleStatus,
    pub start: Option<Pass>,
    pub events: Vec<Event>,
    pub again_seconds: Option<u64>,
}

/// A run to make. Its name follows from why it is made, so that making it twice is making it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    pub name: String,
    pub number: u64,
    pub due: Timestamp,
}

pub fn decide(observation: &Observation) -> Decision {
    let Observation { schedule, runs, now, .. } = observation;
    let before = schedule.status.clone().unwrap_or_default();
    let generation = schedule.metadata.generation;
    let mut status = GalSyncScheduleStatus { observed_generation: generation, ..before.clone() };
    let newly_finished = report::take_over(&mut status, runs, *now);
    removal::forget(&mut status, schedule, runs);

    let active = runs.iter().rev().find(|run| !run::is_manual(run) && !run::is_completed(run) && !run::rests(run));
    let namespace = Namespace::new(each(&observation.connectors), each(&observation.schedules));
    let ready = readiness(observation, &namespace);
    let stalled = stalled(&ready);
    let able = ready.status == Some(true) && !schedule.spec.suspend;
    let times = observation.checked.as_ref().ok().filter(|_| able);
    let mut start = None;
    let mut missed = false;
    if let (Some(times), None) = (times, active) {
        if let Some(token) = requested(schedule) {
            let name = name(observation, &format!("r{}", short_hash(token)));
            start = Some(Pass { name, number: status.pass_number + 1, due: *now });
        } else if let Due::Now { time, missed: some } = is_due(observation, times, &status) {
            let name = name(observation, &time.strftime("%Y%m%d-%H%M%S").to_string());
            start = Some(Pass { name, number: status.pass_number + 1, due: time });
            missed = some;
        }
    }
    if let Some(Pass { name, number, due }) = &start {
        status.pass_number = *number;
        status.last_schedule_time = Some(wire::time(*due));
        if let Some(token) = requested(schedule) {
            status.last_handled_reconcile_at = Some(token.chars().take(256).collect::<String>().into());
        }
        status.active_run_ref = Some(LocalReference::new(name));
    } else {
        status.active_run_ref = active.map(|run| LocalReference::new(&run.name_any()));
    }
    let next = times.map(|times| match is_due(observation, times, &status) {
        Due::At { next, .. } => next,
        // Only behind a pass that still runs.
        Due::Now { time, .. } => time,
    });
    status.next_schedule_time = next.map(wire::time);
    let wanted = vec![
        Some(ready),
        report::synced(&before, runs),
        Some(report::approval(&status, &schedule.spec.approval.approved_plan_digests)),
        Some(consistent(&namespace, schedule)),
        report::removals_held(&status),
    ];
    let mut wanted: Vec<Wanted> = wanted.into_iter().flatten().collect();
    wanted.extend(stalled);
    status.conditions = conditions::merge(&before.conditions, wanted, generation, *now);

    let mut events = report::events(&before, &status, &newly_finished);
    events.extend(report::warnings(&before, &status));
    if let Some(pass) = &start {
        events.push(Event::normal(EventReason::RunStarted, format!("run {}, pass {}", pass.name, pass.number)));
    }
    if missed {
        events.push(Event::warning(EventReason::MissedSchedule, "passes were missed; one is made up for"));
    }
    // The end of a pass that runs wakes the schedule by itself.
    let wait = next.filter(|_| active.is_none());
    let wait = wait.map(|next| u64::try_from(next.duration_since(*now).as_secs()).unwrap_or(0).max(1));
    Decision { status, start, events, again_seconds: wait }
}

/// The value of the annotation that asks for a pass, unless it has been answered.
pub fn requested(schedule: &GalSyncSchedule) -> Option<&str> {
    let annotations = schedule.annotations();
    let token = annotations.get(REQUESTED_AT).or_else(|| annotations.get(FLUX_REQUESTED_AT))?.as_str();
    let status = schedule.status.as_ref();
    let answered = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
    let same = |answered: &str| token.chars().take(256).eq(answered.chars());
    (!token.is_empty() && !answered.is_some_and(|answered| same(answered.as_str()))).then_some(token)
}

/// At most 63 characters, also behind a long name.
fn name(observation: &Observation, suffix: &str) -> String {
    format!("{}-{suffix}", bounded(&observation.schedule.name_any(), 62 - suffix.len()))
}

fn is_due(observation: &Observation, times: &Times, status: &GalSyncScheduleStatus) -> Due {
    let Observation { schedule, now, .. } = observation;
    let uid = schedule.uid().unwrap_or_default();
    let terms = Terms {
        uid: &uid,
        created: schedule.creation_timestamp().map_or(*now, |time| time.0),
        starting_deadline: times.starting_deadline,
        retry_after: times.retry_after,
    };
    let remembered = Remembered {
        last: status.last_schedule_time.as_ref().map(|time| time.0),
        failures: status.consecutive_failures,
        // A failure before the last pass was due has been tried again.
        last_failure: status
            .last_failure_time
            .as_ref()
            .map(|time| time.0)
            .filter(|failed| status.last_schedule_time.as_ref().is_none_or(|last| *failed >= last.0)),
    };
    due(&times.timing, terms, remembered, *now)
}

/// Whether the schedule is able to run.
fn readiness(observation: &Observation, namespace: &Namespace<'_>) -> Wanted {
    let Observation { schedule, checked, .. } = observation;
    let not = |reason: ScheduleReason, message: String| Wanted::new(types::READY, false, reason, message);
    if let Err(invalid) = checked {
        return not(ScheduleReason::InvalidSpec, invalid.to_string());
    }
    let spec = &schedule.spec;
    let sources = spec.sources.iter().map(|source| (source.connector_ref.name.as_str(), false));
    let targets = spec.targets.iter().map(|target| (target.connector_ref.name.as_str(), true));
    let mut unverified = None;
    for (name, is_target) in sources.chain(targets) {
        let connector = match namespace.usable_connector(name) {
            Ok(connector) => connector,
            Err(error @ NotRunnable::Suspended(_)) => {
                return not(ScheduleReason::ConnectorSuspended, error.to_string());
            }
            Err(error) => return not(ScheduleReason::ConnectorNotFound, error.to_string()),
        };
        let status = connector.status.as_ref();
        let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
        if let Some(stalled) = conditions::find(conditions, types::STALLED) {
            return not(
                ScheduleReason::ConnectorNotReady,
                format!("connector {name}: {}: {}", stalled.reason, stalled.message),
            );
        }
        use crate::api::connector::Capabilities::{None as Nothing, ReadOnly, WriteOnly};
        match status.and_then(|status| status.capabilities) {
            Some(ReadOnly | Nothing) if is_target && spec.mode == crate::api::schedule::Mode::Push => {
                return not(ScheduleReason::CannotWrite, format!("the account of connector {name} may not write"));
            }
            Some(WriteOnly | Nothing) if !is_target => {
                return not(ScheduleReason::CannotRead, format!("the account of connector {name} may not read"));
            }
            _ => {}
        }
        if conditions::find(conditions, types::READY).and_then(conditions::truth).is_none() {
            unverified.get_or_insert(name);
        }
    }
    if let Some(name) = unverified {
        let message = format!("connector {name} is being verified");
        return Wanted::unknown(types::READY, ScheduleReason::ConnectorNotVerified, message);
    }
    if spec.suspend {
        return Wanted::new(types::READY, true, ScheduleReason::Suspended, "suspended: no new passes begin");
    }
    Wanted::new(types::READY, true, ScheduleReason::Ready, "")
}

/// Only what a person must put right; a connector that is being verified or suspended passes.
fn stalled(ready: &Wanted) -> Option<Wanted> {
    let stuck =
        ready.status == Some(false) && ScheduleReason::parse(&ready.reason) != Some(ScheduleReason::ConnectorSuspended);
    stuck.then(|| Wanted { kind: types::STALLED, status: Some(true), ..ready.clone() })
}

/// Whether the schedule fits the others of its namespace.
fn consistent(namespace: &Namespace<'_>, schedule: &GalSyncSchedule) -> Wanted {
    let findings = inconsistencies(namespace, schedule);
    let Some(first) = findings.first() else {
        return Wanted::new(types::CONSISTENT, true, ConsistentReason::NoContradiction, "");
    };
    let sentences: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    Wanted::new(types::CONSISTENT, false, first.reason, sentences.join("; "))
}
