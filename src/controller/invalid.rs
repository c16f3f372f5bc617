//! Objects that do not parse: their own condition says so, and nobody else is stopped.

use super::context::{Context, FIELD_MANAGER, Guarded};
use super::error::Error;
use crate::api::API_VERSION;
use crate::api::conditions::{self, Wanted, types};
use kube::Resource;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Writes the conditions Ready=False and Stalled. The message names the field, not its value.
pub async fn report<K>(context: &Context, namespace: &str, name: &str, invalid: &InvalidObject) -> Result<Action, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    tracing::warn!(namespace, name, kind = %K::kind(&()), "an object does not parse: {}", invalid.error);
    let message = format!("this operator cannot read the object: {}", invalid.error);
    let wanted = [types::READY, types::STALLED]
        .map(|kind| Wanted::new(kind, kind == types::STALLED, "InvalidSpec", message.as_str()))
        .into();
    let generation = invalid.metadata.generation;
    // No time of its own: the same words again are no change.
    let since = invalid.metadata.creation_timestamp.as_ref().map_or_else(|| context.now(), |time| time.0);
    let patch = json!({
        "apiVersion": API_VERSION, "kind": K::kind(&()), "metadata": { "name": name },
        "status": {
            "observedGeneration": generation,
            "conditions": conditions::merge(&[], wanted, generation, since),
        },
    });
    let api: Api<Guarded<K>> = Api::namespaced(context.client.clone(), namespace);
    api.patch_status(name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&patch)).await?;
    Ok(Action::await_change())
}
