//! Reading a mail system's entries.

use super::Error;
use crate::model::observed::{Counters, Verification};
use crate::model::{Anchor, Entry, SystemIdentity};
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

/// What a directory needs to read only changes next time; opaque to all others. Kept beside the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceEvent {
    /// The entry as it is now. The same anchor may come more than once; the last one counts.
    Upsert(Box<Entry>),
    /// It is there, and nothing about it has changed since the token. Only from a source that names everybody.
    Present(Anchor),
    /// The anchor is no longer in scope, deleted or changed beyond recognition as a recipient.
    Remove(Anchor),
    /// Members of a filter group, nested ones included; several events may name one group. Every filter group
    /// is read anew at each read and has at least one event, also when it has no members.
    Members { group: String, anchors: Vec<Anchor> },
    /// The last event of a read that saw everything. A stream that ends without it is incomplete.
    Complete(Completion),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// Absent where the system has no changes feed: the next read is a full one.
    pub token: Option<Token>,
    /// A read of changes that named everybody who is there, changed or not: those who were there before and were
    /// not named are gone. A full read always names everybody.
    pub names_everybody: bool,
}

#[async_trait]
pub trait Source: Send + Sync {
    /// Who the system is; connects.
    async fn identity(&self) -> Result<SystemIdentity, Error>;

    /// Signs in, tries what reading needs, and reports what it found.
    async fn verify(&self) -> Result<Verification, Error>;

    /// Reads everything (`since` absent) or what changed. [`Error::TokenExpired`] asks for a full read.
    /// Entries come in any order. `member_of` of entries is left empty; see [`SourceEvent::Members`].
    fn read(&self, since: Option<Token>) -> BoxStream<'_, Result<SourceEvent, Error>>;

    /// Requests sent, throttled answers and retries so far.
    fn counters(&self) -> Counters;
}
