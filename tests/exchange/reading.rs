//! Reading under the limits and from the faults of a real domain controller.

use super::fake::{BASE, Fake, Fault};
use crate::directory_support;
use crate::directory_support::read::{Read, read_until_error};
use galsync::directory::exchange::{ExchangeSecrets, ExchangeSource};
use galsync::directory::{Error, Source, Token};
use galsync::model::connector::{AddressLists, Connector, ExchangeOnPremises, Ldap, LdapSecurity, ReadScope, System};
use galsync::model::filters::Filters;
use ldap3::{LdapConnAsync, Scope};
use std::collections::BTreeSet;

pub fn settings(fakes: &[&Fake]) -> ExchangeOnPremises {
    ExchangeOnPremises {
        ldap: Ldap {
            urls: fakes.iter().map(|fake| fake.url.clone()).collect(),
            global_catalog_url: None,
            ca_bundle: None,
            credentials: "unused".into(),
            security: LdapSecurity::Plain,
        },
        base_dns: Vec::new(),
        contacts_ou: Some(format!("OU=Contacts,{BASE}")),
        address_lists: AddressLists::Explicit(vec!["CN=GAL".into()]),
    }
}

pub fn connector(settings: &ExchangeOnPremises) -> Connector {
    Connector {
        filters: Filters::open(),
        owner_attribute: "extensionAttribute15".into(),
        full_pull_every_seconds: 0,
        ..directory_support::connector("fake", System::ExchangeOnPremises(settings.clone()))
    }
}

pub fn secrets() -> ExchangeSecrets {
    ExchangeSecrets { username: "reader".into(), password: "secret".into(), ca_bundle: None }
}

fn source(fakes: &[&Fake], groups: &[&str]) -> ExchangeSource {
    let settings = settings(fakes);
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    let scope = ReadScope { groups, ..ReadScope::default() };
    ExchangeSource::new(&settings, &connector(&settings), secrets(), scope).unwrap()
}

async fn read(source: &ExchangeSource, since: Option<Token>) -> (Read, Option<Error>) {
    let (read, error) = read_until_error(source, since).await;
    assert!(read.present.is_empty(), "Active Directory does not name everybody");
    (read, error)
}

#[tokio::test]
async fn more_than_one_page_is_read_to_the_end() {
    let fake = Fake::start(1).await;
    for number in 0..2_500 {
        fake.lock().put_mailbox(&format!("user{number}"));
    }
    let (connection, mut ldap) = LdapConnAsync::new(&fake.url).await.unwrap();
    tokio::spawn(connection.drive());
    let bare = ldap.search(BASE, Scope::Subtree, "(mailNickname=*)", vec!["mail"]).await.unwrap();
    assert_eq!((bare.0.len(), bare.1.rc), (1_000, 4), "the fake cuts off what does not ask for pages");

    fake.lock().searches = 0;
    let (found, error) = read(&source(&[&fake], &[]), None).await;
    assert!(error.is_none() && found.complete, "{error:?}");
    assert_eq!((found.entries.len(), fake.lock().searches), (2_500, 3));
}

#[tokio::test]
async fn more_than_one_range_of_members_is_read_to_the_end() {
    let fake = Fake::start(1).await;
    let mut anchors = BTreeSet::new();
    let mut names = Vec::new();
    for number in 0..4_000 {
        anchors.insert(fake.lock().put_mailbox(&format!("user{number}")));
        names.push(format!("CN=user{number},OU=People,{BASE}"));
    }
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let group: &[(&str, &[&str])] = &[
        ("objectClass", &["top", "group"]),
        ("objectCategory", &["group"]),
        ("sAMAccountName", &["everybody"]),
        ("member", &members),
    ];
    fake.lock().put(&format!("CN=everybody,OU=People,{BASE}"), group);
    let (found, error) = read(&source(&[&fake], &["everybody"]), None).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.members, [("everybody".to_owned(), anchors)].into());
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let fake = Fake::start(1).await;
    fake.lock().put_mailbox("ada");
    fake.lock().search_faults = [Fault::Code(51), Fault::Code(51)].into();
    let source = source(&[&fake], &[]);
    let (found, error) = read(&source, None).await;
    assert!(error.is_none() && found.complete, "{error:?}");
    assert_eq!(found.entries.len(), 1);
    assert_eq!((source.counters().throttled, source.counters().retries), (2, 2));
}

#[tokio::test]
async fn a_server_out_of_reach_in_a_pods_first_second_is_tried_again() {
    let fake = Fake::start(1).await;
    let source = source(&[&fake], &[]);
    let address = fake.url.trim_start_matches("ldap://").to_owned();
    fake.stop();
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let fake = Fake::start_at(1, &address).await;
        fake.lock().put_mailbox("ada");
        fake
    };
    let ((found, error), _fake) = tokio::join!(read(&source, None), later);
    assert!(error.is_none() && found.complete, "{error:?}");
    assert!(source.counters().retries > 0);
}

#[tokio::test]
async fn an_unavailable_server_or_a_broken_page_is_no_complete_read() {
    for fault in [Fault::Code(52), Fault::BreakAfter(700)] {
        let fake = Fake::start(1).await;
        for number in 0..1_500 {
            fake.lock().put_mailbox(&format!("user{number}"));
        }
        fake.lock().search_faults = [fault].into();
        let (found, error) = read(&source(&[&fake], &[]), None).await;
        assert!(matches!(&error, Some(Error::Unavailable { .. })), "{fault:?}: {error:?}");
        assert!(!found.complete);
    }
}

#[tokio::test]
async fn another_controller_is_read_in_full_and_the_first_one_goes_on_where_it_was() {
    let (first, second) = (Fake::start(1).await, Fake::start(2).await);
    for fake in [&first, &second] {
        fake.lock().put_mailbox("ada");
    }
    let (found, _) = read(&source(&[&first, &second], &[]), None).await;
    let token = found.token.expect("changes can be followed");

    // Only the second one answers: its numbers say nothing about the first one's.
    let only_second = source(&[&second], &[]);
    let (found, error) = read(&only_second, Some(token)).await;
    assert!(matches!(error, Some(Error::TokenExpired { .. })), "{error:?}");
    assert!(!found.complete);
    let (found, _) = read(&only_second, None).await;
    assert_eq!(found.entries.len(), 1);
    let token = found.token.unwrap();

    // Both know where they were.
    let added = first.lock().put_mailbox("eve");
    let (found, error) = read(&source(&[&first], &[]), Some(token.clone())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.entries.into_keys().collect::<Vec<_>>(), [added]);
    let added = second.lock().put_mailbox("kim");
    // A controller whose cursor is known is preferred to one that answers first.
    let third = Fake::start(3).await;
    let (found, error) = read(&source(&[&third, &second], &[]), Some(token)).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.entries.into_keys().collect::<Vec<_>>(), [added]);

    first.stop();
}

#[tokio::test]
async fn without_a_view_of_deleted_objects_every_read_is_a_full_one() {
    let fake = Fake::start(1).await;
    fake.lock().put_mailbox("ada");
    fake.lock().shows_deleted = false;
    let (found, error) = read(&source(&[&fake], &[]), None).await;
    assert!(error.is_none() && found.complete, "{error:?}");
    assert_eq!((found.entries.len(), found.token), (1, None));
}
