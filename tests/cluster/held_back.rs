//! What holds a pass back: a freeze window, removals beyond a limit, protected addresses, suspension.

use crate::company::{approve, connector, contacts, directory, schedule, stands, volume, write};
use crate::look::{ask, ended, event, pass, patch, result, run_status, runs, schedule_says, schedule_status, target};
use crate::process::Operator;
use crate::support::{Space, merge};
use galsync::api::GalSyncConnector;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

/// A window that begins anew every minute: it is open whenever this runs.
fn frozen() -> Value {
    json!({ "spec": { "freeze": [{ "schedule": "* * * * *", "duration": "1h" }] } })
}

fn thawed() -> Value {
    json!({ "spec": { "freeze": null } })
}

async fn suspend(space: &Space, connector: &str, is: bool) {
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let change = Patch::Merge(json!({ "spec": { "suspend": is } }));
    connectors.patch(connector, &PatchParams::default(), &change).await.expect("patched");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn freeze_limits_protection_and_suspension_hold_what_they_say() {
    let space = Space::new("held").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let (corp, fab) = (volume.join("corp.json"), volume.join("fab.json"));
    write(&corp, &directory("corp", 20));
    write(&fab, &directory("fab", 3));
    let operator = Operator::start(&space.name);
    let mut object = schedule();
    merge(&mut object, &frozen());
    object["spec"]["removal"] = json!({ "hideFor": "0s" });
    object["spec"]["safety"] = json!({ "onExceeded": "HoldDeletes", "protected": ["person0@corp.example"] });
    for object in [connector("corp"), connector("fab"), object] {
        space.create(&object, false).await.expect("accepted");
    }

    // Approved within a window: nothing is written before its end.
    let first = pass(&space, "people", 1).await;
    approve(&runs(&space), &first).await;
    let waits =
        |s: &galsync::api::run::GalSyncRunStatus| stands(&s.conditions, "Completed", "False", "WaitingForFreezeEnd");
    let status = run_status(&space, &first, "waits for the window's end", waits).await;
    let said = target(&status, "fab").message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("frozen: {said}");
    assert!(said.contains("a freeze window: the push begins at 20"), "{said}");
    event(&space, &first, "WaitingForFreezeEnd", "freeze window").await;
    assert_eq!(contacts(&fab).len(), 0);
    patch(&space, "people", &thawed()).await;
    ended(&space, &first, "Succeeded").await;
    assert_eq!(contacts(&fab).len(), 20);

    // Seven leave, one of them protected, and two come. In a window even the two are put off.
    let mut company = directory("corp", 22);
    company["objects"].as_array_mut().expect("a list").drain(..7);
    write(&corp, &company);
    patch(&space, "people", &frozen()).await;
    ask(&space, "people", "frozen").await;
    let second = pass(&space, "people", 2).await;
    let status = ended(&space, &second, "Succeeded").await;
    assert_eq!(result(&status, "fab"), "Frozen");
    assert_eq!(contacts(&fab).len(), 20, "nothing is pushed in a window");

    // Afterwards the two are made, and the removals are held.
    patch(&space, "people", &thawed()).await;
    ask(&space, "people", "thawed").await;
    let third = pass(&space, "people", 3).await;
    let status = ended(&space, &third, "Succeeded").await;
    assert_eq!(result(&status, "fab"), "Pushed");
    let said = schedule_says(&space, "people", "RemovalsHeld", "True", "LimitExceeded").await;
    println!("held: {said}");
    assert!(said.contains("fab: 6 hides and deletes are held") && said.contains("1 contacts are protected"), "{said}");
    event(&space, "people", "RemovalsHeld", "6 hides and deletes").await;
    assert_eq!(contacts(&fab).len(), 22);

    // While schedule or connector is suspended no pass begins, whoever asks.
    patch(&space, "people", &json!({ "spec": { "suspend": true } })).await;
    schedule_says(&space, "people", "Ready", "True", "Suspended").await;
    ask(&space, "people", "suspended").await;
    suspend(&space, "fab", true).await;
    let said = schedule_says(&space, "people", "Ready", "False", "ConnectorSuspended").await;
    assert!(said.contains("connector fab is suspended"), "{said}");
    let raised = json!({ "spec": { "suspend": false, "safety": { "maxDeletePercent": 100 } } });
    patch(&space, "people", &raised).await;
    let generation = crate::look::schedules(&space).get("people").await.expect("it is there").metadata.generation;
    let seen = schedule_status(&space, "people", "the raised limit is seen", |s| s.observed_generation == generation);
    assert_eq!(seen.await.pass_number, 3, "the connector is suspended still");

    // The wish waited; with the raised limit those who left go, and the protected one stays.
    suspend(&space, "fab", false).await;
    let fourth = pass(&space, "people", 4).await;
    let status = ended(&space, &fourth, "Succeeded").await;
    assert_eq!(result(&status, "fab"), "Pushed");
    let said = schedule_says(&space, "people", "RemovalsHeld", "True", "Protected").await;
    assert!(said.contains("fab: 1 contacts are protected"), "{said}");
    let left = contacts(&fab);
    assert_eq!(left.len(), 16);
    assert!(left.iter().any(|address| address == "person0@corp.example"), "{left:?}");
    drop(operator);
    space.remove().await;
}
