//! Objects that do not parse: their own condition says so, and nobody else is stopped.

use super::context::{Context, FIELD_MANAGER};
use super::error::Error;
use crate::api::API_VERSION;
use crate::api::conditions::{self, Wanted, types};
use crate::api::reasons::RunReason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use serde_json::{Value, json};

/// Writes the conditions Ready=False and Stalled. The message names the field, not its value.
pub async fn report<K>(context: &Context, namespace: &str, name: &str, invalid: &InvalidObject) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()>,
{
    tracing::warn!(namespace, name, kind = %K::kind(&()), "an object does not parse: {}", invalid.error);
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), namespace, &resource);
    let Some(object) = api.get_opt(name).await? else { return Ok(Action::await_change()) };
    let before = object.data.get("status").cloned().unwrap_or_default();
    if is_true(&before, types::COMPLETED) {
        return Ok(Action::await_change());
    }
    // No time of its own: the same words again are no change.
    let since = invalid.metadata.creation_timestamp.as_ref().map_or_else(|| context.now(), |time| time.0);
    let after = status(&before, invalid.metadata.generation, &invalid.error, since);
    if before == after {
        return Ok(Action::await_change());
    }
    let patch = json!({
        "apiVersion": API_VERSION, "kind": K::kind(&()),
        "metadata": { "name": name, "resourceVersion": object.metadata.resource_version },
        "status": after,
    });
    api.patch_status(name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&patch)).await?;
    context.metrics.status_written(&K::kind(&()));
    Ok(Action::await_change())
}

/// The status with these conditions. All else stays, since what is applied without it would be removed: an operator
/// that can read the object goes on from there.
pub fn status(before: &Value, generation: Option<i64>, error: &str, since: Timestamp) -> Value {
    let message = format!("this operator cannot read the object: {error}");
    let ours = [types::READY, types::STALLED, types::RECONCILING];
    let mut conditions = written(before);
    conditions.retain(|condition| !ours.contains(&condition.type_.as_str()));
    let wanted = [types::READY, types::STALLED]
        .map(|kind| Wanted::new(kind, kind == types::STALLED, RunReason::InvalidSpec, message.as_str()))
        .into();
    conditions.extend(conditions::merge(&[], wanted, generation, since));
    let mut status = if before.is_object() { before.clone() } else { json!({}) };
    status["observedGeneration"] = json!(generation);
    status["conditions"] = json!(conditions);
    status
}

fn written(status: &Value) -> Vec<Condition> {
    serde_json::from_value(status["conditions"].clone()).unwrap_or_default()
}

fn is_true(status: &Value, kind: &str) -> bool {
    conditions::is_true(&written(status), kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_cannot_read_it_leaves_alone() {
        let condition = |kind: &str, status: &str| {
            json!({ "type": kind, "status": status, "reason": "Because", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z" })
        };
        let before = json!({ "observedGeneration": 1, "passNumber": 7, "fromTheFuture": { "a": 1 },
            "conditions": [condition("Synced", "True"), condition("Ready", "True")] });
        let after = status(&before, Some(2), "unknown field `x`", Timestamp::UNIX_EPOCH);
        assert_eq!((&after["passNumber"], &after["fromTheFuture"]["a"]), (&json!(7), &json!(1)));
        assert_eq!(after["observedGeneration"], 2);
        let kinds: Vec<_> = written(&after).into_iter().map(|c| (c.type_, c.status)).collect();
        let kinds: Vec<_> = kinds.iter().map(|(kind, status)| (kind.as_str(), status.as_str())).collect();
        assert_eq!(kinds, [("Synced", "True"), ("Ready", "False"), ("Stalled", "True")]);
        assert_eq!(
            status(&after, Some(2), "unknown field `x`", Timestamp::UNIX_EPOCH),
            after,
            "nothing is written twice"
        );
    }
}
