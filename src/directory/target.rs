//! Reading what a target holds and writing contacts into it.

use super::{Error, Normalizer};
use crate::model::observed::{Capabilities, Counters, Verification};
use crate::model::taken::Taken;
use crate::model::{Change, Contact, Domain, SystemIdentity};
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetEvent {
    /// A contact with our mark.
    Owned(Box<Contact>),
    Taken(Box<Taken>),
    /// The last event of a read that saw the whole address space; without it the read is incomplete.
    Complete(ContentsCompletion),
}

/// What only a read of the whole target can tell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsCompletion {
    /// All domains that the target says it delivers itself, since mail to them would loop (mail-rules §2); empty where
    /// the kind of system has no such list. Where it cannot be read in full, neither can the contents: the read is
    /// an error. Kept with the contents, so that a plan from kept contents is the plan from that read.
    pub own_domains: BTreeSet<Domain>,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeOutcome {
    pub result: ChangeResult,
    /// Values that the target refused although it took the contact.
    pub refused_values: Vec<String>,
    /// The contact's own legacyExchangeDN where the target says it, for the ledger.
    pub legacy_exchange_dn: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeResult {
    Done,
    /// Already so: an earlier push did it.
    AlreadyDone,
    /// The address is not free yet; the next pass tries again.
    Deferred,
    /// The object is not what it was when the plan was computed; left to the next pass.
    Drifted,
    /// The target refuses this contact; `hint` says why and what to do, without personal data.
    Refused {
        hint: String,
    },
    /// Nothing was tried: creates wait for the quota until then.
    QuotaExceeded {
        until: Timestamp,
    },
}

#[async_trait]
pub trait Target: Send + Sync {
    async fn identity(&self) -> Result<SystemIdentity, Error>;

    /// Signs in, tries what writing needs without leaving traces, and reports what it found.
    async fn verify(&self) -> Result<Verification, Error>;

    /// The same whatever was called before.
    async fn capabilities(&self) -> Result<Capabilities, Error>;

    /// What makes of a contact what this target will give back. The same whatever was called before.
    fn normalizer(&self) -> Normalizer;

    /// Our contacts and the holders of all other addresses, over the whole address space, in any order.
    fn contents(&self) -> BoxStream<'_, Result<TargetEvent, Error>>;

    /// Carries out changes, in any order, each by itself; one outcome per change, in their order. An error
    /// means that the whole batch must be thought again (credentials, connection), not one change.
    async fn apply(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error>;

    /// Requests sent, throttled answers and retries so far.
    fn counters(&self) -> Counters;
}
