//! What a plan adds up over its rows: of two parts that have nothing to do with each other it is the sum.

use crate::engine::report::result::PairCounts;
use crate::model::SystemIdentity;
use crate::model::counts::{ChangeCounts, PlanCounts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    pub counts: PlanCounts,
    /// Skipped and undecided entries by label of the reason.
    pub reasons: BTreeMap<String, u64>,
    pub pairs: BTreeMap<SystemIdentity, PairCounts>,
    /// Hashes of keys that read back as they were pushed; not a sum, and told once.
    #[serde(skip)]
    pub confirmed: BTreeSet<String>,
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

impl Sums {
    /// These sums with one part in the place of another; nothing if that was no part of them.
    pub fn replace(&self, before: &Sums, after: &Sums) -> Option<Sums> {
        let mut sums = Self { confirmed: after.confirmed.clone(), ..self.clone() };
        sums.counts = self.counts.replace(before.counts, after.counts)?;
        for label in before.reasons.keys().chain(after.reasons.keys()) {
            let [known, old, new] = [self, before, after].map(|sums| sums.reasons.get(label).copied().unwrap_or(0));
            sums.reasons.insert(label.clone(), known.replace(old, new)?);
        }
        sums.reasons.retain(|_, count| *count > 0);
        for source in before.pairs.keys().chain(after.pairs.keys()) {
            let [known, old, new] =
                [self, before, after].map(|sums| sums.pairs.get(source).copied().unwrap_or_default());
            sums.pairs.insert(source.clone(), known.replace(old, new)?);
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(create: u64, skipped: u64) -> Sums {
        let mut sums = Sums::default();
        sums.counts.users.create = create;
        sums.reasons.extend((skipped > 0).then(|| ("Hidden".to_owned(), skipped)));
        let pair = PairCounts { creates: create, entries: create + skipped, ..PairCounts::default() };
        sums.pairs.insert(SystemIdentity::new("s").unwrap(), pair);
        sums
    }

    #[test]
    fn a_part_is_replaced_by_another() {
        assert_eq!(sums(10, 3).replace(&sums(4, 3), &sums(1, 0)), Some(sums(7, 0)));
        assert_eq!(sums(10, 0).replace(&sums(0, 0), &sums(1, 2)), Some(sums(11, 2)));
        assert_eq!(sums(1, 0).replace(&sums(2, 0), &sums(5, 0)), None);
        assert_eq!(sums(1, 0).replace(&sums(1, 1), &sums(5, 0)), None);
    }
}
