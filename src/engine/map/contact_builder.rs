//! A contact as it is to be: the mapped values in the frame of what is there already.

use super::mapping::Mapped;
use crate::engine::input::ledger::Ledger;
use crate::model::mark::MarkScope;
use crate::model::reason::Warning;
use crate::model::{Contact, ContactName, Entry, Key, OwnerMark, SystemIdentity};
use std::collections::BTreeSet;

pub(in crate::engine) struct ContactBuilder<'a> {
    pub scope: MarkScope,
    pub normalize: &'a dyn Fn(Contact) -> (Contact, Vec<Warning>),
    pub ledger: &'a dyn Ledger,
    pub x500: bool,
}

/// A contact that knows nothing of what is there.
pub(in crate::engine) struct EntryContact {
    pub contact: Contact,
    pub warnings: BTreeSet<Warning>,
}

/// A contact with what could not be kept of it.
pub(in crate::engine) struct BuiltContact {
    pub contact: Contact,
    pub warnings: BTreeSet<Warning>,
    pub left_out: BTreeSet<String>,
}

impl ContactBuilder<'_> {
    /// The contact of an entry, as if nothing were there yet.
    pub(in crate::engine) fn of_entry(
        &self,
        mapped: Mapped,
        key: &Key,
        source: &SystemIdentity,
        of: &Entry,
    ) -> EntryContact {
        let Mapped { primary, delivery, secondary, x500, hidden, attributes, mut warnings } = mapped;
        let mark = OwnerMark {
            owner: self.scope.owner.clone(),
            sync: self.scope.sync.clone(),
            target: self.scope.target.clone(),
            source: source.clone(),
            anchor: of.anchor.clone(),
            adopted: false,
            class: of.class(),
            hidden_since: None,
            value_hashes: BTreeSet::new(),
        };
        let contact =
            Contact { secondary, x500, hidden, attributes, ..Contact::new(mark, self.name(key), primary, delivery) };
        let (contact, more) = (self.normalize)(contact);
        warnings.extend(more);
        EntryContact { contact, warnings }
    }

    /// The contact beside the one that is there.
    pub(in crate::engine) fn build(&self, plain: EntryContact, existing: Option<&Contact>) -> BuiltContact {
        let EntryContact { contact, warnings } = plain;
        match existing {
            Some(existing) => self.merge(contact, existing, warnings),
            None => self.make(contact, warnings),
        }
    }

    /// The name of a contact that is made for an entry.
    pub(in crate::engine) fn name(&self, key: &Key) -> ContactName {
        let MarkScope { owner, sync, target } = &self.scope;
        ContactName::derive(owner, sync, target, key)
    }

    /// A new contact gets what the ledger knows of the person.
    fn make(&self, mut contact: Contact, warnings: BTreeSet<Warning>) -> BuiltContact {
        if self.x500 {
            contact.x500.extend(self.ledger.x500(&contact.key(), &contact.primary));
        }
        self.finish(contact, None, warnings)
    }

    /// What is there keeps its name and place in the directory, the X500 addresses that it ever had (replies to
    /// old mail, mail-rules §5), and what others added to it.
    pub(in crate::engine) fn merge(
        &self,
        mut contact: Contact,
        existing: &Contact,
        warnings: BTreeSet<Warning>,
    ) -> BuiltContact {
        contact.name = existing.name.clone();
        contact.handle = existing.handle.clone();
        contact.legacy_exchange_dn = existing.legacy_exchange_dn.clone();
        contact.foreign_values = existing.foreign_values.clone();
        contact.mark.adopted = existing.mark.adopted;
        if self.x500 {
            // Those that are there come last and win where only the case differs.
            contact.x500.retain(|dn| !existing.x500.iter().any(|known| known.eq_ignore_ascii_case(dn)));
            contact.x500.extend(existing.x500.iter().cloned());
        }
        if !existing.foreign_values.is_empty() {
            let foreign: BTreeSet<String> = existing.foreign_values.iter().map(|value| value.to_lowercase()).collect();
            contact.secondary.retain(|address| !foreign.contains(&format!("smtp:{address}")));
            contact.x500.retain(|dn| !foreign.contains(&format!("x500:{}", dn.to_lowercase())));
        }
        self.finish(contact, Some(existing), warnings)
    }

    fn finish(
        &self,
        mut contact: Contact,
        existing: Option<&Contact>,
        mut warnings: BTreeSet<Warning>,
    ) -> BuiltContact {
        if let Some((existing, own)) = existing.zip(contact.legacy_exchange_dn.as_ref()) {
            // Its own name is no addition, unless it was written as one: the ledger may have known it before.
            contact.x500.retain(|dn| !dn.eq_ignore_ascii_case(own) || existing.x500.contains(dn));
        }
        let (mut contact, more) = (self.normalize)(contact);
        warnings.extend(more);
        let mut left_out = BTreeSet::new();
        match existing {
            // The hashes that are there are right; computing them anew is what costs time in a quiet pass.
            Some(existing)
                if existing.secondary == contact.secondary
                    && existing.x500 == contact.x500
                    && existing.mark.value_hashes.len() == contact.secondary.len() + contact.x500.len() =>
            {
                contact.mark.value_hashes = existing.mark.value_hashes.clone();
            }
            _ => left_out.extend(contact.stamp_values()),
        }
        if !left_out.is_empty() {
            warnings.insert(Warning::MarkFull);
        }
        BuiltContact { contact, warnings, left_out }
    }
}

/// Whether two contacts of one key have the same [`Contact::digest`], without computing it.
pub(in crate::engine) fn is_same(a: &Contact, b: &Contact) -> bool {
    a.mark.adopted == b.mark.adopted
        && a.mark.class == b.mark.class
        && a.mark.hidden_since.is_some() == b.mark.hidden_since.is_some()
        && a.hidden == b.hidden
        && a.primary == b.primary
        && a.delivery == b.delivery
        && a.secondary == b.secondary
        && a.attributes == b.attributes
        && (a.x500 == b.x500 || lower(&a.x500) == lower(&b.x500))
}

fn lower(texts: &BTreeSet<String>) -> BTreeSet<String> {
    texts.iter().map(|text| text.to_lowercase()).collect()
}

/// Takes values out of a contact and its mark. `values` with prefix, in lower case.
pub(in crate::engine) fn drop_values(contact: &mut Contact, values: &[&str]) -> BTreeSet<String> {
    let mut dropped = BTreeSet::new();
    contact.secondary.retain(|address| {
        let value = format!("smtp:{address}");
        !(values.contains(&value.as_str()) && dropped.insert(value))
    });
    contact.x500.retain(|dn| {
        let value = format!("x500:{}", dn.to_lowercase());
        !(values.contains(&value.as_str()) && dropped.insert(value))
    });
    if !dropped.is_empty() {
        contact.stamp_values();
    }
    dropped
}
