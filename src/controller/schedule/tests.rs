//! When a pass begins and what the status says, as tables.

use super::decide::{Decision, decide};
use super::observe::Observation;
use crate::api::conditions::{find, types};
use crate::api::reasons::RunTargetResult;
use crate::api::run::OperationStatus;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule, GalSyncScheduleStatus};
use crate::controller::context::Known;
use crate::controller::run::wire;
use crate::model::timing::Timing;
use crate::operation::{Outcome, Reason, Verdict};
use crate::resolve::Times;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde_json::json;

const CREATED: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn after(hours: i64) -> Timestamp {
    CREATED + SignedDuration::from_hours(hours)
}

fn connector(name: &str) -> Known<GalSyncConnector> {
    let object: GalSyncConnector = serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "n" },
        "spec": { "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": ["a.test"] },
        "status": { "capabilities": "ReadWrite", "conditions": [{ "type": "Ready", "status": "True",
            "reason": "Verified", "message": "", "lastTransitionTime": CREATED.to_string() }] }
    }))
    .unwrap();
    object.into()
}

fn observation() -> Observation {
    let schedule: GalSyncSchedule = serde_json::from_value(json!({
        "metadata": { "name": "s", "namespace": "n", "uid": "uid-s", "generation": 1,
            "creationTimestamp": CREATED.to_string() },
        "spec": { "interval": "24h", "policy": "Sync",
            "sources": [{ "connectorRef": { "name": "a" } }], "targets": [{ "connectorRef": { "name": "b" } }] }
    }))
    .unwrap();
    let connectors = vec![connector("a"), connector("b")];
    let times = Times {
        timing: Timing::Interval(SignedDuration::from_hours(24)),
        retry_after: SignedDuration::from_mins(5),
        starting_deadline: None,
    };
    Observation { schedule, checked: Ok(times), connectors, schedules: Vec::new(), runs: Vec::new(), now: after(0) }
}

/// A run that the schedule made.
fn run(name: &str, completed: Option<(Timestamp, &str)>, waits: bool) -> Known<GalSyncRun> {
    let reason = match completed {
        Some((_, reason)) => reason,
        None if waits => "ApprovalRequired",
        None => "InProgress",
    };
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": CREATED.to_string() });
    let open = if completed.is_some() { "True" } else { "False" };
    let succeeded = match completed {
        Some((_, "Succeeded")) => "True",
        Some(_) => "False",
        None => "Unknown",
    };
    let plan = json!({ "digest": format!("sha256:{}", "0".repeat(64)), "unsafeReasons": ["FirstSync"], "managed": 4,
        "counts": { "users": { "create": 3 } } });
    let object: GalSyncRun = serde_json::from_value(json!({
        "metadata": { "name": name, "namespace": "n", "uid": name, "creationTimestamp": CREATED.to_string(),
            "ownerReferences": [{ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "name": "s", "uid": "uid-s" }] },
        "spec": { "scheduleRef": { "name": "s" }, "action": "Push" },
        "status": {
            "startTime": CREATED.to_string(),
            "completionTime": completed.map(|(time, _)| time.to_string()),
            "conditions": [condition("Completed", open), condition("Succeeded", succeeded)],
            "targets": [{ "connector": "b", "plan": plan,
                "result": if waits { "ApprovalRequired" } else { "Pushed" } }],
        }
    }))
    .unwrap();
    object.into()
}

fn condition(decision: &Decision, kind: &str) -> Option<(String, String)> {
    find(&decision.status.conditions, kind).map(|condition| (condition.status.clone(), condition.reason.clone()))
}

fn pair(status: &str, reason: &str) -> Option<(String, String)> {
    Some((status.to_owned(), reason.to_owned()))
}

#[test]
fn the_first_pass_comes_at_once_and_the_next_in_its_rhythm() {
    let mut observation = observation();
    let first = decide(&observation);
    let pass = first.start.clone().expect("a pass begins");
    assert_eq!((pass.number, pass.due, pass.name.as_str()), (1, CREATED, "s-20231114-221320"));
    assert_eq!(first.status.active_run_ref.as_ref().unwrap().name.as_str(), pass.name);
    let next = first.status.next_schedule_time.clone().unwrap().0;
    assert!(next >= after(12) && next <= after(36), "{next}");

    observation.schedule.status = Some(first.status.clone());
    assert_eq!(decide(&observation).start, None, "it is not made twice");
    observation.runs = vec![run(&pass.name, None, false)];
    observation.now = next;
    assert_eq!(decide(&observation).start, None, "one pass at a time");
    observation.runs = vec![run(&pass.name, Some((after(1), "Succeeded")), false)];
    observation.now = next - SignedDuration::from_secs(1);
    let idle = decide(&observation);
    assert_eq!((idle.start, idle.again_seconds), (None, Some(1)));
    observation.now = next;
    let second = decide(&observation).start.expect("a pass begins");
    assert_eq!((second.number, second.due), (2, next));
}

#[test]
fn of_several_missed_passes_one_is_caught_up() {
    let mut observation = observation();
    observation.schedule.status = Some(decide(&observation).status);
    observation.now = after(24 * 10);
    let decision = decide(&observation);
    let pass = decision.start.expect("a pass begins");
    assert_eq!(pass.number, 2);
    assert!(pass.due > after(24 * 9) && pass.due <= observation.now);
    assert!(decision.status.next_schedule_time.unwrap().0 > observation.now);
}

#[test]
fn a_plan_that_waits_for_a_person_does_not_stop_the_passes() {
    let mut observation = observation();
    let first = decide(&observation);
    observation.schedule.status = Some(first.status.clone());
    observation.runs = vec![run(&first.start.unwrap().name, None, true)];
    let waiting = decide(&observation);
    assert_eq!(condition(&waiting, types::APPROVAL_REQUIRED), pair("True", "PlanWaits"));
    assert_eq!(waiting.status.pending_approvals[0].counts.create, 3);
    assert_eq!(waiting.events.iter().filter(|event| event.reason == "ApprovalRequired").count(), 1);
    observation.now = after(48);
    assert!(decide(&observation).start.is_some());

    // A digest that fits none of what waits is told, one that fits is about to be taken.
    let message = |observation: &Observation| {
        find(&decide(observation).status.conditions, types::APPROVAL_REQUIRED).unwrap().message.clone()
    };
    for (listed, told) in [(vec![], false), (vec!['1'], true), (vec!['1', '0'], false)] {
        observation.schedule.spec.approval.approved_plan_digests =
            listed.iter().map(|digit| format!("sha256:{}", digit.to_string().repeat(64)).as_str().into()).collect();
        let message = message(&observation);
        assert_eq!(message.contains("approvedPlanDigests"), told, "{listed:?}: {message}");
    }
}

/// The push of a run was stopped by a quota: it is told, also after a later pass that left the target alone.
#[test]
fn a_push_that_waits_for_a_quota_is_told_with_the_time_when_it_goes_on() {
    let mut observation = observation();
    let mut outcome = Outcome::new(Verdict::QuotaExceeded, Reason::QuotaExceeded, "", after(1), after(1));
    outcome.retry_at = Some(after(5));
    let mut waiting = run("first", None, false);
    let status = waiting.status.as_mut().unwrap();
    status.targets[0].result = Some(RunTargetResult::WaitingForQuota);
    let push =
        json!({ "type": "Push", "connector": "b", "attempts": 1, "result": "QuotaExceeded", "outcome": outcome });
    status.operations = vec![serde_json::from_value(push).unwrap()];
    let mut later = run("later", Some((after(2), "Succeeded")), false);
    later.status.as_mut().unwrap().targets[0].result = Some(RunTargetResult::PendingElsewhere);
    observation.runs = vec![waiting, later];
    let target = |observation: &Observation| {
        let target = decide(observation).status.targets.remove(0);
        (target.result, target.waiting_until.map(|time| time.0))
    };
    assert_eq!(target(&observation), (Some(RunTargetResult::WaitingForQuota), Some(after(5))));
    observation.schedule.status = Some(decide(&observation).status);
    // It is the older run, and what it came to is newer.
    observation.runs[0] = run("first", Some((after(6), "Succeeded")), false);
    assert_eq!(target(&observation), (Some(RunTargetResult::Pushed), None));
}

#[test]
fn a_pass_can_be_asked_for() {
    for key in [crate::api::REQUESTED_AT, "reconcile.fluxcd.io/requestedAt"] {
        let mut observation = observation();
        observation.schedule.status = Some(decide(&observation).status);
        observation.now = after(1);
        observation.schedule.annotations_mut().insert(key.to_owned(), "now".to_owned());
        let decision = decide(&observation);
        let pass = decision.start.expect("a pass begins");
        assert!(pass.name.starts_with("s-r"));
        assert_eq!(decision.status.last_handled_reconcile_at.as_ref().unwrap().as_str(), "now");
        observation.schedule.status = Some(decision.status);
        assert_eq!(decide(&observation).start, None, "it is answered");
        observation.runs = vec![run("active", None, false)];
        observation.schedule.annotations_mut().insert(key.to_owned(), "again".to_owned());
        assert_eq!(decide(&observation).start, None, "it waits for the pass that runs");
        observation.runs.clear();
        assert!(decide(&observation).start.is_some());
    }
}

#[test]
fn it_runs_only_when_it_is_able_to() {
    type Change = fn(&mut Observation);
    let cases: [(Change, (&str, &str), bool); 8] = [
        (|_| {}, ("True", "Ready"), true),
        (|o| o.schedule.spec.suspend = true, ("True", "Suspended"), false),
        (|o| o.connectors.truncate(1), ("False", "ConnectorNotFound"), false),
        (|o| o.connectors[0].spec.suspend = true, ("False", "ConnectorSuspended"), false),
        (|o| o.connectors[0].status = None, ("Unknown", "ConnectorNotVerified"), false),
        (
            |o| {
                o.connectors[1].status.as_mut().unwrap().capabilities =
                    Some(crate::api::connector::Capabilities::ReadOnly)
            },
            ("False", "CannotWrite"),
            false,
        ),
        (
            |o| {
                let conditions = &mut o.connectors[0].status.as_mut().unwrap().conditions;
                conditions[0].status = "False".to_owned();
                let stalled = k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
                    type_: "Stalled".to_owned(),
                    status: "True".to_owned(),
                    reason: "AuthenticationFailed".to_owned(),
                    ..conditions[0].clone()
                };
                conditions.push(stalled);
            },
            ("False", "ConnectorNotReady"),
            false,
        ),
        // A network that is down for a while stops no schedule: its passes tell.
        (
            |o| o.connectors[0].status.as_mut().unwrap().conditions[0].status = "False".to_owned(),
            ("True", "Ready"),
            true,
        ),
    ];
    for (change, (status, reason), starts) in cases {
        let mut observation = observation();
        change(&mut observation);
        let decision = decide(&observation);
        assert_eq!(condition(&decision, types::READY), pair(status, reason));
        assert_eq!(decision.start.is_some(), starts, "{reason}");
        assert_eq!(decision.status.next_schedule_time.is_some(), starts, "{reason}");
    }
}

#[test]
fn what_a_push_made_counts_as_managed() {
    let mut observation = observation();
    let mut one = run("one", Some((after(1), "Succeeded")), false);
    let mut push: OperationStatus = serde_json::from_value(json!({ "type": "Push", "connector": "b" })).unwrap();
    let mut outcome = Outcome::new(Verdict::Succeeded, Reason::Completed, "", after(0), after(1));
    let counts = json!({ "users": { "create": 3, "update": 9 }, "groups": { "create": 2, "delete": 1 } });
    let digest = format!("sha256:{}", "0".repeat(64));
    outcome.plan = Some(serde_json::from_value(json!({ "digest": digest, "counts": counts, "managed": 4 })).unwrap());
    wire::record(&mut push, &outcome);
    one.status.as_mut().unwrap().operations.push(push);
    observation.runs = vec![one];
    assert_eq!(decide(&observation).status.targets[0].managed, 8);
}

#[test]
fn synced_is_how_the_last_finished_pass_went() {
    let mut observation = observation();
    assert_eq!(condition(&decide(&observation), types::SYNCED), pair("Unknown", "NotYet"));
    observation.schedule.status = Some(GalSyncScheduleStatus {
        last_schedule_time: Some(super::super::run::wire::time(after(0))),
        ..Default::default()
    });
    observation.runs = vec![run("one", Some((after(1), "Succeeded")), false)];
    let good = decide(&observation);
    assert_eq!(condition(&good, types::SYNCED), pair("True", "Succeeded"));
    assert_eq!(good.status.history.len(), 1);
    assert_eq!(good.status.targets[0].managed, 4);
    assert_eq!(good.events[0].reason, "RunSucceeded");

    observation.schedule.status = Some(good.status.clone());
    observation.runs.push(run("two", None, false));
    let running = decide(&observation);
    assert_eq!(condition(&running, types::SYNCED), pair("True", "Succeeded"), "it stands while the next one runs");
    assert!(running.events.is_empty());

    observation.runs[1] = run("two", Some((after(2), "PartiallySucceeded")), false);
    observation.now = after(2);
    let bad = decide(&observation);
    assert_eq!(condition(&bad, types::SYNCED), pair("False", "PartiallySucceeded"));
    assert_eq!((bad.status.consecutive_failures, bad.status.history.len()), (1, 2));
    assert_eq!(bad.status.last_success_time.as_ref().unwrap().0, after(1));
    assert_eq!(bad.status.last_failure_time.as_ref().unwrap().0, after(2));

    // What failed is tried again soon.
    let next = bad.status.next_schedule_time.as_ref().unwrap().0;
    assert_eq!(next, after(2) + SignedDuration::from_mins(5));

    // The runs are pruned; the status remembers.
    observation.schedule.status = Some(bad.status.clone());
    observation.runs.clear();
    let later = decide(&observation);
    assert_eq!(condition(&later, types::SYNCED), pair("False", "PartiallySucceeded"));
    assert_eq!(later.status.history, bad.status.history);
}

#[test]
fn a_superseded_run_is_neither_success_nor_failure() {
    let mut observation = observation();
    observation.runs = vec![run("one", Some((after(1), "Succeeded")), false)];
    observation.schedule.status = Some(decide(&observation).status);
    observation.runs.push(run("two", Some((after(2), "Superseded")), false));
    observation.now = after(2);
    let decision = decide(&observation);
    assert_eq!(condition(&decision, types::SYNCED), pair("True", "Succeeded"));
    assert_eq!((decision.status.consecutive_failures, decision.status.history.len()), (0, 2));
    assert_eq!(decision.status.last_failure_time, None);
    assert_eq!(decision.events.iter().filter(|event| event.warning).count(), 0);
}

#[test]
fn removals_that_are_held_are_a_condition() {
    let mut observation = observation();
    let mut one = run("one", Some((after(1), "Succeeded")), false);
    let plan = one.status.as_mut().unwrap().targets[0].plan.as_mut().unwrap();
    (plan.held, plan.reasons) = (12, [("Protected".to_owned(), 3), ("Filtered".to_owned(), 9)].into());
    observation.runs = vec![one];
    let held = decide(&observation);
    assert_eq!(condition(&held, types::REMOVALS_HELD), pair("True", "LimitExceeded"));
    let told = find(&held.status.conditions, types::REMOVALS_HELD).unwrap().message.clone();
    assert_eq!(told, "b: 12 hides and deletes are held by a limit of spec.safety, 3 contacts are protected");
    assert!(held.events.iter().any(|event| event.reason == "RemovalsHeld" && event.warning));
    observation.schedule.status = Some(held.status);
    assert!(!decide(&observation).events.iter().any(|event| event.reason == "RemovalsHeld"), "told once");
    observation.runs = vec![run("two", Some((after(2), "Succeeded")), false)];
    assert_eq!(condition(&decide(&observation), types::REMOVALS_HELD), None, "only while true");
}

#[test]
fn the_history_holds_five_and_names_fit() {
    let mut observation = observation();
    observation.schedule.status = Some(decide(&observation).status);
    observation.runs = (0..9).map(|n| run(&format!("r{n}"), Some((after(n), "Succeeded")), false)).collect();
    let decision = decide(&observation);
    let names: Vec<&str> = decision.status.history.iter().map(|entry| entry.run_ref.name.as_str()).collect();
    assert_eq!(names, ["r8", "r7", "r6", "r5", "r4"]);

    let mut observation = self::observation();
    observation.schedule.metadata.name = Some("x".repeat(253));
    let name = decide(&observation).start.unwrap().name;
    assert!(name.len() <= 63, "{name}");
}

/// Every set of conditions that a schedule can have, for what GitOps tools make of it.
pub fn samples() -> Vec<(String, GalSyncSchedule)> {
    let sample = |name: &str, change: &dyn Fn(&mut Observation)| {
        let mut observation = observation();
        let first = decide(&observation);
        observation.schedule.status = Some(first.status);
        change(&mut observation);
        let status = Some(decide(&observation).status);
        (format!("schedule-{name}"), GalSyncSchedule { status, ..observation.schedule })
    };
    let pass = decide(&observation()).start.expect("a pass begins").name;
    let ended = |result: &'static str| {
        let pass = pass.clone();
        move |observation: &mut Observation| {
            observation.runs = vec![run(&pass, Some((after(1), result)), false)];
            observation.now = after(2);
        }
    };
    let with_status = |condition: &'static str, reason: &'static str| {
        move |observation: &mut Observation| {
            let status = observation.connectors[0].status.as_mut().unwrap();
            status.conditions = serde_json::from_value(json!([{ "type": condition,
                "status": if condition == "Stalled" { "True" } else { "Unknown" }, "reason": reason,
                "message": "because", "lastTransitionTime": CREATED.to_string() }]))
            .unwrap();
        }
    };
    vec![
        sample("first-pass-begins", &|observation| observation.schedule.status = None),
        sample("first-pass-runs", &|observation| observation.runs = vec![run(&pass, None, false)]),
        sample("plan-waits", &|observation| observation.runs = vec![run(&pass, None, true)]),
        sample("in-step", &ended("Succeeded")),
        sample("partly", &ended("PartiallySucceeded")),
        sample("failed", &ended("Failed")),
        sample("suspended", &|observation| observation.schedule.spec.suspend = true),
        sample("connector-missing", &|observation| drop(observation.connectors.pop())),
        sample("connector-suspended", &|observation| observation.connectors[0].spec.suspend = true),
        sample("connector-refused", &with_status("Stalled", "AuthenticationFailed")),
        sample("connector-not-verified", &with_status("Ready", "Verifying")),
        sample("cannot-write", &|observation| {
            use crate::api::connector::Capabilities::ReadOnly;
            observation.connectors[1].status.as_mut().unwrap().capabilities = Some(ReadOnly);
        }),
        sample("invalid", &|observation| {
            observation.schedule.spec.interval = Some("7d".into());
            observation.checked = Err(crate::api::convert::timing(&observation.schedule).unwrap_err());
        }),
    ]
}
