//! What a source has: a user, group or contact, as read and before any rule looks at it.

use super::{Anchor, Attribute, SmtpAddress};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of recipient that GalSync tells apart (mail-rules §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecipientType {
    UserMailbox,
    LinkedMailbox,
    SharedMailbox,
    /// A mailbox of this organization in the cloud, seen on premises.
    RemoteMailbox,
    RemoteSharedMailbox,
    RoomMailbox,
    EquipmentMailbox,
    MailUser,
    GuestUser,
    DistributionGroup,
    SecurityGroup,
    DynamicGroup,
    Microsoft365Group,
    GoogleUser,
    GoogleGroup,
    MailContact,
}

/// The three classes by which people count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryClass {
    User,
    Group,
    Contact,
}

impl EntryClass {
    pub const ALL: [EntryClass; 3] = [EntryClass::User, EntryClass::Group, EntryClass::Contact];

    /// As a key of counts: `users`, `groups`, `contacts`.
    pub fn name(self) -> &'static str {
        match self {
            EntryClass::User => "user",
            EntryClass::Group => "group",
            EntryClass::Contact => "contact",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            EntryClass::User => "users",
            EntryClass::Group => "groups",
            EntryClass::Contact => "contacts",
        }
    }
}

impl RecipientType {
    pub const ALL: [RecipientType; 16] = [
        Self::UserMailbox,
        Self::LinkedMailbox,
        Self::SharedMailbox,
        Self::RemoteMailbox,
        Self::RemoteSharedMailbox,
        Self::RoomMailbox,
        Self::EquipmentMailbox,
        Self::MailUser,
        Self::GuestUser,
        Self::DistributionGroup,
        Self::SecurityGroup,
        Self::DynamicGroup,
        Self::Microsoft365Group,
        Self::GoogleUser,
        Self::GoogleGroup,
        Self::MailContact,
    ];

    /// As manifests, expressions and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserMailbox => "UserMailbox",
            Self::LinkedMailbox => "LinkedMailbox",
            Self::SharedMailbox => "SharedMailbox",
            Self::RemoteMailbox => "RemoteMailbox",
            Self::RemoteSharedMailbox => "RemoteSharedMailbox",
            Self::RoomMailbox => "RoomMailbox",
            Self::EquipmentMailbox => "EquipmentMailbox",
            Self::MailUser => "MailUser",
            Self::GuestUser => "GuestUser",
            Self::DistributionGroup => "DistributionGroup",
            Self::SecurityGroup => "SecurityGroup",
            Self::DynamicGroup => "DynamicGroup",
            Self::Microsoft365Group => "Microsoft365Group",
            Self::GoogleUser => "GoogleUser",
            Self::GoogleGroup => "GoogleGroup",
            Self::MailContact => "MailContact",
        }
    }

    pub fn class(self) -> EntryClass {
        use RecipientType::*;
        match self {
            DistributionGroup | SecurityGroup | DynamicGroup | Microsoft365Group | GoogleGroup => EntryClass::Group,
            MailContact => EntryClass::Contact,
            UserMailbox | LinkedMailbox | SharedMailbox | RemoteMailbox | RemoteSharedMailbox | RoomMailbox
            | EquipmentMailbox | MailUser | GuestUser | GoogleUser => EntryClass::User,
        }
    }

    /// Taken by `objectTypes` (mail-rules §8); the others only where `recipientTypes` names them.
    pub fn in_object_types(self) -> bool {
        use RecipientType::*;
        !matches!(self, RoomMailbox | EquipmentMailbox | MailUser | GuestUser | Microsoft365Group)
    }

    /// Mail for it is delivered at its primary address; the others have an outside address (mail-rules §3).
    pub fn is_delivered_at_primary(self) -> bool {
        !matches!(self, Self::MailUser | Self::GuestUser | Self::MailContact)
    }
}

/// Why an entry cannot be judged: it is *undecided*, which freezes its contact (mail-rules §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Problem {
    /// A mail-enabled object without a primary address.
    PrimaryMissing,
    PrimaryInvalid,
    /// Two values claim to be the primary address.
    PrimaryTwice,
    /// A mail user or contact without a valid external address.
    ExternalMissing,
    /// The type attributes contradict each other or are of no known recipient.
    TypeUnknown,
    /// What another interface must say about this entry is missing.
    JoinMissing,
    /// Two objects of one read have the same anchor.
    AnchorTwice,
}

/// One user, group or contact of a source. Everything in scope is an entry, also what rules take out later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub anchor: Anchor,
    pub recipient_type: RecipientType,
    /// Absent only together with a [`Problem`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<SmtpAddress>,
    /// Secondary SMTP addresses, without the primary.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secondary: BTreeSet<SmtpAddress>,
    /// The outside address of a contact or mail user, a remote mailbox's routing address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<SmtpAddress>,
    /// The entry's own legacyExchangeDN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_exchange_dn: Option<String>,
    /// Further X500 addresses, without the prefix `x500:`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub x500: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// A group that takes no mail from outside.
    #[serde(default, skip_serializing_if = "is_false")]
    pub restricted_senders: bool,
    /// A group whose members are hidden.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden_membership: bool,
    /// Carries any owner mark, ours or another's: never a source entry (mail-rules §4).
    #[serde(default, skip_serializing_if = "is_false")]
    pub marked: bool,
    /// The id that joins the two halves of a hybrid organization, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable_id: Option<String>,
    /// Distinguished name of the parent, or path of the organizational unit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Those of the filter groups, as the manifests write them, that it is in, nested or directly. Set when a
    /// pull merges the memberships that it read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub member_of: BTreeSet<String>,
    /// Values as read; only the attributes that some mapping or filter uses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Attribute, String>,
    /// Empty for an entry that can be judged.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub problems: BTreeSet<Problem>,
}

impl Entry {
    pub fn new(anchor: Anchor, recipient_type: RecipientType) -> Self {
        Self {
            anchor,
            recipient_type,
            primary: None,
            secondary: BTreeSet::new(),
            external: None,
            legacy_exchange_dn: None,
            x500: BTreeSet::new(),
            hidden: false,
            disabled: false,
            restricted_senders: false,
            hidden_membership: false,
            marked: false,
            immutable_id: None,
            container: String::new(),
            member_of: BTreeSet::new(),
            attributes: BTreeMap::new(),
            problems: BTreeSet::new(),
        }
    }

    pub fn class(&self) -> EntryClass {
        self.recipient_type.class()
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}
