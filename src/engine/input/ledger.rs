//! The address ledger: every legacyExchangeDN that a person had, so that replies to old mail keep working
//! (mail-rules §5). It is no cache. The store keeps it; the engine asks it and says what goes into it.

use crate::model::{Change, ChangeKind, Key, SmtpAddress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the ledger knows. Looked up by key, and by primary address for one who comes back under another anchor.
pub trait Ledger {
    /// Every X500 address ever seen, without the prefix.
    fn x500(&self, key: &Key, primary: &SmtpAddress) -> BTreeSet<String>;
    /// Whether there once was a contact of this key.
    fn knows(&self, key: &Key) -> bool;
}

/// A ledger in which nothing stands.
impl Ledger for () {
    fn x500(&self, _: &Key, _: &SmtpAddress) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn knows(&self, _: &Key) -> bool {
        false
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRecord {
    pub key: Key,
    pub primary: SmtpAddress,
    /// X500 addresses without the prefix: those that it carried, and its own legacyExchangeDN in the target.
    pub x500: BTreeSet<String>,
}

impl LedgerRecord {
    /// What must stand in the ledger *before* this change is carried out.
    pub fn of(change: &Change) -> Option<Self> {
        if !matches!(change.kind(), ChangeKind::Delete | ChangeKind::Release | ChangeKind::Unmark) {
            return None;
        }
        let before = change.before()?;
        let mut x500 = before.x500.clone();
        x500.extend(before.legacy_exchange_dn.clone());
        Some(Self { key: change.key().clone(), primary: before.primary.clone(), x500 })
    }
}
