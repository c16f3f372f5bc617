//! The words of the domain as types: pure data, no I/O, no clock.

pub mod address;
pub mod attribute;
pub mod change;
pub mod connector;
pub mod contact;
pub mod country;
mod country_names;
pub mod counts;
pub mod credentials;
pub mod digest;
pub mod entry;
pub mod entry_field;
pub mod essence;
pub mod filters;
pub mod identity;
pub mod mapping;
pub mod mark;
pub mod observed;
pub mod reason;
pub mod safety;
pub mod schedule;
pub mod taken;
mod text;
pub mod timing;

pub use address::{AddressError, Domain, SmtpAddress};
pub use attribute::Attribute;
pub use change::{Change, ChangeKind, Removal, Replacement, Step};
pub use contact::{Contact, ContactName};
pub use country::Country;
pub use digest::Digest;
pub use entry::{Entry, EntryClass, RecipientType};
pub use essence::Essence;
pub use identity::{Anchor, Key, OwnerId, SyncId, SystemIdentity};
pub use mark::OwnerMark;
