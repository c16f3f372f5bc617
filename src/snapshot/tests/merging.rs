use super::*;
use crate::model::{Anchor, Attribute, Entry, RecipientType};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Event {
    Upsert(u8, Option<String>, bool),
    Remove(u8),
}

type Membership = BTreeMap<&'static str, BTreeSet<u8>>;
type Model = BTreeMap<u8, Entry>;

fn anchor(number: u8) -> Anchor {
    Anchor::new(format!("a-{number:03}")).unwrap()
}

fn entry(number: u8, title: Option<&String>, group: bool) -> Entry {
    let kind = if group { RecipientType::DistributionGroup } else { RecipientType::UserMailbox };
    let mut entry = Entry::new(anchor(number), kind);
    entry.attributes.extend(title.map(|title| (Attribute::Title, title.clone())));
    entry.attributes.insert(Attribute::DisplayName, "\"memberOf\":[".into());
    entry
}

fn rounds() -> impl Strategy<Value = Vec<(Vec<Event>, Membership)>> {
    let event = prop_oneof![
        3 => (0u8..40, prop::option::of("[a-c\"\\\\]{0,3}"), any::<bool>()).prop_map(|(n, t, g)| Event::Upsert(n, t, g)),
        1 => (0u8..40).prop_map(Event::Remove),
    ];
    let members = || prop::collection::btree_set(0u8..40, 0..10);
    let membership = (members(), members()).prop_map(|(a, b)| Membership::from([("All \"x\"]", a), ("staff", b)]));
    prop::collection::vec((prop::collection::vec(event, 0..60), membership), 1..4)
}

fn apply(model: &mut Model, events: &[Event], membership: &Membership) -> MergeCounts {
    let before = model.clone();
    for event in events {
        match event {
            Event::Upsert(number, title, group) => model.insert(*number, entry(*number, title.as_ref(), *group)),
            Event::Remove(number) => model.remove(number),
        };
    }
    let mut counts = MergeCounts::default();
    for (number, entry) in model.iter_mut() {
        let groups = membership.iter().filter(|(_, members)| members.contains(number));
        entry.member_of = groups.map(|(group, _)| (*group).to_owned()).collect();
        match before.get(number) {
            None => counts.added += 1,
            Some(old) if old == entry => counts.unchanged += 1,
            Some(_) => counts.changed += 1,
        }
    }
    counts.removed = before.keys().filter(|number| !model.contains_key(number)).count() as u64;
    counts
}

fn statistics(model: &Model, membership: &Membership) -> Statistics {
    let mut statistics = Statistics::default();
    model.values().for_each(|entry| statistics.add(entry));
    for (group, members) in membership {
        let known = members.iter().filter(|member| model.contains_key(member)).count() as u64;
        statistics.members.insert((*group).to_owned(), known);
    }
    statistics
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_changes_is_applying_them_in_memory(rounds in rounds()) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::new();
        let mut previous: Option<(Vec<u8>, Statistics)> = None;
        for (events, membership) in rounds {
            let mut merge = EntryMerge::new(folder.path(), 0);
            for event in &events {
                match event {
                    Event::Upsert(n, title, group) => merge.upsert(&entry(*n, title.as_ref(), *group)).unwrap(),
                    Event::Remove(number) => merge.remove(&anchor(*number)).unwrap(),
                }
            }
            for (group, members) in &membership {
                let members: Vec<Anchor> = members.iter().map(|number| anchor(*number)).collect();
                merge.members(group, &members).unwrap();
            }
            let reader = previous.as_ref().map(|(file, statistics)| {
                (Reader::new(Cursor::new(file.clone())).unwrap(), statistics)
            });
            let merged = merge.finish(reader, Vec::new()).unwrap();
            prop_assert_eq!(merged.counts, apply(&mut model, &events, &membership));
            let found: Result<Vec<Entry>, Error> =
                Reader::new(Cursor::new(merged.output.clone())).unwrap().documents().collect();
            prop_assert_eq!(found.unwrap(), model.values().cloned().collect::<Vec<_>>());
            let mut counted = merged.statistics.clone();
            counted.attributes.retain(|_, count| *count > 0);
            prop_assert_eq!(counted, statistics(&model, &membership));
            previous = Some((merged.output, merged.statistics));
        }
    }
}

#[test]
fn nothing_changed_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    (0..30).for_each(|number| merge.upsert(&entry(number, None, false)).unwrap());
    merge.members("staff", &[anchor(3)]).unwrap();
    let first = merge.finish(None, Vec::new()).unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    merge.members("staff", &[anchor(3)]).unwrap();
    let reader = Reader::new(Cursor::new(first.output.clone())).unwrap();
    let second = merge.finish(Some((reader, &first.statistics)), Vec::new()).unwrap();
    assert_eq!(second.summary, first.summary);
    assert_eq!(second.statistics, first.statistics);
    assert_eq!(second.counts.changes(), 0);
}

#[test]
fn who_is_not_named_among_everybody_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    (0..30).for_each(|number| merge.upsert(&entry(number, None, false)).unwrap());
    let first = merge.finish(None, Vec::new()).unwrap();
    let next = |present: &[u8], everybody: bool| {
        let mut merge = EntryMerge::new(folder.path(), 0);
        present.iter().for_each(|number| merge.present(&anchor(*number)).unwrap());
        merge.upsert(&entry(3, Some(&"x".into()), false)).unwrap();
        merge.upsert(&entry(40, None, true)).unwrap();
        if everybody {
            merge.names_everybody();
        }
        let reader = Reader::new(Cursor::new(first.output.clone())).unwrap();
        merge.finish(Some((reader, &first.statistics)), Vec::new()).unwrap()
    };
    let even: Vec<u8> = (0..30).filter(|number| number % 2 == 0).collect();
    let merged = next(&even, true);
    assert_eq!(merged.counts, MergeCounts { added: 1, changed: 1, removed: 14, unchanged: 15 });
    assert_eq!((merged.summary.count, merged.statistics.entries(), merged.unknown), (17, 17, 0));
    let merged = next(&even, false);
    assert_eq!(merged.counts, MergeCounts { added: 1, changed: 1, removed: 0, unchanged: 29 });
    // Somebody whom the last snapshot does not have cannot be as before.
    assert_eq!(next(&[0, 77, 99], true).unknown, 2);
}

#[test]
fn a_damaged_previous_snapshot_gives_no_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    (0..30).for_each(|number| merge.upsert(&entry(number, None, false)).unwrap());
    let first = merge.finish(None, Vec::new()).unwrap();
    let cut = first.output[..first.output.len() - 1].to_vec();
    let previous = Reader::new(Cursor::new(cut))
        .and_then(|reader| EntryMerge::new(folder.path(), 0).finish(Some((reader, &first.statistics)), Vec::new()));
    assert!(matches!(previous, Err(Error::Truncated)));
}

#[test]
fn what_vanished_is_told() {
    let mut before = Statistics::default();
    (0..20).for_each(|number| before.add(&entry(number, Some(&"x".into()), false)));
    before.members.insert("staff".into(), 4);
    let mut after = Statistics::default();
    (0..20).for_each(|number| after.add(&entry(number, None, false)));
    after.members.insert("staff".into(), 0);
    assert_eq!(after.vanished_since(&before, 10), [Attribute::Title]);
    assert_eq!(after.vanished_since(&before, 21), []);
    assert_eq!(after.emptied_since(&before).collect::<Vec<_>>(), ["staff"]);
}
