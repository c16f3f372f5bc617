//! Pull: reads a source into a snapshot, by changes where its token still holds, in full otherwise.

use super::context::Context;
use super::error::Error;
use super::read::{self, Base, Reading};
use super::report::Report;
use crate::directory::{self, Source, Token};
use crate::engine::{FilterCounter, FilterCounts, State};
use crate::model::connector::{Connector, ReadScope};
use crate::model::{Anchor, Attribute, Digest, Entry, EntryClass, SmtpAddress, SystemIdentity};
use crate::operation::{Outcome, Reason, Request, SourceCounts, Verdict};
use crate::snapshot::{self, Difference, Reader, Statistics};
use crate::store::SnapshotHead;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
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
    let identity = source.identity().await?;
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
    let mut changes = match (&previous, token) {
        (Some(head), Some(token)) if !full => read_changes(source, scope, head, token, context).await?,
        _ => None,
    };
    let mut delta_missed = None;
    let (reading, last_full_read) = match changes.take() {
        Some(reading) if !due => (reading, previous.as_ref().map(|head| head.full_read)),
        by_changes => {
            let reading = read::read(source, scope, None, context).await?;
            if let Some(by_changes) = by_changes {
                delta_missed = Some(count_missed(source, by_changes, &reading).await?);
            }
            (reading, None)
        }
    };
    if let Some(head) = &previous {
        refuse_losses(&head.statistics, &reading.statistics)?;
    }
    let kept = Kept { fingerprint, identity, started, last_full_read, delta_missed };
    keep(request, connector, reading, kept, context).await
}

/// Reads what changed since the last snapshot; nothing where the token or that snapshot is of no use any more.
async fn read_changes(
    source: &dyn Source,
    scope: &ReadScope,
    head: &SnapshotHead,
    token: Token,
    context: &Context<'_>,
) -> Result<Option<Reading>, Error> {
    let reader = match context.store.open_snapshot(&head.snapshot).await {
        Ok(reader) => reader,
        Err(error) if error.is_absence() => {
            tracing::warn!(%error, "the last snapshot is of no use; reading in full");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let base = Base { reader, statistics: head.statistics.clone(), token };
    match read::read(source, scope, Some(base), context).await {
        Ok(reading) => Ok(Some(reading)),
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
}

async fn keep(
    request: &Request,
    connector: &Connector,
    reading: Reading,
    kept: Kept,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Kept { fingerprint, identity, started, last_full_read, delta_missed } = kept;
    let Reading { file, summary, statistics, counts, token } = reading;
    let full = last_full_read.is_none();
    let completed = context.clock.now();
    let head = SnapshotHead {
        fingerprint,
        identity: identity.clone(),
        snapshot: summary.file,
        token: token.map(|token| token.0),
        started,
        completed,
        full_read: last_full_read.unwrap_or(started),
        statistics: statistics.clone(),
    };
    let (filtered, report) = filter(request, connector, &file, context)?;
    context.store.put_snapshot(&connector.name, file, &head).await?;
    let mut outcome = Outcome::new(Verdict::Succeeded, Reason::Completed, "", started, completed);
    outcome.source = Some(SourceCounts {
        snapshot: summary.file,
        fingerprint,
        identity: identity.to_string(),
        full,
        changed: if full { summary.count } else { counts.changes() },
        users: filtered.users,
        groups: filtered.groups,
        contacts: filtered.contacts,
        rejected: filtered.rejected,
        invalid: filtered.invalid,
        delta_missed,
    });
    outcome.report = Some(report.keep(&outcome, context).await?);
    Ok(outcome)
}

/// One line of a pull's report: an entry that does not pass.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    action: &'static str,
    reason: &'static str,
    class: EntryClass,
    key: &'a Anchor,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a SmtpAddress>,
}

/// What the connector's own filters keep: this is how an administrator checks them.
fn filter(
    request: &Request,
    connector: &Connector,
    snapshot: &File,
    context: &Context<'_>,
) -> Result<(FilterCounts, Report), Error> {
    let mut counter = FilterCounter::new(connector)?;
    let mut report = Report::new(request, context)?;
    for entry in Reader::ahead(again(snapshot.try_clone()?)?)?.documents::<Entry>() {
        let entry = entry?;
        counter.count(&entry);
        let (action, reason) = match counter.judge(&entry) {
            State::Wanted => continue,
            State::Unwanted(reason) => ("skip", reason.label()),
            State::Undecided(reason) => ("undecided", reason.label()),
        };
        let display_name = entry.attributes.get(&Attribute::DisplayName).map(String::as_str);
        let (key, address) = (&entry.anchor, entry.primary.as_ref());
        report.line(&Line { action, reason, class: entry.class(), key, display_name, address })?;
    }
    Ok((counter.finish(), report))
}
