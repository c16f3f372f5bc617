//! What a plan adds up over its rows: of two parts that have nothing to do with each other it is the sum.

use super::result::PairCounts;
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

impl Sums {
    /// These sums with one part in the place of another; nothing if that was no part of them.
    pub fn exchange(&self, before: &Sums, after: &Sums) -> Option<Sums> {
        let mut sums = Self { confirmed: after.confirmed.clone(), ..self.clone() };
        let classes = |counts: &PlanCounts| [counts.users, counts.groups, counts.contacts].map(fields);
        let [users, groups, contacts] = [0, 1, 2].map(|class| {
            exchange(classes(&self.counts)[class], classes(&before.counts)[class], classes(&after.counts)[class])
        });
        sums.counts =
            PlanCounts { users: of_fields(users?), groups: of_fields(groups?), contacts: of_fields(contacts?) };
        for label in before.reasons.keys().chain(after.reasons.keys()) {
            let [known, old, new] = [self, before, after].map(|sums| sums.reasons.get(label).copied().unwrap_or(0));
            let [count] = exchange([known], [old], [new])?;
            sums.reasons.insert(label.clone(), count);
        }
        sums.reasons.retain(|_, count| *count > 0);
        for source in before.pairs.keys().chain(after.pairs.keys()) {
            let of = |sums: &Sums| sums.pairs.get(source).copied().unwrap_or_default().fields();
            sums.pairs.insert(source.clone(), PairCounts::of_fields(exchange(of(self), of(before), of(after))?));
        }
        Some(sums)
    }
}

fn exchange<const N: usize>(known: [u64; N], before: [u64; N], after: [u64; N]) -> Option<[u64; N]> {
    let mut sums = known;
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = sum.checked_sub(before[index])? + after[index];
    }
    Some(sums)
}

fn fields(counts: ChangeCounts) -> [u64; 9] {
    let ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = counts;
    [create, update, hide, delete, unchanged, skipped, conflict, undecided, failed]
}

fn of_fields(
    [create, update, hide, delete, unchanged, skipped, conflict, undecided, failed]: [u64; 9],
) -> ChangeCounts {
    ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed }
}

impl PairCounts {
    fn fields(self) -> [u64; 11] {
        let Self {
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
        } = self;
        [
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
        ]
    }

    fn of_fields(fields: [u64; 11]) -> Self {
        let [
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
        ] = fields;
        Self {
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
        }
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
    fn a_part_is_exchanged_for_another() {
        assert_eq!(sums(10, 3).exchange(&sums(4, 3), &sums(1, 0)), Some(sums(7, 0)));
        assert_eq!(sums(10, 0).exchange(&sums(0, 0), &sums(1, 2)), Some(sums(11, 2)));
        assert_eq!(sums(1, 0).exchange(&sums(2, 0), &sums(5, 0)), None);
        assert_eq!(sums(1, 0).exchange(&sums(1, 1), &sums(5, 0)), None);
    }
}
