//! One suite that every directory must pass. A directory's test brings a [`Fixture`], which lets the suite act
//! as the system's other users, and calls [`source`] and [`target`]; both panic with what does not hold. The
//! suite looks only at what it made itself, so that it runs against systems that hold other things as well.

mod contents;
mod source;
mod target;

pub use source::source;
pub use target::target;

use super::{Source, Target};
use crate::model::connector::ReadScope;
use crate::model::mapping::Mapping;
use crate::model::{Anchor, Contact, Domain, OwnerId, SmtpAddress, SyncId};
use async_trait::async_trait;

/// A mailbox that the suite asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The local part of the address, and what the system calls the object. ASCII, at most 20 characters.
    pub name: String,
    pub display_name: String,
    pub title: String,
    /// Further local parts in the same domain.
    pub secondary: Vec<String>,
    pub hidden: bool,
}

impl Person {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: format!("Conformance {name}"),
            title: "Engineer".to_owned(),
            secondary: Vec::new(),
            hidden: false,
        }
    }
}

/// The system under test, with the hands of its administrator and of its other users.
#[async_trait]
pub trait Fixture: Sync {
    async fn source(&self, scope: ReadScope) -> Box<dyn Source>;
    async fn target(&self, owner: OwnerId, sync: SyncId, mapping: Mapping) -> Box<dyn Target>;
    /// Where the suite's people and foreign contacts have their addresses' domain.
    fn domain(&self) -> Domain;

    /// Makes the person, or changes the one of that name.
    async fn put_person(&self, person: &Person) -> Anchor;
    async fn remove_person(&self, name: &str);
    /// Makes a group of people and groups by their names, or replaces its members. Returns the name by which a
    /// filter names it.
    async fn put_group(&self, name: &str, members: &[&str]) -> String;
    /// Makes a mail contact that is nobody's, with this address as primary and delivery address.
    async fn put_foreign_contact(&self, address: &SmtpAddress);
    async fn foreign_contact_exists(&self, address: &SmtpAddress) -> bool;
    /// Another tool adds an address value, with prefix, to a contact of ours.
    async fn add_value(&self, contact: &Contact, value: &str);
    /// Somebody changes the title of a contact of ours.
    async fn change_title(&self, contact: &Contact, title: &str);
    /// Removes what the suite made, also what an earlier run left behind.
    async fn clean(&self);
}
