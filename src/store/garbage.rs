//! Garbage collection: what nothing names and what is older than its retention. Safe beside writers: a blob is
//! younger than the grace time from when it was written, and is looked at again just before it goes.

use super::files::{PLANS, RunFileKind};
use super::heads::Heads;
use super::objects::blocking;
use super::{Error, Store, blobs, checkpoints, contents, history, ledger, snapshots};
use crate::model::Digest;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;

/// How long things stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of each connector, the newest included; at least two.
    pub keep_snapshots: usize,
    /// Reports and plans.
    pub keep_reports: SignedDuration,
    /// Logs and journals.
    pub keep_logs: SignedDuration,
    /// What nothing names may be a writer's that is not done yet; longer than any Job runs.
    pub grace: SignedDuration,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    pub heads: u64,
    pub blobs: u64,
    pub files: u64,
    /// Of writers that were killed.
    pub unfinished: u64,
    pub bytes: u64,
}

const HEADS: [&str; 5] = [snapshots::FOLDER, contents::FOLDER, checkpoints::FOLDER, ledger::FOLDER, history::FOLDER];
/// Those that EmptyCache takes.
const CACHES: [&str; 3] = [snapshots::FOLDER, contents::FOLDER, checkpoints::FOLDER];

impl Store {
    /// Blobs that some head names. Every digest in a head counts, also in one that is damaged or of another
    /// version: what might be named stays.
    pub(super) async fn named_blobs(&self) -> Result<BTreeSet<Digest>, Error> {
        self.named_below(&HEADS.map(str::to_owned)).await
    }

    pub(super) async fn named_blobs_of(&self, connector: &str) -> Result<BTreeSet<Digest>, Error> {
        self.named_below(&CACHES.map(|folder| format!("{folder}/{connector}"))).await
    }

    async fn named_below(&self, folders: &[String]) -> Result<BTreeSet<Digest>, Error> {
        let mut named = BTreeSet::new();
        for folder in folders {
            for object in self.list(folder).await? {
                match self.get(&object.key).await {
                    Ok(content) => named.extend(digests(&content)),
                    Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(named)
    }

    pub async fn collect_garbage(&self, retention: &Retention, now: Timestamp) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        self.prune_heads(retention, &mut collected).await?;
        // Listed before heads are read, so that the head of a blob that is written meanwhile does not matter.
        let blobs = self.list(blobs::FOLDER).await?;
        let named = self.named_blobs().await?;
        let old = |modified: Timestamp, age: SignedDuration| now.duration_since(modified) > age;
        for blob in blobs.iter().filter(|blob| old(blob.modified, retention.grace)) {
            let digest = blob.key.rsplit('/').next().and_then(|hex| Digest::parse(&format!("sha256:{hex}")).ok());
            if digest.is_some_and(|digest| named.contains(&digest)) {
                continue;
            }
            if self.modified(&blob.key).await?.is_some_and(|modified| old(modified, retention.grace)) {
                self.delete(&blob.key).await?;
                collected.blobs += 1;
                collected.bytes += blob.bytes;
            }
        }
        let files = RunFileKind::ALL.map(|kind| match kind {
            RunFileKind::Report => (kind.folder(), retention.keep_reports),
            RunFileKind::Log | RunFileKind::Journal => (kind.folder(), retention.keep_logs),
        });
        for (folder, keep) in files.into_iter().chain([(PLANS, retention.keep_reports)]) {
            for file in self.list(folder).await?.iter().filter(|file| old(file.modified, keep)) {
                self.delete(&file.key).await?;
                collected.files += 1;
                collected.bytes += file.bytes;
            }
        }
        self.remove_unfinished(retention.grace, now, &mut collected).await?;
        Ok(collected)
    }

    async fn prune_heads(&self, retention: &Retention, collected: &mut Collected) -> Result<(), Error> {
        for kind in HEADS {
            let keep = if [snapshots::FOLDER, contents::FOLDER].contains(&kind) { retention.keep_snapshots } else { 2 };
            let keys = self.list(kind).await?;
            let folders = keys.iter().filter_map(|object| Some(object.key.rsplit_once('/')?.0));
            for folder in folders.collect::<BTreeSet<_>>() {
                let heads: Heads<serde_json::Value> = Heads::new(self, folder.to_owned());
                collected.heads += heads.keep_last(keep).await? as u64;
            }
        }
        Ok(())
    }

    /// In a folder, a killed writer leaves its temporary file, `<name>#<number>`, which listing passes over. In
    /// buckets, unfinished uploads go by the bucket's own lifecycle rule.
    async fn remove_unfinished(
        &self,
        grace: SignedDuration,
        now: Timestamp,
        collected: &mut Collected,
    ) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let folder = folder.join(self.prefix.as_ref());
        let (count, bytes) = blocking(move || remove_staged(&folder, grace, now)).await?;
        collected.unfinished += count;
        collected.bytes += bytes;
        Ok(())
    }
}

fn remove_staged(folder: &Path, grace: SignedDuration, now: Timestamp) -> std::io::Result<(u64, u64)> {
    let mut removed = (0, 0);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(removed),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let meta = match entry.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            meta => meta?,
        };
        if meta.is_dir() {
            let (count, bytes) = remove_staged(&entry.path(), grace, now)?;
            removed = (removed.0 + count, removed.1 + bytes);
        } else if is_staged(&name.to_string_lossy()) {
            let modified = Timestamp::try_from(meta.modified()?).unwrap_or(Timestamp::MAX);
            if now.duration_since(modified) > grace {
                std::fs::remove_file(entry.path())?;
                removed = (removed.0 + 1, removed.1 + meta.len());
            }
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()))
}

/// Every `sha256:<64 hex>` in a text.
fn digests(content: &[u8]) -> impl Iterator<Item = Digest> + '_ {
    const NAME: &[u8] = b"sha256:";
    memchr::memmem::find_iter(content, NAME).filter_map(|at| {
        let text = content.get(at..at + NAME.len() + 64)?;
        Digest::parse(std::str::from_utf8(text).ok()?).ok()
    })
}
