//! External merge sort: any number of records in bounded memory, over temporary files.

use super::Error;
use super::runs::{RunReader, RunWriter};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::{Path, PathBuf};

/// Runs that are merged at a time: each costs 32 KiB while it is read.
const FAN_IN: usize = 128;
const INDEX_BYTES: usize = size_of::<Item>();

/// Sorts by the bytes of keys; records of one key stay in the order in which they came.
pub struct Sorter {
    folder: PathBuf,
    memory: usize,
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// `items` are in order as they came.
    in_order: bool,
    /// The youngest run; what comes in order goes on in it.
    open: Option<OpenRun>,
    /// By generation: a run of one generation was merged from [`FAN_IN`] of the one before.
    runs: Vec<Vec<RunReader>>,
}

struct OpenRun {
    writer: RunWriter,
    last_key: Vec<u8>,
}

/// Where a record lies. The prefix is the key's first bytes after those that all keys share (a system's identity,
/// say), so that most comparisons need no look at the key.
#[derive(Clone, Copy)]
struct Item {
    prefix: u64,
    start: u32,
    key_end: u32,
    end: u32,
}

impl Item {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.start as usize..self.key_end as usize]
    }

    fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.key_end as usize..self.end as usize]
    }
}

impl Sorter {
    /// `memory` bounds what is kept before it goes to a file in `folder`; merging takes up to 8 MiB beside it.
    pub fn new(folder: impl AsRef<Path>, memory: usize) -> Self {
        let memory = memory.clamp(64 << 10, 1 << 30);
        Self {
            folder: folder.as_ref().into(),
            memory,
            bytes: Vec::new(),
            items: Vec::new(),
            in_order: true,
            open: None,
            runs: Vec::new(),
        }
    }

    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let wanted = key.len() + value.len() + INDEX_BYTES;
        if wanted > u32::MAX as usize / 2 {
            return Err(Error::InvalidDocument);
        }
        if !self.items.is_empty() && self.bytes.len() + self.items.len() * INDEX_BYTES + wanted > self.memory {
            self.spill()?;
        }
        self.in_order = self.in_order && self.items.last().is_none_or(|last| last.key(&self.bytes) <= key);
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        let end = self.bytes.len() as u32;
        self.items.push(Item { prefix: 0, start, key_end, end });
        Ok(())
    }

    fn sort_items(&mut self) {
        if std::mem::replace(&mut self.in_order, true) {
            return;
        }
        let bytes = &self.bytes;
        let shared = self.items.first().map_or(&b""[..], |first| first.key(bytes));
        let shared = self.items.iter().fold(shared.len(), |length, item| common(&shared[..length], item.key(bytes)));
        for item in &mut self.items {
            let distinct = &item.key(bytes)[shared..];
            let mut prefix = [0; 8];
            let known = distinct.len().min(prefix.len());
            prefix[..known].copy_from_slice(&distinct[..known]);
            item.prefix = u64::from_be_bytes(prefix);
        }
        self.items.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| a.key(bytes).cmp(b.key(bytes))).then(a.start.cmp(&b.start)).then(
                // Records without bytes share their start; they are equal but for their age, which nobody sees.
                a.end.cmp(&b.end),
            )
        });
    }

    fn spill(&mut self) -> Result<(), Error> {
        self.sort_items();
        let (Some(first), Some(last)) = (self.items.first(), self.items.last()) else { return Ok(()) };
        let goes_on = |open: &OpenRun| open.last_key.as_slice() <= first.key(&self.bytes);
        let mut open = match self.open.take_if(|open| goes_on(open)) {
            Some(open) => open,
            None => OpenRun { writer: RunWriter::new(&self.folder)?, last_key: Vec::new() },
        };
        open.last_key.clear();
        open.last_key.extend_from_slice(last.key(&self.bytes));
        for item in &self.items {
            open.writer.write(item.key(&self.bytes), item.value(&self.bytes))?;
        }
        self.bytes.clear();
        self.items.clear();
        match self.open.replace(open) {
            Some(before) => self.add_run(before.writer.finish()?, 0),
            None => Ok(()),
        }
    }

    fn add_run(&mut self, run: RunReader, generation: usize) -> Result<(), Error> {
        if self.runs.len() == generation {
            self.runs.push(Vec::new());
        }
        self.runs[generation].push(run);
        if self.runs[generation].len() < FAN_IN {
            return Ok(());
        }
        let mut merge = Merge::new(std::mem::take(&mut self.runs[generation]))?;
        let mut run = RunWriter::new(&self.folder)?;
        while merge.advance()? {
            let (key, value) = merge.record().expect("advance found one");
            run.write(key, value)?;
        }
        self.add_run(run.finish()?, generation + 1)
    }

    pub fn finish(mut self) -> Result<Sorted, Error> {
        if self.runs.is_empty() && self.open.is_none() {
            self.sort_items();
            return Ok(Sorted(Origin::Memory { bytes: self.bytes, items: self.items, position: 0 }));
        }
        self.spill()?;
        self.bytes = Vec::new();
        self.items = Vec::new();
        if let Some(last) = self.open.take() {
            self.add_run(last.writer.finish()?, 0)?;
        }
        // The oldest runs are of the highest generation; with equal keys the older run goes first.
        let runs = self.runs.into_iter().rev().flatten().collect();
        Ok(Sorted(Origin::Files(Merge::new(runs)?)))
    }
}

/// How many bytes two keys share at their beginning.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// A cursor over sorted records: [`Sorted::advance`], then [`Sorted::record`].
pub struct Sorted(Origin);

enum Origin {
    Memory { bytes: Vec<u8>, items: Vec<Item>, position: usize },
    Files(Merge),
}

impl Sorted {
    pub fn advance(&mut self) -> Result<bool, Error> {
        match &mut self.0 {
            Origin::Memory { items, position, .. } => {
                *position = (*position + 1).min(items.len() + 1);
                Ok(*position <= items.len())
            }
            Origin::Files(merge) => merge.advance(),
        }
    }

    /// Key and value of the current record; none before the first and after the last.
    pub fn record(&self) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Origin::Memory { bytes, items, position } => {
                let item = items.get(position.checked_sub(1)?)?;
                Some((item.key(bytes), item.value(bytes)))
            }
            Origin::Files(merge) => merge.record(),
        }
    }
}

struct Merge {
    heads: BinaryHeap<Head>,
    started: bool,
}

/// A run at its current record, ordered so that the heap's greatest is the smallest key of the oldest run.
struct Head {
    age: usize,
    run: RunReader,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.run.key.cmp(&self.run.key).then(other.age.cmp(&self.age))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Merge {
    fn new(runs: Vec<RunReader>) -> Result<Self, Error> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (age, mut run) in runs.into_iter().enumerate() {
            if run.advance()? {
                heads.push(Head { age, run });
            }
        }
        Ok(Self { heads, started: false })
    }

    fn advance(&mut self) -> Result<bool, Error> {
        if self.started
            && let Some(mut head) = self.heads.peek_mut()
            && !head.run.advance()?
        {
            PeekMut::pop(head);
        }
        self.started = true;
        Ok(!self.heads.is_empty())
    }

    fn record(&self) -> Option<(&[u8], &[u8])> {
        let head = self.heads.peek().filter(|_| self.started)?;
        Some((&head.run.key, &head.run.value))
    }
}
