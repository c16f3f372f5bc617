//! Whether contacts have to go before a schedule may, or after a target has left it. Pure: no client, no clock.

use super::{FINALIZER, ORPHAN_CONTACTS};
use crate::api::conditions::{self, Wanted, types};
use crate::api::reasons::{ApprovedReason, EventReason, RunTargetResult, ScheduleReason};
use crate::api::run::RunAction;
use crate::api::schedule::{DeletionPolicy, GalSyncScheduleStatus};
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Known, each};
use crate::controller::events::Event;
use crate::controller::names::bounded;
use crate::controller::run;
use crate::controller::schedule::{report, requested};
use crate::model::digest::short_hash;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use std::collections::BTreeSet;

/// What the operator knows when it decides.
pub struct Observation<'a> {
    pub schedule: &'a GalSyncSchedule,
    /// All runs of the schedule, the oldest first.
    pub runs: &'a [Known<GalSyncRun>],
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Nothing,
    /// Put the finalizer on: the schedule may not go before its contacts.
    AddFinalizer,
    /// Take the finalizer off.
    RemoveFinalizer(Option<Event>),
    /// Make a run that removes the contacts.
    Remove(Removal),
}

/// A run to make. Its name follows from why it is made, so that making it twice is making it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    pub name: String,
    pub targets: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub step: Step,
    /// Of a schedule that is being deleted; nobody else writes it then.
    pub status: Option<GalSyncScheduleStatus>,
    pub again_seconds: Option<u64>,
}

impl Decision {
    fn only(step: Step) -> Self {
        Self { step, status: None, again_seconds: None }
    }
}

/// Whether there can be anything to decide; most schedules have nothing to do with it.
pub fn concerns(schedule: &GalSyncSchedule) -> bool {
    schedule.spec.deletion_policy == DeletionPolicy::Delete || is_held(schedule)
}

fn is_held(schedule: &GalSyncSchedule) -> bool {
    schedule.finalizers().iter().any(|name| name == FINALIZER)
}

pub fn decide(observation: &Observation<'_>) -> Decision {
    let schedule = observation.schedule;
    let deleting = schedule.metadata.deletion_timestamp.is_some();
    let removes = schedule.spec.deletion_policy == DeletionPolicy::Delete;
    let orphans = schedule.annotations().get(ORPHAN_CONTACTS).is_some_and(|value| value == "true");
    match (deleting, is_held(schedule)) {
        (true, false) => Decision::only(Step::Nothing),
        (true, true) if !removes => {
            let note = "spec.deletionPolicy is Orphan: its contacts stay where they are";
            Decision::only(Step::RemoveFinalizer(Some(Event::normal(EventReason::ContactsStay, note))))
        }
        (true, true) if orphans => {
            let note = format!("the annotation {ORPHAN_CONTACTS} is set: contacts that are left stay where they are");
            Decision::only(Step::RemoveFinalizer(Some(Event::warning(EventReason::ContactsStay, note))))
        }
        (true, true) => going(observation),
        (false, true) if !removes => Decision::only(Step::RemoveFinalizer(None)),
        (false, false) if removes => Decision::only(Step::AddFinalizer),
        (false, true) => departed(observation),
        (false, false) => Decision::only(Step::Nothing),
    }
}

/// The schedule is being deleted, and its contacts go first.
fn going(observation: &Observation<'_>) -> Decision {
    let Observation { schedule, runs, now } = observation;
    let before = schedule.status.clone().unwrap_or_default();
    let mut status = GalSyncScheduleStatus { observed_generation: schedule.metadata.generation, ..before.clone() };
    report::take_over(&mut status, runs, *now);
    status.next_schedule_time = None;
    status.active_run_ref = None;
    let since = schedule.metadata.deletion_timestamp.as_ref().map_or(Timestamp::MIN, |time| time.0);
    let mut wanted: Vec<String> =
        schedule.spec.targets.iter().map(|target| target.connector_ref.name.to_string()).collect();
    wanted.extend(gone_targets(schedule, &status));
    wanted.truncate(16);
    let attempts: Vec<&GalSyncRun> = removals(runs)
        .filter(|run| run.creation_timestamp().is_some_and(|time| time.0 >= since) && names_all(run, &wanted))
        .collect();
    let others = runs.iter().find(|run| run.spec.action != RunAction::Remove && !run::is_completed(run));

    let mut step = Step::Nothing;
    let mut again = None;
    let mut stuck = None;
    let said = if let Some(run) = others {
        format!("run {} ends first", run.name_any())
    } else {
        let token = requested(schedule);
        let removal = || Removal { name: name(observation, "deleted", attempts.len()), targets: wanted.clone() };
        match attempts.last().map(|run| (run, Progress::of(run))) {
            None => {
                step = Step::Remove(removal());
                "its contacts are removed first".to_owned()
            }
            Some((_, Progress::Done)) => {
                let note = "the contacts of the schedule were removed";
                return Decision::only(Step::RemoveFinalizer(Some(Event::normal(EventReason::ContactsRemoved, note))));
            }
            Some((run, Progress::Going)) => format!("run {} removes its contacts", run.name_any()),
            Some((_, Progress::Failed { .. } | Progress::Rejected)) if token.is_some() => {
                status.last_handled_reconcile_at =
                    token.map(|token| token.chars().take(256).collect::<String>().into());
                step = Step::Remove(removal());
                "its contacts are removed first".to_owned()
            }
            Some((run, Progress::Rejected)) => {
                stuck = Some(ScheduleReason::RemovalRejected);
                format!("the plan of run {} was rejected, and nothing was removed", run.name_any())
            }
            Some((run, Progress::Failed { at, why })) => {
                let next = at + wait_after(attempts.len());
                if next <= *now {
                    step = Step::Remove(removal());
                } else {
                    again = Some(seconds_until(next, *now));
                }
                stuck = Some(ScheduleReason::RemovalFailed);
                format!("run {}: {why}", run.name_any())
            }
        }
    };
    let out = format!(
        "; to let it go and its contacts stay: set spec.deletionPolicy to Orphan, or the annotation {ORPHAN_CONTACTS} to true"
    );
    let room = 1_000_usize.saturating_sub(out.len());
    let message = said.chars().take(room).collect::<String>() + &out;
    let mut conditions = vec![
        Wanted::new(types::READY, false, ScheduleReason::Deleting, message.as_str()),
        report::approval(&status, &[]),
    ];
    if let Some(reason) = stuck {
        conditions.push(Wanted::new(types::STALLED, true, reason, message.as_str()));
    }
    conditions.extend(report::synced(&before, runs));
    status.conditions = conditions::merge(&before.conditions, conditions, schedule.metadata.generation, *now);
    Decision { step, status: Some(status), again_seconds: again }
}

/// A target was taken out of the schedule, and its contacts go.
fn departed(observation: &Observation<'_>) -> Decision {
    let Observation { schedule, runs, now } = observation;
    let mut status = schedule.status.clone().unwrap_or_default();
    report::take_over(&mut status, runs, *now);
    forget(&mut status, schedule, runs);
    let mut again: Option<u64> = None;
    for target in gone_targets(schedule, &status) {
        let attempts: Vec<&GalSyncRun> =
            removals(runs).filter(|run| names_all(run, std::slice::from_ref(&target))).collect();
        let removal = || Removal { name: name(observation, &target, attempts.len()), targets: vec![target.clone()] };
        match attempts.last().map(|run| Progress::of(run)) {
            // It came back and has left again since.
            None | Some(Progress::Done) => return Decision::only(Step::Remove(removal())),
            Some(Progress::Going | Progress::Rejected) => {}
            Some(Progress::Failed { at, .. }) => {
                let next = at + wait_after(attempts.len());
                if next <= *now {
                    return Decision::only(Step::Remove(removal()));
                }
                let seconds = seconds_until(next, *now);
                again = Some(again.map_or(seconds, |before| before.min(seconds)));
            }
        }
    }
    Decision { step: Step::Nothing, status: None, again_seconds: again }
}

/// Targets that are no longer in the schedule and have contacts of it.
fn gone_targets(schedule: &GalSyncSchedule, status: &GalSyncScheduleStatus) -> Vec<String> {
    let gone = status.targets.iter().filter(|target| !names(schedule, target.connector.as_str()) && target.managed > 0);
    gone.map(|target| target.connector.to_string()).collect()
}

fn names(schedule: &GalSyncSchedule, target: &str) -> bool {
    schedule.spec.targets.iter().any(|written| written.connector_ref.name.as_str() == target)
}

/// Leaves out of the status what the schedule has nothing to do with any more: targets that it does not name, as
/// soon as their contacts were removed, or at once where they stay.
pub fn forget(status: &mut GalSyncScheduleStatus, schedule: &GalSyncSchedule, runs: &[Known<GalSyncRun>]) {
    let stays = schedule.spec.deletion_policy == DeletionPolicy::Orphan;
    status.targets.retain(|target| {
        let name = target.connector.as_str();
        names(schedule, name) || !(stays || is_removed(runs, name))
    });
}

/// Whether the newest finished run that dealt with the target removed its contacts.
fn is_removed(runs: &[Known<GalSyncRun>], target: &str) -> bool {
    let dealt = runs.iter().filter(|run| run::is_completed(run)).filter(|run| {
        run.status.iter().flat_map(|status| &status.targets).any(|shown| shown.connector.as_str() == target)
    });
    let newest =
        dealt.max_by_key(|run| run.status.as_ref().and_then(|status| status.completion_time.clone()).map(|t| t.0));
    newest.is_some_and(|run| {
        run.spec.action == RunAction::Remove
            && run.status.iter().flat_map(|status| &status.targets).any(|shown| {
                let removed = matches!(shown.result, Some(RunTargetResult::Pushed | RunTargetResult::InSync));
                removed && shown.connector.as_str() == target
            })
    })
}

fn removals(runs: &[Known<GalSyncRun>]) -> impl Iterator<Item = &GalSyncRun> {
    each(runs).filter(|run| run.spec.action == RunAction::Remove)
}

/// Whether the run removes from these targets and no others.
fn names_all(run: &GalSyncRun, wanted: &[String]) -> bool {
    let named: BTreeSet<&str> = run.spec.targets.iter().flatten().map(|target| target.as_str()).collect();
    named == wanted.iter().map(String::as_str).collect()
}

/// How far a run that removes contacts has come.
enum Progress {
    Going,
    Done,
    /// A person said no: it is not asked again by itself.
    Rejected,
    Failed {
        at: Timestamp,
        why: String,
    },
}

impl Progress {
    fn of(run: &GalSyncRun) -> Self {
        let Some(status) = run.status.as_ref().filter(|_| run::is_completed(run)) else { return Self::Going };
        let find = |kind| conditions::find(&status.conditions, kind);
        let approved = find(types::APPROVED).and_then(|approved| ApprovedReason::parse(&approved.reason));
        match find(types::SUCCEEDED) {
            Some(succeeded) if conditions::truth(succeeded) == Some(true) => Self::Done,
            _ if approved == Some(ApprovedReason::Rejected) => Self::Rejected,
            succeeded => Self::Failed {
                at: status.completion_time.as_ref().map_or(Timestamp::MIN, |time| time.0),
                why: succeeded.map_or_else(String::new, |found| format!("{}: {}", found.reason, found.message)),
            },
        }
    }
}

/// Five minutes, doubled with each failure, at most six hours.
fn wait_after(failures: usize) -> SignedDuration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(7);
    SignedDuration::from_mins(5 * (1 << doublings)).min(SignedDuration::from_hours(6))
}

fn seconds_until(time: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(time.duration_since(now).as_secs()).unwrap_or(0).max(1)
}

/// The next name that no run has: earlier attempts may have been pruned, so that their number alone says too little.
fn name(observation: &Observation<'_>, why: &str, attempts: usize) -> String {
    let Observation { schedule, runs, .. } = observation;
    let (uid, schedule) = (schedule.uid().unwrap_or_default(), schedule.name_any());
    let of = |number: usize| {
        let hash = short_hash(&format!("{uid}/{why}/{number}"));
        format!("{}-remove-{hash}", bounded(&schedule, 62 - "-remove".len() - hash.len()))
    };
    let is_free = |name: &String| !runs.iter().any(|run| run.name_any() == *name);
    (attempts..).map(of).find(is_free).expect("there are more numbers than runs")
}
