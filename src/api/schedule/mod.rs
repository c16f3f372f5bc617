//! `GalSyncSchedule`: which sources go to which targets, when, and how far (design §3.2).

mod status;

pub use status::{GalSyncScheduleStatus, HistoryEntry, PendingApproval, TargetState};

use super::filters::{Filters, wire_enum};
use super::job_template::JobTemplate;
use super::mapping::Mapping;
use super::reference::LocalReference;
use super::run::RunAction;
use super::safety::{ApprovalMode, Policy, Safety};
use super::text::{DurationText, Sha256, ShortText};
use crate::model::schedule as checked;
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
#[x_kube(validation = Rule::new("!has(self.timeZone) || has(self.schedule) || has(self.freeze)").message("spec.timeZone belongs to spec.schedule and spec.freeze; leave it out beside spec.interval alone"))]
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
    /// The IANA time zone of schedule and freeze, such as Europe/Berlin; default: UTC.
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
    /// Windows in which nothing is pushed. Passes pull and simulate as ever; what is approved meanwhile is pushed
    /// when the window ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub freeze: Option<Vec<FreezeWindow>>,
    /// What becomes of the contacts when the schedule is deleted, or a target is taken out of it. Orphan: they stay
    /// where they are. Delete: a run removes them, with the limits and the approval of every plan; a schedule that
    /// is being deleted waits for it, until the policy is Orphan or the annotation galsync.dev/orphan-contacts is true.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// No new passes; a started one goes on to its end.
    #[serde(default)]
    pub suspend: bool,
    #[serde(default)]
    pub timeouts: Timeouts,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub history: History,
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
    /// Always: every plan with changes waits for a person. WhenUnsafe: those beyond the limits of
    /// spec.safety.
    #[serde(default)]
    pub mode: ApprovalMode,
    /// How long a plan waits before a later one takes its place.
    #[serde(default = "three_days")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("approval.expiresAfter is at least 1m"))]
    pub expires_after: DurationText,
    /// Plans that may be pushed whenever they come up, for approval by commit: copy the digest from
    /// status.pendingApprovals. A digest stands for exactly one set of changes, so an old one does no harm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub approved_plan_digests: Vec<Sha256>,
}

fn three_days() -> DurationText {
    "72h".into()
}

impl Default for Approval {
    fn default() -> Self {
        Self { mode: ApprovalMode::default(), expires_after: three_days(), approved_plan_digests: Vec::new() }
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
}

/// A time in which nothing is pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeWindow {
    /// When it begins: a cron expression of five fields in spec.timeZone, such as `0 0 24 12 *`.
    #[schemars(extend("minLength" = 1))]
    pub schedule: ShortText,
    /// How long it lasts, such as 72h.
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("a freeze lasts at least 1m"))]
    pub duration: DurationText,
}

wire_enum!(
    #[derive(Default)]
    ForeignContact = checked::ForeignContact {
        #[default]
        Skip,
        Adopt
    }
);

/// Whether contacts outlive what made them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    #[default]
    Orphan,
    Delete,
}

/// How long each operation may take; then it is stopped and counts as failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    #[serde(default = "six_hours")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("a timeout is at least 1m"))]
    pub pull: DurationText,
    #[serde(default = "six_hours")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("a timeout is at least 1m"))]
    pub simulate: DurationText,
    #[serde(default = "a_day")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("a timeout is at least 1m"))]
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

/// How many finished runs are kept. A run that has not ended, the last that succeeded and the last that failed are
/// never removed. Reports are kept in the store by its own retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct History {
    /// Runs that succeeded.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    pub successful_runs: u32,
    /// Runs that did not.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    pub failed_runs: u32,
    /// Older ones go in any case.
    #[serde(default = "ninety_days")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h')").message("history.maxAge is at least 1h"))]
    pub max_age: DurationText,
}

fn ten() -> u32 {
    10
}

fn ninety_days() -> DurationText {
    "2160h".into()
}

impl Default for History {
    fn default() -> Self {
        Self { successful_runs: ten(), failed_runs: ten(), max_age: ninety_days() }
    }
}
