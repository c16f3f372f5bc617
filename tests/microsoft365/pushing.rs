//! Writing contacts: half-made ones, addresses that are held, the quota, a process that is killed.

use super::faults::{creates, owned, results};
use super::world::{World, contact_for};
use crate::directory_support::contact::change;
use galsync::directory::{ChangeResult, Target};
use galsync::model::{ChangeKind, ContactName, SmtpAddress};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_push_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(1).await;
}

#[tokio::test]
async fn a_push_of_batches_that_is_killed_anywhere_is_finished_by_the_next() {
    killed_anywhere(10).await;
}

async fn killed_anywhere(together: u32) {
    // A process that is gone after n answers sends nothing more.
    for survived in 0..9 {
        let world = World::new(2, "").await.together(together);
        let target = world.target_of("owner");
        let changes = creates(&target, 3);
        world.faults(&format!("[{{on: {{service: exchange}}, when: {{from: {}}}, then: cutAnswer}}]", survived + 1));
        let killed = tokio::time::timeout(Duration::from_millis(300), target.apply(&changes)).await;
        assert!(!matches!(killed, Ok(Ok(_))), "{survived}: it is killed");
        drop(target);
        world.faults("[]");
        let target = world.target_of("owner");
        let outcomes = target.apply(&changes).await.unwrap();
        let done = |result: &&ChangeResult| matches!(result, ChangeResult::Done | ChangeResult::AlreadyDone);
        assert!(results(&outcomes).iter().all(done), "{survived}: {:?}", results(&outcomes));
        let contacts = owned(&target).await;
        assert_eq!(contacts.len(), 3, "{survived}: lost or doubled");
        assert_eq!(world.objects().iter().filter(|object| object.name.starts_with("gs-")).count(), 3, "{survived}");
        for contact in &contacts {
            assert_eq!(contact.digest(), contact_for(&target, contact.primary.local_part()).digest(), "{survived}");
        }
    }
}

#[tokio::test]
async fn a_half_made_contact_is_finished_and_somebody_elses_is_not_touched() {
    let world = World::new(2, "").await;
    let target = world.target_of("owner");
    let wanted = contact_for(&target, "half");
    let name = wanted.name.as_str();
    let half = |address: &str| {
        json!({ "add": { "kind": "MailContact", "displayName": "Half", "name": name, "alias": name, "mail": address,
            "externalAddress": address } })
    };
    world.change(half(wanted.delivery.as_str()));
    let create = [change(ChangeKind::Create, None, Some(&wanted))];
    assert_eq!(results(&target.apply(&create).await.unwrap()), [&ChangeResult::Done]);
    let found = owned(&target).await;
    assert_eq!((found.len(), found[0].digest()), (1, wanted.digest()));

    let world = World::new(2, "").await;
    let target = world.target_of("owner");
    world.change(half("somebody@elsewhere.test"));
    let outcomes = target.apply(&create).await.unwrap();
    assert!(matches!(outcomes[0].result, ChangeResult::Refused { .. }), "{:?}", outcomes[0].result);
    assert_eq!(world.object("somebody@elsewhere.test").unwrap().display_name, "Half");
}

#[tokio::test]
async fn a_contact_from_on_premises_is_never_ours() {
    let world = World::new(2, "").await;
    let target = world.target_of("owner");
    let wanted = contact_for(&target, "synced");
    target.apply(&[change(ChangeKind::Create, None, Some(&wanted))]).await.unwrap();
    let before = owned(&target).await.remove(0);
    world.change(json!({ "synchronized": { "object": wanted.primary, "value": true } }));
    assert!(owned(&target).await.is_empty(), "its mark was copied here");
    let mut after = before.clone();
    after.hidden = true;
    let changes =
        [change(ChangeKind::Update, Some(&before), Some(&after)), change(ChangeKind::Delete, Some(&before), None)];
    let outcomes = target.apply(&changes).await.unwrap();
    assert_eq!(results(&outcomes), [&ChangeResult::Drifted, &ChangeResult::Drifted]);
    assert!(!world.object(wanted.primary.as_str()).unwrap().hidden);
}

#[tokio::test]
async fn an_address_that_was_freed_a_moment_ago_waits() {
    let world = World::new(2, "exchange: {addressHeldFor: 1h}").await;
    let target = world.target_of("owner");
    let first = contact_for(&target, "moves");
    target.apply(&[change(ChangeKind::Create, None, Some(&first))]).await.unwrap();
    let made = owned(&target).await.remove(0);
    target.apply(&[change(ChangeKind::Delete, Some(&made), None)]).await.unwrap();
    let mut second = first.clone();
    second.name = ContactName::existing("gs-000000-0000000000000001");
    let create = [change(ChangeKind::Create, None, Some(&second))];
    assert_eq!(results(&target.apply(&create).await.unwrap()), [&ChangeResult::Deferred]);
    world.sandbox.advance(Duration::from_secs(3_601));
    let target = world.target_of("owner");
    assert_eq!(results(&target.apply(&create).await.unwrap()), [&ChangeResult::Done]);
}

#[tokio::test]
async fn a_value_that_somebody_holds_is_left_out_and_the_rest_is_written() {
    let world = World::new(2, "").await;
    let target = world.target_of("owner");
    let mut wanted = contact_for(&target, "shares");
    let held = SmtpAddress::parse("held@elsewhere.test").unwrap();
    world.change(json!({ "add": { "kind": "MailContact", "displayName": "Holder", "alias": "holder", "mail": held,
        "externalAddress": held } }));
    wanted.secondary.insert(held.clone());
    wanted.stamp_values();
    let outcomes = target.apply(&[change(ChangeKind::Create, None, Some(&wanted))]).await.unwrap();
    assert_eq!(
        (&outcomes[0].result, outcomes[0].refused_values.as_slice()),
        (&ChangeResult::Done, &[format!("smtp:{held}")][..])
    );
    let found = owned(&target).await.remove(0);
    wanted.secondary.remove(&held);
    assert_eq!((found.secondary, found.attributes), (wanted.secondary, wanted.attributes));
}

#[tokio::test]
async fn the_quota_parks_creates_and_nothing_else() {
    let world = World::new(2, "exchange: {createQuota: {count: 4, window: 24h}}").await;
    let target = world.target_of("owner");
    let changes = creates(&target, 7);
    target.apply(&changes[..3]).await.unwrap();
    let before = owned(&target).await;
    let mut after = before[0].clone();
    after.hidden = true;
    let mut batch = changes[3..].to_vec();
    batch.push(change(ChangeKind::Hide, Some(&before[0]), Some(&after)));
    batch.push(change(ChangeKind::Delete, Some(&before[1]), None));
    let outcomes = target.apply(&batch).await.unwrap();
    let waiting = outcomes.iter().filter(|outcome| match outcome.result {
        ChangeResult::QuotaExceeded { until } => until > Timestamp::now(),
        _ => false,
    });
    assert_eq!(waiting.count(), 3, "{:?}", results(&outcomes));
    assert_eq!(results(&outcomes[4..]), [&ChangeResult::Done, &ChangeResult::Done]);
    // Not even tried again by this process.
    let asked =
        || world.sandbox.microsoft365.tenant("contoso.onmicrosoft.com").unwrap().lock().cmdlets_answered.clone();
    let before = asked();
    target.apply(&changes[5..]).await.unwrap();
    assert_eq!(asked(), before);
    // Another day, another process: the same changes go through.
    world.sandbox.advance(Duration::from_secs(86_401));
    let target = world.target_of("owner");
    let outcomes = target.apply(&changes).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome.result, ChangeResult::Done | ChangeResult::AlreadyDone)
        || outcome.result == ChangeResult::Drifted));
    assert_eq!(owned(&target).await.len(), 7);
}
