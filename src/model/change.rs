//! One change of a plan: what one contact is before and after.

use super::digest::Canonical;
use super::reason::ChangeReason;
use super::{Contact, EntryClass, Key};
use serde::{Deserialize, Serialize};

/// The kinds of change (design §4). Counts fold them into create, update, hide and delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    Create,
    /// A foreign contact becomes ours: it gets our mark and our values.
    Adopt,
    Update,
    /// Shown again after it was hidden; also carries any other difference.
    Unhide,
    /// Another entry's from now on; also carries any other difference.
    Remark,
    Hide,
    Delete,
    /// An adopted contact is given back: the mark goes, the contact stays.
    Unmark,
    /// Deleted at once since its address is needed, or since the person lives in the target.
    Release,
}

/// As which a change counts in tables, status and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeClass {
    Create,
    Update,
    Hide,
    Delete,
}

impl ChangeKind {
    pub fn class(self) -> ChangeClass {
        match self {
            Self::Create | Self::Adopt => ChangeClass::Create,
            Self::Update | Self::Unhide | Self::Remark => ChangeClass::Update,
            Self::Hide => ChangeClass::Hide,
            Self::Delete | Self::Unmark | Self::Release => ChangeClass::Delete,
        }
    }

    /// Hides count as deletes in every safety limit (mail-rules §7).
    pub fn removes(self) -> bool {
        matches!(self.class(), ChangeClass::Hide | ChangeClass::Delete)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Unhide => "unhide",
            Self::Remark => "remark",
            Self::Hide => "hide",
            Self::Delete => "delete",
            Self::Unmark => "unmark",
            Self::Release => "release",
        }
    }
}

/// One change, self-contained: a push needs nothing else to carry it out. Shape by kind: Create has no `before`;
/// Delete, Unmark and Release have no `after`; all others have both (Adopt's `before` is the foreign contact
/// with the mark that it will get). [`Change::is_well_formed`] checks it where a plan is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Of the contact as it is before, for Create of the contact to be.
    pub key: Key,
    pub kind: ChangeKind,
    pub class: EntryClass,
    pub reason: ChangeReason,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Contact>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<Contact>>,
}

impl Change {
    pub fn is_well_formed(&self) -> bool {
        let shape = (self.before.is_some(), self.after.is_some());
        let wanted = match self.kind {
            ChangeKind::Create => (false, true),
            ChangeKind::Delete | ChangeKind::Unmark | ChangeKind::Release => (true, false),
            _ => (true, true),
        };
        let key = self.before.as_ref().or(self.after.as_ref()).map(|contact| contact.key());
        shape == wanted && key.as_ref() == Some(&self.key)
    }

    /// Whether an update touches the primary or delivery address, the display name or the hidden flag
    /// (mail-rules §7); re-marking and showing again always count so.
    pub fn is_strict_update(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return false };
        let name = super::Attribute::DisplayName;
        matches!(self.kind, ChangeKind::Unhide | ChangeKind::Remark)
            || self.kind == ChangeKind::Update
                && (before.primary != after.primary
                    || before.delivery != after.delivery
                    || before.hidden != after.hidden
                    || before.attributes.get(&name) != after.attributes.get(&name))
    }

    /// What this change adds to a plan's digest: key, kind, and the hash of the contact before and after.
    pub fn add_to(&self, canonical: &mut Canonical) {
        canonical.text(self.key.as_str());
        canonical.text(self.kind.name());
        for contact in [&self.before, &self.after] {
            match contact {
                Some(contact) => canonical.bytes(contact.digest().as_bytes()),
                None => canonical.bytes(&[]),
            }
        }
    }
}
