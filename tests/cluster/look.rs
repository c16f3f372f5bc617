//! What a user sees with kubectl, and does with it: conditions, events, an apply.

use crate::company::{condition, stands, within};
use crate::support::{Space, await_condition};
use galsync::api::reasons::RunTargetResult;
use galsync::api::run::{GalSyncRunStatus, OperationKind, OperationStatus, RunTarget};
use galsync::api::schedule::GalSyncScheduleStatus;
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

pub fn schedules(space: &Space) -> Api<GalSyncSchedule> {
    Api::namespaced(space.client.clone(), &space.name)
}

pub fn runs(space: &Space) -> Api<GalSyncRun> {
    Api::namespaced(space.client.clone(), &space.name)
}

/// `kubectl apply --server-side`, as a pipeline does it.
pub async fn apply(space: &Space, object: &Value) {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let parameters = PatchParams::apply("kubectl");
    let applied = match object["kind"].as_str() {
        Some("GalSyncSchedule") => schedules(space).patch(name, &parameters, &Patch::Apply(object)).await.map(drop),
        Some("GalSyncConnector") => {
            let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
            connectors.patch(name, &parameters, &Patch::Apply(object)).await.map(drop)
        }
        other => panic!("a pipeline does not apply {other:?}"),
    };
    applied.expect("applied");
}

/// `kubectl patch --type=merge` of a schedule.
pub async fn patch(space: &Space, name: &str, change: &Value) {
    schedules(space).patch(name, &PatchParams::default(), &Patch::Merge(change)).await.expect("patched");
}

/// Asks a schedule for a pass.
pub async fn ask(space: &Space, name: &str, word: &str) {
    patch(space, name, &json!({ "metadata": { "annotations": { "galsync.dev/requestedAt": word } } })).await;
}

/// The schedule's status as soon as it is as wanted.
pub async fn schedule_status(
    space: &Space,
    name: &str,
    what: &str,
    wanted: impl Fn(&GalSyncScheduleStatus) -> bool,
) -> GalSyncScheduleStatus {
    let is = |schedule: Option<&GalSyncSchedule>| {
        schedule.and_then(|schedule| schedule.status.as_ref()).is_some_and(&wanted)
    };
    let what = format!("schedule {name}: {what}");
    let schedule = within(&what, 180, await_condition(schedules(space), name, is)).await;
    schedule.and_then(|schedule| schedule.status).expect("it has a status")
}

/// The message of the schedule's condition as soon as it has this status and reason.
pub async fn schedule_says(space: &Space, name: &str, kind: &str, status: &str, reason: &str) -> String {
    let what = format!("{kind}={status} {reason}");
    let found = schedule_status(space, name, &what, |s| stands(&s.conditions, kind, status, reason)).await;
    condition(&found.conditions, kind).expect("it stands").message.clone()
}

/// The message of the connector's condition Ready as soon as it has this status and reason.
pub async fn connector_says(space: &Space, name: &str, status: &str, reason: &str) -> String {
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let is = |connector: Option<&GalSyncConnector>| {
        let found = connector.and_then(|connector| connector.status.as_ref());
        found.is_some_and(|found| stands(&found.conditions, "Ready", status, reason))
    };
    let what = format!("connector {name}: Ready={status} {reason}");
    let found = within(&what, 180, await_condition(connectors, name, is)).await;
    let conditions = found.and_then(|connector| connector.status).expect("a status").conditions;
    condition(&conditions, "Ready").expect("it stands").message.clone()
}

/// The run's status as soon as it is as wanted.
pub async fn run_status(
    space: &Space,
    name: &str,
    what: &str,
    wanted: impl Fn(&GalSyncRunStatus) -> bool,
) -> GalSyncRunStatus {
    let is = |run: Option<&GalSyncRun>| run.and_then(|run| run.status.as_ref()).is_some_and(&wanted);
    let what = format!("run {name}: {what}");
    let run = within(&what, 180, await_condition(runs(space), name, is)).await;
    run.and_then(|run| run.status).expect("it has a status")
}

/// The run's status once it has ended with this reason.
pub async fn ended(space: &Space, name: &str, reason: &str) -> GalSyncRunStatus {
    run_status(space, name, &format!("Completed {reason}"), |s| stands(&s.conditions, "Completed", "True", reason))
        .await
}

/// The name of the run that is the schedule's pass of this number.
pub async fn pass(space: &Space, name: &str, number: u64) -> String {
    let begun = |status: &GalSyncScheduleStatus| status.pass_number >= number && status.active_run_ref.is_some();
    let status = schedule_status(space, name, &format!("pass {number} begins"), begun).await;
    status.active_run_ref.expect("a run").name.to_string()
}

pub fn target<'a>(status: &'a GalSyncRunStatus, name: &str) -> &'a RunTarget {
    status.targets.iter().find(|target| target.connector.as_str() == name).expect("the run has the target")
}

pub fn result<'a>(status: &'a GalSyncRunStatus, name: &str) -> &'a str {
    target(status, name).result.map(RunTargetResult::label).unwrap_or_default()
}

pub fn operation<'a>(status: &'a GalSyncRunStatus, kind: OperationKind, connector: &str) -> &'a OperationStatus {
    let found = status.operations.iter().find(|o| o.kind == kind && o.connector.as_str() == connector);
    found.unwrap_or_else(|| panic!("no {kind:?} {connector}: {:?}", status.operations))
}

/// The digests of the plans that wait, by target in order.
pub fn waiting_digests(status: &GalSyncScheduleStatus) -> Vec<String> {
    status.pending_approvals.iter().map(|pending| pending.plan_digest.to_string()).collect()
}

/// The note of an event about this object with this reason that contains these words.
pub async fn event(space: &Space, about: &str, reason: &str, words: &str) -> String {
    let events: Api<Event> = Api::namespaced(space.client.clone(), &space.name);
    let mut heard = Vec::new();
    // An event is told just after what it is about.
    for _ in 0..100 {
        heard.clear();
        for event in events.list(&ListParams::default()).await.expect("events can be listed") {
            let of = event.regarding.and_then(|object| object.name).unwrap_or_default();
            let note = event.note.unwrap_or_default();
            let is_reason = event.reason.as_deref() == Some(reason);
            if of == about && is_reason && note.contains(words) {
                println!("event {about}: {reason}: {note}");
                return note;
            }
            heard.push(format!("{of}: {}: {note}", event.reason.unwrap_or_default()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no event {reason} about {about} with {words:?} among\n{}", heard.join("\n"));
}

/// A reference directory as it is kept on the volume.
pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file is there")).expect("JSON")
}

/// How often the directory has been written to: its feed counts every single write of an object.
pub fn writes(path: &Path) -> u64 {
    read(path)["feed"]["now"].as_u64().expect("the directory has been opened")
}
