//! The differential merge: the last snapshot and what a source says has changed become the next snapshot.

use super::format::{self, Kind, Record};
use super::sort::{Sorted, Sorter};
use super::{Error, Reader, Statistics, Summary, Writer};
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

    /// `previous` is absent for a full read; its statistics come with it.
    pub fn finish<W: Write>(self, previous: Option<(Reader, &Statistics)>, output: W) -> Result<Merged<W>, Error> {
        let (mut previous, mut statistics) = match previous {
            Some((reader, statistics)) => (Some(reader.expect(Kind::Entries)?), statistics.clone()),
            None => (None, Statistics::default()),
        };
        statistics.members = self.groups.iter().map(|group| (group.clone(), 0)).collect();
        let mut next = Next {
            writer: Writer::new(output, Kind::Entries)?,
            members: Members { sorted: self.members.finish()?, groups: BTreeSet::new(), more: true, started: false },
            statistics,
            counts: MergeCounts::default(),
            unknown: 0,
        };
        let mut events = Events { sorted: self.events.finish()?, last: None, more: true, started: false };
        events.advance()?;
        let mut more = advance(&mut previous)?;
        while more || events.last.is_some() {
            let old = if more { previous.as_ref().and_then(Reader::record) } else { None };
            let number = previous.as_ref().map_or(0, Reader::number);
            let event = events.last.as_ref();
            match (old, event) {
                (Some(old), Some((key, event))) if old.key == key.as_slice() => {
                    next.event(Some((old, number)), key, event)?;
                    more = advance(&mut previous)?;
                    events.advance()?;
                }
                (Some(old), event) if event.is_none_or(|(key, _)| old.key < key.as_slice()) => {
                    if self.names_everybody {
                        next.event(Some((old, number)), old.key, &[REMOVE])?;
                    } else {
                        next.keep(old, number)?;
                    }
                    more = advance(&mut previous)?;
                }
                (_, Some((key, event))) => {
                    next.event(None, key, event)?;
                    events.advance()?;
                }
                (_, None) => unreachable!("the loop runs while there is one of them"),
            }
        }
        let Next { writer, statistics, counts, unknown, .. } = next;
        let (output, summary) = writer.finish()?;
        Ok(Merged { output, summary, counts, statistics, unknown })
    }
}

fn advance(reader: &mut Option<Reader>) -> Result<bool, Error> {
    reader.as_mut().map_or(Ok(false), Reader::advance)
}

struct Next<W: Write> {
    writer: Writer<W>,
    members: Members,
    statistics: Statistics,
    counts: MergeCounts,
    unknown: u64,
}

impl<W: Write> Next<W> {
    /// An entry of the last snapshot of which nothing was said but, perhaps, memberships.
    fn keep(&mut self, old: Record<'_>, number: u64) -> Result<(), Error> {
        let groups = self.members.of(old.key)?;
        for group in groups {
            *self.statistics.members.entry(group.clone()).or_default() += 1;
        }
        if member_of(old.document).map_err(|error| Error::document(number, &error))? == *groups {
            self.counts.unchanged += 1;
            return self.writer.copy(old);
        }
        let entry = Entry { member_of: groups.clone(), ..parse(old.document, number)? };
        self.counts.changed += 1;
        self.writer.append(old.key, &json(&entry))
    }

    fn event(&mut self, old: Option<(Record<'_>, u64)>, key: &[u8], event: &[u8]) -> Result<(), Error> {
        if event == [PRESENT] {
            return match old {
                Some((old, number)) => self.keep(old, number),
                None => {
                    self.unknown += 1;
                    Ok(())
                }
            };
        }
        if let Some((old, number)) = old {
            self.statistics.remove(&parse(old.document, number)?);
        }
        let Some((&UPSERT, document)) = event.split_first() else {
            self.counts.removed += u64::from(old.is_some());
            return Ok(());
        };
        let groups = self.members.of(key)?;
        for group in groups {
            *self.statistics.members.entry(group.clone()).or_default() += 1;
        }
        let entry = Entry { member_of: groups.clone(), ..serde_json::from_slice(document).expect("upsert wrote it") };
        self.statistics.add(&entry);
        let document = json(&entry);
        match old {
            None => self.counts.added += 1,
            Some((old, _)) if old.hash == format::hash(&document) => self.counts.unchanged += 1,
            Some(_) => self.counts.changed += 1,
        }
        self.writer.append(key, &document)
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
