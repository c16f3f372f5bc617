//! How an entry becomes a contact, as a schedule's target writes it.

use super::filters::wire_enum;
use super::text::{DomainName, Expression, Sentence, ShortText};
use crate::model::mapping as checked;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an entry becomes a contact of this target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// Put before every display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name_prefix: Option<ShortText>,
    /// Put after every display name, such as ` (Contoso)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name_suffix: Option<ShortText>,
    /// Where mail for the contacts goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// Which secondary addresses cross over: those in the source's own domains, All or None. Never one in the
    /// target's own domains.
    #[serde(default)]
    pub secondary_addresses: SecondaryAddresses,
    /// Rules by attribute. Without a rule only names, addresses, title, department, company, office, business
    /// phone, work city and country cross over; all other attributes are opt-in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 48))]
    #[x_kube(validation = Rule::new("self.all(name, name in ['displayName', 'givenName', 'surname', 'initials', 'title', 'department', 'company', 'office', 'businessPhone', 'city', 'state', 'country', 'street', 'postalCode', 'postOfficeBox', 'mobilePhone', 'homePhone', 'fax', 'pager', 'webPage', 'notes', 'custom1', 'custom2', 'custom3', 'custom4', 'custom5', 'custom6', 'custom7', 'custom8', 'custom9', 'custom10', 'custom11', 'custom12', 'custom13', 'custom14', 'custom15'])").message("the names of mapping.attributes are displayName, givenName, surname, initials, title, department, company, office, businessPhone, city, state, country, street, postalCode, postOfficeBox, mobilePhone, homePhone, fax, pager, webPage, notes and custom1 to custom15"))]
    pub attributes: BTreeMap<String, AttributeRule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Routing {
    /// The first of an entry's addresses in one of these domains, in this order, is the delivery address.
    /// Default: the primary address of mailboxes and groups, the external address of contacts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub domains: Vec<DomainName>,
}

/// One attribute's rule: exactly one of action, value, expression.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.action), has(self.value), has(self.expression)].exists_one(x, x)").message("an attribute's rule has exactly one of action (Copy or Drop), value and expression"))]
pub struct AttributeRule {
    /// Copy the entry's attribute of the same name, or Drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<AttributeAction>,
    /// The same text for every contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Sentence>,
    /// A CEL expression over `entry` that gives the text; an empty text means that the contact has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AttributeAction {
    Copy,
    Drop,
}

wire_enum!(
    #[derive(Default)]
    SecondaryAddresses = checked::SecondaryAddresses {
        #[default]
        OwnDomains,
        All,
        None
    }
);
