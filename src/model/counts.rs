//! Counts of a plan and of its carrying out, by class of entry. They hold no personal data.

use crate::model::EntryClass;
use crate::model::change::ChangeClass;
use serde::{Deserialize, Serialize};

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
        let mut total = ChangeCounts::default();
        for part in [self.users, self.groups, self.contacts] {
            let ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = part;
            total.create += create;
            total.update += update;
            total.hide += hide;
            total.delete += delete;
            total.unchanged += unchanged;
            total.skipped += skipped;
            total.conflict += conflict;
            total.undecided += undecided;
            total.failed += failed;
        }
        total
    }
}
