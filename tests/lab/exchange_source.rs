//! Reading a real forest in full and by changes.

use super::administrator::Administrator;
use super::forest::{Forest, lab};
use crate::directory_support::read::read_all;
use futures::TryStreamExt;
use galsync::directory::exchange::ExchangeSource;
use galsync::directory::{Error, Source, SourceEvent, Token};
use galsync::model::connector::{ExchangeOnPremises, ReadScope};
use galsync::model::entry::Problem;
use galsync::model::{Attribute, Entry, RecipientType};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the seeding program says it made.
#[derive(Debug, Deserialize)]
struct Seed {
    objects: BTreeMap<String, usize>,
    flags: BTreeMap<String, usize>,
    samples: BTreeMap<String, Vec<Sample>>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    dn: String,
}

fn seed(forest: &Forest) -> Option<Seed> {
    let path = forest.ca_file.parent()?.parent()?.join(&forest.forest).join("seed.json");
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).expect("seed.json has the expected shape"))
}

/// As which type each kind of the seeding program is read; the others are no recipients.
const KINDS: &[(&str, RecipientType)] = &[
    ("userMailbox", RecipientType::UserMailbox),
    ("legacyMailbox", RecipientType::UserMailbox),
    ("linkedMailbox", RecipientType::LinkedMailbox),
    ("sharedMailbox", RecipientType::SharedMailbox),
    ("teamMailbox", RecipientType::SharedMailbox),
    ("roomMailbox", RecipientType::RoomMailbox),
    ("remoteRoomMailbox", RecipientType::RoomMailbox),
    ("equipmentMailbox", RecipientType::EquipmentMailbox),
    ("remoteEquipmentMailbox", RecipientType::EquipmentMailbox),
    ("remoteUserMailbox", RecipientType::RemoteMailbox),
    ("remoteSharedMailbox", RecipientType::RemoteSharedMailbox),
    ("mailUser", RecipientType::MailUser),
    ("linkedUser", RecipientType::MailUser),
    ("mailContact", RecipientType::MailContact),
    ("forestContact", RecipientType::MailContact),
    ("distributionGroup", RecipientType::DistributionGroup),
    ("nonUniversalGroup", RecipientType::DistributionGroup),
    ("roomList", RecipientType::DistributionGroup),
    ("securityGroup", RecipientType::SecurityGroup),
    ("dynamicGroup", RecipientType::DynamicGroup),
];

async fn everything_is_read_as_it_was_seeded(name: &str) {
    let Some(forest) = lab(name) else { return };
    let Some(seed) = seed(&forest) else { return println!("skipped: the forest is not seeded") };
    let scope = ReadScope { attributes: Attribute::ALL.iter().copied().collect(), ..ReadScope::default() };
    let source = forest.source(&forest.settings(), &forest.reader, scope);
    let read = read_all(&source, None).await.unwrap();
    let of_tests = forest.contacts_container.to_lowercase();
    let entries: Vec<&Entry> =
        read.entries.values().filter(|entry| !entry.container.to_lowercase().ends_with(&of_tests)).collect();

    let mut wanted: BTreeMap<RecipientType, usize> = BTreeMap::new();
    for (kind, recipient_type) in KINDS {
        *wanted.entry(*recipient_type).or_default() += seed.objects.get(*kind).copied().unwrap_or(0);
    }
    let mut found: BTreeMap<RecipientType, usize> = BTreeMap::new();
    for entry in &entries {
        *found.entry(entry.recipient_type).or_default() += 1;
    }
    assert_eq!(found, wanted);

    let count = |test: &dyn Fn(&Entry) -> bool| entries.iter().filter(|entry| test(entry)).count();
    let flag = |name: &str| seed.flags.get(name).copied().unwrap_or(0);
    assert_eq!(count(&|entry| entry.restricted_senders), flag("restricted"));
    assert_eq!(count(&|entry| entry.hidden_membership), flag("hiddenMembership"));
    assert_eq!(count(&|entry| entry.marked), flag("galSyncMark"));
    let problem = |problem: Problem| count(&|entry| entry.problems.contains(&problem));
    assert_eq!(problem(Problem::PrimaryTwice), flag("twoPrimaries"));
    assert_eq!(problem(Problem::PrimaryInvalid), flag("invalidAddress"));
    assert_eq!(problem(Problem::PrimaryMissing), flag("noMailNoPrimary"));
    // Others are always disabled accounts: linked, shared and remote shared mailboxes, rooms.
    let enabled_as_a_rule = [RecipientType::UserMailbox, RecipientType::RemoteMailbox, RecipientType::MailUser];
    let people = |entry: &Entry| entry.disabled && enabled_as_a_rule.contains(&entry.recipient_type);
    assert_eq!(count(&people), flag("disabled"));
    let named = |entry: &&&Entry| entry.attributes.contains_key(&Attribute::Custom14);
    assert_eq!(entries.iter().filter(named).count(), flag("everyExtension"));
    assert!(seed.samples.values().flatten().all(|sample| sample.dn.ends_with(&forest.base)));
    assert!(source.counters().bytes_read > 100_000);
}

#[tokio::test]
async fn corp_is_read_as_it_was_seeded() {
    everything_is_read_as_it_was_seeded("corp").await;
}

#[tokio::test]
async fn fabrikam_is_read_as_it_was_seeded() {
    everything_is_read_as_it_was_seeded("fabrikam").await;
}

/// A place of its own: people in scope, and a neighbour outside.
struct Place {
    forest: Forest,
    administrator: Administrator,
    settings: ExchangeOnPremises,
    inside: String,
    outside: String,
}

impl Place {
    async fn make(forest: Forest) -> Self {
        let administrator = Administrator::of(&forest).await;
        let inside = forest.container("exchange-inside");
        let outside = forest.container("exchange-outside");
        let mut settings = forest.settings();
        settings.base_dns = vec![inside.clone()];
        let place = Self { forest, administrator, settings, inside, outside };
        place.remove().await;
        place.administrator.make_container(&place.inside).await;
        place.administrator.make_container(&place.outside).await;
        place
    }

    async fn remove(&self) {
        self.administrator.delete_tree(&self.inside).await;
        self.administrator.delete_tree(&self.outside).await;
    }

    fn dn(&self, name: &str) -> String {
        format!("CN={name},{}", self.inside)
    }

    async fn person(&self, dn: &str, name: &str) -> String {
        self.administrator.put_mailbox(dn, name, &self.forest.domain, &[]).await;
        self.administrator.anchor(dn).await
    }

    fn source(&self) -> ExchangeSource {
        let scope = ReadScope { attributes: [Attribute::DisplayName].into(), ..ReadScope::default() };
        self.forest.source(&self.settings, &self.forest.reader, scope)
    }
}

#[tokio::test]
async fn changes_tell_of_everyone_who_came_changed_and_left() {
    let Some(forest) = lab("corp") else { return };
    let place = Place::make(forest).await;
    let hands = &place.administrator;
    let mut anchors = BTreeMap::new();
    for name in ["xs-stays", "xs-renamed", "xs-hidden", "xs-loses", "xs-moves", "xs-deleted"] {
        anchors.insert(name, place.person(&place.dn(name), name).await);
    }
    let (moved_out, moved_in) = (format!("OU=unit,{}", place.inside), format!("OU=other,{}", place.outside));
    hands.make_container(&moved_out).await;
    hands.make_container(&moved_in).await;
    anchors.insert("xs-out", place.person(&format!("CN=xs-out,{moved_out}"), "xs-out").await);
    anchors.insert("xs-in", place.person(&format!("CN=xs-in,{moved_in}"), "xs-in").await);

    let source = place.source();
    let full = read_all(&source, None).await.unwrap();
    assert_eq!(full.entries.len(), 7, "{:?}", full.entries.keys());
    assert!(!full.entries.contains_key(&anchors["xs-in"]));
    let token = full.token.expect("the lab's accounts can follow changes");

    hands.rename(&place.dn("xs-renamed"), "CN=xs-renamed-now", None).await;
    hands.replace(&place.dn("xs-hidden"), "msExchHideFromAddressLists", &["TRUE"]).await;
    hands.replace(&place.dn("xs-loses"), "mailNickname", &[]).await;
    hands.rename(&place.dn("xs-moves"), "CN=xs-moves", Some(&place.outside)).await;
    hands.delete(&place.dn("xs-deleted")).await;
    hands.rename(&moved_out, "OU=unit", Some(&place.outside)).await;
    hands.rename(&moved_in, "OU=other", Some(&place.inside)).await;
    let newcomer = place.person(&place.dn("xs-new"), "xs-new").await;

    let changes = read_all(&source, Some(token.clone())).await.unwrap();
    for name in ["xs-loses", "xs-moves", "xs-deleted", "xs-out"] {
        assert!(changes.removed.contains(&anchors[name]), "{name} is gone, and nobody says so");
    }
    for name in ["xs-renamed", "xs-hidden", "xs-in"] {
        assert!(changes.entries.contains_key(&anchors[name]), "{name} changed, and nobody says so");
    }
    assert!(changes.entries.contains_key(&newcomer));
    assert!(changes.entries[&anchors["xs-hidden"]].hidden);
    assert!(!changes.entries.contains_key(&anchors["xs-stays"]), "who did not change is not read");

    let mut known = full.entries;
    known.retain(|anchor, _| !changes.removed.contains(anchor));
    known.extend(changes.entries);
    let again = read_all(&place.source(), None).await.unwrap();
    assert_eq!(known, again.entries, "changes and a full read disagree");

    let quiet = read_all(&source, changes.token).await.unwrap();
    assert!(quiet.entries.is_empty(), "{:?}", quiet.entries.len());

    // A token of another controller, and one from the future of this one.
    let strange = Token(token.0.replacen("\"invocationId\":\"", "\"invocationId\":\"0", 1));
    assert!(matches!(read_all(&source, Some(strange)).await, Err(Error::TokenExpired { .. })));
    let number = token.0.split("\"usn\":").nth(1).and_then(|rest| rest.split('}').next()).unwrap().to_owned();
    let future = Token(token.0.replace(&number, "999999999"));
    assert!(matches!(read_all(&source, Some(future)).await, Err(Error::TokenExpired { .. })));
    place.remove().await;
}

#[tokio::test]
async fn the_global_catalog_and_several_bases_read_the_same_people_once() {
    let Some(forest) = lab("corp") else { return };
    let place = Place::make(forest).await;
    let one = place.person(&place.dn("xs-one"), "xs-one").await;
    let other = place.person(&format!("CN=xs-two,{}", place.outside), "xs-two").await;
    let mut settings = place.settings.clone();
    settings.base_dns.extend([place.outside.clone(), place.inside.to_uppercase(), format!("OU=deep,{}", place.inside)]);
    settings.ldap.global_catalog_url = Some(place.forest.global_catalog.clone());
    let source = place.forest.source(&settings, &place.forest.reader, ReadScope::default());
    let mut seen = 0;
    let mut events = source.read(None);
    while let Some(event) = events.try_next().await.unwrap() {
        seen += usize::from(matches!(event, SourceEvent::Upsert(_)));
    }
    assert_eq!(seen, 2);
    let read = read_all(&source, None).await.unwrap();
    assert_eq!(read.entries.into_keys().collect::<BTreeSet<_>>(), [one, other].into());

    settings.base_dns = vec!["OU=nowhere,DC=other,DC=example".into()];
    settings.ldap.global_catalog_url = None;
    let source = place.forest.source(&settings, &place.forest.reader, ReadScope::default());
    let error = source.read(None).try_next().await.unwrap_err();
    assert!(matches!(&error, Error::Configuration(hint) if hint.contains("globalCatalogUrl")), "{error}");
    place.remove().await;
}

#[tokio::test]
async fn groups_are_named_in_three_ways_and_expanded_through_rings() {
    let Some(forest) = lab("corp") else { return };
    let place = Place::make(forest).await;
    let member = place.person(&place.dn("xs-member"), "xs-member").await;
    let (outer, inner) = (place.dn("xs-outer"), place.dn("xs-inner (a,b)").replace("a,b", "a\\,b"));
    let group =
        |sam: &'static [&'static str], mail: &'static [&'static str], members: Vec<String>| (sam, mail, members);
    let groups = [
        (&inner, group(&["xs-inner"], &[], vec![place.dn("xs-member")])),
        (&outer, group(&["xs-outer"], &["xs-outer@corp.example"], vec![inner.clone()])),
    ];
    for (dn, (sam, mail, members)) in &groups {
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let values: &[(&str, &[&str])] = &[
            ("objectClass", &["top", "group"]),
            ("sAMAccountName", sam),
            ("groupType", &["8"]),
            ("mail", mail),
            ("member", &members),
        ];
        place.administrator.put(dn, values).await;
    }
    place.administrator.add_value(&inner, "member", &outer).await;

    for name in [outer.as_str(), "xs-outer", "XS-outer@corp.example"] {
        let scope = ReadScope { groups: [name.to_owned()].into(), ..ReadScope::default() };
        let source = place.forest.source(&place.settings, &place.forest.reader, scope);
        let mut members = BTreeSet::new();
        let mut events = source.read(None);
        while let Some(event) = events.try_next().await.unwrap() {
            if let SourceEvent::Members { group, anchors } = event {
                assert_eq!(group, name);
                members.extend(anchors.into_iter().map(String::from));
            }
        }
        assert!(members.contains(&member), "{name}");
    }
    for missing in ["xs-no-such-group", "CN=xs-member,OU=nowhere,DC=corp,DC=example", "xs-member"] {
        let scope = ReadScope { groups: [missing.to_owned()].into(), ..ReadScope::default() };
        let source = place.forest.source(&place.settings, &place.forest.reader, scope);
        let error = source.read(None).try_next().await.unwrap_err();
        assert!(matches!(&error, Error::FilterGroup { .. }), "{missing}: {error}");
    }
    place.remove().await;
}

#[tokio::test]
async fn verify_says_what_the_reader_can_do() {
    let Some(forest) = lab("corp") else { return };
    let scope = ReadScope { attributes: [Attribute::DisplayName].into(), ..ReadScope::default() };
    let source = forest.source(&forest.settings(), &forest.reader, scope);
    let found = source.verify().await.unwrap();
    assert!(found.can_read && !found.can_write);
    assert!(found.domains.iter().any(|domain| domain.as_str() == forest.domain), "{:?}", found.domains);
    assert_eq!(found.warnings, [""; 0]);
}

/// A full read against `ldapsearch` of the same attributes in the same pages.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_full_read_costs_what_a_bare_one_costs() {
    const ATTRIBUTES: &str = "objectGUID mail proxyAddresses msExchHideFromAddressLists userAccountControl \
        msExchRequireAuthToSendTo authOrig dLMemSubmitPerms hideDLMembership legacyExchangeDN mS-DS-ConsistencyGuid \
        objectClass groupType mailNickname homeMDB msExchHomeServerName targetAddress msExchRecipientTypeDetails \
        msExchRecipientDisplayType extensionAttribute15 displayName givenName sn initials title department company \
        physicalDeliveryOfficeName telephoneNumber l c co";
    let Some(forest) = lab("corp") else { return };
    let filter = "(&(mailNickname=*)(|(objectCategory=person)(objectCategory=group)\
        (objectCategory=msExchDynamicDistributionList)))";
    let attributes: BTreeSet<Attribute> =
        Attribute::ALL.iter().copied().filter(|attribute| attribute.crosses_by_default()).collect();
    for _ in 0..3 {
        let begin = std::time::Instant::now();
        let output = std::process::Command::new("ldapsearch")
            .env("LDAPTLS_CACERT", &forest.ca_file)
            .args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-H", &forest.ldaps, "-b", &forest.base])
            .args(["-D", &forest.reader.user_principal_name, "-w", &forest.reader.password(), filter])
            .args(ATTRIBUTES.split_whitespace())
            .output()
            .unwrap();
        let bare = begin.elapsed();
        let count = output.stdout.windows(4).filter(|line| line == b"\ndn:").count();
        let scope = ReadScope { attributes: attributes.clone(), ..ReadScope::default() };
        let source = forest.source(&forest.settings(), &forest.reader, scope);
        let begin = std::time::Instant::now();
        let found = read_all(&source, None).await.unwrap();
        let own = begin.elapsed();
        let begin = std::time::Instant::now();
        read_all(&source, found.token).await.unwrap();
        let quiet = begin.elapsed();
        let entries = found.entries.len();
        println!("ldapsearch: {count} in {bare:?}; full read: {entries} in {own:?}; changes, none: {quiet:?}");
    }
}
