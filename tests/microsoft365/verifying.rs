//! Verify says which permission or role is missing, for reading and for writing.

use super::world::{World, config};
use crate::directory_support::microsoft365::{READ, WRITE, secrets};
use galsync::directory::{Error, Source, Target};
use galsync::model::Attribute;
use galsync::model::connector::ReadScope;
use serde_json::json;

#[tokio::test]
async fn every_missing_right_has_a_name() {
    let reading = "User.Read.All, Group.Read.All, OrgContact.Read.All";
    for (roles, exchange, can_read, can_write, words) in [
        (READ, WRITE, true, true, &[][..]),
        (READ, "View-Only Recipients", true, false, &["Mail Recipient Creation", "Mail Recipients"]),
        (READ, "Mail Recipients", true, false, &["New-MailContact and Remove-MailContact"]),
        (READ, "Mail Recipient Creation", true, false, &["Set-MailContact and Set-Contact"]),
        (READ, "Exchange Recipient Administrator", true, true, &[]),
        ("User.Read.All, Exchange.ManageAsApp", WRITE, false, true, &["Group.Read.All, OrgContact.Read.All"]),
        (READ, "", false, false, &["Exchange.ManageAsApp"]),
        (reading, WRITE, false, false, &["Exchange.ManageAsApp"]),
    ] {
        let world = World::start(&config(5, roles, exchange, "")).await;
        let source = world.source_of(ReadScope::default()).verify().await.unwrap();
        let (writes, warnings) = match world.target_of("owner").verify().await {
            Ok(found) => (found.can_write, found.warnings),
            Err(Error::Forbidden { hint, .. }) => (false, vec![hint]),
            Err(other) => panic!("{roles} {exchange}: {other}"),
        };
        assert_eq!((source.can_read, writes), (can_read, can_write), "{roles} {exchange}: {warnings:?}");
        let all = [source.warnings, warnings].concat().join("\n");
        for word in words {
            assert!(all.contains(word), "{roles} {exchange}: {word} is not in\n{all}");
        }
        assert!(!words.is_empty() || all.is_empty(), "{roles} {exchange}: {all}");
        if can_read {
            assert!(source.domains.iter().any(|domain| domain.as_str() == "contoso.example"));
        }
    }
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let world = World::new(5, "").await;
    let before = world.objects();
    world.target_of("owner").verify().await.unwrap();
    assert_eq!(before, world.objects());
}

#[tokio::test]
async fn an_owner_attribute_with_values_of_others_is_refused() {
    let world = World::new(5, "").await;
    let somebody = world.objects()[0].primary().to_owned();
    for value in ["no-gal", "gs-something"] {
        world.change(json!({ "set": { "object": somebody, "attributes": { "CustomAttribute15": value } } }));
        let found = world.target_of("owner").verify().await;
        assert!(matches!(found, Err(Error::OwnerAttributeInUse { .. })), "{value}");
    }
    world.change(
        json!({ "set": { "object": somebody, "attributes": { "CustomAttribute15": "gs1;other;x;t;s;a;;-;" } } }),
    );
    assert!(world.target_of("owner").verify().await.unwrap().can_write);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_before_anybody_misses_it() {
    let mut world = World::new(5, "").await;
    let scope =
        ReadScope { attributes: [Attribute::Initials, Attribute::HomePhone].into(), groups: Default::default() };
    let warnings = world.source_of(scope.clone()).verify().await.unwrap().warnings.join("\n");
    assert!(warnings.contains("homePhone") && !warnings.contains("initials"), "{warnings}");
    world.graph_only = true;
    let found = world.source_of(scope).verify().await.unwrap();
    assert!(found.can_read && found.warnings.join("\n").contains("hidden recipients"));
    let connector = world.connector();
    let target = galsync::directory::microsoft365::Microsoft365Target::new(
        &world.settings(),
        &connector,
        secrets(),
        galsync::model::OwnerId::new("owner").unwrap(),
        galsync::model::SyncId::new("sync").unwrap(),
        Default::default(),
    );
    assert!(matches!(target.map(|_| ()), Err(Error::Configuration(_))), "Graph does not write contacts");
}
