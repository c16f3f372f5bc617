//! Every request line and body shape that the directory sends, so that a change in the use of the protocol is a
//! visible difference. `GALSYNC_BLESS=1` writes the file.

use super::faults::owned;
use super::world::{World, contact_for};
use crate::directory_support::contact::change;
use crate::directory_support::read::read_all;
use crate::directory_support::requests::requests_are_those_of;
use galsync::directory::conformance::Fixture;
use galsync::directory::{Source, Target};
use galsync::model::connector::ReadScope;
use galsync::model::{Attribute, ChangeKind};
use serde_json::json;

async fn everything(world: &World, groups: &[&str]) {
    let scope = ReadScope {
        attributes: Attribute::ALL.iter().copied().collect(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    let source = world.source_of(scope);
    source.verify().await.unwrap();
    let first = read_all(&source, None).await.unwrap();
    world.change(json!({ "set": { "object": "team@contoso.example", "attributes": { "Notes": "x" } } }));
    world.change(
        json!({ "add": { "kind": "UserMailbox", "displayName": "New", "alias": format!("new{}", world.graph_only) } }),
    );
    world.sandbox.advance(std::time::Duration::from_secs(86_400));
    let second = read_all(&source, first.token).await.unwrap();
    // Changed in Exchange alone, so that its half is asked for.
    let user = world.objects().iter().find(|object| object.primary().starts_with("new")).unwrap().primary().to_owned();
    world.change(json!({ "hide": { "object": user } }));
    let contact = json!({ "add": { "kind": "MailContact", "displayName": "C", "alias": format!("c{}", world.graph_only),
        "externalAddress": format!("c{}@out.test", world.graph_only) } });
    world.change(contact);
    read_all(&source, second.token).await.unwrap();
}

#[tokio::test]
async fn the_requests_are_those_of_the_list() {
    let mut world = World::new(25, "graph: {deltaPageSize: 20}").await;
    world.put_group("team", &[]).await;
    everything(&world, &["team@contoso.example"]).await;
    world.graph_only = true;
    everything(&world, &["team@contoso.example"]).await;
    world.graph_only = false;

    let target = world.target_of("owner");
    target.verify().await.unwrap();
    let wanted = contact_for(&target, "all");
    let mut full = wanted.clone();
    full.hidden = true;
    let long = |attribute: &Attribute| {
        (*attribute, if *attribute == Attribute::Country { "DE".into() } else { "x".to_owned() })
    };
    full.attributes = Attribute::ALL.iter().filter(|attribute| !attribute.is_custom()).map(long).collect();
    full.delivery = galsync::model::SmtpAddress::parse("moved@elsewhere.test").unwrap();
    let create = change(ChangeKind::Create, None, Some(&wanted));
    target.apply(std::slice::from_ref(&create)).await.unwrap();
    target.apply(&[create]).await.unwrap();
    let made = owned(&target).await.remove(0);
    full.handle = made.handle.clone();
    target.apply(&[change(ChangeKind::Update, Some(&made), Some(&full))]).await.unwrap();
    let made = owned(&target).await.remove(0);
    assert_eq!(made.digest(), full.digest());
    target.apply(&[change(ChangeKind::Delete, Some(&made), None)]).await.unwrap();

    requests_are_those_of("tests/microsoft365/requests.txt", &world.sandbox.state.record.lines());
}
