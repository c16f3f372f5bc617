//! What a connector needs in each situation, as a table.

use super::decide::{Decision, decide};
use super::observe::{Observation, SourceSlot, newest_pull};
use crate::api::conditions::{find, types};
use crate::api::convert::checked_connector;
use crate::api::{GalSyncConnector, GalSyncConnectorStatus, GalSyncRun};
use crate::controller::context;
use crate::controller::job_state::{End, JobState};
use crate::controller::pod_trouble::Loss;
use crate::model::connector::ReadScope;
use crate::model::observed::Verification;
use crate::model::{Digest, OwnerId};
use crate::operation::{Outcome, Reason, SourceCounts, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn connector(spec: Value, status: &Option<GalSyncConnectorStatus>) -> GalSyncConnector {
    let mut object: GalSyncConnector = serde_json::from_value(json!({
        "metadata": { "name": "corp", "namespace": "n", "uid": "u", "generation": 2 },
        "spec": { "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": ["corp.test"] }
    }))
    .unwrap();
    let mut whole = serde_json::to_value(&object.spec).unwrap();
    for (name, value) in spec.as_object().unwrap() {
        whole[name] = value.clone();
    }
    object.spec = serde_json::from_value(whole).unwrap();
    object.status.clone_from(status);
    object
}

fn observation(spec: Value, before: &Option<GalSyncConnectorStatus>, slot: SourceSlot) -> Observation {
    let connector = connector(spec, before);
    Observation {
        checked: checked_connector(&connector).map(|checked| (checked, ReadScope::default())),
        connector,
        slot,
        pulled: None,
        verified: None,
        owner: OwnerId::new("o").unwrap(),
        now: NOW,
    }
}

fn job(state: JobState) -> SourceSlot {
    let finished = matches!(state, JobState::Ended(_));
    SourceSlot::Verification { uid: "job".to_owned(), generation: 2, created: NOW, state, finished }
}

fn outcome(verdict: Verdict, reason: Reason, message: &str) -> Outcome {
    let mut outcome = Outcome::new(verdict, reason, message, NOW, NOW);
    outcome.verification = (verdict == Verdict::Succeeded).then(|| Verification {
        identity: "forest".to_owned(),
        can_read: true,
        can_write: true,
        domains: [crate::model::Domain::parse("corp.test").unwrap()].into(),
        ..Verification::default()
    });
    outcome
}

fn ended(outcome: Outcome) -> SourceSlot {
    job(JobState::Ended(End::Outcome(Box::new(outcome))))
}

fn ready(decision: &Decision) -> (String, String) {
    let condition = find(&decision.status.conditions, types::READY).expect("Ready is always there");
    (condition.status.clone(), condition.reason.clone())
}

fn has(decision: &Decision, kind: &str) -> bool {
    find(&decision.status.conditions, kind).is_some()
}

#[test]
fn a_new_connector_is_verified() {
    let first = decide(&observation(json!({}), &None, SourceSlot::Free), 300);
    assert!(first.verify.is_some());
    assert_eq!(ready(&first), ("Unknown".to_owned(), "Verifying".to_owned()));
    assert!(has(&first, types::RECONCILING) && !has(&first, types::STALLED));

    let running = decide(&observation(json!({}), &Some(first.status), job(JobState::Running)), 300);
    assert!(running.verify.is_none() && running.release.is_none());

    let good = ended(outcome(Verdict::Succeeded, Reason::Completed, ""));
    let done = decide(&observation(json!({}), &Some(running.status), good.clone()), 300);
    assert_eq!(ready(&done), ("True".to_owned(), "Verified".to_owned()));
    assert!(!has(&done, types::RECONCILING) && !has(&done, types::STALLED));
    assert_eq!(done.again_seconds, Some(86_400));
    assert!(done.verify.is_none() && done.release.is_none(), "the Job stays for kubectl logs");
    assert_eq!(done.status.identity.as_ref().unwrap().as_str(), "forest");
    assert_eq!(done.events[0].reason, "Verified");

    let again = decide(&observation(json!({}), &Some(done.status.clone()), good), 300);
    assert_eq!(again.status, done.status, "nothing is written twice");
    assert!(again.events.is_empty());
}

#[test]
fn conditions_by_outcome() {
    for (outcome, spec, reason, stalled) in [
        (outcome(Verdict::Failed, Reason::AuthenticationFailed, "no"), json!({}), "AuthenticationFailed", true),
        (outcome(Verdict::Failed, Reason::Unreachable, "no"), json!({}), "Unreachable", false),
        (outcome(Verdict::Failed, Reason::StoreUnavailable, "no"), json!({}), "StoreUnavailable", false),
        (
            outcome(Verdict::Succeeded, Reason::Completed, ""),
            json!({ "authoritativeDomains": [] }),
            "DomainsUnknown",
            true,
        ),
    ] {
        let decision = decide(&observation(spec, &None, ended(outcome)), 300);
        assert_eq!(ready(&decision), ("False".to_owned(), reason.to_owned()));
        assert_eq!(has(&decision, types::STALLED), stalled, "{reason}");
        let wait = if reason == "DomainsUnknown" { 86_400 } else { 600 };
        assert_eq!(decision.again_seconds, Some(wait), "{reason}");
    }
    let invalid = decide(&observation(json!({ "fullPullEvery": "7d" }), &None, SourceSlot::Free), 300);
    assert_eq!(ready(&invalid), ("False".to_owned(), "InvalidSpec".to_owned()));
    assert!(invalid.verify.is_none() && has(&invalid, types::STALLED));
    let misspelt = json!({ "filters": { "expression": "entry.departmnet != ''" } });
    let misspelt = decide(&observation(misspelt, &None, SourceSlot::Free), 300);
    assert_eq!(ready(&misspelt), ("False".to_owned(), "InvalidSpec".to_owned()));
    let message = misspelt.status.conditions.iter().find(|condition| condition.type_ == types::READY).unwrap();
    assert!(message.message.as_str().contains("spec.filters.expression: entry has no field"), "{message:?}");
    let suspended = decide(&observation(json!({ "suspend": true }), &None, SourceSlot::Free), 300);
    assert_eq!(ready(&suspended), ("True".to_owned(), "Suspended".to_owned()));
    assert!(suspended.verify.is_none());
}

#[test]
fn it_is_verified_again_when_due_and_when_changed() {
    let good = ended(outcome(Verdict::Succeeded, Reason::Completed, ""));
    let done = decide(&observation(json!({}), &None, good.clone()), 300);
    for (hours, generation, due) in [(1, 2, false), (24, 2, true), (1, 3, true)] {
        let mut later = observation(json!({}), &Some(done.status.clone()), good.clone());
        later.now += SignedDuration::from_hours(hours);
        later.connector.metadata.generation = Some(generation);
        let decision = decide(&later, 300);
        // The earlier Job must go first; its outcome stands in the status.
        assert_eq!(decision.release.is_some(), due, "after {hours} h, generation {generation}");
        assert!(decision.verify.is_none());
        later.slot = SourceSlot::Free;
        assert_eq!(decide(&later, 300).verify.is_some(), due);
        assert_eq!(ready(&decision).0, "True", "Ready stands until the new verification says otherwise");
        assert_eq!(has(&decision, types::RECONCILING), generation == 3);
    }
}

#[test]
fn a_lost_verification_is_tried_three_times() {
    let mut status = None;
    for attempt in 1..=3 {
        let slot = SourceSlot::Verification {
            uid: format!("job-{attempt}"),
            generation: 2,
            created: NOW,
            state: JobState::Ended(End::Lost(Loss::interrupted("its pod is gone"))),
            finished: true,
        };
        let decision = decide(&observation(json!({}), &status, slot), 300);
        if attempt < 3 {
            assert!(decision.release.is_some());
            let next = decide(&observation(json!({}), &Some(decision.status.clone()), SourceSlot::Free), 300);
            assert_eq!(next.verify.expect("another attempt").attempt, attempt + 1);
        } else {
            assert_eq!(ready(&decision), ("False".to_owned(), "Interrupted".to_owned()));
            assert_eq!(decision.again_seconds, Some(600));
        }
        status = Some(decision.status);
    }
}

#[test]
fn a_busy_slot_is_not_touched() {
    let decision = decide(&observation(json!({}), &None, SourceSlot::Busy), 300);
    assert!(decision.verify.is_none() && decision.release.is_none());
    let decision = decide(&observation(json!({}), &None, SourceSlot::Releasable { uid: "x".to_owned() }), 300);
    assert_eq!(decision.release.as_deref(), Some("x"));
}

/// A run that read the connector completely so many hours after the beginning, and found what was there before.
fn run_that_pulled(hours: i64, ended: Option<bool>, made_by: &str) -> GalSyncRun {
    let time = NOW + SignedDuration::from_hours(hours);
    let mut pull = Outcome::new(Verdict::Succeeded, Reason::Completed, "", time, time + SignedDuration::from_secs(9));
    pull.source = Some(SourceCounts {
        identity: "forest".to_owned(),
        fingerprint: Digest::of(b"settings"),
        snapshot: Digest::of(b"contents"),
        full: false,
        users: 7,
        groups: 0,
        contacts: 0,
        rejected: Default::default(),
        invalid: 0,
        changed: 0,
        delta_missed: None,
    });
    let status = |is: bool| if is { "True" } else { "False" };
    let condition = |kind: &str, is: bool| json!({ "type": kind, "status": status(is), "reason": "R", "message": "", "lastTransitionTime": time.to_string() });
    serde_json::from_value(json!({
        "metadata": { "name": format!("run-{hours}"), "namespace": "n", "uid": hours.to_string(), "ownerReferences":
            [{ "apiVersion": "galsync.dev/v1alpha1", "kind": made_by, "name": "s", "uid": "u" }] },
        "spec": { "scheduleRef": { "name": "s" }, "action": "Push" },
        "status": { "conditions": [condition("Completed", ended.is_some()), condition("Succeeded", ended == Some(true))],
            "operations": [{ "type": "Pull", "connector": "corp", "result": "Succeeded", "outcome": pull }] }
    }))
    .unwrap()
}

/// The last pull tells how old a snapshot is; with the run that alone told of it, it would seem older than it is.
#[test]
fn a_pull_is_told_before_its_run_may_go() {
    let known = |runs: &[GalSyncRun], before: &Option<GalSyncConnectorStatus>| {
        let mut seen = observation(json!({}), before, SourceSlot::Busy);
        seen.pulled = newest_pull(&context::known(runs), "corp");
        Some(decide(&seen, 300).status)
    };
    let started = |status: &Option<GalSyncConnectorStatus>| {
        let pull = status.as_ref().unwrap().last_pull.as_ref().unwrap();
        pull.start_time.0.duration_since(NOW).as_hours()
    };
    let first = known(&[run_that_pulled(0, Some(true), "GalSyncSchedule")], &None);
    assert_eq!(started(&first), 0);
    for (ended, made_by, wanted) in [
        (None, "GalSyncSchedule", 0),
        (Some(true), "GalSyncSchedule", 0),
        (Some(false), "GalSyncSchedule", 5),
        (Some(true), "Person", 5),
    ] {
        let later = known(&[run_that_pulled(5, ended, made_by)], &first);
        assert_eq!(started(&later), wanted, "{ended:?} {made_by}");
        assert_eq!(known(&[], &later), later, "it stands when the run has gone");
    }
}

/// Every set of conditions that a connector can have, for what GitOps tools make of it.
pub fn samples() -> Vec<(String, GalSyncConnector)> {
    let sample = |name: &str, observation: Observation| {
        let decision = decide(&observation, 300);
        (format!("connector-{name}"), GalSyncConnector { status: Some(decision.status), ..observation.connector })
    };
    let unready = [
        ("authentication-failed", Reason::AuthenticationFailed),
        ("permission-missing", Reason::InsufficientPermission),
        ("unreachable", Reason::Unreachable),
        ("store-unavailable", Reason::StoreUnavailable),
        ("secret-not-found", Reason::SecretNotFound),
    ];
    let mut samples: Vec<_> = unready
        .into_iter()
        .map(|(name, reason)| {
            sample(name, observation(json!({}), &None, ended(outcome(Verdict::Failed, reason, "because"))))
        })
        .collect();
    let good = ended(outcome(Verdict::Succeeded, Reason::Completed, ""));
    let verified = sample("verified", observation(json!({}), &None, good.clone()));
    let known = verified.1.status.clone();
    let mut changed = observation(json!({}), &known, job(JobState::Running));
    changed.connector.metadata.generation = Some(3);
    let mut warned = match good.clone() {
        SourceSlot::Verification { state: JobState::Ended(End::Outcome(outcome)), .. } => *outcome,
        _ => unreachable!("it has ended"),
    };
    warned.verification.as_mut().unwrap().warnings = vec!["rights are wider than needed".to_owned()];
    samples.extend([
        sample("first-verification", observation(json!({}), &None, job(JobState::Running))),
        sample("verified-with-warnings", observation(json!({}), &None, ended(warned))),
        sample("changed", changed),
        sample("verified-again", observation(json!({}), &known, job(JobState::Running))),
        sample("suspended", observation(json!({ "suspend": true }), &known, good.clone())),
        sample("suspended-before-it-was-verified", observation(json!({ "suspend": true }), &None, SourceSlot::Free)),
        sample("domains-unknown", observation(json!({ "authoritativeDomains": [] }), &None, good)),
        sample("invalid", observation(json!({ "fullPullEvery": "7d" }), &None, SourceSlot::Free)),
        sample("waits-for-its-slot", observation(json!({}), &None, SourceSlot::Busy)),
        verified,
    ]);
    samples
}
