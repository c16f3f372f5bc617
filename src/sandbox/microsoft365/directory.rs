//! All objects of a tenant with what must be unique among them: names, aliases, addresses.

use super::recipient::{Recipient, smtp};
use crate::sandbox::microsoft365::guid::Guid;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Place of an object in the order of creation; lists are paged by it.
pub type Number = u64;

/// What stands in the way of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    Name { name: String },
    Alias { alias: String },
    Address { proxy: String, holder: String },
}

/// The objects, shared with Graph's view of them.
#[derive(Debug, Default)]
pub struct Directory {
    recipients: BTreeMap<Number, Arc<Recipient>>,
    next: Number,
    by_guid: HashMap<Guid, Number>,
    by_external: HashMap<Guid, Number>,
    by_proxy: HashMap<Box<str>, Number>,
    by_name: HashMap<Box<str>, Number>,
    by_alias: HashMap<Box<str>, Number>,
}

/// The form in which addresses are compared: prefix and value in lower case.
pub fn proxy_key(proxy: &str) -> String {
    proxy.trim().to_lowercase()
}

/// Every address that an object occupies, in the form of [`proxy_key`].
pub fn occupied(recipient: &Recipient) -> impl Iterator<Item = String> + '_ {
    let legacy = (!recipient.legacy_dn.is_empty()).then(|| format!("x500:{}", recipient.legacy_dn.to_lowercase()));
    let external = recipient.external_address.iter().map(|address| format!("smtp:{}", address.to_lowercase()));
    recipient.addresses.iter().map(|proxy| proxy_key(proxy)).chain(legacy).chain(external)
}

impl Directory {
    pub fn len(&self) -> usize {
        self.recipients.len()
    }

    pub fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }

    /// In the order of creation, after `after`.
    pub fn after(&self, after: Option<Number>) -> impl Iterator<Item = (Number, &Arc<Recipient>)> {
        let from = after.map_or(0, |number| number + 1);
        self.recipients.range(from..).map(|(number, recipient)| (*number, recipient))
    }

    pub fn get(&self, number: Number) -> Option<&Arc<Recipient>> {
        self.recipients.get(&number)
    }

    pub fn by_guid(&self, guid: Guid) -> Option<&Arc<Recipient>> {
        self.by_guid.get(&guid).and_then(|number| self.recipients.get(number))
    }

    pub fn by_address(&self, address: &str) -> Option<Number> {
        self.by_proxy.get(format!("smtp:{}", address.trim().to_lowercase()).as_str()).copied()
    }

    /// What an `-Identity` names: GUID, Entra id, name, distinguished name, legacyExchangeDN and, unless
    /// `strict`, alias, address or user principal name (`Set-Contact` takes none of these).
    pub fn find(&self, identity: &str, strict: bool) -> Option<Number> {
        let identity = identity.trim();
        if let Ok(guid) = Guid::parse(identity) {
            return self.by_guid.get(&guid).or_else(|| self.by_external.get(&guid)).copied();
        }
        let lower = identity.to_lowercase();
        let name = lower.strip_prefix("cn=").map_or(lower.as_str(), |rest| rest.split(",ou=").next().unwrap_or(rest));
        let found = self.by_name.get(name.replace("\\,", ",").as_str());
        let found = found.or_else(|| self.by_proxy.get(format!("x500:{lower}").as_str()));
        if strict {
            return found.copied();
        }
        let proxy = |key: &str| self.by_proxy.get(key);
        found
            .or_else(|| self.by_alias.get(lower.as_str()))
            .or_else(|| proxy(&format!("smtp:{lower}")))
            .or_else(|| proxy(&lower))
            .copied()
    }

    /// What would stand in the way of `recipient`, at `number` if it is there already.
    pub fn conflict(&self, recipient: &Recipient, number: Option<Number>) -> Option<Conflict> {
        let other = |found: Option<&Number>| found.copied().filter(|found| Some(*found) != number);
        if other(self.by_name.get(recipient.name.to_lowercase().as_str())).is_some() {
            return Some(Conflict::Name { name: recipient.name.clone() });
        }
        if !recipient.alias.is_empty() && other(self.by_alias.get(recipient.alias.to_lowercase().as_str())).is_some() {
            return Some(Conflict::Alias { alias: recipient.alias.clone() });
        }
        occupied(recipient).find_map(|key| {
            let holder = self.get(other(self.by_proxy.get(key.as_str()))?)?;
            let written = recipient.addresses.iter().find(|proxy| proxy_key(proxy) == key).cloned().unwrap_or(key);
            Some(Conflict::Address { proxy: written, holder: holder.display_name.clone() })
        })
    }

    pub fn insert(&mut self, recipient: Arc<Recipient>) -> Result<Number, Conflict> {
        if let Some(conflict) = self.conflict(&recipient, None) {
            return Err(conflict);
        }
        let number = self.next;
        self.next += 1;
        self.index(number, &recipient);
        self.recipients.insert(number, recipient);
        Ok(number)
    }

    pub fn replace(&mut self, number: Number, recipient: Arc<Recipient>) -> Result<(), Conflict> {
        if let Some(conflict) = self.conflict(&recipient, Some(number)) {
            return Err(conflict);
        }
        if let Some(old) = self.recipients.get(&number).cloned() {
            self.unindex(number, &old);
        }
        self.index(number, &recipient);
        self.recipients.insert(number, recipient);
        Ok(())
    }

    pub fn remove(&mut self, number: Number) -> Option<Arc<Recipient>> {
        let old = self.recipients.remove(&number)?;
        self.unindex(number, &old);
        Some(old)
    }

    fn index(&mut self, number: Number, recipient: &Recipient) {
        self.by_guid.insert(recipient.guid, number);
        if let Some(id) = recipient.external_id {
            self.by_external.insert(id, number);
        }
        self.by_name.insert(recipient.name.to_lowercase().into(), number);
        if !recipient.alias.is_empty() {
            self.by_alias.insert(recipient.alias.to_lowercase().into(), number);
        }
        for key in occupied(recipient) {
            self.by_proxy.insert(key.into(), number);
        }
    }

    fn unindex(&mut self, number: Number, recipient: &Recipient) {
        self.by_guid.remove(&recipient.guid);
        if let Some(id) = recipient.external_id {
            self.by_external.remove(&id);
        }
        let drop = |map: &mut HashMap<Box<str>, Number>, key: &str| {
            if map.get(key) == Some(&number) {
                map.remove(key);
            }
        };
        drop(&mut self.by_name, &recipient.name.to_lowercase());
        drop(&mut self.by_alias, &recipient.alias.to_lowercase());
        for key in occupied(recipient) {
            drop(&mut self.by_proxy, &key);
        }
    }
}

/// Addresses of `old` that `new` no longer occupies.
pub fn freed(old: &Recipient, new: Option<&Recipient>) -> Vec<String> {
    let kept: Vec<String> = new.map(|new| occupied(new).collect()).unwrap_or_default();
    occupied(old).filter(|key| smtp(key).is_some() && !kept.contains(key)).collect()
}
