//! The address space of a target beyond our own contacts.

use super::SmtpAddress;
use super::reason::Undecided;
use serde::{Deserialize, Serialize};

/// What kind of object holds an address that is not one of our contacts (mail-rules §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HolderKind {
    Mailbox,
    MailUser,
    Guest,
    Group,
    /// A mail contact without any mark and not directory-synchronized: may be adopted.
    ForeignContact,
    /// A contact with another owner's or another schedule's mark.
    OtherSync,
    /// A contact copied here by directory synchronization.
    SyncedObject,
}

impl HolderKind {
    pub fn undecided(self) -> Undecided {
        match self {
            Self::Mailbox => Undecided::HeldByMailbox,
            Self::MailUser => Undecided::HeldByMailUser,
            Self::Guest => Undecided::HeldByGuest,
            Self::Group => Undecided::HeldByGroup,
            Self::ForeignContact => Undecided::HeldByForeignContact,
            Self::OtherSync => Undecided::HeldByOtherSync,
            Self::SyncedObject => Undecided::HeldBySyncedObject,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    pub kind: HolderKind,
    /// How the target names the object.
    pub handle: String,
    /// The name of the object (cn, alias), by which a half-made contact of ours is found again.
    pub name: String,
}

/// One address of one object that is not ours. X500 addresses of mailboxes count too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// `smtp:…` or `x500:…`, in lower case.
    pub value: String,
    /// It is the object's primary address (for a contact also its delivery address).
    pub primary: bool,
    pub holder: Holder,
}

/// A value of the address space as [`Taken::value`] writes it.
pub fn smtp_value(address: &SmtpAddress) -> String {
    format!("smtp:{address}")
}
