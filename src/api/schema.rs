//! The custom resource definitions, and their rules offline.

use super::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

/// The definitions of all kinds, as they are installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [GalSyncConnector::crd(), GalSyncSchedule::crd(), GalSyncRun::crd()].into_iter().map(finished).collect()
}

/// What the derive cannot say.
fn finished(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(crd).expect("a definition is plain data");
    for version in value["spec"]["versions"].as_array_mut().into_iter().flatten() {
        let schema = &mut version["schema"]["openAPIV3Schema"];
        plain(schema);
        // A new object must not look healthy to GitOps tools before the operator saw it.
        schema["properties"]["status"]["default"] = json!({ "observedGeneration": -1 });
    }
    serde_json::from_value(value).expect("the definition keeps its shape")
}

/// `nullable` goes: the API server then drops a written null, as if the field were absent, and `has()` tells
/// the truth. Formats that it does not know (`uint32`) go too; they draw a warning at every apply.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("type") || fields.contains_key("properties") {
                fields.remove("nullable");
                if let Some(values) = fields.get_mut("enum").and_then(Value::as_array_mut) {
                    values.retain(|value| !value.is_null());
                }
                if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
                    let bits = if fields["format"] == "uint64" { "int64" } else { "int32" };
                    fields.insert("format".into(), bits.into());
                }
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// Why a manifest would be refused by the rules of its definition; one sentence each. `old` is the object as
/// it was before a change.
pub fn validate(object: &Value, old: Option<&Value>) -> Vec<String> {
    let definition = crds().into_iter().find(|crd| Some(crd.spec.names.kind.as_str()) == object["kind"].as_str());
    let Some(definition) = definition else { return Vec::new() };
    let schema = serde_json::to_value(&definition.spec.versions[0].schema).expect("a schema is plain data");
    match kube::core::cel::Validator::new().validate(&schema["openAPIV3Schema"], object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}
