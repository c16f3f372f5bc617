//! Pods that do not start: the operation says why, in the cluster's own words. `pod_ends.rs` is about those that do.

use crate::company::{connector, directory, volume, wait_run, write};
use crate::process::Operator;
use crate::support::Space;
use galsync::api::GalSyncRun;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

/// Seconds until a pod that does not start is given up; the cluster tells of most trouble within ten.
const DEADLINE: u32 = 20;

fn pull(name: &str, connector: &str) -> Value {
    json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": name },
        "spec": { "connectorRef": { "name": connector }, "action": "Pull" } })
}

/// What the operation of the run came to: reason and message.
async fn operation(space: &Space, run: &str) -> (String, String) {
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let done = wait_run(&runs, run, "Completed", "True", "").await;
    let operation = done.status.expect("a status").operations.remove(0);
    let text = |text: Option<String>| text.unwrap_or_default();
    (
        text(operation.reason.map(|reason| reason.to_string())),
        text(operation.message.map(|message| message.to_string())),
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn trouble_with_pods_becomes_a_reason() {
    let space = Space::new("trouble").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    write(&volume.join("corp.json"), &directory("corp", 5));
    let with = |name: &str, template: Value| {
        let mut object = connector("corp");
        object["metadata"]["name"] = json!(name);
        object["spec"]["jobTemplate"] = template;
        object
    };
    let missing_key = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": "key" },
        "spec": { "type": "ExchangeOnPremises", "authoritativeDomains": ["corp.example"], "exchangeOnPremises": {
            "ldap": { "urls": ["ldaps://dc1.corp.example"], "credentialsRef": { "name": "half" } } } }
    });
    let secret = serde_json::from_value(json!({ "metadata": { "name": "half" }, "stringData": { "username": "x" } }));
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(space.client.clone(), &space.name);
    secrets.create(&PostParams::default(), &secret.expect("a Secret")).await.expect("made");

    let operator = Operator::with(&space.name, "localhost/galsync:lab", DEADLINE);
    for object in [
        with("node", json!({ "nodeSelector": { "no-such": "node" } })),
        with("account", json!({ "serviceAccountName": "nobody" })),
        missing_key,
    ] {
        space.create(&object, false).await.expect("accepted");
    }
    for connector in ["node", "account", "key"] {
        space.create(&pull(&format!("pull-{connector}"), connector), false).await.expect("accepted");
    }
    for (connector, wanted, said) in
        [("node", "Unschedulable", "node"), ("account", "PodRefused", "nobody"), ("key", "SecretNotFound", "password")]
    {
        let (reason, message) = operation(&space, &format!("pull-{connector}")).await;
        assert!(reason == wanted && message.contains(said), "{connector}: {reason}: {message}");
    }

    // No pod is admitted.
    let quota = json!({ "metadata": { "name": "none" }, "spec": { "hard": { "pods": "0" } } });
    let quotas: Api<ResourceQuota> = Api::namespaced(space.client.clone(), &space.name);
    quotas.create(&PostParams::default(), &serde_json::from_value(quota).expect("a quota")).await.expect("made");
    space.create(&connector("corp"), false).await.expect("accepted");
    space.create(&pull("pull-quota", "corp"), false).await.expect("accepted");
    let (reason, message) = operation(&space, "pull-quota").await;
    assert!(reason == "PodRefused" && message.contains("exceeded quota"), "{reason}: {message}");
    quotas.delete("none", &DeleteParams::default()).await.expect("removed");
    drop(operator);

    // An image that no node has.
    let operator = Operator::with(&space.name, "localhost/no-such-image:0", DEADLINE);
    space.create(&pull("pull-image", "corp"), false).await.expect("accepted");
    let (reason, message) = operation(&space, "pull-image").await;
    assert!(reason == "ImageUnavailable" && message.contains("no-such-image"), "{reason}: {message}");
    drop(operator);
    space.remove().await;
}
