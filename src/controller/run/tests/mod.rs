//! Whole runs over a cluster of plain data: what `act` would do is done to it, so that `decide` is seen at work
//! from the first look to the last.

mod chance;
mod decisions;
mod jobs;
mod passes;
mod samples;

pub use samples::samples;

use super::decide::{Decision, Release, Rules, decide};
use super::observe::{Observation, OwnJob};
use super::slots::{SlotState, Slots};
use super::{is_completed, rests, wire};
use crate::api::conditions::{find, types};
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::known;
use crate::controller::job_state::{End, JobState};
use crate::controller::names::Slot;
use crate::controller::pod_trouble::{Loss, Trouble};
use crate::model::reason::UnsafeReason;
use crate::model::{Digest, OwnerId};
use crate::operation::samples::{plan, source_counts, succeeded};
use crate::operation::{OperationType, Outcome, Reason, SourceCounts, Verdict};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CREATED: Timestamp = Timestamp::constant(1_700_000_000, 0);

struct Cluster {
    run: GalSyncRun,
    connectors: Vec<GalSyncConnector>,
    schedules: Vec<GalSyncSchedule>,
    others: Vec<GalSyncRun>,
    jobs: BTreeMap<(String, Slot), OwnJob>,
    taken: BTreeMap<(String, Slot), SlotState>,
    now: Timestamp,
    events: Vec<String>,
    free_jobs: usize,
    /// How often the status was written.
    writes: usize,
}

fn connector(name: &str) -> GalSyncConnector {
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 1 },
        "spec": { "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": [format!("{name}.test")] }
    }))
    .unwrap()
}

fn run_of(name: &str, created: i64, spec: Value) -> GalSyncRun {
    let created = CREATED + SignedDuration::from_secs(created);
    serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "n", "uid": format!("uid-{name}"), "generation": 1,
            "creationTimestamp": created.to_string() },
        "spec": spec
    }))
    .unwrap()
}

impl Cluster {
    fn new(spec: Value) -> Self {
        let schedule = serde_json::from_value(json!({
            "metadata": { "name": "s", "namespace": "n", "uid": "uid-s" },
            "spec": { "interval": "24h", "policy": "Sync",
                "sources": [{ "connectorRef": { "name": "a" } }, { "connectorRef": { "name": "b" } }],
                "targets": [{ "connectorRef": { "name": "c" } }] }
        }))
        .unwrap();
        Self {
            run: run_of("r", 0, spec),
            connectors: ["a", "b", "c"].map(connector).into(),
            schedules: vec![schedule],
            others: Vec::new(),
            jobs: BTreeMap::new(),
            taken: BTreeMap::new(),
            now: CREATED,
            events: Vec::new(),
            free_jobs: usize::MAX,
            writes: 0,
        }
    }

    fn push() -> Self {
        Self::new(json!({ "scheduleRef": { "name": "s" }, "action": "Push" }))
    }

    /// Looks once and does what was decided; returns what was started and removed.
    fn look(&mut self) -> Vec<String> {
        let decision = self.decide();
        let (again, finished) = (decision.again_seconds, self.finished_or_waiting(&decision.status));
        let done = self.carry_out(decision, usize::MAX);
        assert!(again.is_some() || !done.is_empty() || finished, "nothing would wake the run: {:?}", self.run.status);
        done
    }

    /// Looks once more after what is written late is written.
    fn settle(&mut self) {
        self.now += SignedDuration::from_secs(120);
        assert!(self.look().is_empty(), "nothing was left to do");
    }

    /// The operator dies after so many steps of what was decided.
    fn look_and_die_after(&mut self, steps: usize) {
        let decision = self.decide();
        self.carry_out(decision, steps);
    }

    /// What a person says to a plan.
    fn answer(&mut self, digest: &impl ToString, verdict: &str) {
        let decision = json!([{ "planDigest": digest.to_string(), "verdict": verdict, "by": "ada" }]);
        self.run.spec.decisions = Some(serde_json::from_value(decision).unwrap());
    }

    fn decide(&mut self) -> Decision {
        self.now += SignedDuration::from_secs(1);
        let own = self.jobs.iter().map(|(place, job)| {
            let uid = job.uid.clone();
            (place.clone(), SlotState::Own { uid, operation: job.operation, attempt: job.attempt })
        });
        let slots = Slots(self.taken.clone().into_iter().chain(own).collect());
        let observation = Observation {
            run: self.run.clone(),
            connectors: known(&self.connectors),
            schedules: known(&self.schedules),
            runs: known(&self.others),
            slots,
            jobs: self.jobs.values().cloned().collect(),
            free_jobs: self.free_jobs,
            now: self.now,
        };
        let owner = OwnerId::new("o").unwrap();
        decide(&observation, &Rules { owner: &owner, start_deadline_seconds: 300 })
    }

    /// As `act` does it: starts, then the status, then removals; at most so many steps.
    fn carry_out(&mut self, decision: Decision, steps: usize) -> Vec<String> {
        let Decision { starts, status, write, releases, events, .. } = decision;
        let (mut done, mut left) = (Vec::new(), steps);
        let mut step = || {
            let may = left > 0;
            left = left.saturating_sub(1);
            may
        };
        for start in starts {
            if !step() {
                return done;
            }
            let operation = start.request.operation.kind();
            let (attempt, slot) = (start.request.attempt, Slot::of(operation));
            done.push(format!("{} {} #{attempt}", operation.name(), start.connector));
            let job = OwnJob {
                name: slot.job(&start.connector),
                uid: format!("{operation:?}-{}-{attempt}", start.connector),
                operation,
                connector: start.connector.clone(),
                attempt,
                created: self.now,
                state: JobState::Starting { since: self.now, trouble: None },
                finished: false,
                placeholder: false,
            };
            let before = self.jobs.insert((start.connector, slot), job);
            assert_eq!(before, None, "a slot holds one Job");
        }
        if write {
            if !step() {
                return done;
            }
            self.writes += 1;
            self.events.extend(events.into_iter().map(|event| event.reason));
            self.run.status = Some(status);
        }
        for Release { job, uid } in releases {
            if !step() {
                return done;
            }
            for ended in self.jobs.values().filter(|job| job.uid == uid && job.finished) {
                let OwnJob { operation, connector, attempt, .. } = ended;
                assert!(
                    super::has_recorded(&self.run, *operation, connector, *attempt),
                    "{job} goes, its end unwritten"
                );
            }
            self.jobs.retain(|_, job| job.uid != uid);
            let is = |state: &SlotState| matches!(state, SlotState::Releasable { uid: other } if *other == uid);
            self.taken.retain(|_, state| !is(state));
            done.push(format!("remove {job}"));
        }
        done
    }

    fn finished_or_waiting(&self, status: &crate::api::GalSyncRunStatus) -> bool {
        let running = status.operations.iter().any(|o| o.attempts > 0 && o.completion_time.is_none());
        running || find(&status.conditions, types::COMPLETED).is_some_and(|condition| condition.status == "True")
    }

    fn end(&mut self, connector: &str, slot: Slot, state: JobState) {
        let job = self.jobs.get_mut(&(connector.to_owned(), slot)).expect("the Job is there");
        job.finished = matches!(state, JobState::Ended(_));
        job.state = state;
    }

    fn succeed(&mut self, connector: &str, slot: Slot, change: impl FnOnce(&mut Outcome)) {
        let mut outcome = succeeded(self.now, self.now);
        change(&mut outcome);
        self.end(connector, slot, JobState::Ended(End::Outcome(Box::new(outcome))));
    }

    fn pulled(&mut self, connector: &str) {
        let source = source_counts(connector);
        self.succeed(connector, Slot::Source, |outcome| outcome.source = Some(source));
    }

    fn planned(&mut self, creates: u64, reasons: &[UnsafeReason]) -> Digest {
        let plan = plan(creates, reasons);
        let digest = plan.digest;
        self.succeed("c", Slot::Target, |outcome| outcome.plan = Some(plan));
        digest
    }

    fn reason(&self, kind: &str) -> (String, String) {
        let status = self.run.status.clone().unwrap_or_default();
        let condition = find(&status.conditions, kind).cloned().expect("the condition is there");
        (condition.status, condition.reason)
    }
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

/// Runs to a plan that waits for approval.
fn waiting(cluster: &mut Cluster, creates: u64) -> Digest {
    cluster.look();
    cluster.pulled("a");
    cluster.pulled("b");
    cluster.look();
    let digest = cluster.planned(creates, &[UnsafeReason::TooManyDeletes]);
    cluster.look();
    digest
}

fn sibling(mut run: GalSyncRun, name: &str, created: i64) -> GalSyncRun {
    run.metadata = run_of(name, created, json!({ "action": "Push" })).metadata;
    run
}
