//! One key's entry and contacts side by side.

use crate::engine::filter::entry_filter::Eligibility;
use crate::model::reason::Warning;
use crate::model::{Contact, EntryClass, Key, SmtpAddress};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) struct Row {
    pub key: Key,
    pub class: EntryClass,
    /// Index of the source; absent for one that is no longer in the schedule.
    pub source: Option<u16>,
    pub state: Eligibility,
    pub warnings: BTreeSet<Warning>,
    /// Address values for which there was no room.
    pub left_out: BTreeSet<String>,
    /// Of an entry that gets no contact, for the report.
    pub display_name: Option<String>,
    pub address: Option<SmtpAddress>,
    pub body: Body,
}

/// The contact as it is wanted (only of a row that is [`Eligibility::Wanted`]) and as it is in the target.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one row lives at a time")]
pub(in crate::engine) enum Body {
    /// Not wanted and not there.
    Nothing,
    New(Contact),
    /// There as it is wanted; as it was read.
    Same(Contact),
    /// The same, known by its essence: as it is wanted, and the document of the one that was not read, unless that
    /// can be found again. It reads back as [`Body::Same`].
    Folded {
        wanted: Contact,
        document: Option<Box<[u8]>>,
    },
    Differs {
        before: Contact,
        after: Contact,
    },
    /// There and not wanted, or not decided. More than one: they carry the same mark.
    Owned(Vec<Contact>),
}

impl Body {
    /// The contact in the target, where there is exactly one.
    pub(in crate::engine) fn existing(&self) -> Option<&Contact> {
        match self {
            Self::Nothing | Self::New(_) => None,
            Self::Same(contact) | Self::Folded { wanted: contact, .. } | Self::Differs { before: contact, .. } => {
                Some(contact)
            }
            Self::Owned(contacts) => match &contacts[..] {
                [contact] => Some(contact),
                _ => None,
            },
        }
    }

    pub(in crate::engine) fn into_existing(self) -> Option<Contact> {
        match self {
            Self::Nothing | Self::New(_) => None,
            Self::Same(contact) | Self::Differs { before: contact, .. } => Some(contact),
            Self::Folded { .. } => unreachable!("a folded contact reads back as a whole one"),
            Self::Owned(contacts) => <[Contact; 1]>::try_from(contacts).ok().map(|[contact]| contact),
        }
    }

    pub(in crate::engine) fn wanted(&self) -> Option<&Contact> {
        match self {
            Self::New(contact)
            | Self::Same(contact)
            | Self::Folded { wanted: contact, .. }
            | Self::Differs { after: contact, .. } => Some(contact),
            Self::Nothing | Self::Owned(_) => None,
        }
    }
}
