//! Jobs that are lost, refused, slow, or in the way of each other.

use super::*;

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
