//! Carrying out one change in the reference directory. This is the behaviour that all targets share: repeat
//! harmlessly, refuse what is no longer as planned, leave others' values and objects alone.

use super::state::{Object, State};
use super::{Faults, MemoryTarget};
use crate::directory::decide::{self, Decision, Found, only};
use crate::directory::{ChangeOutcome, ChangeResult};
use crate::model::mark::{MarkScope, Ownership};
use crate::model::taken::smtp_value;
use crate::model::{Anchor, Attribute, Change, Contact, Entry, OwnerMark, RecipientType, SmtpAddress, Step};
use std::sync::Arc;

impl MemoryTarget {
    pub(super) fn apply_one(&self, change: &Change, faults: &Faults) -> ChangeOutcome {
        let mut inner = self.memory.lock();
        let address = &change.latest().primary;
        if faults.refuse.contains(address) {
            return only(ChangeResult::Refused { hint: "the reference directory was told to refuse it".into() });
        }
        if faults.defer.contains(address) {
            return only(ChangeResult::Deferred);
        }
        if matches!(change.step, Step::Create(_)) {
            if let (Some(quota), Some(until)) = (faults.create_quota, faults.waiting_until)
                && inner.creates >= quota
            {
                return only(ChangeResult::QuotaExceeded { until });
            }
            inner.creates += 1;
        }
        let state = Arc::make_mut(&mut inner.state);
        let scope = self.scope(state);
        let writer = Writer { target: self, state, scope };
        let object = writer.object(change.earliest());
        let found = writer.found(object.as_ref(), decide::mark_to_be(change));
        match (decide::decide(change, found), object) {
            (Decision::Leave(result), Some(object)) if result == ChangeResult::AlreadyDone => told(result, &object),
            (Decision::Leave(result), _) => only(result),
            (Decision::Create(after), _) => writer.create(after),
            (Decision::Write { current, after }, Some(object)) => writer.write(object, Some(&current), after),
            (Decision::Delete, Some(object)) => writer.delete(object),
            (Decision::Unmark { current }, Some(object)) => writer.unmark(object, &current),
            (_, None) => unreachable!("only a creation is about an object that is not there"),
        }
    }
}

struct Writer<'a> {
    target: &'a MemoryTarget,
    state: &'a mut State,
    scope: MarkScope,
}

impl Writer<'_> {
    /// The object that a contact is about: by its handle, or by its name.
    fn object(&self, contact: &Contact) -> Option<Object> {
        match &contact.handle {
            Some(handle) => self.state.object(&Anchor::new(handle.as_str()).ok()?).cloned(),
            None => self.state.named(contact.name.as_str()).cloned(),
        }
    }

    /// What an object is to the decision.
    fn found(&self, object: Option<&Object>, mark: OwnerMark) -> Found {
        let Some(object) = object else { return Found::Nothing };
        let contact = |mark| Box::new(self.target.contact(object, mark));
        match (self.scope.ownership(object.mark.as_deref(), object.synchronized), mark) {
            (Ownership::Ours(mark), _) => Found::Ours(contact(mark)),
            (Ownership::Unmarked, mark)
                if object.entry.recipient_type == RecipientType::MailContact && !object.synchronized =>
            {
                Found::Free(contact(mark))
            }
            (Ownership::Unmarked, _) => Found::Unmarked,
            (Ownership::OtherSync, _) => Found::Other,
        }
    }

    fn create(self, after: &Contact) -> ChangeOutcome {
        let anchor = format!("{}-{}", after.name, self.state.now() + 1);
        let entry = Entry::new(Anchor::new(anchor).expect("a name and a number"), RecipientType::MailContact);
        self.write(Object { name: after.name.to_string(), ..Object::of(entry) }, None, after)
    }

    fn delete(self, object: Object) -> ChangeOutcome {
        self.state.remove(&object.entry.anchor);
        told(ChangeResult::Done, &object)
    }

    fn unmark(self, mut object: Object, current: &Contact) -> ChangeOutcome {
        object.mark = None;
        object.entry.hidden = false;
        object.entry.secondary.retain(|address| !current.secondary.contains(address));
        object.entry.x500.retain(|dn| !current.x500.contains(dn));
        let outcome = told(ChangeResult::Done, &object);
        self.state.put(object);
        outcome
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
        let outcome = ChangeOutcome { refused_values: refused, ..told(ChangeResult::Done, &object) };
        self.state.put(object);
        outcome
    }
}

fn told(result: ChangeResult, object: &Object) -> ChangeOutcome {
    decide::about(result, object.entry.legacy_exchange_dn.as_deref())
}
