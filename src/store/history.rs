//! The history of a target under one schedule: not a cache, so neither EmptyCache nor retention take it.

use super::heads::{Heads, Numbered};
use super::objects::segment;
use super::{Error, Store};
use crate::engine::History;
use crate::model::{Digest, SyncId, SystemIdentity};

pub(super) const FOLDER: &str = "history";

impl Store {
    fn history_heads(&self, target: &SystemIdentity, sync: &SyncId) -> Heads<History> {
        // A syncId may hold slashes and any script; 16 digits of its hash name it in every kind of store.
        let sync = &Digest::of(sync.as_str().as_bytes()).hex()[..16];
        Heads::new(self, format!("{FOLDER}/{}/{sync}/heads", segment(target.as_str())))
    }

    /// Absent = never made, or lost: the engine then wants approval for removals.
    pub async fn history(&self, target: &SystemIdentity, sync: &SyncId) -> Result<Option<Numbered<History>>, Error> {
        self.history_heads(target, sync).latest().await
    }

    /// [`Error::Conflict`] unless the history that was read (by its number; absent = there was none) is still
    /// the valid one: then read it, and change that.
    pub async fn put_history(
        &self,
        target: &SystemIdentity,
        sync: &SyncId,
        read: Option<u64>,
        history: &History,
    ) -> Result<u64, Error> {
        let heads = self.history_heads(target, sync);
        let number = heads.replace(read, history).await?;
        heads.keep_last(2).await?;
        Ok(number)
    }
}
