//! Three targets of one schedule, each with a fate of its own, and plans that a pipeline approves by a commit.

use crate::company::{connector, contacts, directory, schedule, stands, volume, write};
use crate::look::{
    apply, ask, ended, event, operation, pass, read, result, run_status, schedule_says, schedule_status, target,
    waiting_digests,
};
use crate::process::Operator;
use crate::support::Space;
use galsync::api::run::OperationKind;
use serde_json::{Value, json};
use std::path::Path;

const TARGETS: [&str; 3] = ["one", "two", "three"];

/// Manages all that Git says, the approved plans included.
fn committed(approved: &[String]) -> Value {
    let mut object = schedule();
    object["spec"]["targets"] = TARGETS.iter().map(|name| json!({ "connectorRef": { "name": name } })).collect();
    object["spec"]["approval"] = json!({ "approvedPlanDigests": approved });
    object
}

/// Somebody renames so many of our contacts by hand.
fn rename(path: &Path, many: usize) {
    let mut document = read(path);
    let objects = document["objects"].as_array_mut().expect("a list");
    for object in objects.iter_mut().filter(|object| object["mark"].is_string()).take(many) {
        object["attributes"]["displayName"] = json!("By Hand");
    }
    write(path, &document);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn one_target_is_unsafe_one_is_down_and_the_third_is_served() {
    let space = Space::new("targets").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let file = |name: &str| volume.join(format!("{name}.json"));
    write(&file("corp"), &directory("corp", 20));
    let operator = Operator::start(&space.name);
    for name in TARGETS {
        write(&file(name), &directory(name, 3));
        space.create(&connector(name), false).await.expect("accepted");
    }
    space.create(&connector("corp"), false).await.expect("accepted");
    apply(&space, &committed(&[])).await;

    // Three first syncs wait. A digest of no plan lets none of them through, and that is told.
    let first = pass(&space, "people", 1).await;
    let three_wait = schedule_status(&space, "people", "three plans wait", |s| s.pending_approvals.len() == 3).await;
    let nobodys = format!("sha256:{}", "0".repeat(64));
    apply(&space, &committed(std::slice::from_ref(&nobodys))).await;
    let told = |s: &galsync::api::schedule::GalSyncScheduleStatus| {
        s.conditions.iter().any(|c| c.type_ == "ApprovalRequired" && c.message.contains("approvedPlanDigests"))
    };
    let told = schedule_status(&space, "people", "it says that the digest is none of these", told).await;
    println!("{}", schedule_says(&space, "people", "ApprovalRequired", "True", "PlanWaits").await);
    assert_eq!(waiting_digests(&told), waiting_digests(&three_wait), "the same plans wait");
    for name in TARGETS {
        assert_eq!(contacts(&file(name)).len(), 0, "nobody approved {name}");
    }

    // The digests of the plans that wait do.
    let mut approved = waiting_digests(&three_wait);
    approved.push(nobodys);
    apply(&space, &committed(&approved)).await;
    let done = ended(&space, &first, "Succeeded").await;
    let said = done.conditions.iter().find(|c| c.type_ == "Approved").expect("it stands");
    assert!(said.status == "True" && said.message.contains("approvedPlanDigests"), "{}", said.message);
    event(&space, &first, "Approved", "approvedPlanDigests").await;
    for name in TARGETS {
        assert_eq!(contacts(&file(name)).len(), 20, "{name}");
    }
    schedule_says(&space, "people", "ApprovalRequired", "False", "NothingWaits").await;

    // Two is down, in three half of the contacts have been renamed by hand, and two people are new.
    let mut down = read(&file("two"));
    down["faults"] = json!({ "failAlways": "Unavailable" });
    write(&file("two"), &down);
    rename(&file("three"), 10);
    write(&file("corp"), &directory("corp", 22));
    ask(&space, "people", "again").await;
    let second = pass(&space, "people", 2).await;
    let waits =
        |s: &galsync::api::run::GalSyncRunStatus| stands(&s.conditions, "Completed", "False", "ApprovalRequired");
    let status = run_status(&space, &second, "only a person is waited for", waits).await;
    let results = TARGETS.map(|name| result(&status, name));
    assert_eq!(results, ["Pushed", "SimulateFailed", "ApprovalRequired"]);
    let failed = operation(&status, OperationKind::Simulate, "two");
    let said = failed.message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("two: {:?}: {said}", failed.reason);
    assert_eq!(failed.reason.as_ref().map(|reason| reason.as_str()), Some("Unreachable"), "{said}");
    let plan = target(&status, "three").plan.clone().expect("a plan");
    let said = plan.unsafe_message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("three: {:?}: {said}", plan.unsafe_reasons);
    assert_eq!(plan.unsafe_reasons.iter().map(|r| r.as_str()).collect::<Vec<_>>(), ["TooManyStrictUpdates"]);
    assert!(said.contains("10 of 20 contacts of corp (50 %)"), "{said}");
    assert_eq!((plan.counts.users.create, plan.counts.users.update), (2, 10));
    let counts = target(&status, "one").plan.as_ref().expect("a plan").counts.users;
    assert_eq!((counts.create, counts.update, counts.unchanged), (2, 0, 20));
    assert_eq!(TARGETS.map(|name| contacts(&file(name)).len()), [22, 20, 20]);

    // The same on the schedule, and as events.
    let status = schedule_status(&space, "people", "three waits", |s| !s.pending_approvals.is_empty()).await;
    let pending: Vec<_> =
        status.pending_approvals.iter().map(|p| (p.target.as_str(), p.run_ref.name.as_str())).collect();
    assert_eq!(pending, [("three", second.as_str())]);
    event(&space, &second, "JobFailed", "Simulate two: Unreachable").await;
    event(&space, &second, "ApprovalRequired", "three: 10 of 20 contacts of corp").await;
    event(&space, "people", "ApprovalRequired", "10 of 20 contacts of corp").await;

    // What was approved stays in Git, and the new digest joins it.
    approved.extend(waiting_digests(&status));
    apply(&space, &committed(&approved)).await;
    let done = ended(&space, &second, "PartiallySucceeded").await;
    assert_eq!(TARGETS.map(|name| result(&done, name)), ["Pushed", "SimulateFailed", "Pushed"]);
    assert_eq!(TARGETS.map(|name| contacts(&file(name)).len()), [22, 20, 22]);
    let said = schedule_says(&space, "people", "Synced", "False", "PartiallySucceeded").await;
    println!("Synced: {said}");
    assert!(said.contains("two: SimulateFailed") && !said.contains("three"), "{said}");
    event(&space, "people", "RunFailed", "PartiallySucceeded").await;
    drop(operator);
    space.remove().await;
}
