//! What a snapshot of entries contains, in numbers: kept beside it, so that the next pull can tell what vanished.

use crate::model::{Attribute, Entry, EntryClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Statistics {
    pub users: u64,
    pub groups: u64,
    pub contacts: u64,
    /// Entries with a problem: they cannot be judged.
    pub invalid: u64,
    /// Entries that have the attribute.
    pub attributes: BTreeMap<Attribute, u64>,
    /// Members of each filter group that was read, also of those without any.
    pub members: BTreeMap<String, u64>,
}

impl Statistics {
    pub fn entries(&self) -> u64 {
        self.users + self.groups + self.contacts
    }

    pub fn add(&mut self, entry: &Entry) {
        self.count(entry, |count| *count += 1);
    }

    pub fn remove(&mut self, entry: &Entry) {
        self.count(entry, |count| *count = count.saturating_sub(1));
    }

    fn count(&mut self, entry: &Entry, change: impl Fn(&mut u64)) {
        change(match entry.class() {
            EntryClass::User => &mut self.users,
            EntryClass::Group => &mut self.groups,
            EntryClass::Contact => &mut self.contacts,
        });
        if !entry.problems.is_empty() {
            change(&mut self.invalid);
        }
        for attribute in entry.attributes.keys() {
            change(self.attributes.entry(*attribute).or_default());
        }
    }

    /// Attributes that at least `many` entries had before and none has now: a lost read right (mail-rules §1).
    pub fn vanished_since(&self, before: &Statistics, many: u64) -> Vec<Attribute> {
        let has = |attribute| self.attributes.get(attribute).is_some_and(|count| *count > 0);
        let vanished = before.attributes.iter().filter(|(attribute, count)| **count >= many && !has(attribute));
        vanished.map(|(attribute, _)| *attribute).collect()
    }

    /// Filter groups that had members before and have none now (mail-rules §1).
    pub fn emptied_since<'a>(&'a self, before: &'a Statistics) -> impl Iterator<Item = &'a str> {
        let members = |group| self.members.get(group).copied().unwrap_or(0);
        before.members.iter().filter(move |(group, count)| **count > 0 && members(*group) == 0).map(|(g, _)| g.as_str())
    }
}
