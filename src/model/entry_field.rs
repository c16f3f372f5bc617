//! What an expression may ask of an entry.

use super::{Attribute, Entry, EntryClass};
use crate::expression::{Expression, FieldType, Record};
use std::collections::BTreeSet;

/// An expression over `entry` that is true or false.
pub type EntryCondition = Expression<Entry, bool>;

/// An expression over `entry` that gives a text, or none.
pub type EntryText = Expression<Entry, Option<String>>;

/// A field of `entry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryField {
    Attribute(Attribute),
    Anchor,
    RecipientType,
    /// `user`, `group` or `contact`.
    Class,
    Primary,
    /// Domain of the primary address.
    Domain,
    Secondary,
    External,
    Container,
    MemberOf,
    Hidden,
    Disabled,
    RestrictedSenders,
}

const FIELDS: &[(&str, EntryField)] = &[
    ("anchor", EntryField::Anchor),
    ("recipientType", EntryField::RecipientType),
    ("class", EntryField::Class),
    ("primary", EntryField::Primary),
    ("domain", EntryField::Domain),
    ("secondary", EntryField::Secondary),
    ("external", EntryField::External),
    ("container", EntryField::Container),
    ("memberOf", EntryField::MemberOf),
    ("hidden", EntryField::Hidden),
    ("disabled", EntryField::Disabled),
    ("restrictedSenders", EntryField::RestrictedSenders),
];

impl<T> Expression<Entry, T> {
    /// The attributes that a source must read for it.
    pub fn attributes(&self) -> BTreeSet<Attribute> {
        let attribute = |field: &EntryField| match field {
            EntryField::Attribute(attribute) => Some(*attribute),
            _ => None,
        };
        self.fields().iter().filter_map(attribute).collect()
    }
}

impl Record for Entry {
    const VARIABLE: &'static str = "entry";

    type Field = EntryField;

    fn field(name: &str) -> Option<EntryField> {
        let own = FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        own.or_else(|| Attribute::parse(name).map(EntryField::Attribute))
    }

    fn field_type(field: EntryField) -> FieldType {
        use EntryField::*;
        match field {
            Attribute(_) | Anchor | RecipientType | Class | Primary | Domain | External | Container => FieldType::Text,
            Secondary | MemberOf => FieldType::List,
            Hidden | Disabled | RestrictedSenders => FieldType::Flag,
        }
    }

    fn text(&self, field: EntryField) -> &str {
        use EntryField as F;
        match field {
            F::Attribute(attribute) => self.attributes.get(&attribute).map_or("", String::as_str),
            F::Anchor => self.anchor.as_str(),
            F::RecipientType => self.recipient_type.name(),
            F::Class => match self.class() {
                EntryClass::User => "user",
                EntryClass::Group => "group",
                EntryClass::Contact => "contact",
            },
            F::Primary => self.primary.as_ref().map_or("", |address| address.as_str()),
            F::Domain => self.primary.as_ref().map_or("", |address| address.domain()),
            F::External => self.external.as_ref().map_or("", |address| address.as_str()),
            F::Container => &self.container,
            F::Secondary | F::MemberOf | F::Hidden | F::Disabled | F::RestrictedSenders => "",
        }
    }

    fn list(&self, field: EntryField) -> Vec<&str> {
        match field {
            EntryField::Secondary => self.secondary.iter().map(|address| address.as_str()).collect(),
            EntryField::MemberOf => self.member_of.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn flag(&self, field: EntryField) -> bool {
        match field {
            EntryField::Hidden => self.hidden,
            EntryField::Disabled => self.disabled,
            EntryField::RestrictedSenders => self.restricted_senders,
            _ => false,
        }
    }
}
