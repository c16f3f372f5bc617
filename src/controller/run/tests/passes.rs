//! Whole passes, and runs of other actions, from the first look to the last.

use super::*;
use crate::api::reasons::RunTargetResult;

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
    assert_eq!(status.targets[0].result, Some(RunTargetResult::Pushed));
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
fn a_removal_pulls_nothing_and_needs_approval_also_when_unsafe() {
    // Also from a target that the schedule names no more.
    let mut cluster = Cluster::new(json!({ "scheduleRef": { "name": "s" }, "action": "Remove", "targets": ["b"] }));
    cluster.schedules[0].spec.approval.mode = crate::api::safety::ApprovalMode::WhenUnsafe;
    cluster.schedules[0].metadata.deletion_timestamp = Some(wire::time(CREATED));
    assert_eq!(cluster.look(), ["Simulate b #1"]);
    let plan = plan(2, &[UnsafeReason::SourceRemoved]);
    let digest = plan.digest;
    cluster.succeed("b", Slot::Target, |outcome| outcome.plan = Some(plan));
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    cluster.answer(&digest, "Approve");
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

#[test]
fn a_quota_parks_a_push_and_passes_go_on() {
    let mut cluster = Cluster::push();
    let digest = waiting(&mut cluster, 2);
    cluster.answer(&digest, "Approve");
    cluster.look();
    assert_eq!(cluster.look(), ["Push c #1"]);
    let until = cluster.now + SignedDuration::from_hours(10);
    cluster.succeed("c", Slot::Target, |outcome| {
        (outcome.verdict, outcome.reason, outcome.retry_at) =
            (Verdict::QuotaExceeded, Reason::QuotaExceeded, Some(until));
    });
    assert!(cluster.look().is_empty());
    assert!(rests(&cluster.run));
    assert_eq!(cluster.reason(types::COMPLETED), pair("False", "WaitingForQuota"));
    cluster.now = until;
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #2"]);
    cluster.settle();
    let push = cluster.run.status.clone().unwrap().operations.last().unwrap().clone();
    assert_eq!((push.quota_pauses, push.result), (1, None));
    cluster.succeed("c", Slot::Target, |outcome| outcome.plan = Some(plan(2, &[])));
    cluster.look();
    assert_eq!(cluster.reason(types::SUCCEEDED), pair("True", "Succeeded"));
}
