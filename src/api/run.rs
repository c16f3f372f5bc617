//! `GalSyncRun`: one pass, or one manual action (design §3.3).

use super::any_object::AnyObject;
use super::reasons::{ProgressReason, RunTargetResult, known};
use super::reference::LocalReference;
use super::text::{ObjectName, Sentence, Sha256, ShortText};
use crate::model::reason::reasons;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One pass of a schedule, or one action that a person asks for by creating this object. It passes the same
/// gates either way.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "galsync.dev",
    version = "v1alpha1",
    kind = "GalSyncRun",
    plural = "galsyncruns",
    shortname = "gsr",
    category = "galsync",
    namespaced,
    status = "GalSyncRunStatus",
    derive = "PartialEq",
    doc = "One pass of a schedule, or one action that a person asks for by creating this object.",
    selectable = ".spec.action",
    validation = Rule::new("!has(self.spec.decisions) || self.spec.decisions.all(d, has(self.status) && has(self.status.targets) && self.status.targets.exists(t, has(t.plan) && t.plan.digest == d.planDigest))").message("a decision is about a plan that this run shows in status.targets[].plan.digest: wait for the plan, and copy its digest"),
    printcolumn(name = "Action", type_ = "string", json_path = ".spec.action"),
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.scheduleRef.name"),
    printcolumn(name = "Connector", type_ = "string", json_path = ".spec.connectorRef.name"),
    printcolumn(name = "Completed", type_ = "string", json_path = r#".status.conditions[?(@.type=="Completed")].status"#),
    printcolumn(name = "Result", type_ = "string", json_path = r#".status.conditions[?(@.type=="Succeeded")].reason"#),
    printcolumn(name = "Create", type_ = "integer", json_path = ".status.counts.create"),
    printcolumn(name = "Update", type_ = "integer", json_path = ".status.counts.update"),
    printcolumn(name = "Hide", type_ = "integer", json_path = ".status.counts.hide"),
    printcolumn(name = "Delete", type_ = "integer", json_path = ".status.counts.delete"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Succeeded")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.scheduleRef) != has(self.connectorRef)").message("a run has exactly one of spec.scheduleRef and spec.connectorRef"))]
#[x_kube(validation = Rule::new("!(self.action in ['Verify', 'EmptyCache']) || has(self.connectorRef)").message("Verify and EmptyCache act on a connector: write spec.connectorRef"))]
#[x_kube(validation = Rule::new("!(self.action in ['Simulate', 'Push', 'Remove']) || has(self.scheduleRef)").message("Simulate, Push and Remove act on a schedule: write spec.scheduleRef"))]
#[x_kube(validation = Rule::new("!has(self.planDigests) || self.action == 'Push'").message("spec.planDigests says what to push: write action: Push"))]
#[x_kube(validation = Rule::new("!has(self.targets) || self.action in ['Simulate', 'Push', 'Remove']").message("spec.targets narrows a Simulate, a Push or a Remove; leave it out here"))]
#[x_kube(validation = Rule::new("self.action == oldSelf.action && has(self.scheduleRef) == has(oldSelf.scheduleRef) && (!has(self.scheduleRef) || self.scheduleRef == oldSelf.scheduleRef) && has(self.connectorRef) == has(oldSelf.connectorRef) && (!has(self.connectorRef) || self.connectorRef == oldSelf.connectorRef) && has(self.targets) == has(oldSelf.targets) && (!has(self.targets) || self.targets == oldSelf.targets) && has(self.planDigests) == has(oldSelf.planDigests) && (!has(self.planDigests) || self.planDigests == oldSelf.planDigests)").message("of a run's spec only decisions can be added; create another run instead"))]
#[x_kube(validation = Rule::new("!has(oldSelf.decisions) || (has(self.decisions) && oldSelf.decisions.all(o, self.decisions.exists(d, d == o)))").message("decisions are final: they can be added, but neither changed nor removed"))]
pub struct GalSyncRunSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_ref: Option<LocalReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector_ref: Option<LocalReference>,
    /// How far the run goes: Push = pull, simulate, push. Remove takes all contacts of the schedule out of its
    /// targets, or out of spec.targets, which the schedule need not name any more; it always needs approval.
    pub action: RunAction,
    /// Only these targets of the schedule; default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub targets: Option<Vec<ObjectName>>,
    /// Push what an earlier simulation showed; the run then starts at the push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub plan_digests: Option<Vec<Sha256>>,
    /// What people decided about the plans that wait. Only ever added to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["planDigest".into()]))]
    pub decisions: Option<Vec<Decision>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RunAction {
    Verify,
    Pull,
    Simulate,
    Push,
    EmptyCache,
    Remove,
}

impl RunAction {
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "Verify",
            Self::Pull => "Pull",
            Self::Simulate => "Simulate",
            Self::Push => "Push",
            Self::EmptyCache => "EmptyCache",
            Self::Remove => "Remove",
        }
    }
}

/// A person's decision about one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// The whole digest, as status shows it.
    pub plan_digest: Sha256,
    pub verdict: DecisionVerdict,
    /// Who decided.
    #[schemars(extend("minLength" = 1))]
    pub by: ShortText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sentence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DecisionVerdict {
    Approve,
    Reject,
}

/// What happened in a run. Counts and reasons only: who is affected stands in the reports.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GalSyncRunStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Planned, Approved, Completed, Succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Number of the pass that this run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_number: Option<u64>,
    /// Changes over all targets: planned, and once pushed, done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["connector".into()]))]
    pub targets: Vec<RunTarget>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 80))]
    pub operations: Vec<OperationStatus>,
}

/// How one target fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunTarget {
    pub connector: ObjectName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RunPlan>,
    /// Waiting, or how it ended.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub result: Option<RunTargetResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Sentence>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunPlan {
    /// What a decision is about: the sha256 over all changes of the plan.
    pub digest: Sha256,
    #[serde(default)]
    pub counts: ClassCounts,
    /// Why the plan needs approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub unsafe_reasons: Vec<ShortText>,
    /// What would happen, in one sentence with numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsafe_message: Option<Sentence>,
    /// Hides and deletes that wait because of safety.onExceeded: HoldDeletes; they are counted, but not pushed.
    #[serde(default, skip_serializing_if = "no_changes")]
    pub held: u64,
    /// Contacts of ours in the target, before.
    #[serde(default)]
    pub managed: u64,
    /// Skipped and undecided entries by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub reasons: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// Changes by class of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClassCounts {
    #[serde(default)]
    pub users: Counts,
    #[serde(default)]
    pub groups: Counts,
    #[serde(default)]
    pub contacts: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    pub create: u64,
    pub update: u64,
    pub hide: u64,
    pub delete: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub conflict: u64,
    pub undecided: u64,
    pub failed: u64,
}

/// One operation: one Job, or several where the first ones were lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    #[serde(rename = "type")]
    pub kind: OperationKind,
    /// Name of the connector that it works on.
    pub connector: ObjectName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<ObjectName>,
    /// From 1; more than one where a Job was lost, or a quota stopped it.
    #[serde(default)]
    pub attempts: u32,
    /// How many of the attempts a quota of the target stopped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub quota_pauses: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Absent until it has ended.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub result: Option<OperationResult>,
    /// Why it waits, or how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_digest: Option<Sha256>,
    /// Key of the report in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Sentence>,
    /// The whole outcome, from which a run goes on after a restart; for people it stands in the fields above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AnyObject>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn no_changes(number: &u64) -> bool {
    *number == 0
}

impl OperationStatus {
    /// One that has not begun.
    pub fn waiting(kind: OperationKind, connector: ObjectName) -> Self {
        Self {
            kind,
            connector,
            job_name: None,
            attempts: 0,
            quota_pauses: 0,
            start_time: None,
            completion_time: None,
            result: None,
            reason: None,
            message: None,
            counters: None,
            snapshot_digest: None,
            report: None,
            outcome: None,
        }
    }

    /// What it waits for or does; `None` once it has an outcome, and for Kubernetes' own words about its pod.
    pub fn progress(&self) -> Option<ProgressReason> {
        ProgressReason::parse(self.reason.as_ref()?.as_str())
    }
}

reasons! {
    #[derive(JsonSchema)]
    OperationKind {
        Verify,
        Pull,
        Simulate,
        Push,
        EmptyCache,
    }
}

reasons! {
    #[derive(JsonSchema)]
    OperationResult {
        Succeeded,
        PartiallySucceeded,
        Failed,
        QuotaExceeded,
        /// Another run's pull served.
        Shared,
    }
}

/// What an operation did, for figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    pub requests: u64,
    pub throttled: u64,
    pub retries: u64,
    pub bytes_read: u64,
    pub peak_memory_bytes: u64,
}
