//! The conditions that a run can have, for the judges of GitOps tools.

use super::*;

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
        cluster.answer(&digest, verdict);
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
