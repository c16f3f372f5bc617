//! Pull: reads a source into a snapshot, by changes where its token still holds, in full otherwise.

use super::context::Context;
use super::error::Error;
use super::filtering::Filtering;
use super::phase::phase;
use super::read::{self, Base, Reading};
use crate::directory::{self, Source, Token};
use crate::model::connector::{Connector, ReadScope};
use crate::model::{Anchor, Digest, Entry, SystemIdentity};
use crate::operation::{Outcome, Reason, Request, SourceCounts, Verdict};
use crate::snapshot::{self, Difference, Kind, Reader, Statistics};
use crate::store::SnapshotHead;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::{Seek, SeekFrom};

/// An attribute that at least so many entries had and none has any more is a lost read right, not a change.
const VANISHED_FROM: u64 = 10;

/// What a pull is asked.
pub(super) struct Pull<'a> {
    pub connector: &'a Connector,
    pub scope: &'a ReadScope,
    /// Do not use the token even if it holds.
    pub full: bool,
}

pub(super) async fn pull(
    request: &Request,
    asked: Pull<'_>,
    source: &dyn Source,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Pull { connector, scope, full } = asked;
    let started = context.clock.now();
    let fingerprint = connector.fingerprint(scope);
    let identity = phase("sign in", context, async { Ok(source.identity().await?) }).await?;
    let previous = context.store.latest_snapshot(&connector.name, &fingerprint).await?.map(|head| head.value);
    if let Some(head) = previous.as_ref().filter(|head| head.identity != identity) {
        let message = format!(
            "the connector was {} and is {identity} now, though its settings are the same; if that is right, empty its cache",
            head.identity
        );
        return Err(Error::refused(Reason::IdentityChanged, message));
    }
    let token = previous.as_ref().and_then(|head| head.token.clone()).map(Token);
    let due = previous.as_ref().is_some_and(|head| {
        let every = SignedDuration::from_secs(i64::try_from(connector.full_pull_every_seconds).unwrap_or(i64::MAX));
        started.duration_since(head.full_read) >= every
    });
    let asking = Asking { request, connector, scope, source, context };
    let mut changes = match (&previous, token) {
        (Some(head), Some(token)) if !full => asking.changes(head, token).await?,
        _ => None,
    };
    let mut delta_missed = None;
    let (read, last_full_read) = match changes.take() {
        Some(read) if !due => (read, previous.as_ref().map(|head| head.full_read)),
        by_changes => {
            let read = asking.all().await?;
            if let Some(by_changes) = by_changes {
                delta_missed = Some(count_missed(source, by_changes.reading, &read.reading).await?);
            }
            (read, None)
        }
    };
    if let Some(head) = &previous {
        refuse_losses(&head.statistics, &read.reading.statistics)?;
    }
    let unchanged = last_full_read.is_some() && read.reading.counts.changes() == 0;
    let repeated = previous.filter(|_| unchanged).map(|head| head.snapshot);
    let kept = Kept { fingerprint, identity, started, last_full_read, delta_missed, repeated };
    phase("filter and keep", context, asking.keep(read, kept)).await
}

/// All that a read of the source needs.
struct Asking<'a> {
    request: &'a Request,
    connector: &'a Connector,
    scope: &'a ReadScope,
    source: &'a dyn Source,
    context: &'a Context<'a>,
}

/// A read, judged along with it where that was possible.
struct Judged<'a> {
    reading: Reading,
    filtering: Option<Filtering<'a>>,
}

impl<'a> Asking<'a> {
    async fn all(&self) -> Result<Judged<'a>, Error> {
        let mut filtering = Filtering::whole(self.request, self.connector, self.context)?;
        let mut changed =
            |anchor: &Anchor, old: Option<&Entry>, new: Option<&Entry>| filtering.change(anchor, old, new);
        let reading = read::read(self.source, self.scope, None, &mut changed, self.context);
        let reading = phase("read in full", self.context, reading).await?;
        Ok(Judged { reading, filtering: Some(filtering) })
    }

    /// Reads what changed since the last snapshot; nothing where the token or that snapshot is of no use any more.
    async fn changes(&self, head: &SnapshotHead, token: Token) -> Result<Option<Judged<'a>>, Error> {
        let frames = match self.context.store.open_frames(&head.snapshot, Kind::Entries).await {
            Ok(frames) => frames,
            Err(error) if error.is_absence() => {
                tracing::warn!(%error, "the last snapshot is of no use; reading in full");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let base = Base { frames, statistics: head.statistics.clone(), token };
        let mut filtering = Filtering::since(head, self.request, self.connector, self.context).await?;
        let mut changed = |anchor: &Anchor, old: Option<&Entry>, new: Option<&Entry>| match &mut filtering {
            Some(filtering) => filtering.change(anchor, old, new),
            None => Ok(()),
        };
        let reading = read::read(self.source, self.scope, Some(base), &mut changed, self.context);
        match phase("read changes", self.context, reading).await {
            Ok(reading) => Ok(Some(Judged { reading, filtering })),
            Err(Error::Directory(error @ directory::Error::TokenExpired { .. })) => {
                tracing::info!(%error, "reading in full");
                Ok(None)
            }
            Err(Error::Snapshot(error)) if error.is_damage() => {
                tracing::warn!(%error, "the last snapshot is damaged; reading in full");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Judges a whole snapshot: the rules are others than those of the last pull.
    fn judge(&self, snapshot: &File) -> Result<Filtering<'a>, Error> {
        let mut filtering = Filtering::whole(self.request, self.connector, self.context)?;
        let entries = Reader::new(again(snapshot.try_clone()?)?)?.documents::<Entry>();
        for entry in snapshot::ahead::<Entry, snapshot::Error>(entries)? {
            let entry = entry?;
            filtering.change(&entry.anchor, None, Some(&entry))?;
        }
        Ok(filtering)
    }

    async fn keep(&self, read: Judged<'a>, kept: Kept) -> Result<Outcome, Error> {
        let Kept { fingerprint, identity, started, last_full_read, delta_missed, repeated } = kept;
        let Judged { reading: Reading { file, summary, statistics, counts, token }, filtering } = read;
        let (store, name) = (self.context.store, &self.connector.name);
        let full = last_full_read.is_none();
        let completed = self.context.clock.now();
        let filtering = filtering.map_or_else(|| self.judge(&file), Ok)?;
        let (filtered, report) = filtering.finish(self.context).await?;
        let snapshot = repeated.unwrap_or(summary.file);
        let kept = filtered.counts.clone();
        let head = SnapshotHead {
            fingerprint,
            identity: identity.clone(),
            snapshot,
            token: token.map(|token| token.0),
            started,
            completed,
            full_read: last_full_read.unwrap_or(started),
            statistics,
            filtered: Some(filtered),
        };
        match repeated {
            Some(_) => store.repeat_snapshot(name, &head).await?,
            None => store.put_snapshot(name, file, &head).await?,
        };
        let mut outcome = Outcome::new(Verdict::Succeeded, Reason::Completed, "", started, completed);
        outcome.source = Some(SourceCounts {
            snapshot,
            fingerprint,
            identity: identity.to_string(),
            full,
            changed: if full { summary.count } else { counts.changes() },
            users: kept.users,
            groups: kept.groups,
            contacts: kept.contacts,
            rejected: kept.rejected,
            invalid: kept.invalid,
            delta_missed,
        });
        outcome.report = Some(report.keep(&outcome, self.context.store).await?);
        Ok(outcome)
    }
}

/// How many entries the changes had wrong, those aside that changed between the two reads.
async fn count_missed(source: &dyn Source, by_changes: Reading, full: &Reading) -> Result<u64, Error> {
    let meanwhile = match by_changes.token {
        Some(token) => match read::touched(source, token).await {
            Ok(anchors) => anchors,
            Err(Error::Directory(directory::Error::TokenExpired { .. })) => Default::default(),
            Err(error) => return Err(error),
        },
        None => Default::default(),
    };
    let mut missed = 0;
    let mut before = Reader::new(again(by_changes.file)?)?;
    let mut after = Reader::new(again(full.file.try_clone()?)?)?;
    snapshot::diff(&mut before, &mut after, |difference| {
        let (Difference::Added(record) | Difference::Removed(record) | Difference::Changed { after: record, .. }) =
            difference;
        let anchor = std::str::from_utf8(record.key).ok().and_then(|key| Anchor::new(key).ok());
        missed += u64::from(anchor.is_none_or(|anchor| !meanwhile.contains(&anchor)));
        Ok::<(), snapshot::Error>(())
    })?;
    if missed > 0 {
        tracing::warn!(missed, "the changes feed had missed something; the full read counts");
    }
    Ok(missed)
}

fn again(mut file: File) -> std::io::Result<File> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// A lost read right looks like people without attributes, or like an empty group; neither may reach a plan.
fn refuse_losses(before: &Statistics, now: &Statistics) -> Result<(), Error> {
    if let Some(group) = now.emptied_since(before).next() {
        let message = format!(
            "the filter group {group} had members and is empty now; if that is right, empty the connector's cache"
        );
        return Err(Error::refused(Reason::FilterGroupUnavailable, message));
    }
    let vanished = now.vanished_since(before, VANISHED_FROM);
    if now.entries() == 0 || vanished.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = vanished.iter().map(|attribute| attribute.name()).collect();
    let message = format!(
        "no entry has {} any more, many had before: check the read rights; if that is right, empty the connector's cache",
        names.join(", ")
    );
    Err(Error::refused(Reason::AttributeVanished, message))
}

struct Kept {
    fingerprint: Digest,
    identity: SystemIdentity,
    started: Timestamp,
    /// Absent = this is a full read.
    last_full_read: Option<Timestamp>,
    delta_missed: Option<u64>,
    /// The last snapshot, in which nothing changed.
    repeated: Option<Digest>,
}
