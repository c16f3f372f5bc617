//! Many schedules and connectors that have been at work for a while: as one pass left them, so many times over.

use galsync::api::{API_VERSION, GalSyncRun, GalSyncSchedule};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

pub const NAMESPACE: &str = "default";
/// How many finished runs each schedule keeps, which is what a schedule keeps unless told otherwise.
pub const RUNS_KEPT: usize = 10;
/// Objects that are made at a time.
const AT_ONCE: usize = 16;

fn connector(name: &str) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": "GalSyncConnector", "metadata": { "name": name }, "spec": {
        "type": "Microsoft365",
        "microsoft365": { "tenantId": "11111111-2222-3333-4444-555555555555", "organization": "contoso.onmicrosoft.com",
            "clientId": "66666666-7777-8888-9999-000000000000",
            "auth": { "clientSecretRef": { "name": name, "key": "client-secret" } } },
        "authoritativeDomains": [format!("{name}.example")] } })
}

fn schedule(name: &str, source: &str, target: &str) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": "GalSyncSchedule", "metadata": { "name": name }, "spec": {
        "interval": "24h", "policy": "Sync",
        "sources": [{ "connectorRef": { "name": source } }], "targets": [{ "connectorRef": { "name": target } }] } })
}

pub fn name(kind: &str, number: usize) -> String {
    format!("{kind}-{number:04}")
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("galsync.dev", "v1alpha1", kind);
    Api::namespaced_with(client.clone(), NAMESPACE, &ApiResource::from_gvk(&kind))
}

async fn create(client: &Client, object: &Value) -> DynamicObject {
    let kind = object["kind"].as_str().expect("an object has a kind");
    let object = serde_json::from_value(object.clone()).expect("an object");
    api(client, kind).create(&PostParams::default(), &object).await.expect("the API server takes it")
}

async fn set_status(client: &Client, kind: &str, name: &str, status: &Value) {
    let patch = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "status": status });
    // The same field manager as the operator's, so that objects are as large as those that it leaves.
    let parameters = PatchParams::apply("galsync").force();
    api(client, kind).patch_status(name, &parameters, &Patch::Apply(&patch)).await.expect("the status is taken");
}

pub struct Company {
    /// What one pass left: the first schedule with its connectors and its run.
    connectors: [Value; 2],
    schedule: Value,
    run: Value,
}

impl Company {
    /// One schedule with two connectors; to be called while an operator works.
    pub async fn first(client: &Client) -> Self {
        let names = [name("connector", 0), name("connector", 1)];
        for name in &names {
            create(client, &connector(name)).await;
        }
        create(client, &schedule(&name("schedule", 0), &names[0], &names[1])).await;
        let runs: Api<GalSyncRun> = Api::namespaced(client.clone(), NAMESPACE);
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let runs = runs.list(&ListParams::default()).await.expect("runs can be listed").items;
            if runs.iter().any(|run| run.status.as_ref().is_some_and(|status| status.completion_time.is_some())) {
                break;
            }
            let seen = runs.first().and_then(|run| Some(run.status.as_ref()?.operations.len()));
            println!("the first pass: {seen:?} operations");
        }
        // Until the schedule tells of it.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let get = async |kind: &str, name: &str| {
            let object = api(client, kind).get(name).await.expect("it is there");
            serde_json::to_value(object).expect("plain data")
        };
        let run = runs.list(&ListParams::default()).await.expect("runs can be listed").items;
        let run = get("GalSyncRun", &run[0].name_any()).await;
        Self {
            connectors: [get("GalSyncConnector", &names[0]).await, get("GalSyncConnector", &names[1]).await],
            schedule: get("GalSyncSchedule", &name("schedule", 0)).await,
            run,
        }
    }

    /// So many schedules in all, each with two connectors of its own and its finished runs.
    pub async fn grow(&self, client: &Client, schedules: usize) {
        let numbers: Vec<usize> = (0..schedules).collect();
        for numbers in numbers.chunks(AT_ONCE) {
            futures::future::join_all(numbers.iter().map(|number| self.one(client, *number))).await;
            if numbers[0] % 160 == 0 {
                println!("{} schedules of {schedules} are made", numbers[0]);
            }
        }
    }

    async fn one(&self, client: &Client, number: usize) {
        let names = [name("connector", 2 * number), name("connector", 2 * number + 1)];
        let schedule_name = name("schedule", number);
        // The longer name first, which the others are no part of.
        let renamed = |value: &Value| {
            let text = value.to_string();
            let text = text.replace("connector-0000", "connector-x").replace("connector-0001", &names[1]);
            let text = text.replace("connector-x", &names[0]).replace("schedule-0000", &schedule_name);
            serde_json::from_str::<Value>(&text).expect("names are plain text")
        };
        let mut uid = None;
        if number > 0 {
            for (name, left) in names.iter().zip(&self.connectors) {
                create(client, &connector(name)).await;
                set_status(client, "GalSyncConnector", name, &renamed(&left["status"])).await;
            }
            uid = create(client, &schedule(&schedule_name, &names[0], &names[1])).await.uid();
            set_status(client, "GalSyncSchedule", &schedule_name, &renamed(&self.schedule["status"])).await;
        }
        let uid = uid.unwrap_or_else(|| self.schedule["metadata"]["uid"].as_str().unwrap_or_default().to_owned());
        for past in 0..RUNS_KEPT - usize::from(number == 0) {
            let mut run = renamed(&self.run);
            let name = format!("{schedule_name}-past-{past}");
            let metadata = &self.run["metadata"];
            run["metadata"] = json!({ "name": name, "labels": metadata["labels"], "annotations": metadata["annotations"],
                "ownerReferences": metadata["ownerReferences"] });
            run["metadata"]["ownerReferences"][0]["name"] = json!(schedule_name);
            run["metadata"]["ownerReferences"][0]["uid"] = json!(uid);
            let ended = Timestamp::now() - SignedDuration::from_hours(24 * (past as i64 + 1));
            run["status"]["completionTime"] = json!(Timestamp::from_second(ended.as_second()).expect("a time"));
            create(client, &run).await;
            set_status(client, "GalSyncRun", &name, &run["status"]).await;
        }
    }
}

/// Asks for a pass now, as `kubectl annotate` does.
pub async fn ask(client: &Client, schedule: &str, token: &str) {
    let schedules: Api<GalSyncSchedule> = Api::namespaced(client.clone(), NAMESPACE);
    let patch = json!({ "metadata": { "annotations": { "galsync.dev/requestedAt": token } } });
    schedules.patch(schedule, &PatchParams::default(), &Patch::Merge(&patch)).await.expect("the schedule is there");
}

/// How many passes have ended well since then, and how long the slowest of them took.
pub async fn passes_since(client: &Client, since: Timestamp) -> (usize, i64) {
    // Times of objects are whole seconds.
    let since = Timestamp::from_second(since.as_second()).expect("a time");
    let runs: Api<GalSyncRun> = Api::namespaced(client.clone(), NAMESPACE);
    let runs = runs.list(&ListParams::default()).await.expect("runs can be listed").items;
    let times = runs.iter().filter_map(|run| {
        let status = run.status.as_ref()?;
        let succeeded = status.conditions.iter().any(|c| c.type_ == "Succeeded" && c.status == "True");
        let created = run.creation_timestamp()?.0;
        let ended = status.completion_time.as_ref()?.0;
        (succeeded && created >= since && !run.name_any().contains("-past-"))
            .then(|| ended.duration_since(created).as_secs())
    });
    let times: Vec<i64> = times.collect();
    (times.len(), times.iter().max().copied().unwrap_or(0))
}
