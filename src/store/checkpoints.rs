//! What a target's last plan was made from and what it found, so that the next one looks only at what changed. A
//! cache: without it a plan is computed whole.

use super::heads::{Heads, Numbered};
use super::{Error, Store};
use crate::engine::Totals;
use crate::model::{Digest, SystemIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const FOLDER: &str = "checkpoints";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Of all that a plan depends on, but for what follows: of no use with another.
    pub rules: Digest,
    /// What the target held.
    pub contents: Digest,
    /// The snapshot of each source.
    pub sources: BTreeMap<SystemIdentity, Digest>,
    pub now: Timestamp,
    pub sums: Totals,
    /// The blob with a line for every row: what connects it with others.
    pub rows: Digest,
    /// The blob with a line for every row of which there was something to tell, with its change.
    pub reported: Digest,
}

impl Store {
    pub(super) fn checkpoint_heads(&self, connector: &str) -> Heads<Checkpoint> {
        Heads::new(self, format!("{FOLDER}/{connector}/heads"))
    }

    /// What it names must be in the store already.
    pub async fn put_checkpoint(&self, connector: &str, checkpoint: &Checkpoint) -> Result<u64, Error> {
        let heads = self.checkpoint_heads(connector);
        let number = heads.append(checkpoint).await?;
        heads.keep_last(2).await?;
        Ok(number)
    }

    /// Of the target with this connector.
    pub async fn latest_checkpoint(&self, connector: &str) -> Result<Option<Numbered<Checkpoint>>, Error> {
        self.checkpoint_heads(connector).latest().await
    }
}
