//! What an expression may ask of an entry.

use crate::model::{Attribute, Entry, EntryClass};
use cel::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// A field of `entry`. Texts that an entry lacks are empty, so that an expression need not ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
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

const FIELDS: &[(&str, Field)] = &[
    ("anchor", Field::Anchor),
    ("recipientType", Field::RecipientType),
    ("class", Field::Class),
    ("primary", Field::Primary),
    ("domain", Field::Domain),
    ("secondary", Field::Secondary),
    ("external", Field::External),
    ("container", Field::Container),
    ("memberOf", Field::MemberOf),
    ("hidden", Field::Hidden),
    ("disabled", Field::Disabled),
    ("restrictedSenders", Field::RestrictedSenders),
];

impl Field {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let own = FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        own.or_else(|| Attribute::parse(name).map(Self::Attribute))
    }

    pub(super) fn is_text(self) -> bool {
        !self.is_list() && !self.is_flag()
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Secondary | Self::MemberOf)
    }

    pub(super) fn is_flag(self) -> bool {
        matches!(self, Self::Hidden | Self::Disabled | Self::RestrictedSenders)
    }

    /// The value of a field that is a text; nothing for another.
    pub(super) fn text(self, entry: &Entry) -> Cow<'_, str> {
        match self {
            Self::Attribute(attribute) => entry.attributes.get(&attribute).map_or("", String::as_str),
            Self::Anchor => entry.anchor.as_str(),
            Self::RecipientType => return Cow::Owned(format!("{:?}", entry.recipient_type)),
            Self::Class => match entry.class() {
                EntryClass::User => "user",
                EntryClass::Group => "group",
                EntryClass::Contact => "contact",
            },
            Self::Primary => entry.primary.as_ref().map_or("", |address| address.as_str()),
            Self::Domain => entry.primary.as_ref().map_or("", |address| address.domain()),
            Self::External => entry.external.as_ref().map_or("", |address| address.as_str()),
            Self::Container => &entry.container,
            Self::Secondary | Self::MemberOf | Self::Hidden | Self::Disabled | Self::RestrictedSenders => "",
        }
        .into()
    }

    /// The values of a field that is a list; nothing for another.
    pub(super) fn texts(self, entry: &Entry) -> Vec<&str> {
        match self {
            Self::Secondary => entry.secondary.iter().map(|address| address.as_str()).collect(),
            Self::MemberOf => entry.member_of.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a field that is a flag is set.
    pub(super) fn flag(self, entry: &Entry) -> bool {
        match self {
            Self::Hidden => entry.hidden,
            Self::Disabled => entry.disabled,
            Self::RestrictedSenders => entry.restricted_senders,
            _ => false,
        }
    }

    pub(super) fn value(self, entry: &Entry) -> Value {
        let text = |text: &str| Value::String(Arc::new(text.to_owned()));
        if self.is_list() {
            Value::List(Arc::new(self.texts(entry).into_iter().map(text).collect()))
        } else if self.is_flag() {
            Value::Bool(self.flag(entry))
        } else {
            text(&self.text(entry))
        }
    }
}
