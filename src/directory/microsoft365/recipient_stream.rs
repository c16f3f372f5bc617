//! One read: Exchange's list of recipients passes by, and each is joined with what Graph knows of it.

use super::cursor::Cursor;
use super::entry::{Identified, Shape};
use super::graph::Resource;
use super::graph_details::{AllGraphDetails, DeltaLinks};
use super::groups::Groups;
use super::row::Row;
use super::source::Microsoft365Source;
use crate::directory::{Completion, Error, SourceEvent};
use crate::model::entry::Problem;
use crate::model::{EntryClass, RecipientType};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::BTreeSet;

pub(super) struct RecipientStream<'a> {
    source: &'a Microsoft365Source,
    groups: Groups,
    details: AllGraphDetails,
    links: DeltaLinks,
    /// Absent = everybody is read.
    since: Option<Cursor>,
    pages: BoxStream<'a, Result<Vec<Row>, Error>>,
    changed: Option<Timestamp>,
    unjoined: BTreeSet<String>,
    done: bool,
}

/// What is to be said about a recipient.
enum Say {
    Nothing(Identified),
    Entry(Row, Identified),
}

impl<'a> RecipientStream<'a> {
    pub(super) fn new(
        source: &'a Microsoft365Source,
        pages: BoxStream<'a, Result<Vec<Row>, Error>>,
        groups: Groups,
        (details, links): (AllGraphDetails, DeltaLinks),
        since: Option<Cursor>,
    ) -> Self {
        let changed = since.as_ref().and_then(|since| since.changed);
        Self { source, groups, details, links, since, pages, changed, unjoined: BTreeSet::new(), done: false }
    }

    pub(super) fn events(self) -> impl Stream<Item = Result<SourceEvent, Error>> + Send + 'a {
        let batches = stream::try_unfold(self, |mut reading| async move {
            match reading.pages.try_next().await? {
                Some(page) => Ok(Some((reading.page(page).await?, reading))),
                None if reading.done => Ok(None),
                None => {
                    reading.done = true;
                    Ok(Some((vec![reading.complete()], reading)))
                }
            }
        });
        batches.map_ok(|batch| stream::iter(batch).map(Ok)).try_flatten()
    }

    fn complete(&mut self) -> SourceEvent {
        // A tenant without a single recipient still has a beginning.
        let changed = self.changed.or(Some(Timestamp::UNIX_EPOCH));
        let cursor = Cursor::new(self.links.clone(), changed, std::mem::take(&mut self.unjoined));
        SourceEvent::Complete(Completion { token: Some(cursor.token()), names_everybody: true })
    }

    async fn page(&mut self, page: Vec<Row>) -> Result<Vec<SourceEvent>, Error> {
        let mut say = Vec::new();
        for row in page {
            self.changed = self.changed.max(row.time("WhenChangedUTC"));
            if let Some(identified) = Shape::identify(&row) {
                say.push(self.judge(row, identified));
            }
        }
        self.look_up(&say).await?;
        Ok(say.into_iter().map(|say| self.event(say)).collect())
    }

    fn judge(&self, row: Row, identified: Identified) -> Say {
        let Some(since) = &self.since else { return Say::Entry(row, identified) };
        let anchor = identified.anchor.as_str();
        // Groups are few, and what the group cmdlets say of them is at hand.
        let said = self.details.get(anchor).is_some()
            || identified.kind.class() == EntryClass::Group
            || since.unjoined.contains(anchor)
            || since.may_have_changed(row.time("WhenChangedUTC"));
        if said { Say::Entry(row, identified) } else { Say::Nothing(identified) }
    }

    /// The details of those who changed in Exchange and not in Graph.
    async fn look_up(&mut self, say: &[Say]) -> Result<(), Error> {
        if self.since.is_none() {
            return Ok(());
        }
        for resource in [Resource::Users, Resource::Contacts] {
            let missing = say.iter().filter_map(|say| match say {
                Say::Entry(row, of) if resource_of(of.kind) == resource && of.joins => {
                    // An id that is Exchange's own means that there is none in Graph yet.
                    row.graph_id().filter(|id| self.details.get(id).is_none())
                }
                _ => None,
            });
            let missing: Vec<String> = missing.collect();
            self.details.look_up(self.source.graph(), resource, &missing, &self.source.scope.attributes).await?;
        }
        Ok(())
    }

    fn event(&mut self, say: Say) -> SourceEvent {
        let (row, of) = match say {
            Say::Nothing(of) => return SourceEvent::Present(of.anchor),
            Say::Entry(row, of) => (row, of),
        };
        let mut entry = self.source.shape.entry(&row, &of, &self.groups);
        if of.joins {
            let anchor = of.anchor.as_str();
            let details = row.graph_id().and_then(|id| self.details.get(&id));
            let joined = match details {
                Some(details) => details.add_to(&mut entry, &self.source.scope.attributes),
                // Graph says nothing new of this group: it is there if it was.
                None => self.since.as_ref().is_some_and(|since| {
                    row.graph_id().is_some() && of.kind.class() == EntryClass::Group && !since.unjoined.contains(anchor)
                }),
            };
            if !joined {
                entry.problems.insert(Problem::JoinMissing);
                self.unjoined.insert(anchor.to_owned());
            }
        }
        SourceEvent::Upsert(Box::new(entry))
    }
}

fn resource_of(kind: RecipientType) -> Resource {
    match kind.class() {
        EntryClass::User => Resource::Users,
        EntryClass::Group => Resource::Groups,
        EntryClass::Contact => Resource::Contacts,
    }
}
