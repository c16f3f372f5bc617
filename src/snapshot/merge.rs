//! The differential merge: the last snapshot and what a source says has changed become the next snapshot.

use super::format::{self, Kind, Record};
use super::sort::{Sorted, Sorter};
use super::{Error, Frames, Statistics, Summary, Writer};
use crate::model::{Anchor, Entry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

const UPSERT: u8 = b'+';
const REMOVE: u8 = b'-';
const PRESENT: u8 = b'=';

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MergeCounts {
    pub added: u64,
    /// Content or memberships differ.
    pub changed: u64,
    pub removed: u64,
    pub unchanged: u64,
}

impl MergeCounts {
    pub fn changes(&self) -> u64 {
        self.added + self.changed + self.removed
    }
}

/// Is told an entry's anchor, and what it was and is.
pub type Changed<'c, E> = &'c mut dyn FnMut(&Anchor, Option<&Entry>, Option<&Entry>) -> Result<(), E>;

#[derive(Debug)]
pub struct Merged<W> {
    pub output: W,
    pub summary: Summary,
    pub counts: MergeCounts,
    pub statistics: Statistics,
    /// Anchors that were said to be there still, and that the last snapshot does not have: the two do not belong
    /// together, and the result is of no use.
    pub unknown: u64,
}

/// Takes events in any order (the last one of an anchor counts), then merges them in bounded memory.
pub struct EntryMerge {
    events: Sorter,
    members: Sorter,
    groups: BTreeSet<String>,
    buffer: Vec<u8>,
    names_everybody: bool,
}

impl EntryMerge {
    /// `memory` bounds what is kept before it goes to files in `folder`.
    pub fn new(folder: &Path, memory: usize) -> Self {
        let members = Sorter::new(folder, memory / 4);
        Self {
            events: Sorter::new(folder, memory / 4 * 3),
            members,
            groups: BTreeSet::new(),
            buffer: Vec::new(),
            names_everybody: false,
        }
    }

    /// `member_of` is overwritten by the memberships.
    pub fn upsert(&mut self, entry: &Entry) -> Result<(), Error> {
        self.buffer.clear();
        self.buffer.push(UPSERT);
        serde_json::to_writer(&mut self.buffer, entry).expect("an entry is plain data");
        self.events.push(entry.anchor.as_str().as_bytes(), &self.buffer)
    }

    pub fn remove(&mut self, anchor: &Anchor) -> Result<(), Error> {
        self.events.push(anchor.as_str().as_bytes(), &[REMOVE])
    }

    /// There as before.
    pub fn present(&mut self, anchor: &Anchor) -> Result<(), Error> {
        self.events.push(anchor.as_str().as_bytes(), &[PRESENT])
    }

    /// Of everybody who is there something was said: all others of the last snapshot are gone.
    pub fn names_everybody(&mut self) {
        self.names_everybody = true;
    }

    /// Also called for a group without members, with no anchors.
    pub fn members<'a>(&mut self, group: &str, anchors: impl IntoIterator<Item = &'a Anchor>) -> Result<(), Error> {
        self.groups.insert(group.to_owned());
        anchors.into_iter().try_for_each(|anchor| self.members.push(anchor.as_str().as_bytes(), group.as_bytes()))
    }

    /// The filter groups of which memberships were given.
    pub fn groups(&self) -> &BTreeSet<String> {
        &self.groups
    }

    /// `previous` is absent for a full read; its statistics come with it. `changed` is told of every entry that is
    /// new, gone or not as it was, in order.
    pub fn finish<W: Write, E: From<Error>>(
        self,
        previous: Option<(&Frames, &Statistics)>,
        output: W,
        changed: Changed<'_, E>,
    ) -> Result<Merged<W>, E> {
        let mut statistics = previous.map(|(_, statistics)| statistics.clone()).unwrap_or_default();
        statistics.members = self.groups.iter().map(|group| (group.clone(), 0)).collect();
        let writer = Writer::new(output, Kind::Entries)?;
        // Memberships can change without anything being said of an entry, and silence can say that it is gone.
        let copies = self.groups.is_empty() && !self.names_everybody;
        let mut next = Next {
            writer: if copies && previous.is_some() { writer.with_room() } else { writer },
            members: Members { sorted: self.members.finish()?, groups: BTreeSet::new(), more: true, started: false },
            statistics,
            counts: MergeCounts::default(),
            unknown: 0,
            changed,
        };
        let mut events = Events { sorted: self.events.finish()?, last: None, more: true, started: false };
        events.advance()?;
        let mut number = 0;
        for (index, frame) in previous.iter().flat_map(|(frames, _)| frames.frames().iter().enumerate()) {
            let frames = previous.expect("it has a frame").0;
            let limit = frames.frames().get(index + 1).map(|next| &*next.first_key);
            if copies && !events.come_before(limit) && next.writer.can_copy_frame() {
                next.writer.copy_frame(frames, index)?;
                next.counts.unchanged += u64::from(frame.count);
                number += u64::from(frame.count);
                continue;
            }
            for old in frames.read(index)?.records() {
                number += 1;
                while let Some((key, event)) = events.last.as_ref().filter(|(key, _)| key.as_slice() < old.key) {
                    next.event(None, key, event)?;
                    events.advance()?;
                }
                match &events.last {
                    Some((key, event)) if key == old.key => {
                        next.event(Some((old, number)), key, event)?;
                        events.advance()?;
                    }
                    _ if self.names_everybody => next.event(Some((old, number)), old.key, &[REMOVE])?,
                    _ => next.keep(old, number)?,
                }
            }
            while events.come_before(limit) {
                let (key, event) = events.last.as_ref().expect("one comes");
                next.event(None, key, event)?;
                events.advance()?;
            }
        }
        while let Some((key, event)) = &events.last {
            next.event(None, key, event)?;
            events.advance()?;
        }
        let Next { writer, statistics, counts, unknown, .. } = next;
        let (output, summary) = writer.finish()?;
        Ok(Merged { output, summary, counts, statistics, unknown })
    }
}

struct Next<'c, W: Write, E> {
    writer: Writer<W>,
    members: Members,
    statistics: Statistics,
    counts: MergeCounts,
    unknown: u64,
    changed: Changed<'c, E>,
}

impl<W: Write, E: From<Error>> Next<'_, W, E> {
    fn groups_of(&mut self, key: &[u8]) -> Result<BTreeSet<String>, Error> {
        let groups = self.members.of(key)?;
        for group in groups {
            *self.statistics.members.entry(group.clone()).or_default() += 1;
        }
        Ok(groups.clone())
    }

    /// An entry of the last snapshot of which nothing was said but, perhaps, memberships.
    fn keep(&mut self, old: Record<'_>, number: u64) -> Result<(), E> {
        let groups = self.groups_of(old.key)?;
        if member_of(old.document).map_err(|error| Error::document(number, &error))? == groups {
            self.counts.unchanged += 1;
            return Ok(self.writer.copy(old)?);
        }
        let before = parse(old.document, number)?;
        let entry = Entry { member_of: groups, ..before.clone() };
        self.counts.changed += 1;
        self.writer.append(old.key, &json(&entry))?;
        (self.changed)(&entry.anchor, Some(&before), Some(&entry))
    }

    fn event(&mut self, old: Option<(Record<'_>, u64)>, key: &[u8], event: &[u8]) -> Result<(), E> {
        if event == [PRESENT] {
            return match old {
                Some((old, number)) => self.keep(old, number),
                None => {
                    self.unknown += 1;
                    Ok(())
                }
            };
        }
        let before = old.map(|(old, number)| parse(old.document, number)).transpose()?;
        if let Some(before) = &before {
            self.statistics.remove(before);
        }
        let Some((&UPSERT, document)) = event.split_first() else {
            self.counts.removed += u64::from(old.is_some());
            return before.map_or(Ok(()), |before| (self.changed)(&before.anchor, Some(&before), None));
        };
        let groups = self.groups_of(key)?;
        let mut entry: Entry = serde_json::from_slice(document).expect("upsert wrote it");
        let is_as_written = groups.is_empty() && entry.member_of.is_empty();
        entry.member_of = groups;
        self.statistics.add(&entry);
        let computed;
        let document = if is_as_written {
            document
        } else {
            computed = json(&entry);
            &computed
        };
        let hash = format::hash(document);
        self.writer.copy(Record { key, hash: &hash, document })?;
        match old {
            None => self.counts.added += 1,
            Some((old, _)) if old.hash == hash => {
                self.counts.unchanged += 1;
                return Ok(());
            }
            Some(_) => self.counts.changed += 1,
        }
        (self.changed)(&entry.anchor, before.as_ref(), Some(&entry))
    }
}

/// The last event of each anchor, in the order of anchors.
struct Events {
    sorted: Sorted,
    last: Option<(Vec<u8>, Vec<u8>)>,
    more: bool,
    started: bool,
}

impl Events {
    /// Whether the next one is of a key before `limit`; absent = any.
    fn come_before(&self, limit: Option<&[u8]>) -> bool {
        self.last.as_ref().is_some_and(|(key, _)| limit.is_none_or(|limit| key.as_slice() < limit))
    }

    fn advance(&mut self) -> Result<(), Error> {
        if !self.started {
            self.more = self.sorted.advance()?;
            self.started = true;
        }
        let mut last = self.last.take().unwrap_or_default();
        let mut found = false;
        while self.more {
            let (key, event) = self.sorted.record().expect("advance found one");
            if found && last.0 != key {
                break;
            }
            if !found {
                last.0.clear();
                last.0.extend_from_slice(key);
            }
            last.1.clear();
            last.1.extend_from_slice(event);
            found = true;
            self.more = self.sorted.advance()?;
        }
        self.last = found.then_some(last);
        Ok(())
    }
}

/// Walks the memberships along with the entries. Members that are no entries are passed over.
struct Members {
    sorted: Sorted,
    groups: BTreeSet<String>,
    more: bool,
    started: bool,
}

impl Members {
    /// The groups of this anchor; anchors are asked for in ascending order, each once.
    fn of(&mut self, anchor: &[u8]) -> Result<&BTreeSet<String>, Error> {
        self.groups.clear();
        if !self.started {
            self.more = self.sorted.advance()?;
            self.started = true;
        }
        while self.more {
            let (member, group) = self.sorted.record().expect("advance found one");
            if member > anchor {
                break;
            }
            if member == anchor {
                self.groups.insert(String::from_utf8_lossy(group).into_owned());
            }
            self.more = self.sorted.advance()?;
        }
        Ok(&self.groups)
    }
}

/// `memberOf` of an entry's document without reading the rest of it. In JSON these bytes cannot stand anywhere
/// else: inside a text its quotes would be escaped, and no other member of an entry has this name.
fn member_of(document: &[u8]) -> serde_json::Result<BTreeSet<String>> {
    const NAME: &[u8] = b"\"memberOf\":";
    let Some(at) = memchr::memmem::find(document, NAME) else { return Ok(BTreeSet::new()) };
    let mut value = serde_json::Deserializer::from_slice(&document[at + NAME.len()..]);
    BTreeSet::deserialize(&mut value)
}

fn parse(document: &[u8], number: u64) -> Result<Entry, Error> {
    serde_json::from_slice(document).map_err(|error| Error::document(number, &error))
}

fn json(entry: &Entry) -> Vec<u8> {
    serde_json::to_vec(entry).expect("an entry is plain data")
}
