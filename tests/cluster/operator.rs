//! The operator at work: real Jobs on a real cluster, against the reference directory on the store's volume.
//! Needs the image of this source tree on the nodes (`make image-lab`), by default as `localhost/galsync:lab`.

use crate::support::Space;
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The operator as a process of this machine; it ends with the value.
struct Operator(Child);

impl Operator {
    fn start(namespace: &str) -> Self {
        let image = std::env::var("GALSYNC_TEST_IMAGE").unwrap_or_else(|_| "localhost/galsync:lab".to_owned());
        let child = Command::new(env!("CARGO_BIN_EXE_galsync"))
            .args(["operator", "--owner-id", "test", "--listen", "127.0.0.1:0", "--job-start-deadline", "45"])
            .args(["--job-image", &image, "--job-image-pull-policy", "IfNotPresent", "--watch-namespace", namespace])
            .args(["--lease-namespace", namespace])
            .stdin(Stdio::null())
            .spawn()
            .expect("the operator starts");
        Self(child)
    }

    /// As a node that loses power would do it.
    fn kill(mut self) {
        self.0.kill().expect("the operator runs");
        self.0.wait().expect("it has ended");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn run_conditions(run: Option<&GalSyncRun>) -> &[Condition] {
    run.and_then(|run| run.status.as_ref()).map(|status| status.conditions.as_slice()).unwrap_or_default()
}

/// Whether a condition has a status, and a reason where one is named.
fn stands(conditions: &[Condition], kind: &str, status: &str, reason: &str) -> bool {
    condition(conditions, kind).is_some_and(|c| c.status == status && (reason.is_empty() || c.reason == reason))
}

/// The folder of the store's volume, where it is one of this machine: the claim is made and bound to it.
async fn volume(space: &Space) -> Option<PathBuf> {
    let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
    let found =
        volumes.list(&ListParams::default()).await.expect("volumes can be listed").items.into_iter().find_map(|v| {
            let spec = v.spec.as_ref()?;
            let free = v.status.as_ref()?.phase.as_deref() == Some("Available");
            let path = PathBuf::from(&spec.local.as_ref()?.path);
            let class = spec.storage_class_name.clone()?;
            (free && path.is_dir() && !class.ends_with("small")).then(|| (v.name_any(), class, path))
        });
    let Some((name, class, path)) = found else {
        assert!(std::env::var_os("CI").is_none(), "the lab has no free volume; lab/volumes.sh reset makes some");
        eprintln!("SKIPPED: no free local volume of this machine");
        return None;
    };
    for entry in std::fs::read_dir(&path).expect("the volume can be read") {
        let path = entry.expect("an entry").path();
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.expect("the volume can be emptied");
    }
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": { "name": "galsync-store" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeName": name,
            "resources": { "requests": { "storage": "1Gi" } } }
    }))
    .expect("a claim");
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(space.client.clone(), &space.name);
    claims.create(&PostParams::default(), &claim).await.expect("the claim can be made");
    Some(path)
}

fn write(path: &Path, document: &Value) {
    std::fs::write(path, serde_json::to_vec_pretty(document).expect("plain data")).expect("the volume can be written");
    std::os::unix::fs::chown(path, Some(65_532), Some(65_532)).expect("only root can run this test");
}

fn directory(company: &str, people: usize) -> Value {
    let person = |number: usize| {
        json!({ "anchor": format!("{company}-{number}"), "recipientType": "UserMailbox",
            "primary": format!("person{number}@{company}.example"),
            "attributes": { "displayName": format!("Person {number}"), "surname": number.to_string() } })
    };
    let objects: Vec<Value> = (0..people).map(person).collect();
    json!({ "identity": format!("{company}-id"), "domains": [format!("{company}.example")], "objects": objects })
}

fn connector(company: &str) -> Value {
    json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": company },
        "spec": { "type": "Memory", "memory": { "path": format!("/var/lib/galsync/store/{company}.json") },
            "authoritativeDomains": [format!("{company}.example")] }
    })
}

fn schedule() -> Value {
    json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "metadata": { "name": "people" },
        "spec": { "interval": "24h", "policy": "Sync", "sources": [{ "connectorRef": { "name": "corp" } }],
            "targets": [{ "connectorRef": { "name": "fab" } }] }
    })
}

async fn within<T, E: std::fmt::Debug>(what: &str, seconds: u64, future: impl Future<Output = Result<T, E>>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .unwrap_or_else(|_| panic!("not within {seconds} s: {what}"))
        .expect(what)
}

async fn wait_run(
    runs: &Api<GalSyncRun>,
    name: &str,
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
) -> GalSyncRun {
    let wanted = move |run: Option<&GalSyncRun>| stands(run_conditions(run), kind, status, reason);
    within(&format!("{name}: {kind}={status} {reason}"), 180, await_condition(runs.clone(), name, wanted))
        .await
        .expect("the run is there")
}

/// The name of the run that the schedule's next pass is, after `known` passes.
async fn next_run(schedules: &Api<GalSyncSchedule>, known: u64) -> String {
    let wanted = move |schedule: Option<&GalSyncSchedule>| {
        let status = schedule.and_then(|schedule| schedule.status.as_ref());
        status.is_some_and(|status| status.pass_number > known && status.active_run_ref.is_some())
    };
    let schedule = within("a pass begins", 180, await_condition(schedules.clone(), "people", wanted)).await;
    let status = schedule.and_then(|schedule| schedule.status).expect("the schedule has a status");
    status.active_run_ref.expect("a run").name.to_string()
}

fn contacts(path: &Path) -> usize {
    let document: Value = serde_json::from_slice(&std::fs::read(path).expect("the file is there")).expect("JSON");
    let objects = document["objects"].as_array().expect("a list");
    objects.iter().filter(|object| object["mark"].is_string()).count()
}

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
    let first = next_run(&schedules, 0).await;
    let waiting = wait_run(&runs, &first, "Approved", "Unknown", "ApprovalRequired").await;
    let status = waiting.status.expect("a status");
    let plan = status.targets[0].plan.clone().expect("a plan");
    assert_eq!((plan.counts.users.create, plan.unsafe_reasons[0].as_str()), (30, "FirstSync"));
    assert_eq!(contacts(&volume.join("fab.json")), 0, "nothing is written before the decision");

    // The operator dies, a person decides meanwhile, and another operator goes on.
    operator.kill();
    let decision = json!({ "spec": { "decisions": [
        { "planDigest": plan.digest, "verdict": "Approve", "by": "the test" }] } });
    runs.patch(&first, &PatchParams::default(), &Patch::Merge(&decision)).await.expect("the decision is taken");
    let operator = Operator::start(&space.name);
    let done = wait_run(&runs, &first, "Completed", "True", "Succeeded").await;
    assert_eq!(contacts(&volume.join("fab.json")), 30);
    let operations = done.status.expect("a status").operations;
    assert_eq!(operations.len(), 3, "pull, simulate, push");
    assert!(operations.iter().all(|operation| operation.attempts == 1 && operation.counters.is_some()));

    // Asked for another pass: nothing is left to do, and no push Job is made.
    let ask = json!({ "metadata": { "annotations": { "galsync.dev/requestedAt": "again" } } });
    schedules.patch("people", &PatchParams::default(), &Patch::Merge(&ask)).await.expect("asked");
    let second = next_run(&schedules, 1).await;
    let done = wait_run(&runs, &second, "Completed", "True", "Succeeded").await;
    let status = done.status.expect("a status");
    assert_eq!(status.targets[0].result.as_ref().map(|result| result.as_str()), Some("InSync"));
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
