//! What the operator saw of a connector.

use crate::api::reference::LocalReference;
use crate::api::text::{DomainName, Sentence, Sha256, ShortText};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the operator saw of a connector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GalSyncConnectorStatus {
    /// The generation that the conditions are about; -1 = none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling and Stalled only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What the account may do, as the last verification found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// How the system names itself: tenant id, customer id, or the forest's GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ShortText>,
    /// Domains that the system says it is authoritative for: a proposal for spec.authoritativeDomains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub domains: Vec<DomainName>,
    /// What the last verification found worth a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub warnings: Vec<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_expires: Option<Time>,
    /// The verification that runs or ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationStatus>,
    /// The last pull that brought something new. One that found nothing new is told with the next verification;
    /// every pull stands in its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pull: Option<LastPull>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Capabilities {
    ReadWrite,
    ReadOnly,
    WriteOnly,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationStatus {
    /// The generation of the connector that was verified.
    #[serde(default)]
    pub generation: i64,
    /// Its Job was lost this often in a row.
    #[serde(default)]
    pub attempts: u32,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// UID of the Job whose outcome stands in this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<ShortText>,
}

/// The last pull that read this connector completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastPull {
    /// When it ended.
    pub time: Time,
    /// When it started: the snapshot holds what the system had then.
    pub start_time: Time,
    /// The run that made it.
    pub run_ref: LocalReference,
    pub snapshot_digest: Sha256,
    /// What the snapshot covers; a pull of another fingerprint reads in full.
    pub fingerprint: Sha256,
    /// The system that was read, as it names itself.
    #[serde(default)]
    pub identity: ShortText,
    /// Read in full, or by changes.
    #[serde(default)]
    pub full: bool,
    #[serde(default)]
    pub users: u64,
    #[serde(default)]
    pub groups: u64,
    #[serde(default)]
    pub contacts: u64,
    /// What the connector's filters take out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub rejected: BTreeMap<String, u64>,
    /// Entries that cannot be judged.
    #[serde(default)]
    pub invalid: u64,
}
