//! Two schedules that write one source into one target: it is shown, and does no harm.

use crate::company::{approve, connector, contacts, directory, schedule, volume, write};
use crate::look::{ask, ended, event, pass, patch, result, runs, schedule_says, target, writes};
use crate::process::Operator;
use crate::support::Space;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn two_schedules_into_one_target_are_shown_and_take_nothing_from_each_other() {
    let space = Space::new("twice").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let fab = volume.join("fab.json");
    write(&volume.join("corp.json"), &directory("corp", 10));
    write(&fab, &directory("fab", 3));
    let operator = Operator::start(&space.name);
    for object in [connector("corp"), connector("fab"), schedule()] {
        space.create(&object, false).await.expect("accepted");
    }
    let first = pass(&space, "people", 1).await;
    approve(&runs(&space), &first).await;
    ended(&space, &first, "Succeeded").await;
    schedule_says(&space, "people", "Consistent", "True", "NoContradiction").await;
    let written = writes(&fab);

    let mut again = schedule();
    again["metadata"]["name"] = json!("again");
    space.create(&again, false).await.expect("accepted");
    for (one, other) in [("people", "again"), ("again", "people")] {
        let said = schedule_says(&space, one, "Consistent", "False", "SourceWrittenTwice").await;
        println!("{one}: {said}");
        assert!(said.contains(&format!("schedule {other} writes source corp into target fab as well")), "{said}");
        event(&space, one, "SourceWrittenTwice", other).await;
    }

    // The second one finds everybody's address taken; the first one keeps its contacts.
    let second = pass(&space, "again", 1).await;
    let status = ended(&space, &second, "Succeeded").await;
    assert_eq!(result(&status, "fab"), "InSync");
    let plan = target(&status, "fab").plan.clone().expect("a plan");
    println!("again: {:?} {:?}", plan.counts.users, plan.reasons);
    assert_eq!(plan.reasons.get("HeldByOtherSync"), Some(&10), "{:?}", plan.reasons);
    assert_eq!((plan.counts.users.create, plan.counts.users.conflict), (0, 10));
    ask(&space, "people", "again").await;
    let third = pass(&space, "people", 2).await;
    assert_eq!(result(&ended(&space, &third, "Succeeded").await, "fab"), "InSync");
    assert_eq!((contacts(&fab).len(), writes(&fab)), (10, written), "nothing was written");

    // One of them rests: there is no contradiction any more.
    patch(&space, "again", &json!({ "spec": { "suspend": true } })).await;
    schedule_says(&space, "people", "Consistent", "True", "NoContradiction").await;
    schedule_says(&space, "again", "Ready", "True", "Suspended").await;
    drop(operator);
    space.remove().await;
}
