//! One suite for every kind of store: each situation is an async function that gets a fresh, empty store.

mod buckets;
mod cache;
mod disk;
mod faulty;
mod kept;
mod objects;

use super::*;
use crate::model::{Anchor, Digest, Entry, RecipientType, SystemIdentity};
use crate::snapshot::{EntryMerge, Statistics};
use faulty::Faulty;
use jiff::{SignedDuration, Timestamp};
use object_store::memory::InMemory;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

/// A store, and what it lives in as long as the test runs.
struct Fixture {
    store: Store,
    _folders: Vec<tempfile::TempDir>,
}

fn in_memory() -> Fixture {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::new(Arc::new(InMemory::new()), "owner/ns", scratch.path());
    Fixture { store, _folders: vec![scratch] }
}

fn in_folder() -> Fixture {
    let (scratch, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let location = folder.path().join("store").to_str().unwrap().to_owned();
    let store = Store::connect(&location, &BTreeMap::new(), "owner/ns", scratch.path()).unwrap();
    Fixture { store, _folders: vec![scratch, folder] }
}

/// A bucket given as URL in `GALSYNC_TEST_STORE`, with its options in the environment: S3, Azure or GCS.
fn in_bucket() -> Fixture {
    rustls::crypto::ring::default_provider().install_default().ok();
    let url = std::env::var("GALSYNC_TEST_STORE").expect("GALSYNC_TEST_STORE names a bucket");
    let scratch = tempfile::tempdir().unwrap();
    let options = std::env::vars().collect();
    let prefix = format!("test/{}", scratch.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'));
    let store = Store::connect(&url, &options, &prefix, scratch.path()).unwrap();
    Fixture { store, _folders: vec![scratch] }
}

macro_rules! suite {
    ($($situation:path),* $(,)?) => {
        mod every_kind_of_store {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_memory_passes() {
                $($situation(in_memory().store).await;)*
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_folder_passes() {
                $($situation(in_folder().store).await;)*
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs a bucket in GALSYNC_TEST_STORE"]
            async fn a_bucket_passes() {
                $($situation(in_bucket().store).await;)*
            }
        }
    };
}

suite![
    objects::objects_come_back_and_go,
    objects::large_files_go_in_parts,
    objects::a_blob_that_is_not_its_name_is_refused,
    objects::racing_writers_get_numbers_of_their_own,
    objects::only_one_of_two_writers_replaces_what_both_read,
    objects::a_damaged_head_leaves_the_one_before_valid,
    objects::a_slow_writer_does_not_revive_an_old_number,
    cache::a_snapshot_is_found_by_its_fingerprint_and_read_back,
    cache::a_writer_killed_at_any_point_leaves_the_last_snapshot,
    cache::a_store_that_takes_nothing_says_why,
    cache::what_a_target_holds_is_read_back,
    cache::emptying_a_cache_spares_everything_else,
    cache::garbage_goes_and_what_is_named_stays,
    cache::collecting_garbage_beside_writers_harms_nobody,
    kept::the_ledger_is_found_by_key_and_by_address,
    kept::racing_additions_all_reach_the_ledger,
    kept::an_export_of_the_ledger_imports_elsewhere,
    kept::a_history_is_replaced_by_who_read_it,
    kept::lines_of_a_run_are_read_back,
];

fn entries(numbers: impl IntoIterator<Item = u32>) -> (File, crate::snapshot::Summary, Statistics) {
    let folder = tempfile::tempdir().unwrap();
    let mut merge = EntryMerge::new(folder.path(), 0);
    for number in numbers {
        let anchor = Anchor::new(format!("anchor-{number:06}")).unwrap();
        merge.upsert(&Entry::new(anchor, RecipientType::UserMailbox)).unwrap();
    }
    let mut nobody = |_: &Anchor, _: Option<&Entry>, _: Option<&Entry>| Ok::<(), crate::snapshot::Error>(());
    let merged = merge.finish(None, tempfile::tempfile().unwrap(), &mut nobody).unwrap();
    (merged.output, merged.summary, merged.statistics)
}

fn head(fingerprint: &str, snapshot: Digest, statistics: Statistics) -> SnapshotHead {
    let time = Timestamp::UNIX_EPOCH;
    SnapshotHead {
        fingerprint: Digest::of(fingerprint.as_bytes()),
        identity: SystemIdentity::new("system").unwrap(),
        snapshot,
        token: Some("token".into()),
        started: time,
        completed: time,
        full_read: time,
        statistics,
        filtered: None,
    }
}

/// Puts a snapshot of so many entries.
async fn pull(store: &Store, connector: &str, count: u32) -> Result<SnapshotHead, Error> {
    let (file, summary, statistics) = entries(0..count);
    let head = head("f", summary.file, statistics);
    store.put_snapshot(connector, file, &head).await?;
    Ok(head)
}

/// How many entries the connector's latest snapshot has, having read all of it.
async fn latest_count(store: &Store, connector: &str) -> Option<u64> {
    let head = store.latest_snapshot(connector, &Digest::of(b"f")).await.unwrap()?;
    let mut reader = store.open_snapshot(&head.value.snapshot).await.unwrap();
    let count = reader.read_to_end().unwrap().count;
    assert_eq!(count, head.value.statistics.entries());
    Some(count)
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}
