use super::*;
use crate::api::reasons::RunReason;
use crate::api::{GalSyncConnector, GalSyncSchedule};
use crate::model::{Digest, OwnerId};
use crate::operation::RunReference;
use crate::pass::{self, Action, LastPull, Subject};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn connector(name: &str, more: Value) -> GalSyncConnector {
    let mut spec =
        json!({ "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": [format!("{name}.test")] });
    more.as_object().unwrap().iter().for_each(|(field, value)| spec[field] = value.clone());
    serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
}

fn schedule(more: Value) -> GalSyncSchedule {
    let mut spec = json!({ "interval": "24h", "policy": "Sync",
        "sources": [{ "connectorRef": { "name": "a" } }, { "connectorRef": { "name": "b" } }],
        "targets": [{ "connectorRef": { "name": "c" } }, { "connectorRef": { "name": "b" } }] });
    more.as_object().unwrap().iter().for_each(|(field, value)| spec[field] = value.clone());
    serde_json::from_value(json!({ "metadata": { "name": "s", "namespace": "n" }, "spec": spec })).unwrap()
}

fn all() -> Vec<GalSyncConnector> {
    ["a", "b", "c", "d"].map(|name| connector(name, json!({}))).into()
}

fn owner() -> OwnerId {
    OwnerId::new("o").unwrap()
}

fn inputs<'a>(owner: &'a OwnerId, action: Action) -> RunInputs<'a> {
    RunInputs {
        reference: RunReference { namespace: "n".into(), name: "r".into(), uid: "u".into() },
        owner,
        created: Timestamp::UNIX_EPOCH,
        now: Timestamp::UNIX_EPOCH,
        action,
        manual: false,
        started: false,
        subject: SubjectName::Schedule { name: "s", targets: None, plans: Vec::new() },
        pass_number: None,
        decisions: BTreeMap::new(),
        others: OtherRuns::default(),
    }
}

fn digest(number: u8) -> Digest {
    Digest::parse(&format!("sha256:{}", format!("{number:02x}").repeat(32))).unwrap()
}

fn subject(run: pass::Run) -> pass::ScheduleSubject {
    match run.subject {
        Subject::Schedule(schedule) => *schedule,
        Subject::Connector(_) => panic!("it is about a schedule"),
    }
}

#[test]
fn a_schedule_becomes_a_run() {
    let (connectors, schedules, owner) = (all(), [schedule(json!({ "pullTargetsEvery": 3 }))], owner());
    let namespace = Namespace::new(&connectors, &schedules);
    let made = run(&namespace, inputs(&owner, Action::Push)).unwrap();
    assert_eq!((made.store_prefix.as_str(), made.approval.expires_after_seconds), ("o/n", 72 * 3600));
    let made = subject(made);
    let sources: Vec<&str> = made.sources.iter().map(|source| source.connector.name.as_str()).collect();
    let targets: Vec<&str> = made.targets.iter().map(|target| target.connector.name.as_str()).collect();
    assert_eq!((sources, targets), (vec!["a", "b"], vec!["c", "b"]));
    assert_eq!((made.pass_number, made.pull_targets_every), (0, 3));
    let elsewhere: Vec<String> = made.claimed_elsewhere.iter().map(ToString::to_string).collect();
    assert_eq!(elsewhere, ["d.test"], "domains of those that take no part");

    let removal = subject(run(&namespace, inputs(&owner, Action::Remove)).unwrap());
    assert_eq!((removal.sources.len(), removal.targets.len()), (0, 2));
    let left = SubjectName::Schedule { name: "s", targets: Some(vec!["d"]), plans: Vec::new() };
    let removal = run(&namespace, RunInputs { subject: left, ..inputs(&owner, Action::Remove) }).unwrap();
    assert_eq!(subject(removal).targets[0].connector.name, "d", "a target that has left the schedule");
}

#[test]
fn of_earlier_pulls_the_newest_with_the_same_settings_counts() {
    let (connectors, schedules, owner) = (all(), [schedule(json!({}))], owner());
    let namespace = Namespace::new(&connectors, &schedules);
    let made = subject(run(&namespace, inputs(&owner, Action::Push)).unwrap());
    let own = made.sources[0].connector.fingerprint(&made.sources[0].read);
    let pull = |second, fingerprint| LastPull {
        started: Timestamp::from_second(second).unwrap(),
        fingerprint,
        snapshot: digest(7),
        identity: "a".to_owned(),
        run: None,
    };
    let pulls = vec![pull(1, own), pull(3, own), pull(2, own), pull(4, digest(9))];
    let others = OtherRuns { pulls: [("a".to_owned(), pulls)].into(), ..OtherRuns::default() };
    let made = subject(run(&namespace, RunInputs { others, ..inputs(&owner, Action::Push) }).unwrap());
    assert_eq!(made.sources[0].last_pull, Some(pull(3, own)));
    assert_eq!(made.sources[1].last_pull, None);
}

#[test]
fn a_plan_approved_beforehand_is_approved_unless_it_was_decided_otherwise() {
    let approved = json!({ "approval": { "approvedPlanDigests": [digest(1).to_string(), digest(2).to_string()] } });
    let (connectors, schedules, owner) = (all(), [schedule(approved)], owner());
    let decisions = [(digest(1), pass::Verdict::Reject)].into();
    let made = RunInputs { decisions, ..inputs(&owner, Action::Push) };
    let made = run(&Namespace::new(&connectors, &schedules), made).unwrap();
    assert_eq!(made.decisions, [(digest(1), pass::Verdict::Reject), (digest(2), pass::Verdict::Approve)].into());
}

/// What no run can be made of, for the operator as for files.
#[test]
fn what_a_person_must_put_right_is_told() {
    let owner = owner();
    let plain = || (all(), schedule(json!({})));
    let changed = |name: &'static str, more: Value| {
        let mut connectors = all();
        connectors.iter_mut().filter(|one| one.metadata.name.as_deref() == Some(name)).for_each(|one| {
            *one = connector(name, more.clone());
        });
        (connectors, schedule(json!({})))
    };
    let named = |name, targets, plans| SubjectName::Schedule { name, targets, plans };
    let mut deleted = plain();
    deleted.1.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
    let mut few = plain();
    few.0.truncate(2);
    let mut told = Vec::new();
    for ((connectors, schedule), subject, sentence) in [
        (plain(), named("x", None, vec![]), "there is no schedule x in this namespace"),
        (deleted, named("s", None, vec![]), "schedule s is being deleted"),
        (few, named("s", None, vec![]), "there is no connector c in this namespace"),
        (plain(), SubjectName::Connector("x"), "there is no connector x in this namespace"),
        (plain(), named("s", Some(vec!["a"]), vec![]), "schedule s has no target a"),
        (changed("a", json!({ "suspend": true })), named("s", None, vec![]), "connector a is suspended"),
        (plain(), named("s", None, vec![digest(1)]), "no run of the schedule shows the plan sha256:0101"),
        (changed("b", json!({ "fullPullEvery": "7d" })), named("s", None, vec![]), "connector b: spec.fullPullEvery: "),
    ] {
        let schedules = [schedule];
        let inputs = RunInputs { subject, ..inputs(&owner, Action::Push) };
        let error = run(&Namespace::new(&connectors, &schedules), inputs).unwrap_err();
        assert!(error.to_string().starts_with(sentence), "{error}");
        told.push(error.reason());
    }
    told.push(NotRunnable::DomainsUnknown(String::new()).reason());
    use RunReason::{
        ConnectorNotFound, DomainsUnknown, InvalidSpec, PlanMissing, ScheduleDeleted, ScheduleNotFound, Suspended,
        TargetNotFound,
    };
    for reason in [
        ScheduleNotFound,
        ScheduleDeleted,
        ConnectorNotFound,
        TargetNotFound,
        Suspended,
        DomainsUnknown,
        PlanMissing,
        InvalidSpec,
    ] {
        assert!(told.contains(&reason), "{reason:?}");
    }
    // It has started before its connector was suspended.
    let (connectors, schedule) = changed("a", json!({ "suspend": true }));
    let schedules = [schedule];
    let started = RunInputs { started: true, ..inputs(&owner, Action::Push) };
    assert!(run(&Namespace::new(&connectors, &schedules), started).is_ok());
}

#[test]
fn a_schedule_is_ready_when_it_and_its_connectors_mean_something() {
    for (connector_b, schedule_spec, sentence) in [
        (json!({}), json!({}), ""),
        (json!({}), json!({ "interval": null, "schedule": "0 2 30 2 *" }), "schedule s: spec.schedule: "),
        (json!({}), json!({ "approval": { "expiresAfter": "3d" } }), "schedule s: spec.approval.expiresAfter: "),
        (json!({ "suspend": true }), json!({}), "connector b is suspended"),
        (json!({ "memory": null }), json!({}), "connector b: spec.memory: "),
        (json!({ "authoritativeDomains": null }), json!({}), "connector b: write spec.authoritativeDomains"),
        (json!({ "authoritativeDomains": [] }), json!({}), "connector b: write spec.authoritativeDomains"),
    ] {
        let mut connectors = all();
        connectors[1] = connector("b", connector_b);
        let schedules = [schedule(schedule_spec)];
        let told = ready(&Namespace::new(&connectors, &schedules), &schedules[0], &owner());
        match sentence {
            "" => assert_eq!(told, Ok(())),
            sentence => assert!(told.clone().unwrap_err().to_string().starts_with(sentence), "{told:?}"),
        }
    }
}
