use super::*;
use crate::engine::{History, Ledger as _};
use crate::model::{Key, SmtpAddress, SyncId};
use crate::operation::OperationType;

fn target() -> SystemIdentity {
    SystemIdentity::new("c0123_x#1").unwrap()
}

fn key(anchor: &str) -> Key {
    Key::try_from(format!("system/{anchor}")).unwrap()
}

fn address(text: &str) -> SmtpAddress {
    SmtpAddress::parse(text).unwrap()
}

pub(super) async fn add(store: &Store, anchor: &str, primary: &str, x500: &str) {
    let mut additions = store.ledger_additions();
    let line = LedgerLine { key: key(anchor), primaries: [address(primary)].into(), x500: [x500.to_owned()].into() };
    additions.push(&line).unwrap();
    store.add_to_ledger(&target(), additions).await.unwrap();
}

pub(super) async fn lines(store: &Store) -> Vec<LedgerLine> {
    store.ledger_lines(&target()).await.unwrap().map(Result::unwrap).collect()
}

pub(super) fn report(run: &str) -> RunFile<'_> {
    RunFile { kind: RunFileKind::Report, run, operation: OperationType::Simulate, connector: "fabrikam", attempt: 1 }
}

pub(super) async fn the_ledger_is_found_by_key_and_by_address(store: Store) {
    let empty = store.ledger(&target()).await.unwrap();
    assert!(!empty.knows(&key("a")) && empty.x500(&key("a"), &address("a@b.test")).is_empty());
    add(&store, "a", "a@b.test", "/o=1").await;
    add(&store, "b", "b@b.test", "/o=2").await;
    add(&store, "a", "anna@b.test", "/o=3").await;
    // Another anchor had the same address once.
    add(&store, "c", "b@b.test", "/o=4").await;

    let ledger = store.ledger(&target()).await.unwrap();
    let x500 =
        |anchor: &str, primary: &str| ledger.x500(&key(anchor), &address(primary)).into_iter().collect::<Vec<_>>();
    assert_eq!(x500("a", "new@b.test"), ["/o=1", "/o=3"]);
    assert_eq!(x500("new", "a@b.test"), ["/o=1", "/o=3"]);
    assert_eq!(x500("new", "b@b.test"), ["/o=2", "/o=4"]);
    assert_eq!(x500("a", "b@b.test"), ["/o=1", "/o=2", "/o=3", "/o=4"]);
    assert_eq!(x500("new", "new@b.test"), Vec::<String>::new());
    assert!(ledger.knows(&key("c")) && !ledger.knows(&key("new")));
    ledger.check().unwrap();

    let before = store.list("ledger").await.unwrap();
    add(&store, "a", "a@b.test", "/o=1").await;
    assert_eq!(store.list("ledger").await.unwrap(), before, "what stands there is not written again");
    assert_eq!(lines(&store).await.len(), 3);
    assert_eq!(store.ledger_targets().await.unwrap(), [target()].into());
}

pub(super) async fn racing_additions_all_reach_the_ledger(store: Store) {
    let writers: Vec<_> = (0..5)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for round in 0..3 {
                    add(&store, &format!("a-{writer}"), "a@b.test", &format!("/o={round}")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let lines = lines(&store).await;
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line.x500.len() == 3));
}

pub(super) async fn an_export_of_the_ledger_imports_elsewhere(store: Store) {
    for number in 0..200 {
        // Each key twice, so that lines of one addition are put together.
        let mut additions = store.ledger_additions();
        for part in 0..2 {
            additions
                .push(&LedgerLine {
                    key: key(&format!("a-{}", number % 50)),
                    primaries: [address(&format!("{number}@b.test"))].into(),
                    x500: [format!("/o={number}/cn={part}")].into(),
                })
                .unwrap();
        }
        if number % 50 == 49 {
            store.add_to_ledger(&target(), additions).await.unwrap();
        }
    }
    let exported = lines(&store).await;
    let elsewhere = in_memory();
    let mut additions = elsewhere.store.ledger_additions();
    exported.iter().rev().for_each(|line| additions.push(line).unwrap());
    elsewhere.store.add_to_ledger(&target(), additions).await.unwrap();
    assert_eq!(lines(&elsewhere.store).await, exported);
}

pub(super) async fn a_history_is_replaced_by_who_read_it(store: Store) {
    let (target, sync) = (target(), SyncId::new("team a/ä").unwrap());
    assert!(store.history(&target, &sync).await.unwrap().is_none());
    let mut history = History::default();
    let first = store.put_history(&target, &sync, None, &history).await.unwrap();
    assert!(matches!(store.put_history(&target, &sync, None, &history).await, Err(Error::Conflict { .. })));
    history.sources.insert(target.clone(), Default::default());
    let mut number = first;
    for _ in 0..4 {
        number = store.put_history(&target, &sync, Some(number), &history).await.unwrap();
    }
    assert!(matches!(store.put_history(&target, &sync, Some(first), &history).await, Err(Error::Conflict { .. })));
    assert_eq!(store.history(&target, &sync).await.unwrap().unwrap(), Numbered { number, value: history });
    let other = SyncId::new("other").unwrap();
    assert!(store.history(&target, &other).await.unwrap().is_none());
    assert_eq!(store.list("history").await.unwrap().len(), 2, "old versions go by themselves");
}

pub(super) async fn lines_of_a_run_are_read_back(store: Store) {
    let mut lines = store.json_lines().unwrap();
    (0..1_000).for_each(|number| lines.append(&serde_json::json!({"number": number, "name": "Ä"})).unwrap());
    let name = report("run-1");
    assert_eq!(name.key(), "reports/run-1/simulate-fabrikam.jsonl.zst");
    store.put_run_file(&name, lines).await.unwrap();
    let files = store.run_files(RunFileKind::Report, "run-1").await.unwrap();
    assert_eq!(files.iter().map(|file| file.key.clone()).collect::<Vec<_>>(), [name.key()]);
    let back: Vec<String> = store.lines(&name.key()).await.unwrap().map(Result::unwrap).collect();
    assert_eq!(back.len(), 1_000);
    assert_eq!(back[999], r#"{"name":"Ä","number":999}"#);

    let content = store.get(&name.key()).await.unwrap();
    store.put(&name.key(), content.slice(..content.len() - 5)).await.unwrap();
    let cut: Result<Vec<String>, Error> = store.lines(&name.key()).await.unwrap().collect();
    assert!(matches!(cut, Err(Error::Damaged { .. })));
}
