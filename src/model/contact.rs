//! What a target gets: the contact that stands for an entry of another system.

use super::digest::Canonical;
use super::mark::value_hash;
use super::{Attribute, Digest, EntryClass, Key, OwnerId, OwnerMark, SmtpAddress, SyncId, SystemIdentity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// `gs-<6 hex>-<16 hex>`: the ASCII name, common name and alias of a contact. Made once from where the contact
/// comes from and where it goes; kept in the object and never recomputed for an existing one (design §4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContactName(String);

impl ContactName {
    pub fn derive(owner: &OwnerId, sync: &SyncId, target: &SystemIdentity, key: &Key) -> Self {
        let (source, anchor) = (key.source(), key.anchor());
        let parts = [owner.as_str(), ";", sync.as_str(), ";", target.as_str(), ";", source, ";", anchor];
        let (source, whole) = (Digest::of(source.as_bytes()), Digest::of_parts(&parts));
        let mut name = *b"gs-000000-0000000000000000";
        hex::encode_to_slice(&source.as_bytes()[..3], &mut name[3..9]).expect("two digits a byte");
        hex::encode_to_slice(&whole.as_bytes()[..8], &mut name[10..]).expect("two digits a byte");
        Self(String::from_utf8_lossy(&name).into_owned())
    }

    /// Another name of the same form, for where a contact that is another entry's by now has this one already.
    pub fn alternative(&self, attempt: u32) -> Self {
        let other = Digest::of(format!("{self};{attempt}").as_bytes()).hex();
        Self(format!("{}-{}", &self.0[..self.0.len().min(9)], &other[..16]))
    }

    /// The name that an existing contact carries, whatever it is: adopted contacts have their own.
    pub fn existing(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A contact of ours, wanted or as read back from the target. Two contacts of one key are the same exactly when
/// their [`Contact::digest`] is; `name`, `handle` and `foreign_values` are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Its value hashes are those of `secondary` and `x500`: see [`Contact::stamp_values`].
    pub mark: OwnerMark,
    pub name: ContactName,
    /// What people see as its address.
    pub primary: SmtpAddress,
    /// Where mail for it goes (`targetAddress`, `ExternalEmailAddress`).
    pub delivery: SmtpAddress,
    /// Secondary addresses that we added.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secondary: BTreeSet<SmtpAddress>,
    /// X500 addresses that we added, without the prefix.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub x500: BTreeSet<String>,
    pub hidden: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Attribute, String>,
    /// How the target names the object (distinguished name, GUID, edit link); absent before it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The contact's own legacyExchangeDN in the target; for the ledger (mail-rules §5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy_exchange_dn: Option<String>,
    /// Address values with prefix that others added; they stay and are no drift.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub foreign_values: BTreeSet<String>,
}

impl Contact {
    /// With what every contact has, and nothing else.
    pub fn new(mark: OwnerMark, name: ContactName, primary: SmtpAddress, delivery: SmtpAddress) -> Self {
        Self {
            mark,
            name,
            primary,
            delivery,
            secondary: BTreeSet::new(),
            x500: BTreeSet::new(),
            hidden: false,
            attributes: BTreeMap::new(),
            handle: None,
            legacy_exchange_dn: None,
            foreign_values: BTreeSet::new(),
        }
    }

    pub fn key(&self) -> Key {
        self.mark.key()
    }

    pub fn class(&self) -> EntryClass {
        self.mark.class
    }

    /// `smtp:…` and `x500:…` values that we added, primary and delivery address not among them.
    pub fn added_values(&self) -> impl Iterator<Item = String> + '_ {
        let secondary = self.secondary.iter().map(|address| format!("smtp:{address}"));
        secondary.chain(self.x500.iter().map(|dn| format!("x500:{dn}")))
    }

    /// Writes the hashes of `secondary` and `x500` into the mark. Where the mark has no room for all, secondary
    /// addresses are dropped first, from the last on, then X500 addresses; what was dropped is returned.
    pub fn stamp_values(&mut self) -> Vec<String> {
        self.mark.value_hashes.clear();
        let room = self.mark.room_for_hashes();
        let mut dropped = Vec::new();
        while self.secondary.len() + self.x500.len() > room {
            match self.secondary.pop_last() {
                Some(address) => dropped.push(format!("smtp:{address}")),
                None => dropped.extend(self.x500.pop_last().map(|dn| format!("x500:{dn}"))),
            }
        }
        self.mark.value_hashes = self.added_values().map(|value| value_hash(&value)).collect();
        dropped
    }

    /// Over everything that a push would write, except name and mark: the key, the flag `a`, addresses, hidden
    /// flag, whether it is on its way out (not since when: a plan's digest holds no times), attributes. X500
    /// addresses are compared without case.
    pub fn digest(&self) -> Digest {
        let mut canonical = Canonical::new("contact/1");
        canonical.text(self.key().as_str());
        canonical.text(if self.mark.adopted { "adopted" } else { "made" });
        canonical.text(self.class().plural());
        canonical.text(self.primary.as_str());
        canonical.text(self.delivery.as_str());
        canonical.texts(self.secondary.iter().map(SmtpAddress::as_str));
        let mut x500: Vec<String> = self.x500.iter().map(|dn| dn.to_lowercase()).collect();
        x500.sort_unstable();
        x500.dedup();
        canonical.texts(x500.iter().map(String::as_str));
        canonical.text(if self.hidden { "hidden" } else { "shown" });
        canonical.text(if self.mark.hidden_since.is_some() { "leaving" } else { "staying" });
        canonical.number(self.attributes.len() as u64);
        for (attribute, value) in &self.attributes {
            canonical.text(attribute.name());
            canonical.text(value);
        }
        canonical.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> Contact {
        let mark = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;;-;").unwrap();
        let name = ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key());
        Contact::new(mark, name, SmtpAddress::parse("ada@b.test").unwrap(), SmtpAddress::parse("ada@b.test").unwrap())
    }

    #[test]
    fn a_name_is_short_ascii_and_its_own() {
        let name = contact().name;
        assert_eq!(name.as_str().len(), 26);
        let other = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-2;;-;").unwrap();
        let other = ContactName::derive(&other.owner, &other.sync, &other.target, &other.key());
        assert_eq!(name.as_str()[..10], other.as_str()[..10]);
        assert_ne!(name, other);
        let another = name.alternative(2);
        assert_eq!((another.as_str().len(), &another.as_str()[..10]), (26, &name.as_str()[..10]));
        assert!(another != name && another != name.alternative(3));
    }

    #[test]
    fn the_digest_sees_what_a_push_writes_and_nothing_else() {
        let base = contact();
        let same =
            Contact { handle: Some("cn=x".into()), foreign_values: ["smtp:x@y.z".into()].into(), ..base.clone() };
        assert_eq!(base.digest(), same.digest());
        let mut changed = base.clone();
        changed.attributes.insert(Attribute::Title, "Dr".into());
        assert_ne!(base.digest(), changed.digest());
        let hidden = Contact { hidden: true, ..base.clone() };
        assert_ne!(base.digest(), hidden.digest());
    }

    #[test]
    fn what_does_not_fit_the_mark_is_dropped_aloud() {
        let mut contact = contact();
        for number in 0..200 {
            contact.secondary.insert(SmtpAddress::parse(&format!("a{number:03}@b.test")).unwrap());
        }
        contact.x500.insert("/o=corp/cn=ada".into());
        let dropped = contact.stamp_values();
        assert!(dropped.iter().all(|value| value.starts_with("smtp:")));
        assert_eq!(dropped.len() + contact.secondary.len(), 200);
        assert!(contact.mark.to_string().chars().count() <= super::super::mark::MAX_CHARS);
        assert!(contact.mark.added("x500:/o=corp/cn=ada"));
        assert!(contact.secondary.len() > 80);
    }
}
