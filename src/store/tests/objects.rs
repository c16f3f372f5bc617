use super::*;
use crate::store::heads::Heads;
use std::io::{Read, Write};

pub(super) async fn objects_come_back_and_go(store: Store) {
    store.put("a/one", "1").await.unwrap();
    store.put("a/b/two", "22").await.unwrap();
    store.put("c/three", "3").await.unwrap();
    store.put("a/one", "replaced").await.unwrap();
    assert_eq!(store.get("a/one").await.unwrap(), "replaced");
    let listed = store.list("a").await.unwrap();
    let listed: Vec<_> = listed.iter().map(|object| (object.key.as_str(), object.bytes)).collect();
    assert_eq!(listed, [("a/b/two", 2), ("a/one", 8)]);
    assert_eq!(store.list("nothing").await.unwrap(), []);
    store.delete("a/one").await.unwrap();
    store.delete("a/one").await.unwrap();
    assert!(matches!(store.get("a/one").await, Err(Error::NotFound { key }) if key == "a/one"));
    assert!(!store.exists("a/one").await.unwrap() && store.exists("c/three").await.unwrap());
    store.create("c/four", "4").await.unwrap();
    assert!(matches!(store.create("c/four", "5").await, Err(Error::Conflict { .. })));
    assert_eq!(store.get("c/four").await.unwrap(), "4");
}

pub(super) async fn large_files_go_in_parts(store: Store) {
    const PART: usize = 8 << 20;
    for size in [0, 1, PART - 1, PART, PART + 1, 2 * PART] {
        let content: Vec<u8> = (0..size).map(|at| ((at * 31) >> 7) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        store.put_file("files/large", file).await.unwrap();
        let mut back = Vec::new();
        store.get_file("files/large").await.unwrap().read_to_end(&mut back).unwrap();
        assert!(back == content, "{size}");
    }
}

pub(super) async fn a_blob_that_is_not_its_name_is_refused(store: Store) {
    let (file, summary, _) = entries(0..5);
    store.put_blob(&summary.file, file).await.unwrap();
    store.blob(&summary.file).await.unwrap();
    store.put(&super::super::blobs::key(&summary.file), "other").await.unwrap();
    let error = store.blob(&summary.file).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }) && error.is_absence(), "{error}");
    assert!(store.blob(&Digest::of(b"other")).await.unwrap_err().is_absence());
}

fn heads(store: &Store) -> Heads<String> {
    Heads::new(store, "things/x/heads".into())
}

pub(super) async fn racing_writers_get_numbers_of_their_own(store: Store) {
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for round in 0..3 {
                    numbers.push(heads(&store).append(&format!("{writer}-{round}")).await.unwrap());
                }
                numbers
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for writer in writers {
        let of_one = writer.await.unwrap();
        assert!(of_one.is_sorted());
        numbers.extend(of_one);
    }
    numbers.sort_unstable();
    let last = *numbers.last().unwrap();
    numbers.dedup();
    assert_eq!(numbers.len(), 18, "each has one of its own: {numbers:?}");
    // Whoever is overtaken twice while it looks at what it wrote gives its number up for a later one.
    assert_eq!(heads(&store).latest().await.unwrap().unwrap().number, last);
}

pub(super) async fn only_one_of_two_writers_replaces_what_both_read(store: Store) {
    for read in [None, Some(1), Some(2)] {
        let tasks: Vec<_> = (0..4)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move { heads(&store).replace(read, &format!("{writer}")).await })
            })
            .collect();
        let mut done = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(number) => {
                    assert_eq!(number, read.unwrap_or(0) + 1);
                    done += 1;
                }
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
        }
        assert_eq!(done, 1);
    }
}

pub(super) async fn a_damaged_head_leaves_the_one_before_valid(store: Store) {
    let heads = heads(&store);
    for value in ["one", "two", "three"] {
        heads.append(&value.to_owned()).await.unwrap();
    }
    let key = |number: u64| format!("things/x/heads/{number:020}.json");
    let good = store.get(&key(3)).await.unwrap();
    for at in 0..good.len() {
        let cut = good.slice(..at);
        store.put(&key(3), cut).await.unwrap();
        assert_eq!(heads.latest().await.unwrap().unwrap(), Numbered { number: 2, value: "two".to_owned() }, "{at}");
    }
    let mut flipped = good.to_vec();
    let inside = good.windows(5).position(|window| window == b"three").unwrap();
    flipped[inside] ^= 1;
    store.put(&key(3), flipped).await.unwrap();
    assert_eq!(heads.latest().await.unwrap().unwrap().number, 2);
    assert!(matches!(heads.replace(Some(3), &"no".to_owned()).await, Err(Error::Conflict { .. })));
    assert_eq!(heads.replace(Some(2), &"four".to_owned()).await.unwrap(), 4);
    assert_eq!(heads.keep_last(2).await.unwrap(), 2, "the damaged one counts as old by now");
    assert_eq!(heads.latest().await.unwrap().unwrap().value, "four");
    assert_eq!(heads.numbers().await.unwrap(), [3, 4]);
}

pub(super) async fn a_slow_writer_does_not_revive_an_old_number(store: Store) {
    let heads = heads(&store);
    for value in 0..6 {
        heads.append(&value.to_string()).await.unwrap();
    }
    heads.keep_last(1).await.unwrap();
    assert_eq!(heads.numbers().await.unwrap(), [5, 6]);
    assert!(matches!(heads.create(4, &"late".to_owned()).await, Err(Error::Conflict { .. })));
    assert_eq!(heads.numbers().await.unwrap(), [5, 6]);
}
