//! The operator at work: real Jobs on a real cluster, against the reference directory on the store's volume.
//! Needs the image of this source tree on the nodes (`make image-lab`), by default as `localhost/galsync:lab`.

use crate::company::{
    approve, condition, connector, contacts, directory, schedule, stands, volume, wait_run, within, write,
};
use crate::look::{ask, pass};
use crate::process::Operator;
use crate::support::Space;
use crate::support::await_condition;
use galsync::api::reasons::RunTargetResult;
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_pass_is_carried_out_by_jobs() {
    let space = Space::new("pass").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    write(&volume.join("corp.json"), &directory("corp", 30));
    write(&volume.join("fab.json"), &directory("fab", 10));
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let schedules: Api<GalSyncSchedule> = Api::namespaced(space.client.clone(), &space.name);
    let operator = Operator::start(&space.name);
    for object in [connector("corp"), connector("fab"), schedule()] {
        space.create(&object, false).await.expect("accepted");
    }

    // The first push of a pair always waits for a person.
    let first = pass(&space, "people", 1).await;
    let waiting = wait_run(&runs, &first, "Approved", "Unknown", "ApprovalRequired").await;
    let status = waiting.status.expect("a status");
    let plan = status.targets[0].plan.clone().expect("a plan");
    assert_eq!((plan.counts.users.create, plan.unsafe_reasons[0].as_str()), (30, "FirstSync"));
    assert_eq!(contacts(&volume.join("fab.json")).len(), 0, "nothing is written before the decision");

    // The operator dies, a person decides meanwhile, and another operator goes on.
    operator.kill();
    let decision = json!({ "spec": { "decisions": [
        { "planDigest": plan.digest, "verdict": "Approve", "by": "the test" }] } });
    runs.patch(&first, &PatchParams::default(), &Patch::Merge(&decision)).await.expect("the decision is taken");
    let operator = Operator::start(&space.name);
    let done = wait_run(&runs, &first, "Completed", "True", "Succeeded").await;
    assert_eq!(contacts(&volume.join("fab.json")).len(), 30);
    let operations = done.status.expect("a status").operations;
    assert_eq!(operations.len(), 3, "pull, simulate, push");
    assert!(operations.iter().all(|operation| operation.attempts == 1 && operation.counters.is_some()));

    // Asked for another pass: nothing is left to do, and no push Job is made.
    ask(&space, "people", "again").await;
    let second = pass(&space, "people", 2).await;
    let done = wait_run(&runs, &second, "Completed", "True", "Succeeded").await;
    let status = done.status.expect("a status");
    assert_eq!(status.targets[0].result, Some(RunTargetResult::InSync));
    assert_eq!(status.operations.len(), 2, "pull, simulate");
    let jobs: Api<Job> = Api::namespaced(space.client.clone(), &space.name);
    let left: Vec<String> =
        jobs.list(&ListParams::default()).await.expect("jobs").items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(left, ["corp-source", "fab-source", "fab-target"], "one Job a slot, for kubectl logs");

    let synced = |schedule: Option<&GalSyncSchedule>| {
        schedule.and_then(|schedule| schedule.status.as_ref()).is_some_and(|status| {
            stands(&status.conditions, "Synced", "True", "Succeeded") && status.history.len() == 2
        })
    };
    within("the schedule says so", 30, await_condition(schedules, "people", synced)).await;
    drop(operator);
    space.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_missing_secret_becomes_a_reason() {
    let space = Space::new("secret").await;
    let Some(_volume) = volume(&space).await else { return space.remove().await };
    let operator = Operator::start(&space.name);
    let object = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": "corp" },
        "spec": { "type": "ExchangeOnPremises", "authoritativeDomains": ["corp.example"], "exchangeOnPremises": {
            "ldap": { "urls": ["ldaps://dc1.corp.example"], "credentialsRef": { "name": "nobody-made-this" } } } }
    });
    space.create(&object, false).await.expect("accepted");
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let wanted = |connector: Option<&GalSyncConnector>| {
        let status = connector.and_then(|connector| connector.status.as_ref());
        status.is_some_and(|status| stands(&status.conditions, "Ready", "False", "SecretNotFound"))
    };
    let connector = within("Ready=False SecretNotFound", 120, await_condition(connectors, "corp", wanted)).await;
    let conditions = connector.and_then(|connector| connector.status).expect("a status").conditions;
    let message = &condition(&conditions, "Ready").expect("it stands").message;
    assert!(message.contains("nobody-made-this"), "{message}");
    drop(operator);
    space.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn an_approved_plan_is_written_as_far_as_it_still_fits() {
    let space = Space::new("drift").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let (corp, fab) = (volume.join("corp.json"), volume.join("fab.json"));
    let mut people = directory("corp", 10);
    write(&corp, &people);
    write(&fab, &directory("fab", 10));
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let operator = Operator::start(&space.name);
    for object in [connector("corp"), connector("fab"), schedule()] {
        space.create(&object, false).await.expect("accepted");
    }
    let first = pass(&space, "people", 1).await;
    wait_run(&runs, &first, "Approved", "Unknown", "ApprovalRequired").await;

    // While the plan of ten waits: one leaves, one gets another name, one comes, and the target gives an address away.
    let objects = people["objects"].as_array_mut().expect("a list");
    objects.remove(0);
    objects[0]["attributes"]["displayName"] = json!("Somebody Else");
    objects.push(json!({ "anchor": "corp-new", "recipientType": "UserMailbox", "primary": "new@corp.example",
        "attributes": { "displayName": "New" } }));
    write(&corp, &people);
    let mut target: serde_json::Value = serde_json::from_slice(&std::fs::read(&fab).expect("a file")).expect("JSON");
    target["objects"].as_array_mut().expect("a list").push(json!({ "anchor": "fab-group",
        "recipientType": "DistributionGroup", "primary": "team@fab.example", "secondary": ["person5@corp.example"] }));
    write(&fab, &target);
    // The push plans from the snapshot that the plan was made from, unless a later pull has read the source anew.
    let pull = json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": "pull-again" },
        "spec": { "connectorRef": { "name": "corp" }, "action": "Pull" } });
    space.create(&pull, false).await.expect("accepted");
    wait_run(&runs, "pull-again", "Completed", "True", "Succeeded").await;
    approve(&runs, &first).await;
    let done = wait_run(&runs, &first, "Completed", "True", "").await;
    let status = done.status.expect("a status");
    let message = &condition(&status.conditions, "Completed").expect("it stands").message;
    println!("{message}; {:?}", status.operations.last().and_then(|operation| operation.message.clone()));
    let pushed = contacts(&fab);
    assert!(!pushed.iter().any(|address| address == "new@corp.example"), "nobody approved the new one: {pushed:?}");
    assert!(!pushed.iter().any(|address| address == "person5@corp.example"), "a group has the address: {pushed:?}");
    assert!(pushed.len() >= 7, "what still fits is written: {pushed:?}");

    ask(&space, "people", "again").await;
    let second = pass(&space, "people", 2).await;
    wait_run(&runs, &second, "Completed", "True", "").await;
    let settled = contacts(&fab);
    let wanted = ["new", "person1", "person2", "person3", "person4", "person6", "person7", "person8", "person9"];
    let wanted: Vec<String> = wanted.iter().map(|name| format!("{name}@corp.example")).collect();
    let shown: Vec<&String> = settled.iter().filter(|address| *address != "person0@corp.example").collect();
    assert_eq!(shown, wanted.iter().collect::<Vec<_>>(), "the next pass does the rest");
    drop(operator);
    space.remove().await;
}
