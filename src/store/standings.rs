//! What a target's last plan was made from and what it found, so that the next one looks only at what changed. A
//! cache: without it a plan is computed whole.

use super::heads::{Heads, Numbered};
use super::{Error, Store};
use crate::engine::Sums;
use crate::model::{Digest, SystemIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const FOLDER: &str = "standings";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Of all that a plan depends on, but for what follows: of no use with another.
    pub rules: Digest,
    /// What the target held.
    pub contents: Digest,
    /// The snapshot of each source.
    pub sources: BTreeMap<SystemIdentity, Digest>,
    pub now: Timestamp,
    pub sums: Sums,
    /// The blob with a line for every row: what connects it with others.
    pub rows: Digest,
    /// The blob with a line for every row of which there was something to tell, with its change.
    pub told: Digest,
}

impl Store {
    pub(super) fn standing_heads(&self, connector: &str) -> Heads<Standing> {
        Heads::new(self, format!("{FOLDER}/{connector}/heads"))
    }

    /// What it names must be in the store already.
    pub async fn put_standing(&self, connector: &str, standing: &Standing) -> Result<u64, Error> {
        let heads = self.standing_heads(connector);
        let number = heads.append(standing).await?;
        heads.keep_last(2).await?;
        Ok(number)
    }

    /// Of the target with this connector.
    pub async fn latest_standing(&self, connector: &str) -> Result<Option<Numbered<Standing>>, Error> {
        self.standing_heads(connector).latest().await
    }
}
