//! A mapping that has been checked: how an entry becomes a contact of one target (design §3.2, mail-rules §3, §10).

use super::entry_field::EntryText;
use super::{Attribute, Domain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum SecondaryAddresses {
    /// Those in the source's authoritative domains.
    #[default]
    OwnDomains,
    All,
    None,
}

/// Where one attribute's value comes from. An attribute that a mapping does not name follows its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttributeRule {
    /// The entry's attribute of the same name.
    Copy,
    /// Does not cross over.
    Drop,
    Constant(String),
    /// Null or empty = absent.
    Expression(EntryText),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name_prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name_suffix: String,
    /// The first proxy address in one of these is the delivery address; in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routing_domains: Vec<Domain>,
    #[serde(default)]
    pub secondary_addresses: SecondaryAddresses,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Attribute, AttributeRule>,
}

impl Mapping {
    pub fn rule(&self, attribute: Attribute) -> &AttributeRule {
        match self.attributes.get(&attribute) {
            Some(rule) => rule,
            None if attribute.crosses_by_default() => &AttributeRule::Copy,
            None => &AttributeRule::Drop,
        }
    }

    /// Whether a push owns this attribute of our contacts: all but the custom attributes that nothing maps.
    pub fn manages(&self, attribute: Attribute) -> bool {
        !attribute.is_custom() || self.attributes.contains_key(&attribute)
    }
}
