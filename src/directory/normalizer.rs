//! What a kind of target makes of a contact, as a value: it runs where the plan is made, wherever the target is.

use super::recipient::normalize::normalize;
use crate::model::mapping::Mapping;
use crate::model::reason::Warning;
use crate::model::{Attribute, Contact};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Makes of a contact what the target will give back, so that the plan is what will be (mail-rules §10). Pure, and
/// twice is as good as once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Normalizer {
    /// Exchange, on premises and online.
    Exchange {
        mapping: Mapping,
        /// Attributes of ours that are kept in the attribute with the owner mark: they cannot be written.
        marked: BTreeSet<Attribute>,
    },
    /// The reference directory, with what it was told to be able to.
    Memory { mapping: Mapping, can_hide: bool, x500: bool },
}

impl Normalizer {
    /// `name` = what the system calls an attribute; names are compared without case.
    pub(super) fn exchange(mapping: Mapping, owner_attribute: &str, name: fn(Attribute) -> &'static str) -> Self {
        let is_marked = |attribute: &Attribute| name(*attribute).eq_ignore_ascii_case(owner_attribute);
        Self::Exchange { mapping, marked: Attribute::ALL.iter().copied().filter(is_marked).collect() }
    }

    pub fn normalize(&self, contact: Contact) -> (Contact, Vec<Warning>) {
        match self {
            Self::Exchange { mapping, marked } => normalize(contact, mapping, |attribute| marked.contains(&attribute)),
            Self::Memory { mapping, can_hide, x500 } => plain(contact, mapping, *can_hide, *x500),
        }
    }
}

fn plain(mut contact: Contact, mapping: &Mapping, can_hide: bool, x500: bool) -> (Contact, Vec<Warning>) {
    let mut warnings = Vec::new();
    if contact.hidden && !can_hide {
        contact.hidden = false;
        warnings.push(Warning::CannotHide);
    }
    if !x500 && !contact.x500.is_empty() {
        contact.x500.clear();
        contact.stamp_values();
    }
    contact.attributes.retain(|attribute, _| mapping.manages(*attribute));
    (contact, warnings)
}
