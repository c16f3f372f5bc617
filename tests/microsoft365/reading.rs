//! Reading people and what changes.

use super::world::World;
use crate::directory_support::read::{Read, read_all};
use galsync::directory::{Error, Token};
use galsync::model::connector::ReadScope;
use galsync::model::entry::Problem;
use galsync::model::{Attribute, Entry, RecipientType};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

fn scope() -> ReadScope {
    let attributes = [Attribute::DisplayName, Attribute::Title, Attribute::MobilePhone, Attribute::Country].into();
    ReadScope { attributes, groups: Default::default() }
}

/// What a pull would keep.
fn merged(mut known: BTreeMap<String, Entry>, read: &Read) -> BTreeMap<String, Entry> {
    if read.names_everybody {
        known.retain(|anchor, _| read.present.contains(anchor) || read.entries.contains_key(anchor));
    }
    known.retain(|anchor, _| !read.removed.contains(anchor));
    known.extend(read.entries.clone());
    known
}

async fn changes_agree_with_a_full_read(world: &World) {
    let first = read_all(&world.source_of(scope()), None).await.unwrap();
    world.change(json!({ "add": { "kind": "UserMailbox", "displayName": "New Person", "alias": "new",
        "attributes": { "MobilePhone": "+49 1", "CountryOrRegion": "DE" } } }));
    world.change(json!({ "add": { "kind": "GuestMailUser", "displayName": "Guest", "alias": "guest",
        "externalAddress": "guest@outside.test" } }));
    world
        .change(json!({ "add": { "kind": "MailUniversalDistributionGroup", "displayName": "Closed", "alias": "closed",
        "requireSenderAuthentication": true, "hiddenMembership": true } }));
    let people = |kind| {
        let all = world.objects().into_iter().filter(move |object| object.kind == kind);
        all.map(|object| object.primary().to_owned()).collect::<Vec<_>>()
    };
    use galsync::sandbox::microsoft365::recipient::Kind;
    let (users, groups) = (people(Kind::UserMailbox), people(Kind::MailUniversalDistributionGroup));
    world.change(
        json!({ "rename": { "object": users[0], "displayName": "Renamed", "mail": "renamed@contoso.example" } }),
    );
    world.change(json!({ "set": { "object": users[1], "attributes": { "MobilePhone": "+49 2", "Title": "Boss" } } }));
    world.change(json!({ "hide": { "object": users[2] } }));
    world.change(json!({ "delete": { "object": users[3] } }));
    world.change(json!({ "delete": { "object": groups[0] } }));
    let changes = read_all(&world.source_of(scope()), first.token.clone()).await.unwrap();
    let full = read_all(&world.source_of(scope()), None).await.unwrap();
    assert_eq!(merged(first.entries.clone(), &changes), full.entries);
    // Nothing more: the next round tells nothing of those who did not change.
    let quiet = read_all(&world.source_of(scope()), changes.token).await.unwrap();
    assert_eq!(merged(full.entries.clone(), &quiet), full.entries);
    let entry = |name: &str| {
        full.entries
            .values()
            .find(|entry| entry.attributes.get(&Attribute::DisplayName).is_some_and(|shown| shown == name))
    };
    assert_eq!(entry("New Person").unwrap().attributes.get(&Attribute::MobilePhone).map(String::as_str), Some("+49 1"));
    assert_eq!(entry("New Person").unwrap().attributes.get(&Attribute::Country).map(String::as_str), Some("DE"));
    assert_eq!(entry("Guest").unwrap().recipient_type, RecipientType::GuestUser);
    let closed = entry("Closed").unwrap();
    if world.graph_only {
        assert!(!closed.restricted_senders, "Graph does not tell it");
    } else {
        assert!(closed.restricted_senders && closed.hidden_membership);
        assert!(entry("New Person").unwrap().legacy_exchange_dn.is_some());
        assert!(full.entries.values().any(|entry| entry.recipient_type == RecipientType::DynamicGroup));
        assert!(full.entries.values().any(|entry| entry.hidden && entry.problems.is_empty()));
    }
}

#[tokio::test]
async fn changes_lead_to_what_a_full_read_sees() {
    changes_agree_with_a_full_read(
        &World::new(60, "graph: {deltaPageSize: 7, memberSlice: 3, replay: 5, repeatEvery: 3}").await,
    )
    .await;
}

#[tokio::test]
async fn so_they_do_in_graph_alone() {
    let mut world = World::new(60, "graph: {deltaPageSize: 7, memberSlice: 3, replay: 5, repeatEvery: 3}").await;
    world.graph_only = true;
    changes_agree_with_a_full_read(&world).await;
}

#[tokio::test]
async fn few_things_are_asked_when_few_have_changed() {
    let world = World::new(400, "graph: {lag: 0s}").await;
    let first = read_all(&world.source_of(scope()), None).await.unwrap();
    // Everybody's last change lies some time back.
    world.sandbox.advance(Duration::from_secs(86_400));
    let address = world.objects()[10].primary().to_owned();
    world.change(json!({ "set": { "object": address, "attributes": { "Title": "Boss" } } }));
    let second = read_all(&world.source_of(scope()), first.token).await.unwrap();
    world.sandbox.advance(Duration::from_secs(86_400));
    let third = read_all(&world.source_of(scope()), second.token).await.unwrap();
    let groups = first.entries.values().filter(|entry| entry.class() == galsync::model::EntryClass::Group).count();
    assert!(third.entries.len() <= groups + 3, "{} entries, {groups} of them groups", third.entries.len());
    assert_eq!(third.present.len() + third.entries.len(), first.entries.len());
}

#[tokio::test]
async fn a_half_that_is_missing_is_undecided_and_comes_later() {
    let world = World::new(10, "graph: {lag: 2m}").await;
    let first = read_all(&world.source_of(scope()), None).await.unwrap();
    world.change(json!({ "add": { "kind": "UserMailbox", "displayName": "Late", "alias": "late" } }));
    let late = |read: &Read| {
        read.entries.values().find(|e| e.primary.as_ref().is_some_and(|p| p.local_part() == "late")).cloned()
    };
    let second = read_all(&world.source_of(scope()), first.token).await.unwrap();
    assert_eq!(late(&second).unwrap().problems, [Problem::JoinMissing].into());
    let third = read_all(&world.source_of(scope()), second.token).await.unwrap();
    assert_eq!(late(&third).unwrap().problems, [Problem::JoinMissing].into(), "still, though nothing changed");
    world.sandbox.advance(Duration::from_secs(121));
    let fourth = read_all(&world.source_of(scope()), third.token).await.unwrap();
    assert!(late(&fourth).unwrap().problems.is_empty());

    // Gone from Graph and still in Exchange would be a join that is missing; gone from Exchange is gone.
    world.change(json!({ "delete": { "object": "late@contoso.example" } }));
    let fifth = read_all(&world.source_of(scope()), fourth.token.clone()).await.unwrap();
    let anchor = late(&fourth).unwrap().anchor.to_string();
    assert!(fifth.names_everybody && !fifth.present.contains(&anchor) && !fifth.entries.contains_key(&anchor));
}

#[tokio::test]
async fn lost_changes_mean_a_full_read() {
    let codes = ["syncStateNotFound", "resyncRequired"];
    for (code, graph_only) in codes.into_iter().flat_map(|code| [(code, false), (code, true)]) {
        let mut world = World::new(5, "").await;
        world.graph_only = graph_only;
        let first = read_all(&world.source_of(scope()), None).await.unwrap();
        world.faults(&format!("[{{on: {{service: graph, operation: 'GET users*'}}, times: 1, then: {code}}}]"));
        let again = read_all(&world.source_of(scope()), first.token.clone()).await;
        assert!(matches!(again, Err(Error::TokenExpired { .. })), "{code} {graph_only}");
        assert!(read_all(&world.source_of(scope()), None).await.is_ok());
    }
    let world = World::new(5, "").await;
    let first = read_all(&world.source_of(scope()), None).await.unwrap();
    world.sandbox.advance(Duration::from_secs(8 * 86_400));
    let late = read_all(&world.source_of(scope()), first.token.clone()).await;
    assert!(matches!(late, Err(Error::TokenExpired { .. })), "after a week");
    // In the middle of a first round: begun anew, and whole all the same.
    world.faults("[{on: {service: graph, operation: 'GET users*'}, when: {call: 2}, then: resyncRequired}]");
    assert_eq!(read_all(&world.source_of(scope()), None).await.unwrap().entries, first.entries);
}

#[tokio::test]
async fn a_kept_link_that_leads_elsewhere_gets_no_token() {
    let world = World::new(5, "").await;
    let token = read_all(&world.source_of(scope()), None).await.unwrap().token.unwrap();
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    for base in [format!("http://127.0.0.1:{port}"), format!("x:@127.0.0.1:{port}")] {
        let bent = Token(token.0.replace(&world.sandbox.base_url, &base));
        assert_ne!(bent, token);
        let read = read_all(&world.source_of(scope()), Some(bent)).await;
        assert!(matches!(read, Err(Error::TokenExpired { .. })), "{base}: read in full");
    }
    let asked = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(asked.is_err(), "nothing was sent there");
}

#[tokio::test]
async fn a_cursor_of_the_other_mode_is_refused() {
    let mut world = World::new(5, "").await;
    world.graph_only = true;
    let token: Option<Token> = read_all(&world.source_of(scope()), None).await.unwrap().token;
    world.graph_only = false;
    assert!(matches!(read_all(&world.source_of(scope()), token).await, Err(Error::TokenExpired { .. })));
}
