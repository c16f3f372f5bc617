//! `GalSyncSchedule`: which sources go to which targets, when, and how far (design §3.2).

use super::filters::{Filters, wire_enum};
use super::job_template::JobTemplate;
use super::mapping::Mapping;
use super::reference::LocalReference;
use super::run::{Counts, RunAction};
use super::safety::{ApprovalMode, Policy, Safety};
use super::text::{DurationText, Sentence, Sha256, ShortText};
use crate::model::schedule as checked;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which sources go to which targets, when, and how far.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "galsync.dev",
    version = "v1alpha1",
    kind = "GalSyncSchedule",
    plural = "galsyncschedules",
    shortname = "gss",
    category = "galsync",
    namespaced,
    status = "GalSyncScheduleStatus",
    derive = "PartialEq",
    doc = "Which sources go to which targets, when, and how far.",
    validation = Rule::new("has(self.spec.syncId) || self.metadata.name.size() <= 64").message("a schedule whose name is longer than 64 characters needs spec.syncId, a short name that never changes"),
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policy"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Synced", type_ = "string", json_path = r#".status.conditions[?(@.type=="Synced")].status"#),
    printcolumn(
        name = "Approval",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ApprovalRequired")].status"#
    ),
    printcolumn(name = "Last Success", type_ = "date", json_path = ".status.lastSuccessTime"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextScheduleTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.syncId) == has(oldSelf.syncId) && (!has(self.syncId) || self.syncId == oldSelf.syncId)").message("spec.syncId is part of every owner mark and can be neither changed nor added nor removed: with another one all contacts would be foreign"))]
#[x_kube(validation = Rule::new("has(self.interval) != has(self.schedule)").message("a schedule has exactly one of spec.interval, such as 24h, and spec.schedule, such as 0 2 * * *"))]
#[x_kube(validation = Rule::new("!has(self.timeZone) || has(self.schedule)").message("spec.timeZone belongs to spec.schedule; leave it out beside spec.interval"))]
#[x_kube(validation = Rule::new("self.targets.all(t, self.sources.exists(s, s.connectorRef.name != t.connectorRef.name))").message("a target needs a source other than itself: add one to spec.sources"))]
pub struct GalSyncScheduleSpec {
    /// Part of every owner mark. Default: `<namespace>/<name>`. Cannot be changed, added or removed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("!self.contains(';')").message("spec.syncId may not contain a semicolon"))]
    pub sync_id: Option<String>,
    /// Where people come from. The order is the precedence where two sources have one address.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, b.connectorRef.name == a.connectorRef.name))").message("spec.sources names a connector twice"))]
    pub sources: Vec<ScheduleSource>,
    /// Where their contacts go. A connector may stand among the sources and the targets.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, b.connectorRef.name == a.connectorRef.name))").message("spec.targets names a connector twice"))]
    pub targets: Vec<ScheduleTarget>,
    /// Time from the start of one pass to the start of the next, such as 24h. The first comes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("spec.interval is at least 1m"))]
    pub interval: Option<DurationText>,
    /// A cron expression of five fields, such as `0 2 * * *`, in place of interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub schedule: Option<ShortText>,
    /// The IANA time zone of schedule, such as Europe/Berlin; default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub time_zone: Option<ShortText>,
    /// How late a pass may start after the operator or its schedule was down; default: however late. At most one
    /// missed pass is made up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starting_deadline: Option<DurationText>,
    /// Targets are read in full every n-th pass.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub pull_targets_every: u32,
    /// How far a pass goes: Pull reads the sources, Simulate plans as well, Push carries the plans out.
    #[serde(default = "push")]
    pub mode: Mode,
    /// CreateOnly only creates, Upsert never hides or deletes, Sync does all. There is no default: a wrong
    /// guess deletes, or never deletes, in silence.
    pub policy: Policy,
    #[serde(default)]
    pub approval: Approval,
    #[serde(default)]
    pub safety: Safety,
    #[serde(default)]
    pub removal: Removal,
    #[serde(default)]
    pub conflict: Conflict,
    /// No new passes; a started one goes on to its end.
    #[serde(default)]
    pub suspend: bool,
    #[serde(default)]
    pub timeouts: Timeouts,
    #[serde(default)]
    pub retry: Retry,
    /// Laid over the job templates of the connectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_template: Option<JobTemplate>,
}

fn one() -> u32 {
    1
}

fn push() -> Mode {
    Mode::Push
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleSource {
    pub connector_ref: LocalReference,
    /// Narrows the connector's filters: an entry takes part when both let it through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Filters>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleTarget {
    pub connector_ref: LocalReference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    Pull,
    Simulate,
    Push,
}

impl Mode {
    pub fn action(self) -> RunAction {
        match self {
            Self::Pull => RunAction::Pull,
            Self::Simulate => RunAction::Simulate,
            Self::Push => RunAction::Push,
        }
    }
}

/// Who decides whether a plan is pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// Always: every plan with changes waits for a person. WhenUnsafe and Auto: those beyond the limits of
    /// spec.safety wait.
    #[serde(default)]
    pub mode: ApprovalMode,
    /// How long a plan waits before a later one takes its place.
    #[serde(default = "three_days")]
    pub expires_after: DurationText,
}

fn three_days() -> DurationText {
    "72h".into()
}

impl Default for Approval {
    fn default() -> Self {
        Self { mode: ApprovalMode::default(), expires_after: three_days() }
    }
}

/// How contacts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Removal {
    /// A contact is hidden for this time before it is deleted, so that memberships survive a mistake; 0s =
    /// deleted at once.
    #[serde(default = "thirty_days")]
    pub hide_for: DurationText,
}

fn thirty_days() -> DurationText {
    "720h".into()
}

impl Default for Removal {
    fn default() -> Self {
        Self { hide_for: thirty_days() }
    }
}

/// What happens where somebody else's object holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conflict {
    /// A mail contact that is not ours: Skip leaves it alone, Adopt takes it over (and never deletes it).
    #[serde(default)]
    pub foreign_contact: ForeignContact,
    /// A guest user: Skip, or Unhide it in the address list.
    #[serde(default)]
    pub guest: Guest,
}

wire_enum!(
    #[derive(Default)]
    ForeignContact = checked::ForeignContact {
        #[default]
        Skip,
        Adopt
    }
);
wire_enum!(
    #[derive(Default)]
    Guest = checked::Guest {
        #[default]
        Skip,
        Unhide
    }
);

/// How long each operation may take; then it is stopped and counts as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    #[serde(default = "six_hours")]
    pub pull: DurationText,
    #[serde(default = "six_hours")]
    pub simulate: DurationText,
    #[serde(default = "a_day")]
    pub push: DurationText,
}

fn six_hours() -> DurationText {
    "6h".into()
}

fn a_day() -> DurationText {
    "24h".into()
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { pull: six_hours(), simulate: six_hours(), push: a_day() }
    }
}

/// What follows a pass that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// The first wait; it doubles with each failure, and never goes beyond the next regular pass.
    #[serde(default = "five_minutes")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("retry.after is at least 1m"))]
    pub after: DurationText,
}

fn five_minutes() -> DurationText {
    "5m".into()
}

impl Default for Retry {
    fn default() -> Self {
        Self { after: five_minutes() }
    }
}

/// What the operator saw of a schedule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GalSyncScheduleStatus {
    /// The generation that the conditions are about; -1 = none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready = able to run. Synced = how the last finished pass went. ApprovalRequired = a plan waits.
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
    /// The result of its last operation.
    pub result: ShortText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// Contacts of this schedule in the target.
    #[serde(default)]
    pub managed: u64,
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
