//! All that a plan depends on.

use super::error::Failure;
use super::{History, Ledger};
use crate::model::connector::Connector;
use crate::model::reason::Warning;
use crate::model::schedule::{SourceRules, TargetRules};
use crate::model::taken::{Taken, TargetLimits};
use crate::model::{Contact, Domain, Entry, SystemIdentity};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What one target and its sources are. An iterator that gives an error ends the plan with it: what was cut off
/// never becomes a deletion. That an iterator which ends was *complete* is the caller's to know beforehand.
pub struct PlanInput<'a> {
    pub rules: &'a TargetRules,
    pub target: TargetInput<'a>,
    /// In order of precedence. All sources of the schedule: the contacts of a source that is not here are planned
    /// to go as `SourceRemoved`. A source with the target's own identity is passed over.
    pub sources: Vec<SourceInput<'a>>,
    pub ledger: &'a dyn Ledger,
    /// The default one where it was lost or never made: the pairs' removals then need approval.
    pub history: &'a History,
    /// Domains that connectors outside this schedule claim (mail-rules §2).
    pub claimed_elsewhere: &'a BTreeSet<Domain>,
    pub now: Timestamp,
}

pub struct TargetInput<'a> {
    pub connector: &'a Connector,
    pub identity: SystemIdentity,
    pub limits: &'a TargetLimits,
    /// The directory's `normalize`: the contact as it will be read back.
    pub normalize: &'a dyn Fn(Contact) -> (Contact, Vec<Warning>),
    /// In any order.
    pub contents: Box<dyn Iterator<Item = Result<TargetContent, Failure>> + 'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TargetContent {
    /// A contact with our mark.
    Owned(Box<Contact>),
    Taken(Box<Taken>),
}

pub struct SourceInput<'a> {
    pub identity: SystemIdentity,
    pub connector: &'a Connector,
    pub rules: &'a SourceRules,
    /// Read in this pass; otherwise its last complete snapshot stands in.
    pub fresh: bool,
    /// In order of their anchors.
    pub entries: Box<dyn Iterator<Item = Result<Entry, Failure>> + 'a>,
}
