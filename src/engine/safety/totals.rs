//! What a plan adds up over its rows: of two parts that have nothing to do with each other it is the sum.

use crate::model::SystemIdentity;
use crate::model::counts::{ChangeCounts, PlanCounts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    pub counts: PlanCounts,
    /// Skipped and undecided entries by label of the reason.
    pub reasons: BTreeMap<String, u64>,
    pub pairs: BTreeMap<SystemIdentity, PairCounts>,
    /// Hashes of keys that read back as they were pushed; not a sum, and told once.
    #[serde(skip)]
    pub confirmed: BTreeSet<String>,
}

/// One (source, target) pair: what the safety limits are counted over (mail-rules §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PairCounts {
    /// Entries of the source, before any rule.
    pub entries: u64,
    /// Contacts of the pair in the target, before; hidden ones among them.
    pub contacts: u64,
    pub hidden: u64,
    pub wanted: u64,
    pub undecided: u64,
    pub creates: u64,
    pub strict_updates: u64,
    pub updates: u64,
    /// Hides among them.
    pub removals: u64,
    /// Among the removals: contacts that nobody sees any more.
    pub removals_of_hidden: u64,
    /// Among the removals: persons who live in the target now.
    pub lives_in_target: u64,
}

/// A sum with one of its parts in the place of another; nothing if that was no part of it.
trait Replace: Sized {
    fn replace(self, before: Self, after: Self) -> Option<Self>;
}

impl Replace for u64 {
    fn replace(self, before: Self, after: Self) -> Option<Self> {
        Some(self.checked_sub(before)? + after)
    }
}

macro_rules! replace_each_field {
    ($counts:ident { $($field:ident),* $(,)? }) => {
        impl Replace for $counts {
            fn replace(self, before: Self, after: Self) -> Option<Self> {
                Some(Self { $($field: self.$field.replace(before.$field, after.$field)?),* })
            }
        }
    };
}

replace_each_field!(PlanCounts { users, groups, contacts });
replace_each_field!(ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed });
replace_each_field!(PairCounts {
    entries,
    contacts,
    hidden,
    wanted,
    undecided,
    creates,
    strict_updates,
    updates,
    removals,
    removals_of_hidden,
    lives_in_target,
});

impl Totals {
    /// These totals with one part in the place of another; nothing if that was no part of them.
    pub fn replace(&self, before: &Totals, after: &Totals) -> Option<Totals> {
        let mut totals = Self { confirmed: after.confirmed.clone(), ..self.clone() };
        totals.counts = self.counts.replace(before.counts, after.counts)?;
        for label in before.reasons.keys().chain(after.reasons.keys()) {
            let [known, old, new] = [self, before, after].map(|totals| totals.reasons.get(label).copied().unwrap_or(0));
            totals.reasons.insert(label.clone(), known.replace(old, new)?);
        }
        totals.reasons.retain(|_, count| *count > 0);
        for source in before.pairs.keys().chain(after.pairs.keys()) {
            let [known, old, new] =
                [self, before, after].map(|totals| totals.pairs.get(source).copied().unwrap_or_default());
            totals.pairs.insert(source.clone(), known.replace(old, new)?);
        }
        Some(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(create: u64, skipped: u64) -> Totals {
        let mut totals = Totals::default();
        totals.counts.users.create = create;
        totals.reasons.extend((skipped > 0).then(|| ("Hidden".to_owned(), skipped)));
        let pair = PairCounts { creates: create, entries: create + skipped, ..PairCounts::default() };
        totals.pairs.insert(SystemIdentity::new("s").unwrap(), pair);
        totals
    }

    #[test]
    fn a_part_is_replaced_by_another() {
        assert_eq!(totals(10, 3).replace(&totals(4, 3), &totals(1, 0)), Some(totals(7, 0)));
        assert_eq!(totals(10, 0).replace(&totals(0, 0), &totals(1, 2)), Some(totals(11, 2)));
        assert_eq!(totals(1, 0).replace(&totals(2, 0), &totals(5, 0)), None);
        assert_eq!(totals(1, 0).replace(&totals(1, 1), &totals(5, 0)), None);
    }
}
