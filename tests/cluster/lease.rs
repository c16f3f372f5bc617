//! Two operators: one works, the other goes on in its place.

use crate::support::Space;
use crate::support::await_condition;
use galsync::api::GalSyncConnector;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The operator as a process of this machine; it ends with the value.
struct Operator {
    process: Child,
    url: String,
}

impl Operator {
    fn start(namespace: &str, name: &str) -> Self {
        // Free now; nobody else on this machine asks for it in the next moment.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = listener.local_addr().expect("it has an address").to_string();
        drop(listener);
        let process = Command::new(env!("CARGO_BIN_EXE_galsync"))
            .args(["operator", "--owner-id", "test", "--job-image", "localhost/galsync:lab", "--listen", &listen])
            .args(["--watch-namespace", namespace, "--lease-namespace", namespace, "--lease-holder", name])
            .stdin(Stdio::null())
            .spawn()
            .expect("the operator starts");
        Self { process, url: format!("http://{listen}") }
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Waits until `/readyz` says so.
    async fn until(&self, wanted: &str) {
        let since = Instant::now();
        let mut last = None;
        while since.elapsed() < Duration::from_secs(90) {
            last = self.get("/readyz").await;
            if last.as_ref().is_some_and(|(status, text)| *status == 200 && text.trim() == wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("wanted {wanted:?}, last heard {last:?}");
    }

    async fn leads(&self) -> bool {
        let (_, metrics) = self.get("/metrics").await.expect("metrics are served");
        metrics.lines().any(|line| line == "galsync_operator_leader 1")
    }

    async fn ended(&mut self) -> ExitStatus {
        for _ in 0..300 {
            if let Some(status) = self.process.try_wait().expect("its state can be read") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the operator did not end");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connector that needs no Job to have a status.
async fn suspended_connector_is_seen(space: &Space, name: &str) {
    let object = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": name },
        "spec": { "type": "Memory", "memory": { "path": "/nowhere" }, "suspend": true }
    });
    space.create(&object, false).await.expect("accepted");
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let seen = |connector: Option<&GalSyncConnector>| {
        connector.and_then(|connector| connector.status.as_ref()).is_some_and(|status| !status.conditions.is_empty())
    };
    let wait = await_condition(connectors, name, seen);
    tokio::time::timeout(Duration::from_secs(90), wait).await.expect("in time").expect("it has a status");
}

/// Versions of all that the operator could write in the namespace, the Lease apart.
async fn versions(client: &Client, namespace: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in [
        "apis/galsync.dev/v1alpha1/namespaces/{}/galsyncconnectors",
        "apis/galsync.dev/v1alpha1/namespaces/{}/galsyncschedules",
        "apis/galsync.dev/v1alpha1/namespaces/{}/galsyncruns",
        "apis/batch/v1/namespaces/{}/jobs",
        "apis/events.k8s.io/v1/namespaces/{}/events",
        "api/v1/namespaces/{}/configmaps",
        "api/v1/namespaces/{}/serviceaccounts",
        "api/v1/namespaces/{}/persistentvolumeclaims",
    ] {
        let request = http::Request::get(format!("/{}", path.replace("{}", namespace))).body(Vec::new());
        let list: Value = client.request(request.expect("a request")).await.expect("a list");
        for object in list["items"].as_array().expect("items") {
            let metadata = &object["metadata"];
            found.insert(format!("{path} {}", metadata["name"]), metadata["resourceVersion"].to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server, see docs/lab.md"]
async fn of_two_operators_one_works_and_the_other_goes_on() {
    let space = Space::new("lease").await;
    let first = Operator::start(&space.name, "first");
    first.until("leads").await;
    let mut second = Operator::start(&space.name, "second");
    second.until("stands by").await;
    assert!(first.leads().await && !second.leads().await);
    suspended_connector_is_seen(&space, "a").await;

    // At rest nothing is written but the Lease.
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), &space.name);
    let before = versions(&space.client, &space.name).await;
    let renewed = leases.get("galsync-operator").await.expect("the Lease").resource_version();
    let again = await_condition(leases.clone(), "galsync-operator", |lease: Option<&Lease>| {
        lease.is_some_and(|lease| lease.resource_version() != renewed)
    });
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("in time").expect("renewed");
    assert_eq!(versions(&space.client, &space.name).await, before);

    // One that is killed is followed when its Lease has run out.
    drop(first);
    second.until("leads").await;
    suspended_connector_is_seen(&space, "b").await;

    // One that is asked to end gives it back.
    let mut third = Operator::start(&space.name, "third");
    third.until("stands by").await;
    let asked = Command::new("kill").arg(second.process.id().to_string()).status().expect("kill runs");
    assert!(asked.success() && second.ended().await.success(), "ends well when it is asked to");
    third.until("leads").await;

    // One that loses it ends at once, and not well.
    let stolen = json!({ "spec": { "holderIdentity": "somebody" } });
    leases.patch("galsync-operator", &PatchParams::default(), &Patch::Merge(&stolen)).await.expect("patched");
    assert_eq!(third.ended().await.code(), Some(1));
    space.remove().await;
}
