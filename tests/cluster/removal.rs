//! `deletionPolicy: Delete` on a real cluster: contacts go before their schedule, and nothing hangs without a way out.

use crate::company::{approve, connector, contacts, directory, schedule, stands, volume, wait_run, within, write};
use crate::look::pass;
use crate::process::Operator;
use crate::support::Space;
use crate::support::await_condition;
use galsync::api::{GalSyncRun, GalSyncSchedule};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::conditions::is_deleted;
use serde_json::json;
use std::path::Path;

/// The name of a run that removes contacts, as soon as there is one.
async fn removal_run(space: &Space) -> String {
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    for _ in 0..300 {
        let list = runs.list(&ListParams::default()).await.expect("runs can be listed");
        let found = list.items.iter().find(|run| run.spec.action.name() == "Remove");
        if let Some(run) = found {
            return run.name_any();
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("no run removes contacts");
}

/// 20 people of corp as contacts in fab, held by the finalizer.
async fn synced(space: &Space, volume: &Path) -> Api<GalSyncSchedule> {
    write(&volume.join("corp.json"), &directory("corp", 20));
    write(&volume.join("fab.json"), &directory("fab", 3));
    let mut object = schedule();
    object["spec"]["deletionPolicy"] = json!("Delete");
    for object in [connector("corp"), connector("fab"), object] {
        space.create(&object, false).await.expect("accepted");
    }
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let schedules: Api<GalSyncSchedule> = Api::namespaced(space.client.clone(), &space.name);
    let first = pass(space, "people", 1).await;
    approve(&runs, &first).await;
    wait_run(&runs, &first, "Completed", "True", "Succeeded").await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 20);
    let held = schedules.get("people").await.expect("it is there");
    assert_eq!(held.finalizers(), ["galsync.dev/remove-contacts"]);
    schedules
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn contacts_go_before_their_schedule() {
    let space = Space::new("removal").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let operator = Operator::start(&space.name);
    let schedules = synced(&space, &volume).await;

    // In the foreground, as Argo CD does it: what the schedule owns goes at once, the removal's run does not.
    let uid = schedules.get("people").await.expect("it is there").uid().expect("it has a UID");
    schedules.delete("people", &DeleteParams::foreground()).await.expect("it can be deleted");
    let run = removal_run(&space).await;
    let says_so = |schedule: Option<&GalSyncSchedule>| {
        schedule.and_then(|schedule| schedule.status.as_ref()).is_some_and(|status| {
            stands(&status.conditions, "Ready", "False", "Deleting")
                && stands(&status.conditions, "ApprovalRequired", "True", "PlanWaits")
        })
    };
    within("the schedule says so", 120, await_condition(schedules.clone(), "people", says_so)).await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 20, "nothing goes unasked");
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    approve(&runs, &run).await;
    within("the schedule is gone", 120, await_condition(schedules.clone(), "people", is_deleted(&uid))).await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 0);
    wait_run(&runs, &run, "Completed", "True", "Succeeded").await;
    drop(operator);
    space.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn what_is_deleted_in_another_way_hangs_on_nothing() {
    let space = Space::new("orphans").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let operator = Operator::start(&space.name);
    let schedules = synced(&space, &volume).await;
    let uid = schedules.get("people").await.expect("it is there").uid().expect("it has a UID");
    // The connector goes first, as with `kubectl delete -f`: the removal cannot be, and the schedule says so.
    space.delete(&connector("fab")).await;
    schedules.delete("people", &DeleteParams::default()).await.expect("it can be deleted");
    let stuck = |schedule: Option<&GalSyncSchedule>| {
        let status = schedule.and_then(|schedule| schedule.status.as_ref());
        status.is_some_and(|status| stands(&status.conditions, "Stalled", "True", "RemovalFailed"))
    };
    let schedule = within("it says so", 120, await_condition(schedules.clone(), "people", stuck)).await;
    let conditions = schedule.and_then(|schedule| schedule.status).expect("a status").conditions;
    let stalled = conditions.iter().find(|condition| condition.type_ == "Stalled").expect("it stands");
    assert!(stalled.message.contains("there is no connector fab"), "{}", stalled.message);
    assert!(stalled.message.contains("galsync.dev/orphan-contacts"), "{}", stalled.message);
    let orphans = Patch::Merge(json!({ "metadata": { "annotations": { "galsync.dev/orphan-contacts": "true" } } }));
    schedules.patch("people", &PatchParams::default(), &orphans).await.expect("annotated");
    within("the schedule is gone", 60, await_condition(schedules.clone(), "people", is_deleted(&uid))).await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 20, "let go: they stay");

    // A namespace that goes takes all along, also a schedule that is held.
    let mut object = crate::company::schedule();
    object["spec"]["deletionPolicy"] = json!("Delete");
    object["spec"]["suspend"] = json!(true);
    space.create(&object, false).await.expect("accepted");
    let held = |schedule: Option<&GalSyncSchedule>| schedule.is_some_and(|schedule| !schedule.finalizers().is_empty());
    within("it is held", 60, await_condition(schedules.clone(), "people", held)).await;
    let namespaces: Api<Namespace> = Api::all(space.client.clone());
    let uid = namespaces.get(&space.name).await.expect("it is there").uid().expect("it has a UID");
    namespaces.delete(&space.name, &DeleteParams::default()).await.expect("it can be deleted");
    within("the namespace is gone", 120, await_condition(namespaces, &space.name, is_deleted(&uid))).await;
    drop(operator);
}

/// A target that is taken out of the schedule is cleared, and a run that is deleted in flight leaves no slot taken.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_target_that_leaves_is_cleared() {
    let space = Space::new("leaves").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let operator = Operator::start(&space.name);
    let schedules = synced(&space, &volume).await;
    write(&volume.join("other.json"), &directory("other", 3));
    space.create(&connector("other"), false).await.expect("accepted");
    let other = json!({ "spec": { "targets": [{ "connectorRef": { "name": "other" } }] } });
    schedules.patch("people", &PatchParams::default(), &Patch::Merge(&other)).await.expect("patched");
    let run = removal_run(&space).await;
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    // Somebody deletes the run while it waits: another one is made.
    wait_run(&runs, &run, "Approved", "Unknown", "ApprovalRequired").await;
    let uid = runs.get(&run).await.expect("it is there").uid().expect("it has a UID");
    runs.delete(&run, &DeleteParams::default()).await.expect("it can be deleted");
    within("the run is gone", 60, await_condition(runs.clone(), &run, is_deleted(&uid))).await;
    let run = removal_run(&space).await;
    approve(&runs, &run).await;
    wait_run(&runs, &run, "Completed", "True", "Succeeded").await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 0);
    let forgotten = |schedule: Option<&GalSyncSchedule>| {
        let status = schedule.and_then(|schedule| schedule.status.as_ref());
        status.is_some_and(|status| status.targets.iter().all(|target| target.connector.as_str() != "fab"))
    };
    within("it is forgotten", 60, await_condition(schedules.clone(), "people", forgotten)).await;
    let orphans = json!({ "spec": { "deletionPolicy": "Orphan" } });
    schedules.patch("people", &PatchParams::default(), &Patch::Merge(&orphans)).await.expect("patched");
    let free = |schedule: Option<&GalSyncSchedule>| schedule.is_some_and(|schedule| schedule.finalizers().is_empty());
    within("it is held no more", 60, await_condition(schedules, "people", free)).await;
    drop(operator);
    space.remove().await;
}
