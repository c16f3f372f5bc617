//! Which rows an incremental plan must plan again: what changed, and all that is connected with it.

use super::super::checkpoint::{Part, is_timed, read_row};
use super::super::error::Error;
use super::inputs::{Inputs, Side};
use crate::engine::{MatchKeys, MemoryScratch};
use crate::model::{Anchor, Key};
use crate::snapshot::{self, Difference, Frames};
use std::collections::{BTreeSet, HashSet};

/// With more rows to plan again, planning all costs little more; and these are kept in memory.
const MOST_AFFECTED: usize = 20_000;

/// Hashes of values, with a filter: of nearly all others a bit tells that they are not among them.
struct ValueSet {
    bits: Vec<u64>,
    all: HashSet<u64>,
}

impl ValueSet {
    const BITS: usize = 1 << 20;

    fn new() -> Self {
        Self { bits: vec![0; Self::BITS / 64], all: HashSet::new() }
    }

    /// Whether it was not there.
    fn insert(&mut self, value: u64) -> bool {
        let bit = value as usize % Self::BITS;
        self.bits[bit / 64] |= 1 << (bit % 64);
        self.all.insert(value)
    }

    /// Inserts the values of a row; whether any was not there.
    fn read(&mut self, document: &[u8]) -> Result<bool, snapshot::Error> {
        let mut grown = false;
        read_row(document, |value| grown |= self.insert(value)).ok_or_else(not_a_row)?;
        Ok(grown)
    }

    fn contains(&self, value: u64) -> bool {
        let bit = value as usize % Self::BITS;
        self.bits[bit / 64] >> (bit % 64) & 1 == 1 && self.all.contains(&value)
    }
}

fn not_a_row() -> snapshot::Error {
    snapshot::Error::Damaged("a line is not that of a row".into())
}

/// Why a walk ended early.
enum Ended {
    TooMuch,
    Failed(snapshot::Error),
}

impl From<snapshot::Error> for Ended {
    fn from(error: snapshot::Error) -> Self {
        Self::Failed(error)
    }
}

impl Inputs<'_> {
    /// The keys of all entries that are not as they were; nothing where they are too many.
    fn changed(&self) -> Result<Option<BTreeSet<Key>>, Error> {
        let mut keys = BTreeSet::new();
        for source in &self.sources {
            let Some(after) = &source.after else { continue };
            let walked = snapshot::compare(source.before.frames(), after.frames(), |difference| {
                let (Difference::Added(record)
                | Difference::Removed(record)
                | Difference::Changed { after: record, .. }) = difference;
                let anchor = std::str::from_utf8(record.key).ok().and_then(|anchor| Anchor::new(anchor).ok());
                let anchor = anchor.ok_or_else(|| snapshot::Error::Damaged("a key is no anchor".into()))?;
                keys.insert(Key::new(source.identity, &anchor));
                if keys.len() > MOST_AFFECTED { Err(Ended::TooMuch) } else { Ok(()) }
            });
            match walked {
                Ok(()) => {}
                Err(Ended::TooMuch) => return Ok(None),
                Err(Ended::Failed(error)) => return Err(error.into()),
            }
        }
        Ok(Some(keys))
    }

    /// The keys of all rows of which anything could be different now: those that changed, those that depend on the
    /// time, and all that they are connected with, before or now.
    pub(super) fn affected(&self, rows: &Frames, reported: &Frames) -> Result<Option<BTreeSet<Key>>, Error> {
        let Some(mut keys) = self.changed()? else { return Ok(None) };
        let mut probe = Part::default();
        self.plan(&keys, Side::After, self.plan_context.now, &MemoryScratch, &mut probe)?;
        let mut values = ValueSet::new();
        for value in probe.rows.iter().flat_map(|(_, MatchKeys { values, .. })| values) {
            values.insert(*value);
        }
        // A contact is hidden as of the time of the plan.
        let mut hides = BTreeSet::new();
        reported.for_each(|record| -> Result<(), Error> {
            if memchr::memmem::find(record.document, b"\"kind\":\"hide\"").is_some() {
                hides.insert(record.key.to_vec());
            }
            Ok(())
        })?;
        let mut affected: BTreeSet<Vec<u8>> =
            keys.iter().map(|key| key.as_str().as_bytes().to_vec()).chain(hides).collect();
        let seeds: Vec<Vec<u8>> = affected.iter().cloned().collect();
        for document in rows.documents(&seeds)?.into_iter().flatten() {
            values.read(&document)?;
        }
        // Whoever joins may bring others along.
        loop {
            let joining = rows.search(|record, found: &mut Vec<(Vec<u8>, Vec<u8>)>| {
                let mut joins = is_timed(record.document);
                read_row(record.document, |value| joins |= values.contains(value)).ok_or_else(not_a_row)?;
                if joins && !affected.contains(record.key) {
                    found.push((record.key.to_vec(), record.document.to_vec()));
                }
                if found.len() > MOST_AFFECTED { Err(Ended::TooMuch) } else { Ok(()) }
            });
            let joining = match joining {
                Ok(joining) => joining,
                Err(Ended::TooMuch) => return Ok(None),
                Err(Ended::Failed(error)) => return Err(error.into()),
            };
            if affected.len() + joining.len() > MOST_AFFECTED {
                return Ok(None);
            }
            let mut grown = false;
            for (key, document) in joining {
                grown |= values.read(&document)?;
                affected.insert(key);
            }
            if !grown {
                break;
            }
        }
        for key in affected {
            let key = std::str::from_utf8(&key).ok().and_then(|key| Key::parse(key).ok());
            keys.insert(key.ok_or_else(|| snapshot::Error::Damaged("a key is not that of a row".into()))?);
        }
        Ok(Some(keys))
    }
}
