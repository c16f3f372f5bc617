use super::*;
use crate::model::{Anchor, Attribute, Entry, RecipientType};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::io::Write;

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

fn frames(file: &[u8]) -> Frames {
    let mut copy = tempfile::tempfile().unwrap();
    copy.write_all(file).unwrap();
    Frames::open(copy, Kind::Entries).unwrap()
}

fn finish(merge: EntryMerge, previous: Option<(&Frames, &Statistics)>) -> Merged<Vec<u8>> {
    merge.finish(previous, Vec::new(), &mut |_, _, _| Ok::<(), Error>(())).unwrap()
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
            let frames = previous.as_ref().map(|(file, statistics)| (frames(file), statistics));
            let before = model.clone();
            let counts = apply(&mut model, &events, &membership);
            let mut told = Vec::new();
            let merged = merge.finish(frames.as_ref().map(|(frames, statistics)| (frames, *statistics)), Vec::new(), &mut |anchor, old, new| {
                told.push((anchor.clone(), old.cloned(), new.cloned()));
                Ok::<(), Error>(())
            }).unwrap();
            prop_assert_eq!(merged.counts, counts);
            let numbers: BTreeSet<u8> = before.keys().chain(model.keys()).copied().collect();
            let all = numbers.iter().map(|n| (anchor(*n), before.get(n).cloned(), model.get(n).cloned()));
            prop_assert_eq!(told, all.filter(|(_, old, new)| old != new).collect::<Vec<_>>());
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
    let first = finish(merge, None);
    let mut merge = EntryMerge::new(folder.path(), 0);
    merge.members("staff", &[anchor(3)]).unwrap();
    let second = finish(merge, Some((&frames(&first.output), &first.statistics)));
    assert_eq!(second.summary, first.summary);
    assert_eq!(second.statistics, first.statistics);
    assert_eq!(second.counts.changes(), 0);
}

/// A company of so many that its snapshot has dozens of frames.
fn many(changed: &[usize]) -> EntryMerge {
    let mut merge = EntryMerge::new(&std::env::temp_dir(), 1 << 20);
    let mut add = |number: usize, title: &str| {
        let mut entry = Entry::new(Anchor::new(format!("a-{number:06}")).unwrap(), RecipientType::UserMailbox);
        entry.attributes.insert(Attribute::Notes, format!("{title} {}", "x".repeat(500 + number % 7)));
        merge.upsert(&entry).unwrap();
    };
    match changed {
        [] => (0..4_000).for_each(|number| add(number, "")),
        numbers => numbers.iter().for_each(|number| add(*number, "changed")),
    }
    merge
}

#[test]
fn who_is_not_named_among_everybody_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    (0..30).for_each(|number| merge.upsert(&entry(number, None, false)).unwrap());
    let first = finish(merge, None);
    let next = |present: &[u8], everybody: bool| {
        let mut merge = EntryMerge::new(folder.path(), 0);
        present.iter().for_each(|number| merge.present(&anchor(*number)).unwrap());
        merge.upsert(&entry(3, Some(&"x".into()), false)).unwrap();
        merge.upsert(&entry(40, None, true)).unwrap();
        if everybody {
            merge.names_everybody();
        }
        finish(merge, Some((&frames(&first.output), &first.statistics)))
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
fn frames_in_which_nothing_changed_are_taken_over() {
    let first = finish(many(&[]), None);
    let before = frames(&first.output);
    // Twice in one frame, new ones in front and at the end, and single ones elsewhere.
    let mut merge = many(&[1_000, 1_001, 2_500, 5_000]);
    merge.remove(&Anchor::new("a-003999").unwrap()).unwrap();
    let mut new = Entry::new(Anchor::new("a").unwrap(), RecipientType::UserMailbox);
    new.hidden = true;
    merge.upsert(&new).unwrap();
    let second = finish(merge, Some((&before, &first.statistics)));
    assert_eq!(second.counts, MergeCounts { added: 2, changed: 3, removed: 1, unchanged: 3_996 });
    assert_eq!(second.summary.count, 4_001);
    let after = frames(&second.output);
    let known: BTreeSet<_> = before.frames().iter().map(|frame| frame.hash).collect();
    let taken_over = after.frames().iter().filter(|frame| known.contains(&frame.hash)).count();
    assert!(taken_over + 5 >= before.frames().len() && before.frames().len() > 30, "{taken_over}");

    let mut walked = Vec::new();
    compare(&before, &after, |difference| {
        let (Difference::Added(record) | Difference::Removed(record) | Difference::Changed { before: record, .. }) =
            difference;
        walked.push(String::from_utf8_lossy(record.key).into_owned());
        Ok::<(), Error>(())
    })
    .unwrap();
    assert_eq!(walked, ["a", "a-001000", "a-001001", "a-002500", "a-003999", "a-005000"]);
    let found: Result<Vec<Entry>, Error> =
        Reader::thorough(Cursor::new(second.output.clone())).unwrap().documents().collect();
    assert_eq!(found.unwrap().len(), 4_001);
    let mut cursor = after.cursor();
    for key in ["a", "a-000000", "a-002500", "a-005000"] {
        assert_eq!(cursor.find(key.as_bytes()).unwrap().unwrap().key, key.as_bytes());
    }
    for key in ["", "Z", "a-003999", "b"] {
        assert_eq!(cursor.find(key.as_bytes()).unwrap(), None, "{key}");
    }

    // All of them, by the thread that runs ahead, and by all threads together.
    let (mut keys, mut documents) = (Vec::new(), Vec::new());
    let walked = after.for_each(|record| {
        keys.push(record.key.to_vec());
        documents.push(Some(record.document.to_vec()));
        Ok::<(), Error>(())
    });
    walked.unwrap();
    assert_eq!(keys.len(), 4_001);
    assert_eq!(after.documents(&keys).unwrap(), documents);
    let some = [b"Z".to_vec(), keys[7].clone(), b"a-003999".to_vec(), keys[7].clone()];
    assert_eq!(after.documents(&some).unwrap(), [None, documents[7].clone(), None, documents[7].clone()]);
    let found = after.search(|record, found| {
        found.push(record.key.to_vec());
        Ok::<(), Error>(())
    });
    assert_eq!(found.unwrap(), keys);
    let refused =
        after.search(|record, _: &mut Vec<()>| if record.key == keys[9] { Err(Error::Truncated) } else { Ok(()) });
    assert!(matches!(refused, Err(Error::Truncated)));
    let mut seen = 0;
    let stopped = after.for_each(|_| {
        seen += 1;
        if seen < 3_000 { Ok(()) } else { Err(Error::Truncated) }
    });
    assert!(matches!(stopped, Err(Error::Truncated)) && seen == 3_000);
}

#[test]
fn an_index_that_is_none_is_refused() {
    let first = finish(many(&[]), None);
    for length in [0, 10, 60, first.output.len() - 1] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&first.output[..length]).unwrap();
        assert!(Frames::open(file, Kind::Entries).is_err_and(|error| error.is_damage()), "{length}");
    }
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
