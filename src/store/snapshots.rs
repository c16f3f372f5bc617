//! What pulls left: a head per pull, and the snapshot of entries that it names.

use super::heads::{Heads, Numbered};
use super::{Error, Store, blobs};
use crate::engine::FilterCounts;
use crate::model::{Digest, Entry, SystemIdentity};
use crate::snapshot::{self, Frames, Kind, Reader, Statistics};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;

pub(super) const FOLDER: &str = "snapshots";

/// A complete pull of a connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotHead {
    /// `Connector::fingerprint`; a head of another fingerprint counts as absent.
    pub fingerprint: Digest,
    pub identity: SystemIdentity,
    /// The blob.
    pub snapshot: Digest,
    /// The directory's own, for reading changes only; absent where it has none. It can hold host names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    pub started: Timestamp,
    pub completed: Timestamp,
    /// When the last full read started, on which this one builds.
    pub full_read: Timestamp,
    pub statistics: Statistics,
    /// What the connector's own filters keep of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filtered: Option<Filtered>,
}

/// A snapshot seen through its connector's filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filtered {
    /// Of the rules that were asked: with others, these counts are of no use.
    pub rules: Digest,
    pub counts: FilterCounts,
    /// The blob with a line for every entry that does not pass.
    pub rejected: Digest,
}

impl Store {
    pub(super) fn snapshot_heads(&self, connector: &str) -> Heads<SnapshotHead> {
        Heads::new(self, format!("{FOLDER}/{connector}/heads"))
    }

    /// Keeps a finished snapshot; from then on it is the connector's latest.
    pub async fn put_snapshot(&self, connector: &str, file: File, head: &SnapshotHead) -> Result<u64, Error> {
        self.put_blob(&head.snapshot, file).await?;
        self.snapshot_heads(connector).append(head).await
    }

    /// The connector's latest snapshot with this fingerprint, if that is its latest.
    pub async fn latest_snapshot(
        &self,
        connector: &str,
        fingerprint: &Digest,
    ) -> Result<Option<Numbered<SnapshotHead>>, Error> {
        let latest = self.snapshot_heads(connector).latest().await?;
        Ok(latest.filter(|head| head.value.fingerprint == *fingerprint))
    }

    /// The newest head that names this snapshot.
    pub async fn snapshot_head(&self, connector: &str, snapshot: &Digest) -> Result<SnapshotHead, Error> {
        let heads = self.snapshot_heads(connector).all().await?;
        let found = heads.into_iter().find(|head| head.value.snapshot == *snapshot);
        found.map(|head| head.value).ok_or_else(|| Error::NotFound { key: blobs::key(snapshot) })
    }

    /// Opens a snapshot of entries; its reader decompresses on a thread of its own.
    pub async fn open_snapshot(&self, snapshot: &Digest) -> Result<Reader, Error> {
        self.open(snapshot, Kind::Entries).await
    }

    /// The entries of a snapshot in order of their anchors, read and parsed on a thread of its own.
    pub async fn open_entries(
        &self,
        digest: &Digest,
    ) -> Result<impl Iterator<Item = Result<Entry, snapshot::Error>> + Send + use<>, Error> {
        Ok(snapshot::ahead(self.open_here(digest, Kind::Entries).await?.documents::<Entry>())?)
    }

    /// The latest snapshot once more: a pull found it unchanged.
    pub async fn repeat_snapshot(&self, connector: &str, head: &SnapshotHead) -> Result<u64, Error> {
        self.snapshot_heads(connector).append(head).await
    }

    /// A snapshot for looking up and comparing.
    pub async fn open_frames(&self, blob: &Digest, kind: Kind) -> Result<Frames, Error> {
        Ok(Frames::open(self.blob(blob).await?, kind)?)
    }

    pub async fn open_records(&self, blob: &Digest) -> Result<Reader, Error> {
        self.open(blob, Kind::Records).await
    }

    pub(super) async fn open_here(&self, blob: &Digest, kind: Kind) -> Result<Reader, Error> {
        let file = self.blob(blob).await?;
        Ok(Reader::new(file)?.expect(kind)?)
    }

    pub(super) async fn open(&self, blob: &Digest, kind: Kind) -> Result<Reader, Error> {
        let file = self.blob(blob).await?;
        Ok(Reader::ahead(file)?.expect(kind)?)
    }

    /// Removes a connector's snapshots, tokens and target contents; never reports, plans, ledger or history.
    pub async fn empty_cache(&self, connector: &str) -> Result<(), Error> {
        let named = self.named_blobs_of(connector).await?;
        self.snapshot_heads(connector).remove_all().await?;
        self.forget_contents(connector).await?;
        self.checkpoint_heads(connector).remove_all().await?;
        let still_named = self.named_blobs().await?;
        for blob in named.difference(&still_named) {
            self.delete(&blobs::key(blob)).await?;
        }
        Ok(())
    }
}
