use super::*;
use crate::engine::{LazyContact, TargetContent};
use crate::model::taken::{Holder, HolderKind, Taken};
use crate::model::{Contact, ContactName, Domain, OwnerMark, SmtpAddress, SyncId};
use std::io::ErrorKind;

pub(super) async fn a_snapshot_is_found_by_its_fingerprint_and_read_back(store: Store) {
    assert_eq!(latest_count(&store, "corp").await, None);
    let first = pull(&store, "corp", 100).await.unwrap();
    pull(&store, "corp", 120).await.unwrap();
    pull(&store, "other", 7).await.unwrap();
    assert_eq!(latest_count(&store, "corp").await, Some(120));
    assert!(store.latest_snapshot("corp", &Digest::of(b"g")).await.unwrap().is_none());
    assert_eq!(store.snapshot_head("corp", &first.snapshot).await.unwrap(), first);
    assert!(matches!(store.snapshot_head("other", &first.snapshot).await, Err(Error::NotFound { .. })));
    let entries: Vec<Entry> =
        store.open_snapshot(&first.snapshot).await.unwrap().documents().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries.len(), 100);
}

fn faulty(store: &Store, writes: usize, kind: ErrorKind) -> Store {
    Store { objects: Arc::new(Faulty::new(store.objects.clone(), writes, kind)), ..store.clone() }
}

pub(super) async fn a_writer_killed_at_any_point_leaves_the_last_snapshot(store: Store) {
    pull(&store, "corp", 50).await.unwrap();
    let mut writes = 0;
    while pull(&faulty(&store, writes, ErrorKind::BrokenPipe), "corp", 60 + writes as u32).await.is_err() {
        assert_eq!(latest_count(&store, "corp").await, Some(50), "killed at write {writes}");
        writes += 1;
    }
    assert_eq!(writes, 2, "the blob, then the head");
    assert_eq!(latest_count(&store, "corp").await, Some(62));
}

pub(super) async fn a_store_that_takes_nothing_says_why(store: Store) {
    pull(&store, "corp", 50).await.unwrap();
    let put = |kind| {
        let store = faulty(&store, 0, kind);
        async move { pull(&store, "corp", 60).await.unwrap_err() }
    };
    assert!(matches!(put(ErrorKind::StorageFull).await, Error::Full));
    assert!(matches!(put(ErrorKind::ReadOnlyFilesystem).await, Error::ReadOnly));
    assert!(matches!(put(ErrorKind::PermissionDenied).await, Error::PermissionDenied { .. }));
    assert!(put(ErrorKind::TimedOut).await.is_transient());
    assert_eq!(latest_count(&store, "corp").await, Some(50));
}

pub(super) async fn what_a_target_holds_is_read_back(store: Store) {
    let mark = OwnerMark::parse("gs1;owner;sync;target;system;anchor-1;;-;").unwrap();
    let address = SmtpAddress::parse("ada@b.test").unwrap();
    let contact = Contact {
        handle: Some("cn=gs-1".into()),
        ..Contact::new(mark, ContactName::existing("gs-1"), address.clone(), address)
    };
    let taken = Taken {
        value: "x500:/o=corp\n/cn=odd".into(),
        primary: false,
        holder: Holder { kind: HolderKind::Mailbox, handle: "cn=x".into(), name: "x".into() },
    };
    let twice = Contact { handle: Some("cn=gs-2".into()), ..contact.clone() };
    let plain = Contact {
        mark: OwnerMark::parse("gs1;owner;sync;target;system;anchor-2;;-;").unwrap(),
        legacy_exchange_dn: Some("/o=\"x\",\"owned\":[/cn=y".into()),
        ..contact.clone()
    };
    let plain = LazyContact::new(&plain).unwrap();
    let contents = [
        TargetContent::Taken(Box::new(taken)),
        TargetContent::Owned(Box::new(contact)),
        TargetContent::Owned(Box::new(twice)),
        TargetContent::Folded(plain.clone()),
    ];
    let mut writer = store.contents_writer();
    let unfolded = TargetContent::Owned(Box::new(plain.unfold().unwrap()));
    contents[1..3].iter().chain([&contents[0], &unfolded]).for_each(|content| writer.push(content).unwrap());
    let (file, summary) = writer.finish(store.temporary_file().unwrap()).unwrap();
    let head = ContentsHead {
        identity: SystemIdentity::new("target").unwrap(),
        scope: Digest::of(b"scope"),
        contents: summary.file,
        own_domains: [Domain::parse("fabrikam.test").unwrap()].into(),
        started: Timestamp::UNIX_EPOCH,
    };
    store.put_contents("fabrikam", file, &head).await.unwrap();
    assert_eq!(store.latest_contents("fabrikam", &head.scope).await.unwrap().unwrap().value, head);
    let back: Vec<_> = read_contents(store.blob(&head.contents).await.unwrap()).unwrap().map(Result::unwrap).collect();
    assert_eq!(back, contents);
    // Another schedule into the same target has contents of its own; a write makes both of them old.
    let other = ContentsHead { scope: Digest::of(b"other"), ..head.clone() };
    let mut writer = store.contents_writer();
    contents.iter().for_each(|content| writer.push(content).unwrap());
    let (file, _) = writer.finish(store.temporary_file().unwrap()).unwrap();
    store.put_contents("fabrikam", file, &other).await.unwrap();
    for head in [&head, &other] {
        assert_eq!(store.latest_contents("fabrikam", &head.scope).await.unwrap().unwrap().value, *head);
    }
    store.forget_contents("fabrikam").await.unwrap();
    assert_eq!(store.latest_contents("fabrikam", &other.scope).await.unwrap(), None);
    assert_eq!(store.latest_contents("fabrikam", &head.scope).await.unwrap(), None);
}

pub(super) async fn emptying_a_cache_spares_everything_else(store: Store) {
    let shared = pull(&store, "corp", 10).await.unwrap();
    let own = pull(&store, "corp", 11).await.unwrap();
    pull(&store, "other", 10).await.unwrap();
    let target = SystemIdentity::new("system").unwrap();
    let sync = SyncId::new("ns/x").unwrap();
    store.put_history(&target, &sync, None, &Default::default()).await.unwrap();
    kept::add(&store, "a", "a@b.test", "/o=1").await;
    store.put_plan(&Digest::of(b"plan"), store.json_lines().unwrap()).await.unwrap();

    store.empty_cache("corp").await.unwrap();
    assert_eq!(latest_count(&store, "corp").await, None);
    assert!(matches!(store.blob(&own.snapshot).await, Err(Error::NotFound { .. })));
    assert_eq!(latest_count(&store, "other").await, Some(10), "it names a blob that corp named too");
    assert!(store.blob(&shared.snapshot).await.is_ok());
    assert!(store.history(&target, &sync).await.unwrap().is_some());
    assert_eq!(kept::lines(&store).await.len(), 1);
    assert_eq!(store.plan(&Digest::of(b"plan")).await.unwrap().count(), 0);
    store.empty_cache("corp").await.unwrap();
    pull(&store, "corp", 12).await.unwrap();
    assert_eq!(latest_count(&store, "corp").await, Some(12));
}

pub(super) async fn garbage_goes_and_what_is_named_stays(store: Store) {
    for count in 1..=5 {
        pull(&store, "corp", count).await.unwrap();
    }
    kept::add(&store, "a", "a@b.test", "/o=1").await;
    kept::add(&store, "b", "b@b.test", "/o=2").await;
    store.put_plan(&Digest::of(b"plan"), store.json_lines().unwrap()).await.unwrap();
    let report = kept::report("run-1");
    store.put_run_file(&report, store.json_lines().unwrap()).await.unwrap();
    let (file, orphan, _) = entries(0..99);
    store.put_blob(&orphan.file, file).await.unwrap();

    let retention = Retention { keep_snapshots: 3, keep_reports: hours(48), keep_logs: hours(48), grace: hours(24) };
    let now = Timestamp::now();
    let collected = store.collect_garbage(&retention, now).await.unwrap();
    assert_eq!((collected.heads, collected.blobs, collected.files), (2, 0, 0), "all is young");
    let collected = store.collect_garbage(&retention, now + hours(25)).await.unwrap();
    assert_eq!((collected.heads, collected.blobs, collected.files), (0, 3, 0), "two snapshots and the orphan");
    assert!(matches!(store.blob(&orphan.file).await, Err(Error::NotFound { .. })));
    assert!(store.lines(&report.key()).await.is_ok());
    let collected = store.collect_garbage(&retention, now + hours(49)).await.unwrap();
    assert_eq!((collected.heads, collected.blobs, collected.files), (0, 0, 2), "the plan and the report");
    assert_eq!(latest_count(&store, "corp").await, Some(5));
    assert_eq!(kept::lines(&store).await.len(), 2);
    assert!(matches!(store.plan(&Digest::of(b"plan")).await, Err(Error::NotFound { .. })));
}

pub(super) async fn collecting_garbage_beside_writers_harms_nobody(store: Store) {
    let writers: Vec<_> = ["corp", "other"]
        .into_iter()
        .map(|connector| {
            let store = store.clone();
            tokio::spawn(async move {
                for count in 1..=12 {
                    pull(&store, connector, count).await.unwrap();
                    assert_eq!(latest_count(&store, connector).await, Some(u64::from(count)));
                }
            })
        })
        .collect();
    let retention = Retention { keep_snapshots: 2, keep_reports: hours(48), keep_logs: hours(48), grace: hours(1) };
    while !writers.iter().all(|writer| writer.is_finished()) {
        store.collect_garbage(&retention, Timestamp::now()).await.unwrap();
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    store.collect_garbage(&retention, Timestamp::now() + hours(2)).await.unwrap();
    assert_eq!(latest_count(&store, "corp").await, Some(12));
    assert_eq!(store.list("blobs").await.unwrap().len(), 2, "both connectors have the same last two snapshots");
}
