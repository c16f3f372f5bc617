//! What a run does next, from what has been observed. Pure: no client, no clock.
//!
//! `absorb.rs` takes over what the run's Jobs say, [`pass::next`] says what comes next, `start.rs` finds out
//! whether it can begin, and `write.rs` when the status is written.

mod absorb;
mod start;
mod write;

use super::conclude::{self, Progress};
use super::observe::Observation;
use super::{inputs, wire};
use crate::api::job_template::JobTemplate;
use crate::api::reasons::{ProgressReason, RunReason};
use crate::api::run::{GalSyncRunStatus, OperationKind, OperationStatus};
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::context::each;
use crate::controller::events::Event;
use crate::model::OwnerId;
use crate::operation::Request;
use crate::pass::{self, Step};
use kube::ResourceExt;

/// What to start, write and remove, in this order: a Job goes only when its outcome is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub starts: Vec<Start>,
    pub status: GalSyncRunStatus,
    /// Whether the status is written now; otherwise nothing is lost by writing it together with what comes next.
    pub write: bool,
    pub releases: Vec<Release>,
    pub events: Vec<Event>,
    /// When to look again, if nothing happens before.
    pub again_seconds: Option<u64>,
}

/// Removes a Job, so that its slot is free once its pod is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    pub job: String,
    pub uid: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    pub request: Request,
    pub connector: String,
    pub template: JobTemplate,
    pub deadline_seconds: u64,
}

/// What does not change between two decisions.
pub struct Rules<'a> {
    pub owner: &'a OwnerId,
    pub start_deadline_seconds: u64,
}

pub fn decide(observation: &Observation, rules: &Rules<'_>) -> Decision {
    let Observation { run, connectors, schedules, runs, jobs, now, .. } = observation;
    let before = run.status.clone().unwrap_or_default();
    let mut status = before.clone();
    status.observed_generation = run.metadata.generation;
    status.start_time.get_or_insert_with(|| wire::time(*now));
    let mut turn = Turn {
        observation,
        rules,
        status,
        starts: Vec::new(),
        releases: Vec::new(),
        again: None,
        free_jobs: observation.free_jobs,
    };
    for job in jobs.iter().filter(|job| !job.placeholder) {
        turn.absorb(job);
    }
    turn.miss_lost_jobs();

    let inputs = inputs::Inputs { run, connectors, schedules, runs, owner: rules.owner, now: *now };
    let progress = match inputs::pass_run(&inputs) {
        Ok(pass_run) => {
            if let pass::Subject::Schedule(schedule) = &pass_run.subject {
                turn.status.pass_number = Some(schedule.pass_number);
            }
            turn.advance(&pass_run)
        }
        // What runs is left to end; nothing new begins.
        Err(_) if turn.is_running() => Progress::going(Vec::new()),
        Err(error) => Progress::ended(error.reason(), error.to_string(), false, Vec::new()),
    };
    let schedule = turn.schedule().cloned();
    conclude::conclude(run, schedule.as_ref(), &mut turn.status, &progress, *now);
    if progress.finish.is_some() {
        turn.release_own_leftovers();
        turn.again = None;
    }
    let wait = turn.seconds_until_written(&before);
    if let Some(seconds) = wait.filter(|seconds| *seconds > 0) {
        turn.again(seconds);
    }
    let write = wait == Some(0);
    let events = if write { conclude::events(&before, &turn.status) } else { Vec::new() };
    let Turn { starts, status, releases, again, .. } = turn;
    Decision { starts, status, write, releases, events, again_seconds: again }
}

struct Turn<'a> {
    observation: &'a Observation,
    rules: &'a Rules<'a>,
    status: GalSyncRunStatus,
    starts: Vec<Start>,
    releases: Vec<Release>,
    again: Option<u64>,
    /// How many more Jobs may run.
    free_jobs: usize,
}

impl Turn<'_> {
    fn entry(&mut self, kind: OperationKind, connector: &str) -> &mut OperationStatus {
        let operations = &mut self.status.operations;
        let found = operations.iter().position(|o| o.kind == kind && o.connector.as_str() == connector);
        let at = found.unwrap_or_else(|| {
            operations.push(OperationStatus::waiting(kind, connector.into()));
            operations.len() - 1
        });
        &mut operations[at]
    }

    fn again(&mut self, seconds: u64) {
        self.again = Some(self.again.map_or(seconds, |before| before.min(seconds)));
    }

    fn is_running(&self) -> bool {
        self.status.operations.iter().any(|entry| entry.attempts > 0 && entry.completion_time.is_none())
    }

    fn schedule(&self) -> Option<&GalSyncSchedule> {
        let reference = self.observation.run.spec.schedule_ref.as_ref()?;
        each(&self.observation.schedules).find(|schedule| schedule.name_any() == reference.name.as_str())
    }

    /// Takes the pass's steps.
    fn advance(&mut self, run: &pass::Run) -> Progress {
        let now = self.observation.now;
        loop {
            let observed: Vec<pass::Observed> = self.status.operations.iter().filter_map(wire::observed).collect();
            let pass::Next { steps, targets } = pass::next(run, &observed, now);
            let mut shared = false;
            for step in &steps {
                if let Step::Share { connector, pull } = step {
                    wire::record_shared(self.entry(OperationKind::Pull, connector), pull, now);
                    shared = true;
                }
            }
            if shared {
                continue;
            }
            for step in steps {
                match step {
                    Step::Start(request) => {
                        if let Some(refusal) = self.start(*request) {
                            return Progress::ended(RunReason::ConnectorBusy, refusal, false, targets);
                        }
                    }
                    Step::Wait { until: Some(until), .. } => {
                        let seconds = until.duration_since(now).as_secs();
                        self.again(u64::try_from(seconds).unwrap_or(0) + 1);
                    }
                    Step::Wait { .. } | Step::Share { .. } => {}
                    Step::Finish(finish) => {
                        let succeeded = finish.reason == pass::RunReason::Succeeded;
                        return Progress::ended(wire::finished(finish.reason), finish.message, succeeded, targets);
                    }
                }
            }
            return Progress::going(targets);
        }
    }

    /// A placeholder never ends by itself.
    fn release_own_leftovers(&mut self) {
        for job in self.observation.jobs.iter().filter(|job| job.placeholder) {
            self.releases.push(Release { job: job.name.clone(), uid: job.uid.clone() });
        }
    }
}

impl Decision {
    /// The slot was taken in the meantime: the operation waits after all.
    pub fn did_not_start(&mut self, start: &Start, run: &GalSyncRun) {
        let Some(kind) = wire::kind(start.request.operation.kind()) else { return };
        let same = |entry: &OperationStatus| entry.kind == kind && entry.connector.as_str() == start.connector;
        let before = run.status.iter().flat_map(|status| &status.operations).find(|entry| same(entry));
        for entry in self.status.operations.iter_mut().filter(|entry| same(entry)) {
            *entry = before.cloned().unwrap_or_else(|| OperationStatus {
                reason: Some(ProgressReason::WaitingForSlot.into()),
                ..OperationStatus::waiting(kind, start.connector.as_str().into())
            });
        }
        self.events.clear();
        self.again_seconds = Some(1);
    }
}
