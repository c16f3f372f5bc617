//! Counts of a plan and of its carrying out, by class of entry. They hold no personal data.

use crate::model::EntryClass;
use crate::model::change::ChangeClass;
use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::AddAssign;

/// One class's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeCounts {
    pub create: u64,
    pub update: u64,
    pub hide: u64,
    pub delete: u64,
    pub unchanged: u64,
    /// Entries that rules take out and that have no contact.
    pub skipped: u64,
    /// Undecided because somebody else holds an address.
    pub conflict: u64,
    /// Undecided for every other reason.
    pub undecided: u64,
    /// Changes that the target refused in a push.
    pub failed: u64,
}

impl ChangeCounts {
    pub fn count(&mut self, class: ChangeClass) -> &mut u64 {
        match class {
            ChangeClass::Create => &mut self.create,
            ChangeClass::Update => &mut self.update,
            ChangeClass::Hide => &mut self.hide,
            ChangeClass::Delete => &mut self.delete,
        }
    }

    pub fn changes(&self) -> u64 {
        self.create + self.update + self.hide + self.delete
    }
}

impl AddAssign for ChangeCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = other;
        self.create += create;
        self.update += update;
        self.hide += hide;
        self.delete += delete;
        self.unchanged += unchanged;
        self.skipped += skipped;
        self.conflict += conflict;
        self.undecided += undecided;
        self.failed += failed;
    }
}

impl Sum for ChangeCounts {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut total, part| {
            total += part;
            total
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanCounts {
    pub users: ChangeCounts,
    pub groups: ChangeCounts,
    pub contacts: ChangeCounts,
}

impl PlanCounts {
    pub fn of(&mut self, class: EntryClass) -> &mut ChangeCounts {
        match class {
            EntryClass::User => &mut self.users,
            EntryClass::Group => &mut self.groups,
            EntryClass::Contact => &mut self.contacts,
        }
    }

    pub fn total(&self) -> ChangeCounts {
        [self.users, self.groups, self.contacts].into_iter().sum()
    }
}
