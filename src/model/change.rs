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

/// One change, self-contained: a push needs nothing else to carry it out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Change {
    key: Key,
    pub reason: ChangeReason,
    pub step: Step,
}

/// What a change does, with the contacts that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Create(Box<Contact>),
    /// `before` of an adoption is the foreign contact with the mark that it will get.
    Replace {
        how: Replacement,
        before: Box<Contact>,
        after: Box<Contact>,
    },
    Remove {
        how: Removal,
        before: Box<Contact>,
    },
}

/// The kinds of change that leave a contact of ours where one was; see [`ChangeKind`] for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    Adopt,
    Update,
    Unhide,
    Remark,
    Hide,
}

/// The kinds of change after which no contact of ours is there; see [`ChangeKind`] for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    Delete,
    Unmark,
    Release,
}

/// A kind of change with contacts that it does not take, or with another's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the change is not well formed")]
pub struct NotWellFormed;

impl Change {
    pub fn create(reason: ChangeReason, after: Contact) -> Self {
        Self::new(reason, Step::Create(Box::new(after)))
    }

    pub fn replace(how: Replacement, reason: ChangeReason, before: Contact, after: Contact) -> Self {
        Self::new(reason, Step::Replace { how, before: Box::new(before), after: Box::new(after) })
    }

    pub fn remove(how: Removal, reason: ChangeReason, before: Contact) -> Self {
        Self::new(reason, Step::Remove { how, before: Box::new(before) })
    }

    fn new(reason: ChangeReason, step: Step) -> Self {
        let (Step::Create(first) | Step::Replace { before: first, .. } | Step::Remove { before: first, .. }) = &step;
        Self { key: first.key(), reason, step }
    }

    /// By its kind, for those who know it as a value.
    ///
    /// # Errors
    /// Where the kind does not take these contacts.
    pub fn of(
        kind: ChangeKind,
        reason: ChangeReason,
        before: Option<Contact>,
        after: Option<Contact>,
    ) -> Result<Self, NotWellFormed> {
        use ChangeKind as Kind;
        match (kind, before, after) {
            (Kind::Create, None, Some(after)) => Ok(Self::create(reason, after)),
            (Kind::Adopt, Some(before), Some(after)) => Ok(Self::replace(Replacement::Adopt, reason, before, after)),
            (Kind::Update, Some(before), Some(after)) => Ok(Self::replace(Replacement::Update, reason, before, after)),
            (Kind::Unhide, Some(before), Some(after)) => Ok(Self::replace(Replacement::Unhide, reason, before, after)),
            (Kind::Remark, Some(before), Some(after)) => Ok(Self::replace(Replacement::Remark, reason, before, after)),
            (Kind::Hide, Some(before), Some(after)) => Ok(Self::replace(Replacement::Hide, reason, before, after)),
            (Kind::Delete, Some(before), None) => Ok(Self::remove(Removal::Delete, reason, before)),
            (Kind::Unmark, Some(before), None) => Ok(Self::remove(Removal::Unmark, reason, before)),
            (Kind::Release, Some(before), None) => Ok(Self::remove(Removal::Release, reason, before)),
            _ => Err(NotWellFormed),
        }
    }

    /// Of the contact as it is before; where there is none, of the contact to be.
    pub fn key(&self) -> &Key {
        &self.key
    }

    pub fn kind(&self) -> ChangeKind {
        match &self.step {
            Step::Create(_) => ChangeKind::Create,
            Step::Replace { how, .. } => match how {
                Replacement::Adopt => ChangeKind::Adopt,
                Replacement::Update => ChangeKind::Update,
                Replacement::Unhide => ChangeKind::Unhide,
                Replacement::Remark => ChangeKind::Remark,
                Replacement::Hide => ChangeKind::Hide,
            },
            Step::Remove { how, .. } => match how {
                Removal::Delete => ChangeKind::Delete,
                Removal::Unmark => ChangeKind::Unmark,
                Removal::Release => ChangeKind::Release,
            },
        }
    }

    pub fn before(&self) -> Option<&Contact> {
        match &self.step {
            Step::Create(_) => None,
            Step::Replace { before, .. } | Step::Remove { before, .. } => Some(before),
        }
    }

    pub fn after(&self) -> Option<&Contact> {
        match &self.step {
            Step::Create(after) | Step::Replace { after, .. } => Some(after),
            Step::Remove { .. } => None,
        }
    }

    pub fn into_before(self) -> Option<Contact> {
        match self.step {
            Step::Create(_) => None,
            Step::Replace { before, .. } | Step::Remove { before, .. } => Some(*before),
        }
    }

    /// The contact to be; of a removal the one that was.
    pub fn latest(&self) -> &Contact {
        match &self.step {
            Step::Create(contact) | Step::Replace { after: contact, .. } | Step::Remove { before: contact, .. } => {
                contact
            }
        }
    }

    /// The contact that was; of a creation the one to be.
    pub fn earliest(&self) -> &Contact {
        match &self.step {
            Step::Create(contact) | Step::Replace { before: contact, .. } | Step::Remove { before: contact, .. } => {
                contact
            }
        }
    }

    pub fn class(&self) -> EntryClass {
        self.latest().class()
    }

    /// Whether an update touches the primary or delivery address, the display name or the hidden flag
    /// (mail-rules §7); re-marking and showing again always count so.
    pub fn is_strict_update(&self) -> bool {
        let Step::Replace { how, before, after } = &self.step else { return false };
        let name = super::Attribute::DisplayName;
        match how {
            Replacement::Unhide | Replacement::Remark => true,
            Replacement::Update => {
                before.primary != after.primary
                    || before.delivery != after.delivery
                    || before.hidden != after.hidden
                    || before.attributes.get(&name) != after.attributes.get(&name)
            }
            Replacement::Adopt | Replacement::Hide => false,
        }
    }

    /// What this change adds to a plan's digest: key, kind, and the hash of the contact before and after.
    pub fn add_to(&self, canonical: &mut Canonical) {
        canonical.text(self.key.as_str());
        canonical.text(self.kind().name());
        for contact in [self.before(), self.after()] {
            match contact {
                Some(contact) => canonical.bytes(contact.digest().as_bytes()),
                None => canonical.bytes(&[]),
            }
        }
    }
}

/// A change as plans write it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Writing<'a> {
    key: &'a Key,
    kind: ChangeKind,
    class: EntryClass,
    reason: ChangeReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Contact>,
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { key, reason, step: _ } = self;
        let (kind, class, before, after) = (self.kind(), self.class(), self.before(), self.after());
        Writing { key, kind, class, reason: *reason, before, after }.serialize(serializer)
    }
}

/// A change as it is read; its class stands in the contact's mark.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    key: Key,
    kind: ChangeKind,
    reason: ChangeReason,
    #[serde(default)]
    before: Option<Contact>,
    #[serde(default)]
    after: Option<Contact>,
}

impl TryFrom<Written> for Change {
    type Error = NotWellFormed;

    fn try_from(Written { key, kind, reason, before, after }: Written) -> Result<Self, NotWellFormed> {
        let change = Self::of(kind, reason, before, after)?;
        if change.key == key { Ok(change) } else { Err(NotWellFormed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OwnerMark;
    use serde_json::{Value, json};

    fn contact() -> Value {
        let mark = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;g;-;").expect("a mark");
        json!({ "mark": mark, "name": "gs-1", "primary": "ada@b.test", "delivery": "ada@b.test", "secondary": [],
            "x500": [], "hidden": false, "attributes": {}, "foreignValues": [] })
    }

    #[test]
    fn a_change_is_read_only_in_the_shape_of_its_kind() {
        for kind in ["create", "adopt", "update", "unhide", "remark", "hide", "delete", "unmark", "release"] {
            for (before, after) in [(false, false), (false, true), (true, false), (true, true)] {
                let mut written = json!({ "key": "s-1/a-1", "kind": kind, "class": "group", "reason": "Changed" });
                before.then(|| written["before"] = contact());
                after.then(|| written["after"] = contact());
                let wanted = match kind {
                    "create" => (false, true),
                    "delete" | "unmark" | "release" => (true, false),
                    _ => (true, true),
                };
                match serde_json::from_value::<Change>(written.clone()) {
                    Ok(change) => {
                        assert_eq!((before, after), wanted, "{kind}");
                        assert_eq!(change.kind().name(), kind);
                        let again = serde_json::to_value(&change).expect("plain data");
                        assert_eq!(
                            (&again["key"], &again["kind"], &again["class"]),
                            (&written["key"], &written["kind"], &json!("group"))
                        );
                        assert_eq!(serde_json::from_value::<Change>(again).expect("what was written"), change);
                    }
                    Err(_) => assert_ne!((before, after), wanted, "{kind}"),
                }
            }
        }
        let another =
            json!({ "key": "s-1/a-2", "kind": "create", "class": "group", "reason": "New", "after": contact() });
        assert!(serde_json::from_value::<Change>(another).is_err(), "another's key");
    }
}
