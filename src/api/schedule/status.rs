//! What a schedule's status says.

use crate::api::reasons::{RunTargetResult, known};
use crate::api::reference::LocalReference;
use crate::api::run::{Counts, RunAction};
use crate::api::text::{Sentence, Sha256, ShortText};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the operator saw of a schedule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GalSyncScheduleStatus {
    /// The generation that the conditions are about; -1 = none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready = able to run. Synced = how the last finished pass went. ApprovalRequired = a plan waits. Consistent = the
    /// namespace's schedules and connectors do not contradict each other. RemovalsHeld = hides and deletes are not made.
    /// Reconciling and Stalled only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_schedule_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_schedule_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure_time: Option<Time>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub consecutive_failures: u32,
    /// The value of the annotation galsync.dev/requestedAt that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<ShortText>,
    /// Number of the last pass that was started.
    #[serde(default)]
    pub pass_number: u64,
    /// The pass that runs now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_run_ref: Option<LocalReference>,
    /// Plans that wait for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["target".into()]))]
    pub pending_approvals: Vec<PendingApproval>,
    /// How each target stood after the last finished pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["connector".into()]))]
    pub targets: Vec<TargetState>,
    /// The last finished runs, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub history: Vec<HistoryEntry>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn no_contacts(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingApproval {
    /// Name of the target's connector.
    pub target: ShortText,
    pub run_ref: LocalReference,
    pub plan_digest: Sha256,
    pub counts: Counts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub unsafe_reasons: Vec<ShortText>,
    /// What would happen, in one sentence with numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetState {
    pub connector: ShortText,
    /// How it fared in the newest run that dealt with it.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub result: Option<RunTargetResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// A quota of the target stopped a push; it goes on then, with the same approved changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_until: Option<Time>,
    /// Contacts of this schedule in the target.
    #[serde(default)]
    pub managed: u64,
    /// Hides and deletes that wait because of safety.onExceeded: HoldDeletes.
    #[serde(default, skip_serializing_if = "no_contacts")]
    pub held: u64,
    /// Contacts that would be hidden or deleted, were they not protected.
    #[serde(default, skip_serializing_if = "no_contacts")]
    pub protected: u64,
    pub counts: Counts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub run_ref: LocalReference,
    pub action: RunAction,
    pub start_time: Time,
    pub completion_time: Time,
    /// The reason of the run's condition Succeeded.
    pub result: ShortText,
    pub counts: Counts,
}
