//! What a row becomes, all its notes taken together, and which contacts change hands.

use super::find::{ConflictNote, ConflictNotes};
use crate::engine::filter::entry_filter::Eligibility;
use crate::model::reason::{Undecided, Unwanted};
use crate::model::taken::{Holder, HolderKind};
use std::collections::BTreeSet;

/// What is kept in memory of every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct RowState {
    pub state: Eligibility,
    pub has_contact: bool,
}

/// What a row is beside all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Resolution {
    Wanted,
    Unwanted(Unwanted),
    Undecided(Undecided),
    /// Another source's entry stands for the address.
    Shadowed,
}

pub(in crate::engine) struct Resolutions {
    pub notes: ConflictNotes,
    states: Vec<RowState>,
    adopt: bool,
    /// Rows without a contact whose address stays at a contact of a row that cannot be judged beside all others.
    waiting: BTreeSet<u32>,
    /// (row that gets a contact, row whose contact it is), in order of the former; and the other way round.
    by_successor: Vec<(u32, u32)>,
    by_predecessor: Vec<(u32, u32)>,
}

impl Resolutions {
    /// `adopt` = `conflict.foreignContact: Adopt`.
    pub(in crate::engine) fn new(notes: ConflictNotes, states: Vec<RowState>, adopt: bool) -> Self {
        let waiting = BTreeSet::new();
        let mut resolutions =
            Self { notes, states, adopt, waiting, by_successor: Vec::new(), by_predecessor: Vec::new() };
        resolutions.wait();
        resolutions.hand_over();
        resolutions
    }

    fn state(&self, row: u32) -> RowState {
        self.states[row as usize]
    }

    /// Without regard to who has the better right: by itself, and beside the target.
    fn beside_target(&self, row: u32) -> Resolution {
        let RowState { state, has_contact } = self.state(row);
        match state {
            Eligibility::Wanted => {}
            Eligibility::Unwanted(reason) => return Resolution::Unwanted(reason),
            Eligibility::Undecided(reason) => return Resolution::Undecided(reason),
        }
        let (mut held, mut candidate, mut ambiguous) = (None, None, false);
        let mut waits = self.waiting.contains(&row);
        for note in self.notes.of(row) {
            match note {
                ConflictNote::LivesInTarget => return Resolution::Unwanted(Unwanted::LivesInTarget),
                ConflictNote::Held(holder) => {
                    let kind = self.holder(holder).kind;
                    held = Some(held.map_or(kind, |known: HolderKind| known.min(kind)));
                }
                ConflictNote::Adoptable(holder) => {
                    let handle = &self.holder(holder).handle;
                    ambiguous |= candidate.is_some_and(|known: &String| known != handle);
                    candidate = Some(handle);
                }
                ConflictNote::WaitsFor(_) => waits = true,
                _ => {}
            }
        }
        if let Some(kind) = held {
            return Resolution::Undecided(kind.undecided());
        }
        if candidate.is_some() && (!self.adopt || has_contact) {
            return Resolution::Undecided(Undecided::HeldByForeignContact);
        }
        if ambiguous {
            return Resolution::Undecided(Undecided::AdoptionAmbiguous);
        }
        // Who has a contact already keeps what it has; the push defers the address until it is free.
        if waits && !has_contact {
            return Resolution::Undecided(Undecided::Deferred);
        }
        Resolution::Wanted
    }

    /// Finds who waits. A row that waits is undecided itself, and another may wait for that, so it is asked again until
    /// nobody is added.
    fn wait(&mut self) {
        let notes = self.notes.all().filter_map(|(row, note)| match note {
            ConflictNote::WaitsIfUndecided(other) if !self.state(row).has_contact => Some((row, other)),
            _ => None,
        });
        let mut asked: Vec<(u32, u32)> = notes.collect();
        loop {
            let is_undecided = |&(_, other): &(u32, u32)| matches!(self.resolution(other), Resolution::Undecided(_));
            let (found, left): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_undecided);
            if found.is_empty() {
                return;
            }
            self.waiting.extend(found.into_iter().map(|(row, _)| row));
            asked = left;
        }
    }

    fn rivals(&self, row: u32) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.notes.of(row).filter_map(|note| match note {
            ConflictNote::LosesTo { winner, joined } => Some((winner, joined)),
            _ => None,
        })
    }

    pub(in crate::engine) fn resolution(&self, row: u32) -> Resolution {
        let by_itself = self.beside_target(row);
        if by_itself != Resolution::Wanted {
            return by_itself;
        }
        let mut resolution = Resolution::Wanted;
        for (winner, joined) in self.rivals(row) {
            let is_beaten = |(other, _)| !matches!(self.beside_target(other), Resolution::Unwanted(_));
            resolution = match self.beside_target(winner) {
                // Who lives in the target, or is taken out, is no rival.
                Resolution::Unwanted(_) | Resolution::Shadowed => continue,
                // Nobody knows yet whose the contact is.
                Resolution::Undecided(reason) => return Resolution::Undecided(reason),
                Resolution::Wanted if self.rivals(winner).any(is_beaten) => Resolution::Undecided(Undecided::Deferred),
                Resolution::Wanted if joined => Resolution::Unwanted(Unwanted::JoinedElsewhere),
                Resolution::Wanted => Resolution::Shadowed,
            };
            if resolution != Resolution::Undecided(Undecided::Deferred) {
                break;
            }
        }
        resolution
    }

    pub(in crate::engine) fn holder(&self, index: u32) -> &Holder {
        &self.notes.holders[index as usize]
    }

    /// Finds the contacts that go from an entry that is gone or stands back to the one that takes its place: the
    /// contact of a loser first, then one with the same primary address, each once.
    fn hand_over(&mut self) {
        let mut candidates: Vec<(u32, bool, u32)> = Vec::new();
        for (row, note) in self.notes.all() {
            match note {
                ConflictNote::CanSucceed(predecessor) => candidates.push((row, true, predecessor)),
                ConflictNote::LosesTo { winner, .. } if self.state(row).has_contact => {
                    candidates.push((winner, false, row))
                }
                _ => {}
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut given = BTreeSet::new();
        for (successor, _, predecessor) in candidates {
            let taken = self.by_successor.last().is_some_and(|(row, _)| *row == successor);
            let has_own = self.state(successor).has_contact || self.found_in_target(successor).is_some();
            let leaves = matches!(self.resolution(predecessor), Resolution::Unwanted(_) | Resolution::Shadowed);
            if !taken
                && !has_own
                && leaves
                && self.resolution(successor) == Resolution::Wanted
                && given.insert(predecessor)
            {
                self.by_successor.push((successor, predecessor));
                self.by_predecessor.push((predecessor, successor));
            }
        }
        self.by_predecessor.sort_unstable();
    }

    pub(in crate::engine) fn hands_over(&self) -> bool {
        !self.by_successor.is_empty()
    }

    /// Whose contact the row takes over.
    pub(in crate::engine) fn predecessor(&self, row: u32) -> Option<u32> {
        self.by_successor
            .binary_search_by_key(&row, |(successor, _)| *successor)
            .ok()
            .map(|index| self.by_successor[index].1)
    }

    /// To whom the row's contact goes.
    pub(in crate::engine) fn successor(&self, row: u32) -> Option<u32> {
        self.by_predecessor
            .binary_search_by_key(&row, |(predecessor, _)| *predecessor)
            .ok()
            .map(|index| self.by_predecessor[index].1)
    }

    /// The foreign or half-made contact that becomes the row's own; `true` = half-made.
    pub(in crate::engine) fn found_in_target(&self, row: u32) -> Option<(&Holder, bool)> {
        let found = self.notes.of(row).filter_map(|note| match note {
            ConflictNote::HalfMade(holder) => Some((self.holder(holder), true)),
            ConflictNote::Adoptable(holder) => Some((self.holder(holder), false)),
            _ => None,
        });
        found.max_by_key(|(_, half_made)| *half_made)
    }

    /// Who holds an address of the row, for the report.
    pub(in crate::engine) fn held_by(&self, row: u32) -> Option<&Holder> {
        let held = self.notes.of(row).filter_map(|note| match note {
            ConflictNote::Held(holder) | ConflictNote::Adoptable(holder) => Some(self.holder(holder)),
            _ => None,
        });
        held.min_by_key(|holder| holder.kind)
    }

    /// The row's contact, which is to go, must go at once.
    pub(in crate::engine) fn is_in_the_way(&self, row: u32) -> bool {
        self.notes.of(row).any(|note| match note {
            ConflictNote::NeededByTarget => true,
            ConflictNote::Blocks(other) => self.resolution(other) == Resolution::Wanted,
            _ => false,
        })
    }

    /// Secondary and X500 addresses that the row's contact does not get, with prefix.
    pub(in crate::engine) fn dropped(&self, row: u32) -> Vec<&str> {
        let value = |index: u32| self.notes.values[index as usize].as_str();
        let dropped = self.notes.of(row).filter_map(|note| match note {
            ConflictNote::Drop(index) => Some(value(index)),
            ConflictNote::DropBeside { value: index, other } => {
                matches!(self.resolution(other), Resolution::Wanted | Resolution::Undecided(_)).then(|| value(index))
            }
            ConflictNote::DropUnlessMoved { value: index, other } => {
                (self.resolution(other) != Resolution::Wanted).then(|| value(index))
            }
            ConflictNote::DropIfUndecided { value: index, other } => {
                matches!(self.resolution(other), Resolution::Undecided(_)).then(|| value(index))
            }
            _ => None,
        });
        dropped.collect()
    }

    /// Whether anything was noted about the row.
    pub(in crate::engine) fn is_noted(&self, row: u32) -> bool {
        self.notes.of(row).next().is_some()
    }
}
