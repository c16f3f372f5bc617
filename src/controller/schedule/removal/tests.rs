use super::decide::{Observation, Step, decide, forget};
use super::{FINALIZER, ORPHAN_CONTACTS};
use crate::api::conditions::{self, types};
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::context::known;
use serde_json::{Value, json};

const DELETED: &str = "2026-03-01T10:00:00Z";

fn schedule(change: Value) -> GalSyncSchedule {
    let mut object = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule",
        "metadata": { "name": "people", "namespace": "n", "uid": "u", "generation": 2 },
        "spec": { "sources": [{ "connectorRef": { "name": "a" } }],
            "targets": [{ "connectorRef": { "name": "b" } }],
            "interval": "24h", "policy": "Sync", "deletionPolicy": "Delete" }
    });
    json_merge(&mut object, &change);
    serde_json::from_value(object).unwrap()
}

fn json_merge(value: &mut Value, change: &Value) {
    match change {
        Value::Object(fields) => {
            for (name, change) in fields {
                json_merge(&mut value[name.as_str()], change);
            }
        }
        other => *value = other.clone(),
    }
}

fn held(change: Value) -> GalSyncSchedule {
    let mut all = json!({ "metadata": { "finalizers": [FINALIZER] } });
    json_merge(&mut all, &change);
    schedule(all)
}

fn deleted(change: Value) -> GalSyncSchedule {
    let mut all = json!({ "metadata": { "deletionTimestamp": DELETED } });
    json_merge(&mut all, &change);
    held(all)
}

/// A run that has ended as `result` says; still at work without.
fn run(name: &str, action: &str, created: &str, targets: Value, result: Option<(&str, &str)>) -> GalSyncRun {
    let mut object = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun",
        "metadata": { "name": name, "namespace": "n", "uid": name, "creationTimestamp": created },
        "spec": { "scheduleRef": { "name": "people" }, "action": action, "targets": targets }
    });
    if let Some((reason, target)) = result {
        let condition = |kind: &str, status: &str, reason: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": created });
        let good = if reason == "Succeeded" { "True" } else { "False" };
        let approved = if target == "Rejected" { ("False", "Rejected") } else { ("True", "Approved") };
        object["status"] = json!({
            "startTime": created, "completionTime": created,
            "conditions": [condition("Completed", "True", reason), condition("Succeeded", good, reason),
                condition("Approved", approved.0, approved.1)],
            "targets": targets.as_array().into_iter().flatten().map(|name| json!({
                "connector": name, "result": target,
                "plan": { "digest": format!("sha256:{}", "1".repeat(64)), "counts": {}, "managed": 3 } })).collect::<Vec<_>>(),
        });
    }
    serde_json::from_value(object).unwrap()
}

fn decided(schedule: &GalSyncSchedule, runs: &[GalSyncRun], now: &str) -> super::decide::Decision {
    decide(&Observation { schedule, runs: &known(runs), now: now.parse().unwrap() })
}

fn step(schedule: &GalSyncSchedule, runs: &[GalSyncRun]) -> Step {
    decided(schedule, runs, "2026-03-01T12:00:00Z").step
}

fn removes(step: Step) -> (String, Vec<String>) {
    match step {
        Step::Remove(removal) => (removal.name, removal.targets),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_finalizer_follows_the_policy() {
    let orphan = json!({ "spec": { "deletionPolicy": "Orphan" } });
    assert_eq!(step(&schedule(json!({})), &[]), Step::AddFinalizer);
    assert_eq!(step(&held(json!({})), &[]), Step::Nothing);
    assert_eq!(step(&held(orphan.clone()), &[]), Step::RemoveFinalizer(None));
    assert_eq!(step(&schedule(orphan), &[]), Step::Nothing);
    // Deleted before it was ever held: too late to hold it.
    let gone = schedule(json!({ "metadata": { "deletionTimestamp": DELETED, "finalizers": ["other"] } }));
    assert_eq!(step(&gone, &[]), Step::Nothing);
}

#[test]
fn a_deleted_schedule_has_three_ways_out() {
    let (name, targets) = removes(step(&deleted(json!({})), &[]));
    assert_eq!(targets, ["b"]);
    let done = run(&name, "Remove", DELETED, json!(["b"]), Some(("Succeeded", "Pushed")));
    for (object, runs, reason) in [
        (deleted(json!({})), vec![done], "ContactsRemoved"),
        (deleted(json!({ "spec": { "deletionPolicy": "Orphan" } })), vec![], "ContactsStay"),
        (deleted(json!({ "metadata": { "annotations": { ORPHAN_CONTACTS: "true" } } })), vec![], "ContactsStay"),
    ] {
        match step(&object, &runs) {
            Step::RemoveFinalizer(Some(event)) => assert_eq!(event.reason, reason),
            other => panic!("{reason}: {other:?}"),
        }
    }
    let annotated = deleted(json!({ "metadata": { "annotations": { ORPHAN_CONTACTS: "false" } } }));
    assert!(matches!(step(&annotated, &[]), Step::Remove(_)));
}

#[test]
fn a_pass_under_way_ends_before_contacts_are_removed() {
    let pass = run("pass", "Push", "2026-03-01T09:00:00Z", Value::Null, None);
    let decision = decided(&deleted(json!({})), &[pass], "2026-03-01T12:00:00Z");
    assert_eq!(decision.step, Step::Nothing);
    let status = decision.status.unwrap();
    let ready = conditions::find(&status.conditions, types::READY).unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "Deleting"));
    assert!(
        ready.message.contains("run pass ends first") && ready.message.contains(ORPHAN_CONTACTS),
        "{}",
        ready.message
    );
}

#[test]
fn what_did_not_work_is_tried_again_later_and_what_was_rejected_only_when_asked() {
    let object = deleted(json!({}));
    let of = |result| vec![run("first", "Remove", DELETED, json!(["b"]), result)];
    assert_eq!(step(&object, &of(None)), Step::Nothing, "it is under way");
    let (first, _) = removes(step(&object, &[]));
    for (result, now, again) in [
        (("Failed", "PushFailed"), "2026-03-01T10:04:00Z", Some(60)),
        (("ConnectorNotFound", "Waiting"), "2026-03-01T10:04:00Z", Some(60)),
    ] {
        let decision = decided(&object, &of(Some(result)), now);
        assert_eq!((decision.step, decision.again_seconds), (Step::Nothing, again), "{result:?}");
        let stalled = decision.status.unwrap().conditions;
        let stalled = conditions::find(&stalled, types::STALLED).expect("a person is told");
        assert!(stalled.message.contains(result.0), "{}", stalled.message);
        let (second, _) = removes(decided(&object, &of(Some(result)), "2026-03-01T10:05:00Z").step);
        assert_ne!(first, second);
    }
    let rejected = of(Some(("Failed", "Rejected")));
    let decision = decided(&object, &rejected, "2026-04-01T10:00:00Z");
    assert_eq!((decision.step, decision.again_seconds), (Step::Nothing, None));
    let asked = deleted(json!({ "metadata": { "annotations": { "galsync.dev/requestedAt": "now" } } }));
    let decision = decided(&asked, &rejected, "2026-04-01T10:00:00Z");
    removes(decision.step);
    let answered = decision.status.unwrap().last_handled_reconcile_at;
    assert_eq!(answered.unwrap().as_str(), "now", "asked once is tried once");
    // What was removed by hand before the deletion does not count: a pass may have come since.
    let before = run("first", "Remove", "2026-03-01T09:00:00Z", json!(["b"]), Some(("Succeeded", "Pushed")));
    removes(step(&object, &[before]));
}

#[test]
fn a_target_that_has_left_is_cleared_and_then_forgotten() {
    let state =
        |name: &str, managed: u64| json!({ "connector": name, "result": "Pushed", "managed": managed, "counts": {} });
    let with = |targets: Value| held(json!({ "status": { "targets": targets } }));
    assert_eq!(step(&with(json!([state("b", 5)])), &[]), Step::Nothing);
    assert_eq!(step(&with(json!([state("b", 5), state("c", 0)])), &[]), Step::Nothing, "nothing of ours is there");
    let left = with(json!([state("b", 5), state("c", 5)]));
    let (first, targets) = removes(step(&left, &[]));
    assert_eq!(targets, ["c"]);
    let of = |created: &str, result| run(&first, "Remove", created, json!(["c"]), result);
    assert_eq!(step(&left, &[of(DELETED, None)]), Step::Nothing);
    assert_eq!(step(&left, &[of(DELETED, Some(("Failed", "Rejected")))]), Step::Nothing);
    let failed = decided(&left, &[of(DELETED, Some(("Failed", "PushFailed")))], "2026-03-01T10:00:30Z");
    assert_eq!((failed.step, failed.again_seconds), (Step::Nothing, Some(270)));
    // The first attempt was pruned: the third has a name of its own all the same.
    let failed = run(&first, "Remove", DELETED, json!(["c"]), Some(("Failed", "PushFailed")));
    let (second, _) = removes(step(&left, std::slice::from_ref(&failed)));
    let second = run(&second, "Remove", "2026-03-01T10:30:00Z", json!(["c"]), Some(("Failed", "PushFailed")));
    let (third, _) = removes(step(&left, std::slice::from_ref(&second)));
    assert!(third != second.metadata.name.clone().unwrap() && third != first, "{third}");
    // Protected contacts may be left: the run has done what it may, and is not made again.
    let done = of(DELETED, Some(("Succeeded", "Pushed")));
    assert_eq!(step(&left, std::slice::from_ref(&done)), Step::Nothing);
    let mut status = left.status.clone().unwrap();
    forget(&mut status, &left, &known(std::slice::from_ref(&done)));
    assert_eq!(status.targets.len(), 1, "it is forgotten");
    // It came back, was pushed to, and has left again.
    let pushed = run("later", "Push", "2026-03-01T11:00:00Z", json!(["c"]), Some(("Succeeded", "Pushed")));
    let (second, _) = removes(step(&left, &[done, pushed]));
    assert_ne!(first, second);
    // Where contacts stay, there is nothing to remember.
    let orphan = schedule(json!({ "spec": { "deletionPolicy": "Orphan" }, "status": { "targets": [state("c", 5)] } }));
    let mut status = orphan.status.clone().unwrap();
    forget(&mut status, &orphan, &[]);
    assert!(status.targets.is_empty());
}

#[test]
fn a_deleted_schedule_clears_the_targets_that_had_left_as_well() {
    let state = json!([{ "connector": "c", "result": "Pushed", "managed": 2, "counts": {} }]);
    let (name, targets) = removes(step(&deleted(json!({ "status": { "targets": state } })), &[]));
    assert_eq!(targets, ["b", "c"]);
    assert!(name.len() <= 63 && name.starts_with("people-remove-"), "{name}");
}
