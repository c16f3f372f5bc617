//! Carrying out one change in the reference directory. This is the behaviour that all targets share: repeat
//! harmlessly, refuse what is no longer as planned, leave others' values and objects alone.

use super::state::{Object, State};
use super::{Faults, MemoryTarget};
use crate::directory::{ChangeOutcome, ChangeResult};
use crate::model::mark::{MarkScope, Ownership};
use crate::model::taken::smtp_value;
use crate::model::{Anchor, Attribute, Change, ChangeKind, Contact, Entry, RecipientType, SmtpAddress};
use std::sync::Arc;

impl MemoryTarget {
    pub(super) fn apply_one(&self, change: &Change, faults: &Faults) -> ChangeOutcome {
        let mut inner = self.memory.lock();
        let contact = change.after.as_ref().or(change.before.as_ref());
        let address = contact.map(|contact| &contact.primary);
        if address.is_some_and(|address| faults.refuse.contains(address)) {
            return only(ChangeResult::Refused { hint: "the reference directory was told to refuse it".into() });
        }
        if address.is_some_and(|address| faults.defer.contains(address)) {
            return only(ChangeResult::Deferred);
        }
        if change.kind == ChangeKind::Create {
            if let (Some(quota), Some(until)) = (faults.create_quota, faults.waiting_until)
                && inner.creates >= quota
            {
                return only(ChangeResult::QuotaExceeded { until });
            }
            inner.creates += 1;
        }
        let state = Arc::make_mut(&mut inner.state);
        let scope = self.scope(state);
        let carried = Carrying { target: self, state, scope };
        match (change.kind, &change.before, &change.after) {
            (ChangeKind::Create, None, Some(after)) => carried.create(after),
            (ChangeKind::Delete | ChangeKind::Release, Some(before), None) => carried.delete(before),
            (ChangeKind::Unmark, Some(before), None) => carried.unmark(before),
            (ChangeKind::Adopt, Some(before), Some(after)) => carried.adopt(before, after),
            (_, Some(before), Some(after)) => carried.update(before, after),
            _ => only(ChangeResult::Refused { hint: "the change is not well formed".into() }),
        }
    }
}

struct Carrying<'a> {
    target: &'a MemoryTarget,
    state: &'a mut State,
    scope: MarkScope,
}

impl Carrying<'_> {
    fn create(self, after: &Contact) -> ChangeOutcome {
        let existing = self.state.named(after.name.as_str()).cloned();
        let Some(object) = existing else {
            let anchor = format!("{}-{}", after.name, self.state.now() + 1);
            let entry = Entry::new(Anchor::new(anchor).expect("a name and a number"), RecipientType::MailContact);
            return self.write(Object { name: after.name.to_string(), ..Object::of(entry) }, None, after);
        };
        match self.scope.ownership(object.mark.as_deref(), object.synchronized) {
            Ownership::Ours(mark) if mark.key() == after.key() => match self.target.contact(&object, mark) {
                Some(current) if current.digest() == after.digest() => done(ChangeResult::AlreadyDone, &object),
                current => self.write(object, current.as_ref(), after),
            },
            // Half made: an earlier push was cut off before it could write the mark.
            Ownership::Unmarked if object.entry.external.as_ref().is_none_or(|found| *found == after.delivery) => {
                self.write(object, None, after)
            }
            _ => only(ChangeResult::Refused { hint: "another object has the contact's name".into() }),
        }
    }

    fn update(self, before: &Contact, after: &Contact) -> ChangeOutcome {
        let Some((object, current)) = self.find(before) else { return self.moved_on(after) };
        if current.key() == after.key() && current.digest() == after.digest() {
            return done(ChangeResult::AlreadyDone, &object);
        }
        if current.key() != before.key() || current.digest() != before.digest() {
            return only(ChangeResult::Drifted);
        }
        self.write(object, Some(before), after)
    }

    /// Nothing carries the old key: either the change was carried out before, or the contact is gone.
    fn moved_on(self, after: &Contact) -> ChangeOutcome {
        match self.find(after) {
            Some((object, current)) if current.digest() == after.digest() => done(ChangeResult::AlreadyDone, &object),
            _ => only(ChangeResult::Drifted),
        }
    }

    fn delete(self, before: &Contact) -> ChangeOutcome {
        let Some((object, current)) = self.find(before) else { return only(ChangeResult::AlreadyDone) };
        if current.mark.adopted || current.digest() != before.digest() {
            return only(ChangeResult::Drifted);
        }
        let outcome = done(ChangeResult::Done, &object);
        self.state.remove(&object.entry.anchor);
        outcome
    }

    fn unmark(self, before: &Contact) -> ChangeOutcome {
        let Some((mut object, current)) = self.find(before) else { return only(ChangeResult::AlreadyDone) };
        if !current.mark.adopted || current.digest() != before.digest() {
            return only(ChangeResult::Drifted);
        }
        object.mark = None;
        object.entry.hidden = false;
        object.entry.secondary.retain(|address| !before.secondary.contains(address));
        object.entry.x500.retain(|dn| !before.x500.contains(dn));
        let outcome = done(ChangeResult::Done, &object);
        self.state.put(object);
        outcome
    }

    fn adopt(self, before: &Contact, after: &Contact) -> ChangeOutcome {
        let anchor = before.handle.clone().and_then(|handle| Anchor::new(handle).ok());
        let Some(object) = anchor.and_then(|anchor| self.state.object(&anchor)).cloned() else {
            return only(ChangeResult::Drifted);
        };
        match self.scope.ownership(object.mark.as_deref(), object.synchronized) {
            Ownership::Ours(mark) => match self.target.contact(&object, mark) {
                Some(current) if current.key() == after.key() && current.digest() == after.digest() => {
                    done(ChangeResult::AlreadyDone, &object)
                }
                _ => only(ChangeResult::Drifted),
            },
            Ownership::Unmarked
                if object.entry.recipient_type == RecipientType::MailContact
                    && !object.synchronized
                    && holds(&object, &before.primary) =>
            {
                self.write(object, None, after)
            }
            _ => only(ChangeResult::Drifted),
        }
    }

    /// Our object with the contact's key, by handle where that still is it.
    fn find(&self, contact: &Contact) -> Option<(Object, Contact)> {
        let ours = |object: &Object| match self.scope.ownership(object.mark.as_deref(), object.synchronized) {
            Ownership::Ours(mark) if mark.key() == contact.key() => self.target.contact(object, mark),
            _ => None,
        };
        let handle = contact.handle.clone().and_then(|handle| Anchor::new(handle).ok());
        let by_handle = handle.and_then(|anchor| self.state.object(&anchor));
        by_handle
            .and_then(|object| ours(object).map(|found| (object.clone(), found)))
            .or_else(|| self.state.objects().find_map(|object| Some((object.clone(), ours(object)?))))
    }

    /// Writes `after` into the object: our values that are in `before` and not in `after` go, others' stay.
    fn write(self, mut object: Object, before: Option<&Contact>, after: &Contact) -> ChangeOutcome {
        let anchor = object.entry.anchor.clone();
        if self.state.is_taken(&smtp_value(&after.primary), &anchor) {
            return only(ChangeResult::Deferred);
        }
        let free = |value: &String| !self.state.is_taken(&value.to_lowercase(), &anchor);
        let (values, refused): (Vec<String>, Vec<String>) = after.added_values().partition(free);
        let entry = &mut object.entry;
        if let Some(before) = before {
            entry.secondary.retain(|address| !before.secondary.contains(address));
            entry.x500.retain(|dn| !before.x500.contains(dn));
        }
        for value in values {
            match value.split_once(':') {
                Some(("x500", dn)) => entry.x500.insert(dn.to_owned()),
                Some((_, address)) => {
                    entry.secondary.insert(SmtpAddress::parse(address).expect("it was written from an address"))
                }
                None => unreachable!("an added value has a prefix"),
            };
        }
        entry.primary = Some(after.primary.clone());
        entry.external = Some(after.delivery.clone());
        entry.hidden = after.hidden;
        let managed = |attribute: &Attribute| self.target.mapping.manages(*attribute);
        entry.attributes.retain(|attribute, _| !managed(attribute));
        entry.attributes.extend(after.attributes.clone());
        let dn = || format!("/o={}/ou=GalSync/cn=Recipients/cn={}", self.scope.target, after.name);
        entry.legacy_exchange_dn.get_or_insert_with(dn);
        object.mark = Some(after.mark.to_string());
        let outcome = ChangeOutcome { refused_values: refused, ..done(ChangeResult::Done, &object) };
        self.state.put(object);
        outcome
    }
}

fn holds(object: &Object, address: &SmtpAddress) -> bool {
    let entry = &object.entry;
    entry.primary.iter().chain(&entry.external).chain(&entry.secondary).any(|held| held == address)
}

fn only(result: ChangeResult) -> ChangeOutcome {
    ChangeOutcome { result, refused_values: Vec::new(), legacy_exchange_dn: None }
}

fn done(result: ChangeResult, object: &Object) -> ChangeOutcome {
    ChangeOutcome { legacy_exchange_dn: object.entry.legacy_exchange_dn.clone(), ..only(result) }
}
