//! What a user may say about the pods of the Jobs: where they run and with how much, never what they run.

use super::text::{ObjectName, ShortText};
use k8s_openapi::api::core::v1::{Affinity, ResourceRequirements, Toleration};
use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where and with how much the Jobs run. A schedule's template is laid over the connector's, and that over the
/// operator's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobTemplate {
    /// Requests and limits of the Job's container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Default: galsync-job, which the operator makes. The pods never get its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<ObjectName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<ObjectName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, ShortText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// As in a pod's spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "as_in_a_pod")]
    pub affinity: Option<Affinity>,
    /// Further labels of the pods, for network policies for example.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub pod_labels: BTreeMap<String, ShortText>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub pod_annotations: BTreeMap<String, ShortText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub image_pull_secrets: Vec<super::reference::LocalReference>,
}

/// The whole schema of an affinity would be longer than all else together; the pod's own validation holds.
fn as_in_a_pod(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

impl JobTemplate {
    /// `self` over `base`: fields that are set win, maps are joined key by key.
    pub fn over(&self, base: &Self) -> Self {
        let Self {
            resources,
            service_account_name,
            priority_class_name,
            node_selector,
            tolerations,
            affinity,
            pod_labels,
            pod_annotations,
            image_pull_secrets,
        } = self.clone();
        let join = |base: &BTreeMap<String, ShortText>, over: BTreeMap<String, ShortText>| {
            base.clone().into_iter().chain(over).collect()
        };
        Self {
            resources: resources.or_else(|| base.resources.clone()),
            service_account_name: service_account_name.or_else(|| base.service_account_name.clone()),
            priority_class_name: priority_class_name.or_else(|| base.priority_class_name.clone()),
            node_selector: join(&base.node_selector, node_selector),
            tolerations: if tolerations.is_empty() { base.tolerations.clone() } else { tolerations },
            affinity: affinity.or_else(|| base.affinity.clone()),
            pod_labels: join(&base.pod_labels, pod_labels),
            pod_annotations: join(&base.pod_annotations, pod_annotations),
            image_pull_secrets: if image_pull_secrets.is_empty() {
                base.image_pull_secrets.clone()
            } else {
                image_pull_secrets
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_over_another() {
        let read = |text: &str| serde_yaml::from_str::<JobTemplate>(text).unwrap();
        let base = read("{serviceAccountName: a, podLabels: {x: '1', y: '1'}, tolerations: [{key: a}]}");
        let over = read("{podLabels: {y: '2'}, priorityClassName: high}");
        let wanted = read(
            "{serviceAccountName: a, priorityClassName: high, podLabels: {x: '1', y: '2'}, tolerations: [{key: a}]}",
        );
        assert_eq!(over.over(&base), wanted);
    }
}
