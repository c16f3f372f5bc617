//! Samples of every set of conditions that the deciding functions make, written to `tests/gitops/samples.yaml`: there
//! they are judged by kstatus' own code and by the Lua that Argo CD gets.

use super::{connector, invalid, run, schedule};
use crate::api::API_VERSION;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What GitOps tools look at, and nothing else.
fn visible(kind: &str, object: impl Serialize) -> Value {
    let object = serde_json::to_value(object).unwrap();
    let mut metadata = json!({ "name": object["metadata"]["name"], "namespace": "n" });
    metadata["generation"] = object["metadata"]["generation"].clone();
    let status = &object["status"];
    let shown = match &status["observedGeneration"] {
        // Not written yet: what the definitions have as default.
        Value::Null => json!({ "observedGeneration": -1 }),
        generation => json!({ "observedGeneration": generation, "conditions": status["conditions"] }),
    };
    json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "status": shown })
}

fn samples() -> BTreeMap<String, Value> {
    let mut samples = BTreeMap::new();
    let kinds = ["connector", "schedule", "run"];
    samples.extend(connector::samples().into_iter().map(|(name, object)| (name, visible("GalSyncConnector", object))));
    samples.extend(schedule::samples().into_iter().map(|(name, object)| (name, visible("GalSyncSchedule", object))));
    samples.extend(run::samples().into_iter().map(|(name, object)| (name, visible("GalSyncRun", object))));
    for (kind, name) in ["GalSyncConnector", "GalSyncSchedule", "GalSyncRun"].into_iter().zip(kinds) {
        let metadata = json!({ "name": "new", "namespace": "n", "generation": 1 });
        // The default of the definitions: no operator has seen the object yet.
        let unseen = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": metadata,
            "status": { "observedGeneration": -1 } });
        let mut unreadable = unseen.clone();
        unreadable["status"] = invalid::status(&Value::Null, Some(1), "unknown field", Timestamp::UNIX_EPOCH);
        let mut deleted = unreadable.clone();
        deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let last = samples.iter().rev().find(|(known, _)| known.starts_with(name)).map(|(_, object)| object.clone());
        let mut changed = last.expect("a sample of each kind");
        changed["metadata"]["generation"] = json!(9);
        for (which, object) in
            [("unseen", unseen), ("unreadable", unreadable), ("deleted", deleted), ("changed-since", changed)]
        {
            samples.insert(format!("{name}-{which}"), object);
        }
    }
    samples
}

#[test]
fn generated_samples_are_current() {
    let text = format!(
        "# Written by `make generate` from src/controller; do not edit. expected.yaml says what is right for each.\n{}",
        serde_yaml::to_string(&samples()).unwrap()
    );
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitops/samples.yaml");
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == text, "run `make generate`");
}
