//! From a source's stream of events to a snapshot file.

use super::context::{Context, Phase};
use super::error::Error;
use crate::directory::{self, Source, SourceEvent, Token};
use crate::model::Anchor;
use crate::model::connector::ReadScope;
use crate::operation::Reason;
use crate::snapshot::{Changed, EntryMerge, Frames, MergeCounts, Statistics, Summary};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;

/// The snapshot that a read of changes starts from.
pub(super) struct Base {
    pub frames: Frames,
    pub statistics: Statistics,
    pub token: Token,
}

/// A complete read, as a finished snapshot.
pub(super) struct Reading {
    /// Not yet in the store.
    pub file: File,
    pub summary: Summary,
    pub statistics: Statistics,
    pub counts: MergeCounts,
    pub token: Option<Token>,
}

/// Progress is told every so many events.
const TELL: u64 = 1_000;
/// Bytes that are kept before sorting goes to files.
const SORT_MEMORY: usize = 16 << 20;

/// Reads everything (`base` absent) or the changes since `base`. A stream without "complete", a filter group of
/// which nothing was said: an error, and nothing of the read counts.
pub(super) async fn read(
    source: &dyn Source,
    scope: &ReadScope,
    base: Option<Base>,
    changed: Changed<'_, Error>,
    context: &Context<'_>,
) -> Result<Reading, Error> {
    let mut merge = EntryMerge::new(context.store.scratch(), SORT_MEMORY);
    let mut events = source.read(base.as_ref().map(|base| base.token.clone()));
    let mut completion = None;
    let mut seen = 0;
    while let Some(event) = events.try_next().await? {
        match event {
            SourceEvent::Upsert(entry) => merge.upsert(&entry)?,
            SourceEvent::Present(anchor) => merge.present(&anchor)?,
            SourceEvent::Remove(anchor) => merge.remove(&anchor)?,
            SourceEvent::Members { group, anchors } => merge.members(&group, &anchors)?,
            SourceEvent::Complete(said) => completion = Some(said),
        }
        seen += 1;
        if seen % TELL == 0 {
            context.progress.at(Phase::ReadingSource, seen, None);
        }
    }
    let Some(completion) = completion else {
        return Err(Error::refused(Reason::Incomplete, "the read ended before it was complete"));
    };
    if let Some(group) = scope.groups.iter().find(|group| !merge.groups().contains(*group)) {
        let message = format!("nothing was said about the members of the filter group {group}");
        return Err(Error::refused(Reason::FilterGroupUnavailable, message));
    }
    if completion.names_everybody {
        merge.names_everybody();
    }
    context.progress.at(Phase::ReadingSource, seen, Some(seen));
    let output = BufWriter::new(context.store.temporary_file()?);
    let previous = base.as_ref().map(|base| (&base.frames, &base.statistics));
    let merged = merge.finish(previous, output, changed)?;
    if merged.unknown > 0 {
        return Err(directory::Error::TokenExpired { system: directory::SystemName::new("the source") }.into());
    }
    let file = merged.output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
    Ok(Reading {
        file,
        summary: merged.summary,
        statistics: merged.statistics,
        counts: merged.counts,
        token: completion.token,
    })
}

/// The anchors that changed since a token; for telling what a proof found from what happened meanwhile.
pub(super) async fn touched(source: &dyn Source, since: Token) -> Result<BTreeSet<Anchor>, Error> {
    let mut events = source.read(Some(since));
    let mut anchors = BTreeSet::new();
    while let Some(event) = events.try_next().await? {
        match event {
            SourceEvent::Upsert(entry) => anchors.insert(entry.anchor),
            SourceEvent::Remove(anchor) => anchors.insert(anchor),
            SourceEvent::Present(_) | SourceEvent::Members { .. } | SourceEvent::Complete(_) => false,
        };
    }
    Ok(anchors)
}
