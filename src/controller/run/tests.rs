//! Whole runs over a cluster of plain data: what `act` would do is done to it, so that `decide` is seen at work
//! from the first look to the last.

use super::decide::{Decision, Release, Rules, decide};
use super::observe::{Observation, OwnJob};
use super::slots::{SlotState, Slots};
use super::{is_completed, rests, wire};
use crate::api::conditions::{find, types};
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
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

    fn decide(&mut self) -> Decision {
        self.now += SignedDuration::from_secs(1);
        let own = self.jobs.iter().map(|(place, job)| {
            let uid = job.uid.clone();
            (place.clone(), SlotState::Own { uid, operation: job.operation, attempt: job.attempt })
        });
        let slots = Slots(self.taken.clone().into_iter().chain(own).collect());
        let observation = Observation {
            run: self.run.clone(),
            connectors: self.connectors.clone(),
            schedules: self.schedules.clone(),
            runs: self.others.clone(),
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

#[test]
fn a_pass_from_beginning_to_end() {
    let mut cluster = Cluster::push();
    assert_eq!(cluster.look(), ["Pull a #1", "Pull b #1"]);
    assert!(cluster.look().is_empty());
    cluster.pulled("a");
    assert!(cluster.look().is_empty(), "b is not there yet");
    cluster.pulled("b");
    assert_eq!(cluster.look(), ["Simulate c #1"]);
    cluster.planned(2, &[]);
    // The push needs the slot of the simulation, whose outcome stands in the status only after this look.
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #1"]);
    cluster.succeed("c", Slot::Target, |outcome| outcome.plan = Some(plan(2, &[])));
    assert!(cluster.look().is_empty(), "finished Jobs stay for kubectl logs");
    assert!(is_completed(&cluster.run));
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("True", "Succeeded"));
    assert_eq!(cluster.reason(types::PLANNED), pair("True", "Planned"));
    assert_eq!(cluster.reason(types::APPROVED), pair("True", "NotNeeded"));
    let status = cluster.run.status.clone().unwrap();
    assert_eq!(status.counts.unwrap().create, 2);
    assert_eq!(status.targets[0].result.as_ref().unwrap().as_str(), "Pushed");
    assert_eq!(cluster.events.iter().filter(|event| *event == "JobCreated").count(), 4);
    assert_eq!(cluster.events.last().unwrap(), "Completed");
}

#[test]
fn looking_again_changes_nothing() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.pulled("a");
    cluster.look();
    cluster.settle();
    let before = cluster.run.status.clone();
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.run.status, before, "the status is written only when something happened");
    assert_eq!(cluster.events, ["JobCreated", "JobCreated"]);
}

#[test]
fn nothing_unsafe_is_pushed_without_a_decision() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.pulled("a");
    cluster.pulled("b");
    cluster.look();
    let digest = cluster.planned(2, &[UnsafeReason::FirstSync]);
    assert!(cluster.look().is_empty());
    assert!(rests(&cluster.run));
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    let status = cluster.run.status.clone().unwrap();
    let shown = status.targets[0].plan.clone().unwrap();
    assert_eq!((shown.digest.to_string(), shown.unsafe_reasons[0].as_str()), (digest.to_string(), "FirstSync"));
    assert!(shown.expires_at.is_some());
    let message = find(&status.conditions, types::APPROVED).unwrap().message.clone();
    assert!(message.contains(&digest.to_string()) && message.contains("kubectl -n n patch gsr r"), "{message}");

    let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    assert_eq!(cluster.look(), ["remove c-target"]);
    let shown = cluster.run.status.clone().unwrap().targets[0].plan.clone().unwrap();
    assert_eq!(shown.digest.to_string(), digest.to_string(), "what was decided about stays on show");
    assert_eq!(cluster.look(), ["Push c #1"]);
    assert_eq!(cluster.reason(types::APPROVED), pair("True", "Approved"));
}

#[test]
fn a_rejected_plan_and_one_that_nobody_approved_end_the_run() {
    for (days, verdict, reason) in [(0, Some("Reject"), "Rejected"), (4, None, "ApprovalExpired")] {
        let mut cluster = Cluster::push();
        cluster.look();
        cluster.pulled("a");
        cluster.pulled("b");
        cluster.look();
        let digest = cluster.planned(2, &[UnsafeReason::FirstSync]);
        cluster.look();
        if let Some(verdict) = verdict {
            let decision = json!([{ "planDigest": digest, "verdict": verdict, "by": "ada" }]);
            cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
        }
        cluster.now += SignedDuration::from_hours(24 * days);
        assert!(cluster.look().is_empty());
        assert!(is_completed(&cluster.run), "{reason}");
        assert_eq!(cluster.reason(types::APPROVED), pair("False", reason));
        assert_eq!(cluster.reason(types::SUCCEEDED).0, "False");
    }
}

#[test]
fn a_lost_job_is_tried_three_times() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.pulled("b");
    for attempt in 1..=3 {
        cluster.end("a", Slot::Source, JobState::Ended(End::Lost(Loss::interrupted("its pod is gone"))));
        if attempt < 3 {
            assert_eq!(cluster.look(), ["remove a-source"]);
            assert_eq!(cluster.look(), [format!("Pull a #{}", attempt + 1)]);
        }
    }
    cluster.look();
    assert!(is_completed(&cluster.run));
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", "Failed"));
    let pull = cluster.run.status.clone().unwrap().operations[0].clone();
    assert_eq!((pull.attempts, pull.message.unwrap().as_str()), (3, "its pod is gone, at the attempt 3"));
}

#[test]
fn a_job_that_lacks_memory_is_not_tried_again() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.pulled("b");
    let loss = Loss { reason: Reason::OutOfMemory, how: "more memory".to_owned() };
    cluster.end("a", Slot::Source, JobState::Ended(End::Lost(loss)));
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", "Failed"));
    let pull = cluster.run.status.clone().unwrap().operations[0].clone();
    assert_eq!((pull.attempts, pull.reason.unwrap().as_str()), (1, "OutOfMemory"));
}

#[test]
fn a_node_that_does_not_answer_keeps_the_slot_and_is_told_of() {
    let mut cluster = Cluster::push();
    cluster.look();
    let trouble = Trouble { reason: Reason::NodeLost, word: "NodeLost".to_owned(), message: "remove it".to_owned() };
    cluster.pulled("b");
    cluster.end("a", Slot::Source, JobState::OutOfReach(trouble));
    cluster.now += SignedDuration::from_hours(2);
    assert!(cluster.look().is_empty(), "it may still be at work");
    let pull = cluster.run.status.clone().unwrap().operations[0].clone();
    assert_eq!(pull.reason.unwrap().as_str(), "NodeLost");
    assert_eq!(pull.message.unwrap().as_str(), "remove it");
}

#[test]
fn a_removal_pulls_nothing_and_needs_approval_in_every_mode() {
    // Also from a target that the schedule names no more.
    let mut cluster = Cluster::new(json!({ "scheduleRef": { "name": "s" }, "action": "Remove", "targets": ["b"] }));
    cluster.schedules[0].spec.approval.mode = crate::api::safety::ApprovalMode::Auto;
    cluster.schedules[0].metadata.deletion_timestamp = Some(wire::time(CREATED));
    assert_eq!(cluster.look(), ["Simulate b #1"]);
    let plan = plan(2, &[UnsafeReason::SourceRemoved]);
    let digest = plan.digest;
    cluster.succeed("b", Slot::Target, |outcome| outcome.plan = Some(plan));
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    assert_eq!(cluster.look(), ["remove b-target"]);
    assert_eq!(cluster.look(), ["Push b #1"]);
}

#[test]
fn a_deleted_schedule_begins_nothing_more() {
    let mut cluster = Cluster::push();
    assert_eq!(cluster.look().len(), 2);
    cluster.schedules[0].metadata.deletion_timestamp = Some(wire::time(CREATED));
    assert!(cluster.look().is_empty(), "what runs is left to end");
    assert!(!is_completed(&cluster.run));
    cluster.pulled("a");
    cluster.pulled("b");
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", "ScheduleDeleted"));
}

#[test]
fn a_job_that_somebody_removed_counts_as_lost() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.settle();
    cluster.jobs.remove(&("a".to_owned(), Slot::Source));
    assert_eq!(cluster.look(), ["Pull a #2"]);
}

#[test]
fn an_operator_that_was_killed_finds_its_jobs_again() {
    let mut cluster = Cluster::push();
    cluster.look();
    // The Jobs were made, the status was not written.
    cluster.run.status = None;
    assert!(cluster.look().is_empty(), "no second Job");
    cluster.pulled("a");
    cluster.run.status = None;
    cluster.settle();
    assert_eq!(cluster.run.status.clone().unwrap().operations.iter().filter(|o| o.result.is_some()).count(), 1);
}

#[test]
fn a_pod_that_does_not_start_fails_its_operation_within_the_deadline() {
    let mut cluster = Cluster::push();
    cluster.look();
    let since = cluster.now;
    let trouble = Trouble {
        reason: Reason::SecretNotFound,
        word: "ContainerCreating".to_owned(),
        message: "secret \"corp\" not found".to_owned(),
    };
    cluster.end("a", Slot::Source, JobState::Starting { since, trouble: Some(trouble) });
    cluster.pulled("b");
    cluster.now += SignedDuration::from_secs(60);
    assert!(cluster.look().is_empty());
    let operation = |cluster: &Cluster| cluster.run.status.clone().unwrap().operations[0].clone();
    assert_eq!(operation(&cluster).reason.unwrap().as_str(), "ContainerCreating");
    cluster.now += SignedDuration::from_secs(300);
    assert_eq!(cluster.look(), ["remove a-source"], "it must not start later");
    assert_eq!(operation(&cluster).reason.unwrap().as_str(), "SecretNotFound");
    assert!(operation(&cluster).message.unwrap().as_str().contains("secret \"corp\" not found"));
    assert!(is_completed(&cluster.run));
    assert!(cluster.events.contains(&"JobFailed".to_owned()));
}

#[test]
fn a_busy_slot_is_waited_for_in_order_of_creation() {
    let mut cluster = Cluster::push();
    let source = ("a".to_owned(), Slot::Source);
    cluster.taken.insert(source.clone(), SlotState::Busy { holder: "run x".to_owned() });
    assert_eq!(cluster.look(), ["Pull b #1"]);
    let waiting = cluster.run.status.clone().unwrap();
    assert_eq!(waiting.operations[0].reason.as_ref().unwrap().as_str(), "WaitingForSlot");
    assert!(waiting.operations[0].message.as_ref().unwrap().as_str().contains("run x"));

    // An older run waits as well: it comes first, although the slot is free now.
    let mut older = run_of("older", -10, json!({ "scheduleRef": { "name": "s" }, "action": "Pull" }));
    older.status =
        Some(crate::api::GalSyncRunStatus { operations: vec![waiting.operations[0].clone()], ..Default::default() });
    cluster.taken.insert(source, SlotState::Releasable { uid: "x".to_owned() });
    cluster.others = vec![older];
    assert!(cluster.look().is_empty());
    cluster.others.clear();
    assert_eq!(cluster.look(), ["remove a-source"]);
    assert_eq!(cluster.look(), ["Pull a #1"]);
}

#[test]
fn empty_cache_does_not_wait() {
    let spec = json!({ "connectorRef": { "name": "a" }, "action": "EmptyCache" });
    let mut cluster = Cluster::new(spec.clone());
    let target = ("a".to_owned(), Slot::Target);
    cluster.taken.insert(target.clone(), SlotState::Busy { holder: "run x".to_owned() });
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", "ConnectorBusy"));

    let mut cluster = Cluster::new(spec);
    cluster.taken.insert(target, SlotState::Releasable { uid: "x".to_owned() });
    assert_eq!(cluster.look(), ["remove a-target"]);
    assert_eq!(cluster.look(), ["EmptyCache a #1"]);
    cluster.succeed("a", Slot::Source, |_| {});
    cluster.look();
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("True", "Succeeded"));
}

#[test]
fn a_run_that_cannot_begin_says_why() {
    for (spec, reason) in [
        (json!({ "scheduleRef": { "name": "none" }, "action": "Push" }), "ScheduleNotFound"),
        (json!({ "connectorRef": { "name": "none" }, "action": "Verify" }), "ConnectorNotFound"),
        (json!({ "scheduleRef": { "name": "s" }, "action": "Push", "targets": ["a"] }), "TargetNotFound"),
        (
            json!({ "scheduleRef": { "name": "s" }, "action": "Push", "planDigests": [Digest::of(b"unknown")] }),
            "PlanMissing",
        ),
    ] {
        let mut cluster = Cluster::new(spec);
        assert!(cluster.look().is_empty());
        assert_eq!(cluster.reason(types::COMPLETED), pair("True", reason));
        assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", reason));
    }
    let mut cluster = Cluster::push();
    cluster.connectors[1].spec.suspend = true;
    cluster.look();
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("False", "Suspended"));
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.connectors[1].spec.suspend = true;
    cluster.look();
    assert!(!is_completed(&cluster.run), "what has started goes on to its end");
}

#[test]
fn a_shown_plan_can_be_pushed_by_its_digest() {
    let mut shown = Cluster::new(json!({ "scheduleRef": { "name": "s" }, "action": "Simulate" }));
    shown.look();
    shown.pulled("a");
    shown.pulled("b");
    shown.look();
    let digest = shown.planned(2, &[UnsafeReason::FirstSync]);
    shown.look();
    assert!(is_completed(&shown.run));

    let spec = json!({ "scheduleRef": { "name": "s" }, "action": "Push", "planDigests": [digest] });
    let mut cluster = Cluster::new(spec);
    let mut earlier = shown.run;
    earlier.metadata.uid = Some("uid-earlier".to_owned());
    cluster.others = vec![earlier];
    for connector in cluster.connectors.iter_mut().take(2) {
        // Another run has pulled them; a push of known plans pulls nothing.
        let name = connector.name_any();
        let checked = crate::api::convert::checked_connector(connector).unwrap();
        let owner = OwnerId::new("o").unwrap();
        let read = crate::api::scope::read_scope(connector, &cluster.schedules, &owner).unwrap();
        let mut outcome = succeeded(CREATED, CREATED);
        outcome.source = Some(SourceCounts { fingerprint: checked.fingerprint(&read), ..source_counts(&name) });
        let pull = wire::last_pull_of("earlier", &outcome, outcome.source.as_ref().unwrap());
        connector.status.get_or_insert_default().last_pull = Some(pull);
    }
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    assert_eq!(cluster.look(), ["Push c #1"]);
}

#[test]
fn an_operation_in_the_status_reads_back_as_it_was_observed() {
    let mut cluster = Cluster::push();
    cluster.look();
    cluster.pulled("a");
    cluster.settle();
    let status = cluster.run.status.clone().unwrap();
    let text = serde_json::to_string(&status).unwrap();
    let back: crate::api::GalSyncRunStatus = serde_json::from_str(&text).unwrap();
    assert_eq!(back, status, "what is read is what was written, so that nothing is written again");
    let observed: Vec<_> = back.operations.iter().filter_map(wire::observed).collect();
    assert_eq!(observed[0].kind, OperationType::Pull);
    assert!(matches!(&observed[0].state, crate::pass::State::Finished(outcome) if outcome.source.is_some()));
    assert_eq!(observed[1].state, crate::pass::State::Running);
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

#[test]
fn a_later_pass_clears_keeps_or_leaves_a_waiting_plan() {
    // What a later run came to, and whether the plan that waits goes.
    for (action, creates, owned, result) in [
        ("Push", 0, true, Some("Superseded")),
        ("Push", 2, true, None),
        ("Push", 3, true, None),
        ("Simulate", 2, false, None),
        ("Simulate", 3, false, Some("Superseded")),
        ("Simulate", 3, true, None),
    ] {
        let mut first = Cluster::push();
        waiting(&mut first, 2);
        assert!(rests(&first.run));

        let mut later = Cluster::new(json!({ "scheduleRef": { "name": "s" }, "action": action }));
        later.run = sibling(later.run, "later", 100);
        if owned {
            let owner = json!([{ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "name": "s", "uid": "uid-s" }]);
            later.run.metadata.owner_references = serde_json::from_value(owner).unwrap();
        }
        later.others = vec![first.run.clone()];
        waiting(&mut later, creates);
        let case = format!("{action} of {creates} by {}", if owned { "the schedule" } else { "a person" });
        assert!(is_completed(&later.run), "{case}");
        assert_eq!(later.reason(types::SUCCEEDED).0, "True", "{case}");

        first.others = vec![later.run];
        first.look();
        match result {
            Some(result) => {
                assert_eq!(first.reason(types::SUCCEEDED), pair("False", result), "{case}");
                assert_eq!(first.reason(types::APPROVED), pair("False", result), "{case}");
            }
            None => assert!(rests(&first.run), "{case}"),
        }
    }
}

#[test]
fn a_schedule_can_approve_a_plan_beforehand() {
    let mut cluster = Cluster::push();
    let digest = waiting(&mut cluster, 2);
    cluster.schedules[0].spec.approval.approved_plan_digests = vec![digest.to_string().as_str().into()];
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #1"]);
    assert_eq!(cluster.reason(types::APPROVED), pair("True", "Approved"));
    // A rejection on the run holds.
    let mut cluster = Cluster::push();
    let digest = waiting(&mut cluster, 2);
    cluster.schedules[0].spec.approval.approved_plan_digests = vec![digest.to_string().as_str().into()];
    let decision = json!([{ "planDigest": digest, "verdict": "Reject", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    cluster.look();
    assert_eq!(cluster.reason(types::APPROVED), pair("False", "Rejected"));
}

#[test]
fn a_quota_parks_a_push_and_passes_go_on() {
    let mut cluster = Cluster::push();
    let digest = waiting(&mut cluster, 2);
    let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    cluster.look();
    assert_eq!(cluster.look(), ["Push c #1"]);
    let until = cluster.now + SignedDuration::from_hours(10);
    cluster.succeed("c", Slot::Target, |outcome| {
        (outcome.verdict, outcome.reason, outcome.retry_at) = (Verdict::Paused, Reason::QuotaExceeded, Some(until));
    });
    assert!(cluster.look().is_empty());
    assert!(rests(&cluster.run));
    assert_eq!(cluster.reason(types::COMPLETED), pair("False", "Parked"));
    cluster.now = until;
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #2"]);
    cluster.settle();
    let push = cluster.run.status.clone().unwrap().operations.last().unwrap().clone();
    assert_eq!((push.parkings, push.result), (1, None));
    cluster.succeed("c", Slot::Target, |outcome| outcome.plan = Some(plan(2, &[])));
    cluster.look();
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("True", "Succeeded"));
}

#[test]
fn an_approved_plan_waits_for_the_end_of_a_freeze_window() {
    let mut cluster = Cluster::push();
    // 14 November 2023, 22:13, in a window that began at noon.
    cluster.schedules[0].spec.freeze =
        serde_json::from_value(json!([{ "schedule": "0 12 14 11 *", "duration": "24h" }])).unwrap();
    let digest = waiting(&mut cluster, 2);
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
    cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::COMPLETED), pair("False", "WaitingForFreezeEnd"));
    assert!(rests(&cluster.run));
    cluster.now += SignedDuration::from_hours(14);
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #1"]);
}

/// What can happen to a run between two looks.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Look,
    /// The operator dies after so many acts.
    Die(usize),
    /// The Job that is chosen ends: well, badly, or without a word.
    Succeed(usize),
    Fail(usize),
    Lose(usize),
    /// Somebody removes it.
    Remove(usize),
    Approve,
    Hours(i64),
}

fn happening() -> impl proptest::strategy::Strategy<Value = Happening> {
    use proptest::prelude::*;
    prop_oneof![
        4 => Just(Happening::Look),
        1 => (0_usize..3).prop_map(Happening::Die),
        3 => (0_usize..4).prop_map(Happening::Succeed),
        1 => (0_usize..4).prop_map(Happening::Fail),
        1 => (0_usize..4).prop_map(Happening::Lose),
        1 => (0_usize..4).prop_map(Happening::Remove),
        1 => Just(Happening::Approve),
        1 => (0_i64..30).prop_map(Happening::Hours),
    ]
}

impl Cluster {
    fn happen(&mut self, happening: Happening) {
        let running: Vec<(String, Slot)> =
            self.jobs.iter().filter(|(_, job)| !job.finished).map(|(place, _)| place.clone()).collect();
        let choose = |number: usize| running.get(number % running.len().max(1)).cloned();
        match happening {
            Happening::Look => {
                self.look();
            }
            Happening::Die(acts) => self.look_and_die_after(acts),
            Happening::Succeed(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                match self.jobs[&(connector.clone(), slot)].operation {
                    OperationType::Pull => self.pulled(&connector),
                    _ => drop(self.planned(2, &[UnsafeReason::FirstSync])),
                }
            }
            Happening::Fail(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                let outcome = Outcome::new(Verdict::Failed, Reason::Unreachable, "no route", self.now, self.now);
                self.end(&connector, slot, JobState::Ended(End::Outcome(Box::new(outcome))));
            }
            Happening::Lose(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                self.end(&connector, slot, JobState::Ended(End::Lost(Loss::interrupted("its pod is gone"))));
            }
            Happening::Remove(number) => {
                choose(number).map(|place| self.jobs.remove(&place));
            }
            Happening::Approve => {
                let targets = self.run.status.iter().flat_map(|status| &status.targets);
                let digest = targets.filter_map(|target| target.plan.as_ref()).map(|plan| plan.digest.clone()).next();
                let Some(digest) = digest.filter(|_| self.run.spec.decisions.is_none()) else { return };
                let decision = json!([{ "planDigest": digest, "verdict": "Approve", "by": "ada" }]);
                self.run.spec.decisions = serde_json::from_value(decision).unwrap();
            }
            Happening::Hours(hours) => self.now += SignedDuration::from_hours(hours),
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Whatever happens in whatever order: no slot ever holds two Jobs (`carry_out` insists), no outcome that was
    /// seen is lost, nothing is pushed that nobody approved, and the run ends.
    #[test]
    fn every_run_ends(happenings in proptest::collection::vec(happening(), 0..60)) {
        let mut cluster = Cluster::push();
        let mut recorded = 0;
        let finished = |cluster: &Cluster| cluster.run.status.iter().flat_map(|status| &status.operations)
            .filter(|operation| operation.outcome.is_some()).count();
        for happening in happenings {
            if is_completed(&cluster.run) {
                break;
            }
            cluster.happen(happening);
            let pushed = cluster.jobs.values().any(|job| job.operation == OperationType::Push);
            proptest::prop_assert!(!pushed || cluster.run.spec.decisions.is_some(), "pushed without a decision");
            proptest::prop_assert!(finished(&cluster) >= recorded, "an outcome was lost");
            recorded = finished(&cluster);
        }
        for _ in 0..60 {
            if is_completed(&cluster.run) {
                break;
            }
            cluster.look();
            let places: Vec<(String, Slot)> = cluster.jobs.keys().cloned().collect();
            for (number, _) in places.iter().enumerate() {
                cluster.happen(Happening::Succeed(number));
            }
            cluster.now += SignedDuration::from_hours(10);
        }
        proptest::prop_assert!(is_completed(&cluster.run), "{:?}", cluster.run.status);
    }
}

/// Every set of conditions that a run can have, for what GitOps tools make of it.
pub fn samples() -> Vec<(String, GalSyncRun)> {
    let mut samples = Vec::new();
    let mut sample = |name: &str, cluster: &Cluster| samples.push((format!("run-{name}"), cluster.run.clone()));
    let planned = |reasons: &[UnsafeReason]| {
        let mut cluster = Cluster::push();
        cluster.look();
        cluster.pulled("a");
        cluster.pulled("b");
        cluster.look();
        let digest = cluster.planned(2, reasons);
        cluster.look();
        (cluster, digest)
    };
    let mut cluster = Cluster::push();
    cluster.look();
    sample("pulls", &cluster);
    cluster.end("a", Slot::Source, JobState::Starting { since: cluster.now, trouble: None });
    cluster.look();
    sample("pod-starts", &cluster);

    let mut cluster = Cluster::push();
    for name in ["a", "b"] {
        cluster.taken.insert((name.to_owned(), Slot::Source), SlotState::Busy { holder: "run x".to_owned() });
    }
    cluster.look();
    sample("waits-for-slots", &cluster);

    let (mut cluster, _) = planned(&[]);
    sample("pushes", &cluster);
    cluster.look();
    cluster.succeed("c", Slot::Target, |outcome| outcome.plan = Some(plan(2, &[])));
    cluster.look();
    sample("succeeded", &cluster);

    let (mut cluster, _) = planned(&[]);
    cluster.look();
    cluster.succeed("c", Slot::Target, |outcome| {
        outcome.verdict = Verdict::PartiallySucceeded;
        outcome.reason = Reason::ChangesRefused;
        outcome.plan = Some(plan(1, &[]));
    });
    cluster.look();
    sample("partly", &cluster);

    let (cluster, _) = planned(&[UnsafeReason::FirstSync]);
    sample("waits-for-approval", &cluster);
    for verdict in ["Approve", "Reject"] {
        let (mut cluster, digest) = planned(&[UnsafeReason::FirstSync]);
        let decision = json!([{ "planDigest": digest, "verdict": verdict, "by": "ada" }]);
        cluster.run.spec.decisions = serde_json::from_value(decision).unwrap();
        cluster.look();
        sample(if verdict == "Approve" { "approved" } else { "rejected" }, &cluster);
    }
    let (mut cluster, _) = planned(&[UnsafeReason::FirstSync]);
    cluster.now += SignedDuration::from_hours(24 * 4);
    cluster.look();
    sample("expired", &cluster);

    let mut cluster = Cluster::push();
    cluster.look();
    for connector in ["a", "b"] {
        let outcome = Outcome::new(Verdict::Failed, Reason::AuthenticationFailed, "no", cluster.now, cluster.now);
        cluster.end(connector, Slot::Source, JobState::Ended(End::Outcome(Box::new(outcome))));
    }
    cluster.look();
    sample("failed", &cluster);

    let (mut cluster, _) = planned(&[UnsafeReason::FirstSync]);
    let mut later = Cluster::new(json!({ "scheduleRef": { "name": "s" }, "action": "Simulate" }));
    later.run = sibling(later.run, "later", 100);
    later.others = vec![cluster.run.clone()];
    waiting(&mut later, 3);
    cluster.others = vec![later.run];
    cluster.look();
    sample("superseded", &cluster);

    let mut cluster = Cluster::new(json!({ "scheduleRef": { "name": "none" }, "action": "Push" }));
    cluster.look();
    sample("cannot-begin", &cluster);

    let mut cluster = Cluster::new(json!({ "connectorRef": { "name": "a" }, "action": "Verify" }));
    cluster.look();
    sample("verifies", &cluster);
    cluster.succeed("a", Slot::Source, |_| {});
    cluster.look();
    sample("verified", &cluster);
    samples
}
