//! All that a plan depends on.

use super::history::History;
use super::ledger::Ledger;
use crate::engine::error::Failure;
use crate::model::connector::Connector;
use crate::model::observed::Capabilities;
use crate::model::reason::Warning;
use crate::model::schedule::{SourceRules, TargetRules};
use crate::model::taken::Taken;
use crate::model::{Contact, Domain, Entry, Essence, Key, SystemIdentity};
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
    /// Absent = lost or never made: the pairs' removals then need approval.
    pub history: Option<&'a History>,
    /// Domains that connectors outside this schedule claim (mail-rules §2).
    pub claimed_elsewhere: &'a BTreeSet<Domain>,
    pub now: Timestamp,
}

pub struct TargetInput<'a> {
    pub connector: &'a Connector,
    pub identity: SystemIdentity,
    pub capabilities: &'a Capabilities,
    /// Domains that the target said it delivers itself when its contents were read; its connector's come on top.
    pub own_domains: &'a BTreeSet<Domain>,
    /// The directory's `normalize`: the contact as it will be read back. Twice is as good as once.
    pub normalize: &'a dyn Fn(Contact) -> (Contact, Vec<Warning>),
    /// First all that is not ours, in any order; then our contacts in order of their keys.
    pub contents: Box<dyn Iterator<Item = Result<TargetContent, Failure>> + 'a>,
    /// Absent, the documents of folded contacts are carried along in the scratch, whether they are needed or not.
    pub again: Option<ContactLookup<'a>>,
}

/// Finds the one contact with this key in the contents again. Asked in order of the keys, nearly.
pub type ContactLookup<'a> = &'a dyn Fn(&Key) -> Result<Contact, Failure>;

#[derive(Debug, Clone, PartialEq)]
pub enum TargetContent {
    /// A contact with our mark.
    Owned(Box<Contact>),
    Folded(LazyContact),
    Taken(Box<Taken>),
}

/// A contact with our mark that is read only if its essence is not the wanted one: of most it is.
#[derive(Debug, Clone, PartialEq)]
pub struct LazyContact {
    pub key: Key,
    pub essence: Essence,
    pub legacy_exchange_dn: Option<String>,
    /// The contact in JSON.
    pub document: Box<[u8]>,
}

impl LazyContact {
    /// Nothing for a contact without an essence.
    pub fn new(contact: &Contact) -> Option<Self> {
        Some(Self {
            key: contact.key(),
            essence: Essence::of_existing(contact)?,
            legacy_exchange_dn: contact.legacy_exchange_dn.clone(),
            document: serde_json::to_vec(contact).expect("a contact is plain data").into(),
        })
    }

    pub fn unfold(&self) -> Result<Contact, Failure> {
        Ok(serde_json::from_slice(&self.document)?)
    }
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
