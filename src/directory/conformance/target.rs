//! What holds for every target.

use super::Fixture;
use super::contents::{Contents, contents};
use crate::directory::{ChangeResult, Target};
use crate::model::mapping::Mapping;
use crate::model::mark::OwnerMark;
use crate::model::observed::Capabilities;
use crate::model::reason::ChangeReason;
use crate::model::taken::{HolderKind, smtp_value};
use crate::model::{
    Anchor, Attribute, Change, ChangeKind, Contact, ContactName, EntryClass, Key, OwnerId, SmtpAddress, SyncId,
    SystemIdentity,
};

fn owner(name: &str) -> OwnerId {
    OwnerId::new(name).expect("a plain name")
}

fn sync() -> SyncId {
    SyncId::new("conformance").expect("a plain name")
}

/// One bench of work: a target and how to make contacts for it.
struct Bench<'a> {
    fixture: &'a dyn Fixture,
    target: Box<dyn Target>,
    identity: SystemIdentity,
    capabilities: Capabilities,
}

/// Checks identity, capabilities, contents, normalization and every kind of change with its outcomes.
pub async fn target(fixture: &dyn Fixture) {
    fixture.clean().await;
    // Of one that was asked nothing else before, and of one that is asked everything before.
    let first = fixture.target(owner("conformance"), sync(), Mapping::default()).await;
    let fresh = contents(first.as_ref()).await.own_domains;
    let target = fixture.target(owner("conformance"), sync(), Mapping::default()).await;
    let capabilities = target.capabilities().await.expect("the capabilities can be told");
    let identity = target.identity().await.expect("the identity can be read");
    assert_eq!(identity, target.identity().await.expect("the identity can be read again"));
    let found = target.verify().await.expect("the target can be verified");
    assert_eq!(found.identity, identity.to_string(), "verify and identity disagree");
    assert!(found.can_write, "verify says that the target cannot be written");
    assert!(capabilities.batch > 0, "a batch of no changes");
    assert_eq!(contents(target.as_ref()).await.own_domains, fresh, "the domains depend on what was called before");
    assert_eq!(found.domains, fresh, "verify and the contents tell of different domains");
    let again = target.capabilities().await.expect("the capabilities can be told again");
    assert_eq!(again, capabilities, "the capabilities depend on what was called before");

    let bench = Bench { fixture, target, identity, capabilities };
    bench.normalization_is_idempotent();
    bench.contacts_are_made_changed_and_deleted().await;
    bench.contacts_are_hidden_and_shown().await;
    bench.contacts_change_their_mark().await;
    bench.values_of_others_stay().await;
    bench.changes_of_a_batch_are_told_apart().await;
    bench.what_changed_meanwhile_is_left_alone().await;
    bench.objects_of_others_are_left_alone().await;
    bench.foreign_contacts_are_adopted_and_given_back().await;
    fixture.clean().await;
}

impl Bench<'_> {
    fn contact(&self, name: &str) -> Contact {
        let mark = OwnerMark {
            owner: owner("conformance"),
            sync: sync(),
            target: self.identity.clone(),
            source: SystemIdentity::new("conformance-source").expect("a plain name"),
            anchor: Anchor::new(format!("anchor-{name}")).expect("a plain name"),
            adopted: false,
            class: EntryClass::User,
            hidden_since: None,
            value_hashes: Default::default(),
        };
        let address = |local: &str| SmtpAddress::parse(&format!("{local}@conformance.test")).expect("an address");
        let contact_name = ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key());
        let mut contact = Contact {
            secondary: [address(&format!("{name}.second"))].into(),
            x500: [format!("/o=Conformance/cn=Recipients/cn={name}")].into(),
            attributes: [
                (Attribute::DisplayName, format!("Zoë {name} 株式会社")),
                (Attribute::GivenName, "Zoë".to_owned()),
                (Attribute::Surname, name.to_owned()),
                (Attribute::Title, "Engineer".to_owned()),
                (Attribute::City, "Köln".to_owned()),
                (Attribute::Country, "DE".to_owned()),
            ]
            .into(),
            ..Contact::new(mark, contact_name, address(name), address(name))
        };
        contact.stamp_values();
        self.target.normalizer().normalize(contact).0
    }

    fn change(&self, kind: ChangeKind, before: Option<&Contact>, after: Option<&Contact>) -> Change {
        Change::of(kind, ChangeReason::Changed, before.cloned(), after.cloned())
            .expect("the suite makes well-formed changes")
    }

    async fn apply(&self, kind: ChangeKind, before: Option<&Contact>, after: Option<&Contact>) -> ChangeResult {
        let change = self.change(kind, before, after);
        let mut outcomes = self.target.apply(&[change]).await.expect("a batch can be applied");
        assert_eq!(outcomes.len(), 1, "one outcome per change");
        let outcome = outcomes.remove(0);
        assert!(outcome.refused_values.is_empty(), "values are refused");
        outcome.result
    }

    /// Applies twice: the second time nothing is left to do.
    async fn done(&self, kind: ChangeKind, before: Option<&Contact>, after: Option<&Contact>) {
        assert_eq!(self.apply(kind, before, after).await, ChangeResult::Done, "{kind:?}");
        assert_eq!(self.apply(kind, before, after).await, ChangeResult::AlreadyDone, "{kind:?} once more");
    }

    async fn owned(&self, key: &Key) -> Option<Contact> {
        contents(self.target.as_ref()).await.owned.remove(key)
    }

    /// What reads back is what was written.
    async fn reads_back(&self, wanted: &Contact) -> Contact {
        let found = self.owned(&wanted.key()).await.expect("the contact is there");
        assert_eq!(found.attributes, wanted.attributes, "attributes read back differently");
        assert_eq!(
            (&found.primary, &found.delivery, &found.secondary),
            (&wanted.primary, &wanted.delivery, &wanted.secondary)
        );
        assert_eq!(found.mark, wanted.mark, "the mark reads back differently");
        assert_eq!(found.digest(), wanted.digest(), "the contact reads back differently");
        assert_eq!(
            self.target.normalizer().normalize(found.clone()).0.digest(),
            found.digest(),
            "what is there is not normal"
        );
        assert!(found.handle.is_some(), "an existing contact has a handle");
        found
    }

    async fn made(&self, name: &str) -> Contact {
        let contact = self.contact(name);
        self.done(ChangeKind::Create, None, Some(&contact)).await;
        self.reads_back(&contact).await
    }

    fn hidden(&self, contact: &Contact) -> Contact {
        let mut hidden = contact.clone();
        hidden.hidden = true;
        hidden.mark.hidden_since = Some("2026-03-01T10:00:00Z".parse().expect("a time"));
        self.target.normalizer().normalize(hidden).0
    }

    fn normalization_is_idempotent(&self) {
        let plain = self.contact("conf-normal");
        let mut long = plain.clone();
        long.attributes.insert(Attribute::Department, "Ä".repeat(Attribute::Department.max_chars()));
        long.attributes.insert(Attribute::Notes, "line one\r\nline two".to_owned());
        for contact in [plain.clone(), self.hidden(&plain), long] {
            let once = self.target.normalizer().normalize(contact).0;
            assert_eq!(
                self.target.normalizer().normalize(once.clone()),
                (once.clone(), Vec::new()),
                "normalizing twice differs"
            );
        }
    }

    async fn contacts_are_made_changed_and_deleted(&self) {
        let first = self.made("conf-made").await;
        let other = self.made("conf-other").await;
        assert_ne!(first.handle, other.handle);

        let mut changed = first.clone();
        changed.attributes.insert(Attribute::Title, "Director".to_owned());
        changed.attributes.remove(&Attribute::City);
        changed.secondary = [SmtpAddress::parse("conf-made.third@conformance.test").expect("an address")].into();
        changed.primary = SmtpAddress::parse("conf-renamed@conformance.test").expect("an address");
        changed.delivery = changed.primary.clone();
        changed.stamp_values();
        let changed = self.target.normalizer().normalize(changed).0;
        self.done(ChangeKind::Update, Some(&first), Some(&changed)).await;
        let found = self.reads_back(&changed).await;
        assert_eq!((&found.name, &found.handle), (&first.name, &first.handle), "an update renames or moves nothing");

        self.done(ChangeKind::Delete, Some(&found), None).await;
        assert_eq!(self.owned(&found.key()).await, None, "a deleted contact is still there");
        self.reads_back(&other).await;
        self.done(ChangeKind::Release, Some(&other), None).await;
        assert_eq!(self.owned(&other.key()).await, None, "a released contact is still there");
    }

    async fn contacts_are_hidden_and_shown(&self) {
        let shown = self.made("conf-hide").await;
        let hidden = self.hidden(&shown);
        self.done(ChangeKind::Hide, Some(&shown), Some(&hidden)).await;
        let found = self.reads_back(&hidden).await;
        assert_eq!(found.hidden, self.capabilities.can_hide);
        // Only the mark changes: it is written all the same.
        let mut later = found.clone();
        later.mark.hidden_since = Some("2026-03-02T10:00:00Z".parse().expect("a time"));
        self.done(ChangeKind::Update, Some(&found), Some(&later)).await;
        let found = self.reads_back(&later).await;
        self.done(ChangeKind::Unhide, Some(&found), Some(&shown)).await;
        let found = self.reads_back(&shown).await;
        self.done(ChangeKind::Delete, Some(&found), None).await;
    }

    async fn contacts_change_their_mark(&self) {
        let before = self.made("conf-remark").await;
        let mut after = before.clone();
        after.mark.anchor = Anchor::new("anchor-conf-remarked").expect("a plain name");
        after.mark.class = EntryClass::Contact;
        self.done(ChangeKind::Remark, Some(&before), Some(&after)).await;
        assert_eq!(self.owned(&before.key()).await, None, "the old mark is still there");
        let found = self.reads_back(&after).await;
        assert_eq!((&found.name, &found.handle), (&before.name, &before.handle), "a new mark makes no new object");
        self.done(ChangeKind::Delete, Some(&found), None).await;
    }

    async fn values_of_others_stay(&self) {
        let made = self.made("conf-values").await;
        let foreign = "smtp:conf-values.foreign@conformance.test";
        self.fixture.add_value(&made, foreign).await;
        let found = self.reads_back(&made).await;
        assert!(found.foreign_values.contains(foreign), "another's value is not seen");
        let mut changed = found.clone();
        changed.secondary.clear();
        changed.stamp_values();
        self.done(ChangeKind::Update, Some(&found), Some(&changed)).await;
        let found = self.reads_back(&changed).await;
        assert!(found.foreign_values.contains(foreign), "another's value was removed");
        self.done(ChangeKind::Delete, Some(&found), None).await;
    }

    /// Of many changes at once each has its own outcome, in their order, and one that fails takes no other with it.
    async fn changes_of_a_batch_are_told_apart(&self) {
        let count = self.capabilities.batch.min(24);
        let wanted: Vec<Contact> = (0..count).map(|number| self.contact(&format!("conf-many{number:02}"))).collect();
        let creates: Vec<Change> =
            wanted.iter().map(|contact| self.change(ChangeKind::Create, None, Some(contact))).collect();
        self.told(&creates, |_| ChangeResult::Done).await;
        let made = contents(self.target.as_ref()).await.owned;
        let titled = |contact: &Contact, title: &str| {
            let mut titled = contact.clone();
            titled.attributes.insert(Attribute::Title, title.to_owned());
            titled
        };
        let changes = wanted.iter().enumerate().map(|(number, wanted)| {
            let found = made.get(&wanted.key()).expect("the contact is there");
            assert_eq!(found.digest(), wanted.digest(), "the contact reads back differently");
            match number % 4 {
                0 => self.change(ChangeKind::Update, Some(found), Some(&titled(found, &format!("Title {number}")))),
                1 => self.change(ChangeKind::Hide, Some(found), Some(&self.hidden(found))),
                2 => self.change(ChangeKind::Delete, Some(found), None),
                _ => self.change(ChangeKind::Update, Some(&titled(found, "Unseen")), Some(&titled(found, "Never"))),
            }
        });
        let changes: Vec<Change> = changes.collect();
        let drifts = |number: usize| if number % 4 == 3 { ChangeResult::Drifted } else { ChangeResult::Done };
        self.told(&changes, drifts).await;
        let left = contents(self.target.as_ref()).await.owned;
        for (number, change) in changes.iter().enumerate() {
            let wanted = if number % 4 == 3 { made.get(change.key()) } else { change.after() };
            let found = left.get(change.key());
            assert_eq!(found.map(Contact::digest), wanted.map(Contact::digest), "{number}: {:?}", change.kind());
        }
        let rest: Vec<Change> = wanted
            .iter()
            .filter_map(|contact| left.get(&contact.key()))
            .map(|contact| self.change(ChangeKind::Delete, Some(contact), None))
            .collect();
        self.told(&rest, |_| ChangeResult::Done).await;
    }

    async fn told(&self, changes: &[Change], wanted: impl Fn(usize) -> ChangeResult) {
        let outcomes = self.target.apply(changes).await.expect("a batch can be applied");
        let told: Vec<ChangeResult> = outcomes.into_iter().map(|outcome| outcome.result).collect();
        assert_eq!(told, (0..changes.len()).map(wanted).collect::<Vec<_>>());
    }

    async fn what_changed_meanwhile_is_left_alone(&self) {
        let planned = self.made("conf-drift").await;
        self.fixture.change_title(&planned, "Changed by hand").await;
        let mut after = planned.clone();
        after.attributes.insert(Attribute::Title, "Director".to_owned());
        let drifted = ChangeResult::Drifted;
        assert_eq!(self.apply(ChangeKind::Update, Some(&planned), Some(&after)).await, drifted);
        assert_eq!(self.apply(ChangeKind::Hide, Some(&planned), Some(&self.hidden(&planned))).await, drifted);
        assert_eq!(self.apply(ChangeKind::Delete, Some(&planned), None).await, drifted);
        let found = self.owned(&planned.key()).await.expect("a contact that drifted is still there");
        assert_eq!(found.attributes.get(&Attribute::Title).map(String::as_str), Some("Changed by hand"));
        self.done(ChangeKind::Delete, Some(&found), None).await;
        assert_eq!(
            self.apply(ChangeKind::Update, Some(&found), Some(&after)).await,
            drifted,
            "there is none to update"
        );
    }

    async fn objects_of_others_are_left_alone(&self) {
        let made = self.made("conf-mine").await;
        let stranger = self.fixture.target(owner("conformance-2"), sync(), Mapping::default()).await;
        let seen = contents(stranger.as_ref()).await;
        assert!(!seen.owned.contains_key(&made.key()), "another owner's contact is taken for ours");
        let held = |contents: &Contents, address: &SmtpAddress| {
            let value = smtp_value(address);
            contents.taken.iter().find(|taken| taken.value == value).cloned()
        };
        let taken = held(&seen, &made.primary).expect("another owner's contact holds its address");
        assert_eq!((taken.holder.kind, taken.primary), (HolderKind::OtherSync, true));

        let address = self.foreign_address();
        self.fixture.put_foreign_contact(&address).await;
        let taken = held(&contents(self.target.as_ref()).await, &address).expect("a foreign contact holds its address");
        assert_eq!((taken.holder.kind, taken.primary), (HolderKind::ForeignContact, true));
        let mut forged = made.clone();
        forged.mark.anchor = Anchor::new("anchor-conf-forged").expect("a plain name");
        forged.handle = Some(taken.holder.handle.clone());
        let mut changed = forged.clone();
        changed.attributes.insert(Attribute::Title, "Director".to_owned());
        assert_ne!(self.apply(ChangeKind::Update, Some(&forged), Some(&changed)).await, ChangeResult::Done);
        assert_ne!(self.apply(ChangeKind::Delete, Some(&forged), None).await, ChangeResult::Done);
        assert_ne!(self.apply(ChangeKind::Unmark, Some(&forged), None).await, ChangeResult::Done);
        assert!(self.fixture.foreign_contact_exists(&address).await, "a foreign contact was deleted");
        self.done(ChangeKind::Delete, Some(&made), None).await;
    }

    async fn foreign_contacts_are_adopted_and_given_back(&self) {
        let address = self.foreign_address();
        self.fixture.put_foreign_contact(&address).await;
        let seen = contents(self.target.as_ref()).await;
        let value = smtp_value(&address);
        let taken = seen.taken.iter().find(|taken| taken.value == value).expect("it holds its address");
        let mut after = self.contact("conf-adopt");
        (after.primary, after.delivery) = (address.clone(), address.clone());
        after.mark.adopted = true;
        after.handle = Some(taken.holder.handle.clone());
        after.name = ContactName::existing(taken.holder.name.clone());
        let before = Contact {
            secondary: Default::default(),
            x500: Default::default(),
            attributes: Default::default(),
            ..after.clone()
        };
        self.done(ChangeKind::Adopt, Some(&before), Some(&after)).await;
        let found = self.reads_back(&after).await;
        assert_eq!(found.name, after.name, "an adopted contact keeps its name");
        assert_ne!(
            self.apply(ChangeKind::Delete, Some(&found), None).await,
            ChangeResult::Done,
            "adopted, so not ours"
        );
        self.done(ChangeKind::Unmark, Some(&found), None).await;
        let seen = contents(self.target.as_ref()).await;
        assert!(!seen.owned.contains_key(&found.key()), "an un-marked contact is still ours");
        let taken = seen.taken.iter().find(|taken| taken.value == value).expect("it still holds its address");
        assert_eq!(taken.holder.kind, HolderKind::ForeignContact);
        assert!(self.fixture.foreign_contact_exists(&address).await, "an un-marked contact was deleted");
    }

    fn foreign_address(&self) -> SmtpAddress {
        SmtpAddress::parse(&format!("conf-foreign@{}", self.fixture.domain())).expect("an address")
    }
}
