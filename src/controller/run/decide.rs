//! What a run does next, from what has been observed. Pure: no client, no clock.

use super::conclude::{self, Progress};
use super::observe::{Observation, OwnJob};
use super::slots::{SlotState, WAITING_FOR_SLOT, older_waiting};
use super::{subject, wire};
use crate::api::job_template::JobTemplate;
use crate::api::run::{GalSyncRunStatus, OperationKind, OperationStatus};
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::events::Event;
use crate::controller::job_state::{End, JobState};
use crate::controller::names::Slot;
use crate::controller::pod_trouble::Loss;
use crate::model::OwnerId;
use crate::operation::{OperationType, Outcome, Reason, Request, Verdict};
use crate::pass::{self, Step};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

/// What to write, start and remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub status: GalSyncRunStatus,
    pub acts: Vec<Act>,
    pub events: Vec<Event>,
    /// When to look again, if nothing happens before.
    pub again_seconds: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Removes a Job, so that its slot is free once its pod is gone.
    Release {
        job: String,
        uid: String,
    },
    Start(Box<Start>),
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
    let mut turn = Turn { observation, rules, status, acts: Vec::new(), again: None };
    for job in jobs.iter().filter(|job| !job.placeholder) {
        turn.absorb(job);
    }
    turn.miss_lost_jobs();

    let inputs = subject::Inputs { run, connectors, schedules, runs, owner: rules.owner, now: *now };
    let progress = match subject::pass_run(&inputs) {
        Ok(pass_run) => {
            if let pass::Subject::Schedule(schedule) = &pass_run.subject {
                turn.status.pass_number = Some(schedule.pass_number);
            }
            turn.advance(&pass_run)
        }
        // What runs is left to end; nothing new begins.
        Err(_) if turn.is_running() => Progress::going(Vec::new()),
        Err(unable) => Progress::ended(unable.reason(), unable.to_string(), false, Vec::new()),
    };
    let schedule = turn.schedule().cloned();
    conclude::conclude(run, schedule.as_ref(), &mut turn.status, &progress, *now);
    if progress.finish.is_some() {
        turn.release_own_leftovers();
        turn.again = None;
    }
    let events = conclude::events(&before, &turn.status);
    Decision { status: turn.status, acts: turn.acts, events, again_seconds: turn.again }
}

struct Turn<'a> {
    observation: &'a Observation,
    rules: &'a Rules<'a>,
    status: GalSyncRunStatus,
    acts: Vec<Act>,
    again: Option<u64>,
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

    /// Takes over what one of the run's Jobs says.
    fn absorb(&mut self, job: &OwnJob) {
        let now = self.observation.now;
        let deadline = SignedDuration::from_secs(i64::try_from(self.rules.start_deadline_seconds).unwrap_or(i64::MAX));
        let entry = self.entry(wire::kind(job.operation), &job.connector);
        if entry.attempts > job.attempt || (entry.attempts == job.attempt && entry.completion_time.is_some()) {
            // It is written down. A Job that could still begin must not: its run has gone on without it.
            if !job.finished {
                self.acts.push(Act::Release { job: job.name.clone(), uid: job.uid.clone() });
            }
            return;
        }
        if entry.attempts < job.attempt {
            wire::begin_attempt(entry, job.attempt);
        }
        entry.job_name = Some(job.name.as_str().into());
        entry.start_time = Some(wire::time(job.created));
        entry.completion_time = None;
        match &job.state {
            JobState::Running => {
                entry.reason = Some("Running".into());
                entry.message = None;
                self.again(300);
            }
            JobState::OutOfReach(trouble) => {
                entry.reason = Some(trouble.word.as_str().into());
                entry.message = Some(wire::sentence(&trouble.message));
                self.again(60);
            }
            JobState::Starting { since, trouble } if now.duration_since(*since) < deadline => {
                // Told only once it has lasted a while: every pod waits for a moment.
                let trouble = trouble.as_ref().filter(|_| now.duration_since(*since).as_secs() >= 30);
                entry.reason = Some(trouble.map_or("Starting", |trouble| trouble.word.as_str()).into());
                entry.message = trouble.map(|trouble| wire::sentence(&trouble.message));
                self.again(15);
            }
            JobState::Starting { trouble, .. } => {
                let (reason, why) = trouble.as_ref().map_or((Reason::PodNotStarted, String::new()), |trouble| {
                    (trouble.reason, format!(": {}: {}", trouble.word, trouble.message))
                });
                let message = format!("the pod did not start within {} s{why}", deadline.as_secs());
                let outcome = Outcome::new(Verdict::Failed, reason, message, job.created, now);
                wire::record(entry, &outcome);
                self.acts.push(Act::Release { job: job.name.clone(), uid: job.uid.clone() });
            }
            // Asked to stop by an eviction or a drained node: to be done again.
            JobState::Ended(End::Outcome(outcome)) if outcome.reason == Reason::Interrupted => {
                interrupted(entry, &Loss::interrupted(outcome.message.as_str()), now);
            }
            JobState::Ended(End::Outcome(outcome)) => wire::record(entry, outcome),
            JobState::Ended(End::DeadlineExceeded) => {
                let message = format!("the {} took longer than its deadline", job.operation.name());
                let outcome = Outcome::new(Verdict::Failed, Reason::DeadlineExceeded, message, job.created, now);
                wire::record(entry, &outcome);
            }
            JobState::Ended(End::Lost(loss)) => interrupted(entry, loss, now),
        }
    }

    /// A Job that should be there and is not was removed by somebody.
    fn miss_lost_jobs(&mut self) {
        let Observation { jobs, now, .. } = self.observation;
        for entry in &mut self.status.operations {
            let there = jobs.iter().any(|job| {
                wire::kind(job.operation) == entry.kind
                    && job.connector == entry.connector.as_str()
                    && job.attempt == entry.attempts
            });
            if entry.attempts > 0 && entry.completion_time.is_none() && !there {
                interrupted(entry, &Loss::interrupted("its Job was removed"), *now);
            }
        }
    }

    fn is_running(&self) -> bool {
        self.status.operations.iter().any(|entry| entry.attempts > 0 && entry.completion_time.is_none())
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
                            return Progress::ended("ConnectorBusy", refusal, false, targets);
                        }
                    }
                    Step::Wait { until: Some(until), .. } => {
                        let seconds = until.duration_since(now).as_secs();
                        self.again(u64::try_from(seconds).unwrap_or(0) + 1);
                    }
                    Step::Wait { .. } | Step::Share { .. } => {}
                    Step::Finish(finish) => {
                        let succeeded = finish.reason == pass::RunReason::Succeeded;
                        return Progress::ended(finish.reason.label(), finish.message, succeeded, targets);
                    }
                }
            }
            return Progress::going(targets);
        }
    }

    /// Starts the operation if its slot is free, makes the slot free if it can, and waits otherwise. A refusal
    /// is an operation that does not wait.
    fn start(&mut self, request: Request) -> Option<String> {
        let Observation { run, runs, slots, .. } = self.observation;
        let operation = request.operation.kind();
        let connector = request.operation.connector()?.name.clone();
        let takes_both = operation == OperationType::EmptyCache;
        let wanted: &[Slot] = if takes_both { &Slot::ALL } else { &[Slot::of(operation)] };
        let mut hindrance = None;
        let mut releases = Vec::new();
        for &slot in wanted {
            let release = |uid: &String| Act::Release { job: slot.job(&connector), uid: uid.clone() };
            match slots.get(&connector, slot) {
                SlotState::Free => {}
                SlotState::Busy { holder } => {
                    if takes_both {
                        return Some(format!("connector {connector} is in use by {holder}; EmptyCache does not wait"));
                    }
                    hindrance
                        .get_or_insert_with(|| format!("the connector's {} slot is taken by {holder}", slot.name()));
                }
                SlotState::Own { uid, operation, attempt } => {
                    if self.has_recorded(*operation, &connector, *attempt) {
                        releases.push(release(uid));
                    }
                    hindrance.get_or_insert_with(|| "an earlier Job of this run is being removed".to_owned());
                }
                SlotState::Releasable { uid } => {
                    releases.push(release(uid));
                    hindrance.get_or_insert_with(|| "an earlier Job is being removed".to_owned());
                }
            }
            if let Some(older) = older_waiting(run, runs, &connector, slot).filter(|_| !takes_both) {
                releases.clear();
                hindrance = Some(format!("run {} is older and comes first", older.name_any()));
            }
        }
        if let Some(hindrance) = hindrance {
            self.again(if releases.is_empty() { 60 } else { 5 });
            self.acts.extend(releases);
            self.wait(wire::kind(operation), &connector, &hindrance);
            return None;
        }
        let now = self.observation.now;
        let entry = self.entry(wire::kind(operation), &connector);
        wire::begin_attempt(entry, request.attempt);
        entry.job_name = Some(Slot::of(operation).job(&connector).as_str().into());
        entry.start_time = Some(wire::time(now));
        let schedule = self.schedule();
        let start = Start {
            deadline_seconds: deadline(schedule, operation),
            template: self.template(schedule, &connector),
            request,
            connector,
        };
        self.acts.push(Act::Start(Box::new(start)));
        self.again(15);
        None
    }

    fn wait(&mut self, kind: OperationKind, connector: &str, why: &str) {
        let entry = self.entry(kind, connector);
        // An interrupted attempt keeps saying so while the next one waits.
        if entry.attempts == 0 {
            entry.reason = Some(WAITING_FOR_SLOT.into());
        }
        entry.message = Some(wire::sentence(why));
    }

    fn has_recorded(&self, operation: OperationType, connector: &str, attempt: u32) -> bool {
        super::recorded(&self.status, operation, connector, attempt)
    }

    fn schedule(&self) -> Option<&GalSyncSchedule> {
        let reference = self.observation.run.spec.schedule_ref.as_ref()?;
        self.observation.schedules.iter().find(|schedule| schedule.name_any() == reference.name.as_str())
    }

    fn template(&self, schedule: Option<&GalSyncSchedule>, connector: &str) -> JobTemplate {
        let connector = self.observation.connectors.iter().find(|object| object.name_any() == connector);
        let base = connector.and_then(|object| object.spec.job_template.clone()).unwrap_or_default();
        schedule.and_then(|schedule| schedule.spec.job_template.as_ref()).map_or(base.clone(), |over| over.over(&base))
    }

    /// A placeholder never ends by itself.
    fn release_own_leftovers(&mut self) {
        for job in self.observation.jobs.iter().filter(|job| job.placeholder) {
            self.acts.push(Act::Release { job: job.name.clone(), uid: job.uid.clone() });
        }
    }
}

/// The attempt ended without an outcome. It is made again, unless it was the last or would end in the same way.
fn interrupted(entry: &mut OperationStatus, loss: &Loss, now: Timestamp) {
    let attempts = entry.attempts;
    if attempts >= pass::MAX_ATTEMPTS || loss.is_final() {
        let times = if attempts > 1 { format!(", at the attempt {attempts}") } else { String::new() };
        let started = entry.start_time.as_ref().map_or(now, |time| time.0);
        let message = format!("{}{times}", loss.how);
        wire::record(entry, &Outcome::new(Verdict::Failed, loss.reason, message, started, now));
        return;
    }
    entry.completion_time = Some(wire::time(now));
    entry.reason = Some(wire::INTERRUPTED.into());
    entry.message = Some(wire::sentence(&loss.how));
}

fn deadline(schedule: Option<&GalSyncSchedule>, operation: OperationType) -> u64 {
    let timeouts = schedule.map(|schedule| schedule.spec.timeouts.clone()).unwrap_or_default();
    match operation {
        OperationType::Verify => 900,
        OperationType::EmptyCache | OperationType::CollectGarbage => 3_600,
        OperationType::Pull => timeouts.pull.seconds().unwrap_or(21_600),
        OperationType::Simulate => timeouts.simulate.seconds().unwrap_or(21_600),
        OperationType::Push => timeouts.push.seconds().unwrap_or(86_400),
    }
}

impl Decision {
    /// The slot was taken in the meantime: the operation waits after all.
    pub fn did_not_start(&mut self, request: &Request, connector: &str, run: &GalSyncRun) {
        let kind = wire::kind(request.operation.kind());
        let before = run.status.iter().flat_map(|status| &status.operations);
        let before = before.into_iter().find(|o| o.kind == kind && o.connector.as_str() == connector).cloned();
        for entry in self.status.operations.iter_mut().filter(|o| o.kind == kind && o.connector.as_str() == connector) {
            match &before {
                Some(before) => *entry = before.clone(),
                None => {
                    entry.attempts = 0;
                    entry.start_time = None;
                    entry.job_name = None;
                    entry.reason = Some(WAITING_FOR_SLOT.into());
                }
            }
        }
        self.events.clear();
        self.again_seconds = Some(1);
    }
}
