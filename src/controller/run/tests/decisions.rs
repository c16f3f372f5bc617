//! Plans that wait: for a decision, for a later plan, for the end of a freeze window.

use super::*;

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

    cluster.answer(&digest, "Approve");
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
            cluster.answer(&digest, verdict);
        }
        cluster.now += SignedDuration::from_hours(24 * days);
        assert!(cluster.look().is_empty());
        assert!(is_completed(&cluster.run), "{reason}");
        assert_eq!(cluster.reason(types::APPROVED), pair("False", reason));
        assert_eq!(cluster.reason(types::SUCCEEDED).0, "False");
    }
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
        let read = crate::resolve::read_scope(connector, &cluster.schedules, &owner).unwrap();
        let mut outcome = succeeded(CREATED, CREATED);
        outcome.source = Some(SourceCounts { fingerprint: checked.fingerprint(&read), ..source_counts(&name) });
        let pull = wire::last_pull_of("earlier", &outcome, outcome.source.as_ref().unwrap());
        connector.status.get_or_insert_default().last_pull = Some(pull);
    }
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    cluster.answer(&digest, "Approve");
    assert_eq!(cluster.look(), ["Push c #1"]);
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
    cluster.answer(&digest, "Reject");
    cluster.look();
    assert_eq!(cluster.reason(types::APPROVED), pair("False", "Rejected"));
}

#[test]
fn an_approved_plan_waits_for_the_end_of_a_freeze_window() {
    let mut cluster = Cluster::push();
    // 14 November 2023, 22:13, in a window that began at noon.
    cluster.schedules[0].spec.freeze =
        serde_json::from_value(json!([{ "schedule": "0 12 14 11 *", "duration": "24h" }])).unwrap();
    let digest = waiting(&mut cluster, 2);
    assert_eq!(cluster.reason(types::APPROVED), pair("Unknown", "ApprovalRequired"));
    cluster.answer(&digest, "Approve");
    assert!(cluster.look().is_empty());
    assert_eq!(cluster.reason(types::COMPLETED), pair("False", "WaitingForFreezeEnd"));
    assert!(rests(&cluster.run));
    cluster.now += SignedDuration::from_hours(14);
    assert_eq!(cluster.look(), ["remove c-target"]);
    assert_eq!(cluster.look(), ["Push c #1"]);
}
