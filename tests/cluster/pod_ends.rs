//! Pods that are ended from outside while their program runs.

use crate::company::{connector, directory, volume, write};
use crate::look::{apply, connector_says, ended, event, operation, read};
use crate::process::Operator;
use crate::support::Space;
use galsync::api::run::OperationKind;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, EvictParams, ListParams};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn pull(name: &str) -> Value {
    json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": name },
        "spec": { "connectorRef": { "name": "corp" }, "action": "Pull" } })
}

fn slow(path: &Path, milliseconds: u64) {
    let mut document = read(path);
    document["faults"] = json!({ "delayMilliseconds": milliseconds });
    write(path, &document);
}

/// The run's pod once its program runs; one that is not `but`.
async fn running_pod(space: &Space, run: &str, but: &str) -> String {
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), &space.name);
    let parameters = ListParams::default().labels(&format!("galsync.dev/run={run}"));
    for _ in 0..600 {
        for pod in pods.list(&parameters).await.expect("pods can be listed") {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            if phase == Some("Running") && pod.name_any() != but && pod.metadata.deletion_timestamp.is_none() {
                return pod.name_any();
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no pod of {run} runs");
}

/// Seconds until a pod that does not start is given up.
const DEADLINE: u32 = 15;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn an_operation_whose_pod_is_evicted_late_is_done_by_another() {
    let space = Space::new("evicted").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let corp = volume.join("corp.json");
    write(&corp, &directory("corp", 5));
    slow(&corp, 6_000);
    let operator = Operator::with(&space.name, "localhost/galsync:lab", DEADLINE);
    space.create(&connector("corp"), false).await.expect("accepted");
    space.create(&pull("pull"), false).await.expect("accepted");
    let first = running_pod(&space, "pull", "").await;
    // The Job has had a pod for longer than one may take to start.
    tokio::time::sleep(Duration::from_secs(u64::from(DEADLINE))).await;
    // As `kubectl drain` does it.
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), &space.name);
    pods.evict(&first, &EvictParams::default()).await.expect("evicted");
    let second = running_pod(&space, "pull", &first).await;
    println!("{first} was evicted, {second} came");
    let status = ended(&space, "pull", "Succeeded").await;
    println!("{:?}", operation(&status, OperationKind::Pull, "corp"));
    drop(operator);
    space.remove().await;
}

fn with_memory(limit: &str) -> Value {
    let mut object = connector("corp");
    object["spec"]["jobTemplate"] =
        json!({ "resources": { "requests": { "memory": "16Mi" }, "limits": { "memory": limit } } });
    object
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_job_that_needs_more_memory_than_it_may_have_says_so() {
    let space = Space::new("memory").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    // The reference directory holds all of its objects in memory.
    write(&volume.join("corp.json"), &directory("corp", 40_000));
    let operator = Operator::start(&space.name);
    apply(&space, &with_memory("32Mi")).await;
    space.create(&pull("pull"), false).await.expect("accepted");
    let status = ended(&space, "pull", "Failed").await;
    let failed = operation(&status, OperationKind::Pull, "corp");
    let said = failed.message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("{:?}: {said}", failed.reason);
    assert_eq!(failed.reason.as_ref().map(|reason| reason.as_str()), Some("OutOfMemory"), "{said}");
    assert!(said.contains("jobTemplate.resources.limits.memory"), "{said}");
    assert_eq!(failed.attempts, 1, "it would end in the same way");
    event(&space, "pull", "JobFailed", "OutOfMemory").await;
    let said = connector_says(&space, "corp", "False", "OutOfMemory").await;
    assert!(said.contains("limits.memory"), "{said}");

    apply(&space, &with_memory("1Gi")).await;
    connector_says(&space, "corp", "True", "Verified").await;
    space.create(&pull("again"), false).await.expect("accepted");
    ended(&space, "again", "Succeeded").await;
    drop(operator);
    space.remove().await;
}
