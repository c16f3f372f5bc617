//! Writing contacts into a real forest.

use super::administrator::Administrator;
use super::forest::{Forest, lab};
use crate::directory_support::contact::{Origin, change, contact_for};
use crate::directory_support::contents::{self, Contents};
use galsync::directory::exchange::ExchangeTarget;
use galsync::directory::{ChangeOutcome, ChangeResult, Error, Target};
use galsync::model::connector::ExchangeOnPremises;
use galsync::model::mapping::Mapping;
use galsync::model::taken::{HolderKind, Taken};
use galsync::model::{Attribute, Change, ChangeKind, Contact, SmtpAddress};
use std::collections::{BTreeMap, BTreeSet};

struct Place {
    forest: Forest,
    administrator: Administrator,
    settings: ExchangeOnPremises,
}

impl Place {
    async fn make(forest: Forest, name: &str) -> Self {
        let administrator = Administrator::of(&forest).await;
        let mut settings = forest.settings();
        settings.contacts_ou = Some(forest.container(name));
        let place = Self { forest, administrator, settings };
        place.remove().await;
        place
    }

    fn ou(&self) -> &str {
        self.settings.contacts_ou.as_deref().unwrap()
    }

    async fn remove(&self) {
        self.administrator.delete_tree(self.ou()).await;
    }

    fn target(&self) -> ExchangeTarget {
        self.forest.target(&self.settings, &self.forest.writer, "exchange-tests", Mapping::default())
    }
}

async fn contact(target: &ExchangeTarget, number: usize) -> Contact {
    let identity = target.identity().await.unwrap();
    let attributes = [
        (Attribute::DisplayName, format!("Tester {number} 試験")),
        (Attribute::GivenName, "Tester".to_owned()),
        (Attribute::Surname, format!("Number {number}")),
        (Attribute::Title, "Engineer".to_owned()),
        (Attribute::Department, "Research".to_owned()),
        (Attribute::City, "Köln".to_owned()),
        (Attribute::Country, "DE".to_owned()),
    ];
    let (owner, sync) = ("exchange-tests", "exchange-tests");
    let origin = Origin { owner, sync, target: identity.as_str(), domain: "exchange-tests.test" };
    let mut contact = contact_for(target, &origin, &format!("xt.{number:06}"));
    contact.attributes = attributes.into();
    target.normalizer().normalize(contact).0
}

async fn contents(target: &ExchangeTarget) -> (BTreeMap<String, Contact>, Vec<Taken>) {
    let Contents { owned, taken } = contents::contents(target).await.unwrap();
    (owned.into_iter().map(|contact| (contact.key().anchor().to_owned(), contact)).collect(), taken)
}

fn all_done(outcomes: &[ChangeOutcome]) {
    for outcome in outcomes {
        assert_eq!(outcome.result, ChangeResult::Done);
    }
}

/// What Samba's own checker says of a forest; `None` where it is not installed.
fn dbcheck(forest: &Forest) -> Option<String> {
    let folder = forest.ca_file.parent()?.parent()?.join(&forest.forest).join("samba/etc/smb.conf");
    let output = std::process::Command::new("samba-tool")
        .args(["dbcheck", "--cross-ncs", "--configfile"])
        .arg(folder)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn contacts_live_and_samba_finds_nothing_wrong_with_them() {
    let Some(forest) = lab("fabrikam") else { return };
    let place = Place::make(forest, "exchange-life").await;
    let target = place.target();
    let found = target.verify().await.unwrap();
    assert!(found.can_write && found.warnings.is_empty(), "{found:?}");

    let mut wanted = Vec::new();
    for number in 0..40 {
        wanted.push(contact(&target, number).await);
    }
    let creates: Vec<Change> = wanted.iter().map(|own| change(ChangeKind::Create, None, Some(own))).collect();
    let outcomes = target.apply(&creates).await.unwrap();
    all_done(&outcomes);
    let own_dn = outcomes[0].legacy_exchange_dn.as_ref().unwrap();
    assert!(own_dn.ends_with(&format!("/cn=Recipients/cn={}", wanted[0].name)), "{own_dn}");
    let again = target.apply(&creates).await.unwrap();
    assert!(again.iter().all(|outcome| outcome.result == ChangeResult::AlreadyDone));

    let dn = format!("CN={},{}", wanted[0].name, place.ou());
    let stamped = place.administrator.read(&dn, &["*"]).await.unwrap().attrs;
    let one = |name: &str| stamped.get(name).map(|values| values.join("|"));
    assert_eq!(one("co").as_deref(), Some("Germany"));
    assert_eq!(one("mailNickname").as_deref(), Some(wanted[0].name.as_str()));
    assert!(stamped["showInAddressBook"].contains(&place.forest.default_global_address_list));
    assert_eq!(stamped["proxyAddresses"].iter().filter(|value| value.starts_with("SMTP:")).count(), 1);

    let (owned, taken) = contents(&target).await;
    assert_eq!(owned.len(), 40);
    let ours = |taken: &&Taken| taken.value.ends_with("@exchange-tests.test");
    assert_eq!(taken.iter().find(ours), None, "our own contacts hold nothing");
    assert!(taken.iter().any(|taken| taken.holder.kind == HolderKind::Mailbox));

    let mut changes = Vec::new();
    let owned: Vec<Contact> = owned.into_values().collect();
    for (number, before) in owned.iter().enumerate() {
        let mut after = before.clone();
        let kind = match number % 4 {
            0 => {
                after.attributes.insert(Attribute::Title, "Director".into());
                after.attributes.remove(&Attribute::Country);
                ChangeKind::Update
            }
            1 => {
                after.hidden = true;
                after.mark.hidden_since = Some("2026-03-01T10:00:00Z".parse().unwrap());
                ChangeKind::Hide
            }
            2 => {
                let new = SmtpAddress::parse(&format!("xt.new{number}@exchange-tests.test")).unwrap();
                let old = std::mem::replace(&mut after.primary, new.clone());
                after.delivery = new;
                after.secondary.insert(old);
                after.stamp_values();
                ChangeKind::Update
            }
            _ => ChangeKind::Delete,
        };
        changes.push(change(kind, Some(before), (kind != ChangeKind::Delete).then_some(&after)));
    }
    all_done(&target.apply(&changes).await.unwrap());
    let (owned, _) = contents(&target).await;
    assert_eq!(owned.len(), 30);
    for change in changes.iter().filter_map(|change| change.after()) {
        assert_eq!(owned[change.key().anchor()].digest(), change.digest(), "what was written reads back");
    }
    let hidden: Vec<&Contact> = owned.values().filter(|contact| contact.hidden).collect();
    assert_eq!(hidden.len(), 10);
    if let Some(text) = dbcheck(&place.forest) {
        assert!(text.contains("(0 errors)"), "{text}");
    }

    let rest: Vec<Change> = owned.values().map(|own| change(ChangeKind::Delete, Some(own), None)).collect();
    all_done(&target.apply(&rest).await.unwrap());
    assert!(target.apply(&rest).await.unwrap().iter().all(|outcome| outcome.result == ChangeResult::AlreadyDone));
    place.remove().await;
}

#[tokio::test]
async fn without_the_right_nothing_is_written_and_the_place_is_named() {
    let Some(forest) = lab("fabrikam") else { return };
    let place = Place::make(forest, "exchange-rights").await;
    place.administrator.make_container(place.ou()).await;
    let target = place.forest.target(&place.settings, &place.forest.reader, "exchange-tests", Mapping::default());
    let found = target.verify().await.unwrap();
    assert!(!found.can_write, "{found:?}");
    assert!(found.warnings.iter().any(|warning| warning.contains(place.ou())), "{found:?}");
    let wanted = contact(&target, 1).await;
    let error = target.apply(&[change(ChangeKind::Create, None, Some(&wanted))]).await.unwrap_err();
    assert!(matches!(&error, Error::Forbidden { action, .. } if action.contains(place.ou())), "{error}");

    let administrator = place.forest.target(&place.settings, &place.forest.administrator, "x", Mapping::default());
    let found = administrator.verify().await.unwrap();
    assert!(found.can_write && found.warnings.len() == 2, "rights wider than needed: {found:?}");
    place.remove().await;
}

#[tokio::test]
async fn what_the_schema_refuses_spoils_no_other_contact() {
    let Some(forest) = lab("fabrikam") else { return };
    let place = Place::make(forest, "exchange-refused").await;
    let target = place.target();
    let good = contact(&target, 1).await;
    let mut bad = contact(&target, 2).await;
    // Not as normalization leaves it.
    bad.attributes.insert(Attribute::Title, "x".repeat(5_000));
    let changes = [bad, good].map(|own| change(ChangeKind::Create, None, Some(&own)));
    let outcomes = target.apply(&changes).await.unwrap();
    assert!(
        matches!(&outcomes[0].result, ChangeResult::Refused { hint } if !hint.contains("xxxx")),
        "{:?}",
        outcomes[0].result
    );
    assert_eq!(outcomes[1].result, ChangeResult::Done);

    // Somebody else's object with our contact's name.
    let third = contact(&target, 3).await;
    let dn = format!("CN={},{}", third.name, place.ou());
    place.administrator.put(&dn, &[("objectClass", &["top", "person", "organizationalPerson", "contact"])]).await;
    let outcomes = target.apply(&[change(ChangeKind::Create, None, Some(&third))]).await.unwrap();
    assert!(matches!(&outcomes[0].result, ChangeResult::Refused { .. }), "{:?}", outcomes[0].result);
    place.remove().await;
}

#[tokio::test]
async fn the_global_catalog_shows_the_same_address_space() {
    let Some(forest) = lab("fabrikam") else { return };
    let place = Place::make(forest, "exchange-catalog").await;
    let target = place.target();
    let created = contact(&target, 1).await;
    all_done(&target.apply(&[change(ChangeKind::Create, None, Some(&created))]).await.unwrap());
    let (owned, taken) = contents(&target).await;
    let mut settings = place.settings.clone();
    settings.ldap.global_catalog_url = Some(place.forest.global_catalog.clone());
    let through = place.forest.target(&settings, &place.forest.writer, "exchange-tests", Mapping::default());
    let (same_owned, same_taken) = contents(&through).await;
    assert_eq!((owned.len(), owned), (1, same_owned));
    // Other tests' contacts come and go meanwhile.
    let values = |taken: Vec<Taken>| -> BTreeSet<String> {
        let of_seed = |taken: &Taken| !taken.value.contains("@exchange-tests.") && !taken.value.contains("cn=gs-");
        taken.into_iter().filter(of_seed).map(|taken| taken.value).collect()
    };
    let (direct, catalog) = (values(taken), values(same_taken));
    assert!(!direct.is_empty());
    assert_eq!(direct.symmetric_difference(&catalog).collect::<Vec<_>>(), [""; 0]);
    place.remove().await;
}

#[tokio::test]
async fn an_owner_attribute_in_use_is_refused() {
    let Some(forest) = lab("fabrikam") else { return };
    let place = Place::make(forest, "exchange-owner").await;
    place.administrator.make_container(place.ou()).await;
    let dn = format!("CN=xt-owner,{}", place.ou());
    let nick: &[(&str, &[&str])] = &[("extensionAttribute13", &["cost centre 7"])];
    place.administrator.put_mailbox(&dn, "xt-owner", "exchange-tests.test", nick).await;
    let mut connector = place.forest.connector(&place.settings);
    connector.owner_attribute = "extensionAttribute13".into();
    let secrets = place.forest.secrets(&place.forest.writer);
    let (owner, sync) = ("exchange-tests".to_owned().try_into().unwrap(), "s".to_owned().try_into().unwrap());
    let target = ExchangeTarget::new(&place.settings, &connector, secrets, owner, sync, Mapping::default()).unwrap();
    let error = target.verify().await.unwrap_err();
    assert!(
        matches!(&error, Error::OwnerAttributeInUse { attribute } if attribute == "extensionAttribute13"),
        "{error}"
    );
    place.remove().await;
}

/// A push against bare adds of the same contacts by the same account, with as many in flight. `XT_COUNT` contacts.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_push_costs_what_its_adds_cost() {
    let Some(forest) = lab("fabrikam") else { return };
    let count: usize = std::env::var("XT_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let place = Place::make(forest, "exchange-measure").await;
    place.administrator.make_container(place.ou()).await;
    let writer = Administrator::signed_in(&place.forest, &place.forest.writer).await;
    let first = place.target();
    let mut creates = Vec::new();
    for number in 0..count {
        creates.push(change(ChangeKind::Create, None, Some(&contact(&first, number).await)));
    }
    for _ in 0..3 {
        let target = place.target();
        let begin = std::time::Instant::now();
        for batch in creates.chunks(target.capabilities().await.unwrap().batch) {
            all_done(&target.apply(batch).await.unwrap());
        }
        let push = begin.elapsed();
        let (owned, _) = contents(&target).await;
        let mut objects = Vec::new();
        for contact in owned.values() {
            let dn = format!("CN={},{}", contact.name, place.ou());
            objects.push(place.administrator.read(&dn, &["*"]).await.unwrap());
        }
        place.remove().await;
        place.administrator.make_container(place.ou()).await;
        let begin = std::time::Instant::now();
        writer.add_all(objects, 16).await;
        let bare = begin.elapsed();
        let ratio = push.as_secs_f64() / bare.as_secs_f64();
        println!("push of {count}: {push:?}, bare pipelined adds: {bare:?}, ratio {ratio:.3}");
        place.remove().await;
        place.administrator.make_container(place.ou()).await;
    }
    place.remove().await;
}
