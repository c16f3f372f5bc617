//! What GitOps tools rely on, looked at where a pass has just been carried out (`monitoring.rs`).

use crate::support::Space;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, ServiceAccount};
use kube::api::{Api, DynamicObject, ListParams, ObjectMeta};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

/// By these Argo CD and Flux know what is theirs.
pub fn marked_by_tools(mut object: Value) -> Value {
    object["metadata"]["labels"] =
        json!({ "app.kubernetes.io/instance": "address-lists", "kustomize.toolkit.fluxcd.io/name": "address-lists" });
    object["metadata"]["annotations"] = json!({ "argocd.argoproj.io/tracking-id": "address-lists:galsync.dev" });
    object
}

async fn metadata<K>(space: &Space) -> Vec<ObjectMeta>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(space.client.clone(), &space.name);
    let list = api.list(&ListParams::default()).await.expect("a list");
    list.items.into_iter().map(|object| object.meta().clone()).collect()
}

fn managers(meta: &ObjectMeta) -> Vec<String> {
    let fields = meta.managed_fields.iter().flatten();
    fields.filter_map(|entry| entry.manager.clone()).collect()
}

/// What the operator made carries no mark of a tool, which would prune it, and was made by one field manager.
pub async fn children_are_the_operators_own(space: &Space) {
    let mut children = metadata::<Job>(space).await;
    assert!(children.len() > 3, "no Jobs were found");
    let requests = metadata::<ConfigMap>(space).await;
    children.extend(requests.into_iter().filter(|meta| meta.name.as_deref() != Some("kube-root-ca.crt")));
    children.extend(metadata::<galsync::api::GalSyncRun>(space).await);
    children.extend(
        metadata::<ServiceAccount>(space).await.into_iter().filter(|meta| meta.name.as_deref() != Some("default")),
    );
    children.extend(metadata::<PersistentVolumeClaim>(space).await);
    for child in &children {
        let name = child.name.as_deref().unwrap_or_default();
        let words = child.labels.iter().chain(&child.annotations).flatten();
        for (key, value) in words {
            assert!(!value.contains("address-lists") && !key.contains("fluxcd"), "{name} carries {key}={value}");
        }
        let made_by_test = ["galsync-store"].contains(&name);
        assert!(made_by_test || managers(child).contains(&"galsync".to_owned()), "{name}: {:?}", managers(child));
    }
}

/// The operator writes no spec, and every status under one name.
pub async fn statuses_have_one_writer(space: &Space) {
    for kind in ["GalSyncConnector", "GalSyncSchedule", "GalSyncRun"] {
        let resource = kube::api::ApiResource {
            group: "galsync.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: galsync::api::API_VERSION.to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &resource);
        for object in api.list(&ListParams::default()).await.expect("a list") {
            let name = object.name_any();
            let entries = object.metadata.managed_fields.iter().flatten();
            let ours: Vec<_> = entries.filter(|entry| entry.manager.as_deref() == Some("galsync")).collect();
            let of_status = |entry: &&&k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
                entry.subresource.as_deref() == Some("status")
            };
            let status: Vec<_> = ours.iter().filter(of_status).collect();
            assert_eq!(status.len(), 1, "{kind} {name}: {ours:?}");
            assert_eq!(status[0].operation.as_deref(), Some("Apply"), "{kind} {name}");
            // A run is made by the operator; what users write is not.
            assert_eq!(ours.len(), if kind == "GalSyncRun" { 2 } else { 1 }, "{kind} {name}: {ours:?}");
        }
    }
}

/// The sum of a figure in the text of a scrape.
pub fn sum(scrape: &str, figure: &str) -> f64 {
    let of_figure =
        scrape.lines().filter(|line| line.strip_prefix(figure).is_some_and(|rest| rest.starts_with(['{', ' '])));
    of_figure.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
