//! What holds for every source.

use super::{Fixture, Person};
use crate::directory::{Error, Source, SourceEvent, Token};
use crate::model::connector::ReadScope;
use crate::model::{Anchor, Attribute, Domain, Entry, SmtpAddress};
use futures::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that one read said.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    entries: BTreeMap<Anchor, Entry>,
    removed: BTreeSet<Anchor>,
    present: BTreeSet<Anchor>,
    members: BTreeMap<String, BTreeSet<Anchor>>,
    token: Option<Token>,
    complete: bool,
    names_everybody: bool,
}

impl Seen {
    /// Who of those that were known is there no more.
    fn gone(&self, known: &BTreeMap<Anchor, Entry>) -> BTreeSet<Anchor> {
        let named = |anchor: &&Anchor| self.entries.contains_key(*anchor) || self.present.contains(*anchor);
        let unnamed = known.keys().filter(|anchor| self.names_everybody && !named(anchor)).cloned();
        self.removed.iter().cloned().chain(unnamed).collect()
    }
}

async fn read(source: &dyn Source, since: Option<Token>) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let full = since.is_none();
    let mut events = source.read(since);
    while let Some(event) = events.try_next().await? {
        assert!(!seen.complete, "an event came after the completion");
        match event {
            SourceEvent::Upsert(entry) => {
                assert!(entry.member_of.is_empty(), "memberships are not for the source to fill in");
                seen.removed.remove(&entry.anchor);
                seen.entries.insert(entry.anchor.clone(), *entry);
            }
            SourceEvent::Present(anchor) => {
                assert!(!full, "a full read tells everybody in full");
                seen.present.insert(anchor);
            }
            SourceEvent::Remove(anchor) => {
                seen.entries.remove(&anchor);
                seen.removed.insert(anchor);
            }
            SourceEvent::Members { group, anchors } => seen.members.entry(group).or_default().extend(anchors),
            SourceEvent::Complete(completion) => {
                seen.complete = true;
                seen.token = completion.token;
                seen.names_everybody = completion.names_everybody;
            }
        }
    }
    assert!(seen.complete, "the read did not complete");
    Ok(seen)
}

fn scope(groups: &[&str]) -> ReadScope {
    ReadScope {
        attributes: [Attribute::DisplayName, Attribute::Title].into(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
    }
}

fn address(name: &str, domain: &Domain) -> SmtpAddress {
    SmtpAddress::parse(&format!("{name}@{domain}")).expect("the suite's names make addresses")
}

/// Checks identity, full and incremental reads, removals, tokens and filter groups.
pub async fn source(fixture: &dyn Fixture) {
    fixture.clean().await;
    identity_is_stable(fixture).await;
    let token = full_read_sees_everyone(fixture).await;
    if let Some(token) = token {
        changes_lead_to_what_a_full_read_sees(fixture, token).await;
        unknown_tokens_are_refused(fixture).await;
    }
    groups_list_their_members(fixture).await;
    fixture.clean().await;
}

async fn identity_is_stable(fixture: &dyn Fixture) {
    let source = fixture.source(scope(&[])).await;
    let identity = source.identity().await.expect("the identity can be read");
    assert_eq!(identity, source.identity().await.expect("the identity can be read again"));
    let again = fixture.source(scope(&[])).await;
    assert_eq!(identity, again.identity().await.expect("the identity can be read by another connection"));
    let found = again.verify().await.expect("the system can be verified");
    assert_eq!(found.identity, identity.to_string(), "verify and identity disagree");
    assert!(found.can_read, "verify says that the source cannot be read");
}

async fn full_read_sees_everyone(fixture: &dyn Fixture) -> Option<Token> {
    let domain = fixture.domain();
    let mut shown = Person::named("conf-shown");
    shown.secondary = vec!["conf-second".into()];
    let hidden = Person { hidden: true, ..Person::named("conf-hidden") };
    let shown_anchor = fixture.put_person(&shown).await;
    let hidden_anchor = fixture.put_person(&hidden).await;
    fixture.put_person(&Person::named("conf-leaver")).await;

    let source = fixture.source(scope(&[])).await;
    let before = source.counters().requests;
    let seen = read(source.as_ref(), None).await.expect("a full read succeeds");
    assert!(source.counters().requests > before, "requests are not counted");
    assert!(seen.removed.is_empty(), "a full read removes nobody");

    let entry = seen.entries.get(&shown_anchor).expect("a full read sees a person");
    assert_eq!(entry.primary, Some(address("conf-shown", &domain)));
    assert!(entry.secondary.contains(&address("conf-second", &domain)), "a secondary address is missing");
    assert!(!entry.secondary.contains(&address("conf-shown", &domain)), "the primary stands among the secondary");
    assert!(!entry.hidden && entry.problems.is_empty() && !entry.marked);
    assert_eq!(entry.attributes.get(&Attribute::DisplayName), Some(&shown.display_name));
    assert_eq!(entry.attributes.get(&Attribute::Title), Some(&shown.title));
    assert_eq!(entry.attributes.len(), 2, "only attributes in scope are read");
    assert!(seen.entries.get(&hidden_anchor).expect("hidden people are entries").hidden);
    seen.token
}

async fn changes_lead_to_what_a_full_read_sees(fixture: &dyn Fixture, token: Token) {
    let source = fixture.source(scope(&[])).await;
    let mut known = read(source.as_ref(), None).await.expect("a full read succeeds").entries;

    let newcomer = fixture.put_person(&Person::named("conf-new")).await;
    let shown = fixture.put_person(&Person { title: "Director".into(), ..Person::named("conf-shown") }).await;
    let leaver = known
        .values()
        .find(|entry| entry.primary.as_ref().is_some_and(|primary| primary.local_part() == "conf-leaver"));
    let leaver = leaver.expect("the leaver was there").anchor.clone();
    fixture.remove_person("conf-leaver").await;

    let changes = read(source.as_ref(), Some(token)).await.expect("changes can be read");
    assert!(changes.entries.contains_key(&newcomer), "a new person is missing among the changes");
    assert!(changes.entries.contains_key(&shown), "a changed person is missing among the changes");
    let gone = changes.gone(&known);
    assert!(gone.contains(&leaver), "a removed person is missing among the changes");
    known.retain(|anchor, _| !gone.contains(anchor));
    assert!(changes.present.iter().all(|anchor| known.contains_key(anchor)), "somebody unknown is as before");
    known.extend(changes.entries);
    let full = read(source.as_ref(), None).await.expect("a full read succeeds").entries;
    let ours = |entries: &BTreeMap<Anchor, Entry>| -> BTreeMap<Anchor, Entry> {
        let mine = |entry: &Entry| entry.primary.as_ref().is_some_and(|p| p.local_part().starts_with("conf-"));
        entries.iter().filter(|(_, entry)| mine(entry)).map(|(anchor, entry)| (anchor.clone(), entry.clone())).collect()
    };
    assert_eq!(ours(&known), ours(&full), "changes and a full read disagree");

    let token = changes.token.expect("a read of changes gives a token");
    let quiet = read(source.as_ref(), Some(token)).await.expect("a second read of changes succeeds");
    assert!(!quiet.removed.contains(&leaver), "a removal is told twice");
    let replayed = ours(&quiet.entries);
    assert!(replayed.iter().all(|(anchor, entry)| full.get(anchor) == Some(entry)), "a replay differs from what is");
}

async fn unknown_tokens_are_refused(fixture: &dyn Fixture) {
    let source = fixture.source(scope(&[])).await;
    for token in ["", "no token of this system", "{}", "0"] {
        match read(source.as_ref(), Some(Token(token.to_owned()))).await {
            Err(Error::TokenExpired { .. }) => {}
            Err(other) => panic!("an unknown token gives another error than TokenExpired: {other}"),
            Ok(_) => panic!("an unknown token is taken"),
        }
    }
}

async fn groups_list_their_members(fixture: &dyn Fixture) {
    let inner = fixture.put_person(&Person::named("conf-inner")).await;
    let outer = fixture.put_person(&Person::named("conf-outer")).await;
    fixture.put_group("conf-nested", &["conf-inner"]).await;
    let group = fixture.put_group("conf-group", &["conf-outer", "conf-nested"]).await;
    let empty = fixture.put_group("conf-empty", &[]).await;

    let source = fixture.source(scope(&[&group, &empty])).await;
    let seen = read(source.as_ref(), None).await.expect("a read with filter groups succeeds");
    let members = seen.members.get(&group).expect("a filter group is listed");
    assert!(members.contains(&outer), "a direct member is missing");
    assert!(members.contains(&inner), "a nested member is missing");
    assert_eq!(seen.members.get(&empty), Some(&BTreeSet::new()), "an empty group is listed as empty");

    if let Some(token) = seen.token {
        fixture.put_group("conf-nested", &[]).await;
        let changes = read(source.as_ref(), Some(token)).await.expect("changes with filter groups can be read");
        let members = changes.members.get(&group).expect("a filter group is read anew with the changes");
        assert!(members.contains(&outer) && !members.contains(&inner), "memberships are not read anew");
    }

    let source = fixture.source(scope(&["conf-there-is-no-such-group"])).await;
    match read(source.as_ref(), None).await {
        Err(Error::FilterGroup { .. }) => {}
        Err(other) => panic!("a missing filter group gives another error: {other}"),
        Ok(_) => panic!("a missing filter group is taken for an empty one"),
    }
}
