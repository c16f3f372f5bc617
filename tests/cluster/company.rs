//! What the tests of whole passes share: companies in the reference directory on the store's volume, their manifests,
//! and waiting for what the operator says.

use crate::support::Space;
use crate::support::await_condition;
use galsync::api::GalSyncRun;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

pub fn run_conditions(run: Option<&GalSyncRun>) -> &[Condition] {
    run.and_then(|run| run.status.as_ref()).map(|status| status.conditions.as_slice()).unwrap_or_default()
}

/// Whether a condition has a status, and a reason where one is named.
pub fn stands(conditions: &[Condition], kind: &str, status: &str, reason: &str) -> bool {
    condition(conditions, kind).is_some_and(|c| c.status == status && (reason.is_empty() || c.reason == reason))
}

/// The folder of the store's volume, where it is one of this machine: the claim is made and bound to it.
pub async fn volume(space: &Space) -> Option<PathBuf> {
    claimed_volume(space, false).await
}

/// The same with a volume that is full soon.
pub async fn small_volume(space: &Space) -> Option<PathBuf> {
    claimed_volume(space, true).await
}

/// One test at a time looks for a volume.
static CHOOSING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn claimed_volume(space: &Space, small: bool) -> Option<PathBuf> {
    let _choosing = CHOOSING.lock().await;
    let volumes: Api<PersistentVolume> = Api::all(space.client.clone());
    let found =
        volumes.list(&ListParams::default()).await.expect("volumes can be listed").items.into_iter().find_map(|v| {
            let spec = v.spec.as_ref()?;
            // Released: its claim went with an earlier test's namespace, and nobody has taken it since.
            let free = matches!(v.status.as_ref()?.phase.as_deref(), Some("Available" | "Released"));
            let path = PathBuf::from(&spec.local.as_ref()?.path);
            let class = spec.storage_class_name.clone()?;
            (free && path.is_dir() && class.ends_with("small") == small).then(|| (v.name_any(), class, path))
        });
    let Some((name, class, path)) = found else {
        assert!(std::env::var_os("CI").is_none(), "the lab has no free volume; lab/volumes.sh reset makes some");
        eprintln!("SKIPPED: no free local volume of this machine");
        return None;
    };
    let nobodys = json!({ "spec": { "claimRef": null } });
    volumes.patch(&name, &PatchParams::default(), &Patch::Merge(&nobodys)).await.expect("the volume can be freed");
    for entry in std::fs::read_dir(&path).expect("the volume can be read") {
        let path = entry.expect("an entry").path();
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.expect("the volume can be emptied");
    }
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": { "name": "galsync-store" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeName": name,
            "resources": { "requests": { "storage": if small { "4Mi" } else { "1Gi" } } } }
    }))
    .expect("a claim");
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(space.client.clone(), &space.name);
    claims.create(&PostParams::default(), &claim).await.expect("the claim can be made");
    let bound = |volume: Option<&PersistentVolume>| {
        volume.and_then(|v| v.status.as_ref()).is_some_and(|status| status.phase.as_deref() == Some("Bound"))
    };
    within("the volume is bound", 60, await_condition(volumes, &name, bound)).await;
    Some(path)
}

pub fn write(path: &Path, document: &Value) {
    std::fs::write(path, serde_json::to_vec_pretty(document).expect("plain data")).expect("the volume can be written");
    std::os::unix::fs::chown(path, Some(65_532), Some(65_532)).expect("only root can run this test");
}

pub fn directory(company: &str, people: usize) -> Value {
    let person = |number: usize| {
        json!({ "anchor": format!("{company}-{number}"), "recipientType": "UserMailbox",
            "primary": format!("person{number}@{company}.example"),
            "attributes": { "displayName": format!("Person {number}"), "surname": number.to_string() } })
    };
    let objects: Vec<Value> = (0..people).map(person).collect();
    json!({ "identity": format!("{company}-id"), "domains": [format!("{company}.example")], "objects": objects })
}

pub fn connector(company: &str) -> Value {
    json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": company },
        "spec": { "type": "Memory", "memory": { "path": format!("/var/lib/galsync/store/{company}.json") },
            "authoritativeDomains": [format!("{company}.example")] }
    })
}

pub fn schedule() -> Value {
    json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "metadata": { "name": "people" },
        "spec": { "interval": "24h", "policy": "Sync", "sources": [{ "connectorRef": { "name": "corp" } }],
            "targets": [{ "connectorRef": { "name": "fab" } }] }
    })
}

pub async fn within<T, E: std::fmt::Debug>(what: &str, seconds: u64, future: impl Future<Output = Result<T, E>>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .unwrap_or_else(|_| panic!("not within {seconds} s: {what}"))
        .expect(what)
}

pub async fn wait_run(
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

/// The addresses of the contacts that carry a mark, in order.
pub fn contacts(path: &Path) -> Vec<String> {
    let document: Value = serde_json::from_slice(&std::fs::read(path).expect("the file is there")).expect("JSON");
    let objects = document["objects"].as_array().expect("a list");
    let ours = objects.iter().filter(|object| object["mark"].is_string());
    let mut found: Vec<String> =
        ours.map(|object| object["primary"].as_str().expect("an address").to_owned()).collect();
    found.sort_unstable();
    found
}

/// Waits until the run's plans wait for a person, and approves all of them. The number of creates of the first.
pub async fn approve(runs: &Api<GalSyncRun>, name: &str) -> galsync::api::run::GalSyncRunStatus {
    let waiting = wait_run(runs, name, "Approved", "Unknown", "ApprovalRequired").await;
    let status = waiting.status.expect("a status");
    let plans = status.targets.iter().filter_map(|target| target.plan.as_ref());
    let decisions: Vec<Value> =
        plans.map(|plan| json!({ "planDigest": plan.digest, "verdict": "Approve", "by": "the test" })).collect();
    let patch = json!({ "spec": { "decisions": decisions } });
    runs.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.expect("the decision is taken");
    status
}
