//! What a row becomes, all its notes taken together, and which contacts change hands.

use super::contest::{Note, Notes};
use crate::engine::filter::judge::State;
use crate::model::reason::{Undecided, Unwanted};
use crate::model::taken::{Holder, HolderKind};
use std::collections::BTreeSet;

/// What is kept in memory of every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct RowState {
    pub state: State,
    pub has_contact: bool,
}

/// What a row is beside all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Fate {
    Wanted,
    Unwanted(Unwanted),
    Undecided(Undecided),
    /// Another source's entry stands for the address.
    Shadowed,
}

pub(in crate::engine) struct Fates {
    pub notes: Notes,
    states: Vec<RowState>,
    adopt: bool,
    /// Rows without a contact whose address stays at a contact of a row that cannot be judged beside all others.
    waiting: BTreeSet<u32>,
    /// (row that gets a contact, row whose contact it is), in order of the former; and the other way round.
    takes: Vec<(u32, u32)>,
    gives: Vec<(u32, u32)>,
}

impl Fates {
    /// `adopt` = `conflict.foreignContact: Adopt`.
    pub(in crate::engine) fn new(notes: Notes, states: Vec<RowState>, adopt: bool) -> Self {
        let waiting = BTreeSet::new();
        let mut fates = Self { notes, states, adopt, waiting, takes: Vec::new(), gives: Vec::new() };
        fates.wait();
        fates.hand_over();
        fates
    }

    fn state(&self, row: u32) -> RowState {
        self.states[row as usize]
    }

    /// Without regard to who has the better right: by itself, and beside the target.
    fn beside_target(&self, row: u32) -> Fate {
        let RowState { state, has_contact } = self.state(row);
        match state {
            State::Wanted => {}
            State::Unwanted(reason) => return Fate::Unwanted(reason),
            State::Undecided(reason) => return Fate::Undecided(reason),
        }
        let (mut held, mut candidate, mut ambiguous) = (None, None, false);
        let mut waits = self.waiting.contains(&row);
        for note in self.notes.of(row) {
            match note {
                Note::LivesInTarget => return Fate::Unwanted(Unwanted::LivesInTarget),
                Note::Held(holder) => {
                    let kind = self.holder(holder).kind;
                    held = Some(held.map_or(kind, |known: HolderKind| known.min(kind)));
                }
                Note::Adoptable(holder) => {
                    let handle = &self.holder(holder).handle;
                    ambiguous |= candidate.is_some_and(|known: &String| known != handle);
                    candidate = Some(handle);
                }
                Note::WaitsFor(_) => waits = true,
                _ => {}
            }
        }
        if let Some(kind) = held {
            return Fate::Undecided(kind.undecided());
        }
        if candidate.is_some() && (!self.adopt || has_contact) {
            return Fate::Undecided(Undecided::HeldByForeignContact);
        }
        if ambiguous {
            return Fate::Undecided(Undecided::AdoptionAmbiguous);
        }
        // Who has a contact already keeps what it has; the push defers the address until it is free.
        if waits && !has_contact {
            return Fate::Undecided(Undecided::Deferred);
        }
        Fate::Wanted
    }

    /// Finds who waits. A row that waits is undecided itself, and another may wait for that, so it is asked again until
    /// nobody is added.
    fn wait(&mut self) {
        let notes = self.notes.all().filter_map(|(row, note)| match note {
            Note::WaitsIfUndecided(other) if !self.state(row).has_contact => Some((row, other)),
            _ => None,
        });
        let mut asked: Vec<(u32, u32)> = notes.collect();
        loop {
            let is_undecided = |&(_, other): &(u32, u32)| matches!(self.fate(other), Fate::Undecided(_));
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
            Note::LosesTo { winner, joined } => Some((winner, joined)),
            _ => None,
        })
    }

    pub(in crate::engine) fn fate(&self, row: u32) -> Fate {
        let by_itself = self.beside_target(row);
        if by_itself != Fate::Wanted {
            return by_itself;
        }
        let mut fate = Fate::Wanted;
        for (winner, joined) in self.rivals(row) {
            let is_beaten = |(other, _)| !matches!(self.beside_target(other), Fate::Unwanted(_));
            fate = match self.beside_target(winner) {
                // Who lives in the target, or is taken out, is no rival.
                Fate::Unwanted(_) | Fate::Shadowed => continue,
                // Nobody knows yet whose the contact is.
                Fate::Undecided(reason) => return Fate::Undecided(reason),
                Fate::Wanted if self.rivals(winner).any(is_beaten) => Fate::Undecided(Undecided::Deferred),
                Fate::Wanted if joined => Fate::Unwanted(Unwanted::JoinedElsewhere),
                Fate::Wanted => Fate::Shadowed,
            };
            if fate != Fate::Undecided(Undecided::Deferred) {
                break;
            }
        }
        fate
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
                Note::CanTake(giver) => candidates.push((row, true, giver)),
                Note::LosesTo { winner, .. } if self.state(row).has_contact => candidates.push((winner, false, row)),
                _ => {}
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let mut given = BTreeSet::new();
        for (taker, _, giver) in candidates {
            let taken = self.takes.last().is_some_and(|(row, _)| *row == taker);
            let has_own = self.state(taker).has_contact || self.found_in_target(taker).is_some();
            let leaves = matches!(self.fate(giver), Fate::Unwanted(_) | Fate::Shadowed);
            if !taken && !has_own && leaves && self.fate(taker) == Fate::Wanted && given.insert(giver) {
                self.takes.push((taker, giver));
                self.gives.push((giver, taker));
            }
        }
        self.gives.sort_unstable();
    }

    pub(in crate::engine) fn hands_over(&self) -> bool {
        !self.takes.is_empty()
    }

    /// Whose contact the row takes over.
    pub(in crate::engine) fn takes_from(&self, row: u32) -> Option<u32> {
        self.takes.binary_search_by_key(&row, |(taker, _)| *taker).ok().map(|index| self.takes[index].1)
    }

    /// To whom the row's contact goes.
    pub(in crate::engine) fn gives_to(&self, row: u32) -> Option<u32> {
        self.gives.binary_search_by_key(&row, |(giver, _)| *giver).ok().map(|index| self.gives[index].1)
    }

    /// The foreign or half-made contact that becomes the row's own; `true` = half-made.
    pub(in crate::engine) fn found_in_target(&self, row: u32) -> Option<(&Holder, bool)> {
        let found = self.notes.of(row).filter_map(|note| match note {
            Note::HalfMade(holder) => Some((self.holder(holder), true)),
            Note::Adoptable(holder) => Some((self.holder(holder), false)),
            _ => None,
        });
        found.max_by_key(|(_, half_made)| *half_made)
    }

    /// Who holds an address of the row, for the report.
    pub(in crate::engine) fn held_by(&self, row: u32) -> Option<&Holder> {
        let held = self.notes.of(row).filter_map(|note| match note {
            Note::Held(holder) | Note::Adoptable(holder) => Some(self.holder(holder)),
            _ => None,
        });
        held.min_by_key(|holder| holder.kind)
    }

    /// The row's contact, which is to go, must go at once.
    pub(in crate::engine) fn is_in_the_way(&self, row: u32) -> bool {
        self.notes.of(row).any(|note| match note {
            Note::NeededByTarget => true,
            Note::Blocks(other) => self.fate(other) == Fate::Wanted,
            _ => false,
        })
    }

    /// Secondary and X500 addresses that the row's contact does not get, with prefix.
    pub(in crate::engine) fn dropped(&self, row: u32) -> Vec<&str> {
        let value = |index: u32| self.notes.values[index as usize].as_str();
        let dropped = self.notes.of(row).filter_map(|note| match note {
            Note::Drop(index) => Some(value(index)),
            Note::DropBeside { value: index, other } => {
                matches!(self.fate(other), Fate::Wanted | Fate::Undecided(_)).then(|| value(index))
            }
            Note::DropUnlessMoved { value: index, other } => (self.fate(other) != Fate::Wanted).then(|| value(index)),
            Note::DropIfUndecided { value: index, other } => {
                matches!(self.fate(other), Fate::Undecided(_)).then(|| value(index))
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
