//! What a connector's own filters keep of a pull.

use super::domains::Domains;
use super::entry_filter::{Eligibility, EntryFilter};
use crate::model::connector::Connector;
use crate::model::{Entry, EntryClass};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Counts what a connector's own filters let through: this is how an administrator checks them.
pub struct FilterCounter<'a> {
    filter: EntryFilter<'a>,
    domains: Domains<'a>,
    counts: FilterCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterCounts {
    pub users: u64,
    pub groups: u64,
    pub contacts: u64,
    /// By label of the reason.
    pub rejected: BTreeMap<String, u64>,
    /// Entries that cannot be judged.
    pub invalid: u64,
}

impl<'a> FilterCounter<'a> {
    /// Goes on from counts that were made before.
    pub fn new(connector: &'a Connector, counts: FilterCounts) -> Self {
        let filter = EntryFilter::new(vec![&connector.filters]);
        let domains = Domains {
            own: &connector.authoritative_domains,
            claimed: BTreeSet::new(),
            target: BTreeSet::new(),
            routing: &[],
        };
        Self { filter, domains, counts }
    }

    /// Counts an entry. What the connector's filters alone say of it; rules that need a target are not asked.
    pub fn count(&mut self, entry: &Entry) -> Eligibility {
        let state = self.filter.eligibility(entry, &self.domains);
        self.change(state, entry.class(), |count| *count += 1);
        state
    }

    /// Takes back that an entry was counted.
    pub fn uncount(&mut self, entry: &Entry) {
        let state = self.filter.eligibility(entry, &self.domains);
        self.change(state, entry.class(), |count| *count = count.saturating_sub(1));
        self.counts.rejected.retain(|_, count| *count > 0);
    }

    fn change(&mut self, state: Eligibility, class: EntryClass, change: impl Fn(&mut u64)) {
        let counts = &mut self.counts;
        change(match (state, class) {
            (Eligibility::Wanted, EntryClass::User) => &mut counts.users,
            (Eligibility::Wanted, EntryClass::Group) => &mut counts.groups,
            (Eligibility::Wanted, EntryClass::Contact) => &mut counts.contacts,
            (Eligibility::Unwanted(reason), _) => counts.rejected.entry(reason.label().to_owned()).or_default(),
            (Eligibility::Undecided(_), _) => &mut counts.invalid,
        });
    }

    pub fn finish(self) -> FilterCounts {
        self.counts
    }
}
