//! What Jobs need in a namespace: their ServiceAccount, and the claim of the store. Secrets are never made.

use super::context::{Context, FIELD_MANAGER};
use super::error::Error;
use super::settings::{SERVICE_ACCOUNT, STORE_CLAIM};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, ServiceAccount};
use kube::Resource;
use kube::api::{Api, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Makes what is missing. What is there is left as it is: an administrator may have made it otherwise.
pub async fn prepare(context: &Context, namespace: &str) -> Result<(), Error> {
    let labels = json!({ "app.kubernetes.io/name": "galsync", "app.kubernetes.io/managed-by": "galsync-operator" });
    let account = json!({
        "metadata": { "name": SERVICE_ACCOUNT, "namespace": namespace, "labels": labels },
        "automountServiceAccountToken": false,
    });
    create_missing::<ServiceAccount>(context, namespace, SERVICE_ACCOUNT, account).await?;
    if context.settings.job.store_is_a_claim() {
        let claim = &context.settings.claim;
        let claim = json!({
            "metadata": { "name": STORE_CLAIM, "namespace": namespace, "labels": labels },
            "spec": {
                "accessModes": [claim.access_mode],
                "storageClassName": claim.storage_class,
                "resources": { "requests": { "storage": claim.size } },
            },
        });
        create_missing::<PersistentVolumeClaim>(context, namespace, STORE_CLAIM, claim).await?;
    }
    Ok(())
}

async fn create_missing<K>(
    context: &Context,
    namespace: &str,
    name: &str,
    manifest: serde_json::Value,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    if api.get_metadata_opt(name).await?.is_some() {
        return Ok(());
    }
    let object: K = serde_json::from_value(manifest).expect("the manifest has the kind's form");
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&parameters, &object).await {
        Ok(_) => {
            tracing::info!(namespace, name, kind = %K::kind(&()), "made what Jobs need");
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
