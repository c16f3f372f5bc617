//! A run and what has been observed of its operations: the input of [`super::next()`].

use crate::model::connector::{Connector, ReadScope};
use crate::model::safety::ApprovalMode;
use crate::model::schedule::{SourceRules, TargetRules};
use crate::model::{Digest, Domain, OwnerId};
use crate::operation::{OperationType, Outcome, PlanSummary, RunReference};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// How often an operation is tried whose Job ended without an outcome.
pub const MAX_ATTEMPTS: u32 = 3;

/// How often a push goes on after a quota of its target stopped it; then a later pass plans anew.
pub const MAX_QUOTA_PAUSES: u32 = 30;

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Verify,
    Pull,
    Simulate,
    Push,
    EmptyCache,
    /// Simulate and push without any source: all contacts of the schedule go.
    Remove,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub reference: RunReference,
    pub owner: OwnerId,
    pub store_prefix: String,
    pub created: Timestamp,
    pub action: Action,
    /// Made by a person, not by the schedule.
    pub manual: bool,
    pub subject: Subject,
    /// The decisions on this run, by plan, and what the schedule approves beforehand.
    pub decisions: BTreeMap<Digest, Verdict>,
    pub approval: Approval,
    /// No push begins before this time: a freeze window of the schedule.
    pub frozen_until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Reject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    pub mode: ApprovalMode,
    pub expires_after_seconds: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// Verify, Pull, EmptyCache of one connector.
    Connector(Box<SourceSubject>),
    Schedule(Box<ScheduleSubject>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSubject {
    pub name: String,
    /// In order of precedence.
    pub sources: Vec<SourceSubject>,
    /// Only those that this run is about.
    pub targets: Vec<TargetSubject>,
    pub pass_number: u64,
    /// Read targets in full every n-th pass; at least 1.
    pub pull_targets_every: u64,
    /// Domains that connectors outside the schedule claim.
    pub claimed_elsewhere: BTreeSet<Domain>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceSubject {
    pub connector: Connector,
    pub rules: SourceRules,
    pub read: ReadScope,
    /// From the connector's status: the newest complete pull, by whichever run.
    pub last_pull: Option<LastPull>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPull {
    pub started: Timestamp,
    pub fingerprint: Digest,
    pub snapshot: Digest,
    pub identity: String,
    pub run: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TargetSubject {
    pub connector: Connector,
    pub rules: TargetRules,
    /// A plan of this target that another run left waiting.
    pub pending: Option<PendingPlan>,
    /// What a later run says about the target while this run's plan waits.
    pub successor: Option<Successor>,
    /// Plans of this target that a person rejected on another run, with that run's name.
    pub rejected: BTreeMap<Digest, String>,
    /// `spec.planDigests`: push this, which an earlier simulation showed.
    pub known: Option<KnownPlan>,
}

impl TargetSubject {
    /// A target about which no other run says anything.
    pub fn new(connector: Connector, rules: TargetRules) -> Self {
        Self { connector, rules, pending: None, successor: None, rejected: BTreeMap::new(), known: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPlan {
    pub digest: Digest,
    pub run: String,
    /// Absent = approved already: it waits for a quota or for the end of a freeze window, and does not expire.
    pub expires_at: Option<Timestamp>,
}

/// A later run has made a waiting plan needless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    pub run: String,
    /// It found nothing left to do; otherwise it has a plan in place of the waiting one.
    pub in_sync: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPlan {
    pub summary: PlanSummary,
    /// Approved on the run that showed it.
    pub approved: bool,
}

/// One operation of this run as it is now; of several attempts the newest.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub kind: OperationType,
    pub connector: String,
    pub attempt: u32,
    /// How many earlier attempts a quota stopped.
    pub quota_pauses: u32,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Running,
    Finished(Box<Outcome>),
    /// Its Job ended without an outcome: the pod was killed, or the node went.
    Interrupted,
    /// A pull of another run serves this one as well.
    Shared(LastPull),
}
