//! Objects as Graph shows them: which properties each resource has, and their values.

use crate::sandbox::microsoft365::attributes::{CUSTOM, PERSON};
use crate::sandbox::microsoft365::exchange::country::friendly_name;
use crate::sandbox::microsoft365::recipient::{Kind, Recipient, Resource};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const USER: &[&str] = &[
    "id",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "userPrincipalName",
    "proxyAddresses",
    "otherMails",
    "jobTitle",
    "companyName",
    "department",
    "officeLocation",
    "streetAddress",
    "city",
    "state",
    "postalCode",
    "country",
    "businessPhones",
    "mobilePhone",
    "faxNumber",
    "userType",
    "accountEnabled",
    "assignedPlans",
    "assignedLicenses",
    "onPremisesSyncEnabled",
    "onPremisesImmutableId",
    "onPremisesExtensionAttributes",
    "showInAddressList",
    "createdDateTime",
    "preferredLanguage",
    "usageLocation",
    "employeeId",
    "imAddresses",
    "manager",
];

const GROUP: &[&str] = &[
    "id",
    "displayName",
    "description",
    "mail",
    "mailEnabled",
    "mailNickname",
    "proxyAddresses",
    "groupTypes",
    "securityEnabled",
    "visibility",
    "onPremisesSyncEnabled",
    "createdDateTime",
    "membershipRule",
    "isAssignableToRole",
    "classification",
    "members",
];

/// Told only where one group is asked for by its id.
const GROUP_ALONE: &[&str] = &["hideFromAddressLists", "hideFromOutlookClients", "allowExternalSenders"];

const CONTACT: &[&str] = &[
    "id",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "proxyAddresses",
    "companyName",
    "department",
    "jobTitle",
    "addresses",
    "phones",
    "onPremisesSyncEnabled",
    "onPremisesLastSyncDateTime",
    "serviceProvisioningErrors",
];

/// What comes without `$select`.
const USER_DEFAULT: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// All properties of a resource that can be selected everywhere.
pub fn all(resource: Resource) -> impl Iterator<Item = &'static str> {
    let names = match resource {
        Resource::Users => USER,
        Resource::Groups => GROUP,
        Resource::Contacts => CONTACT,
    };
    names.iter().copied()
}

/// What comes without `$select`.
pub fn default(resource: Resource) -> Vec<&'static str> {
    match resource {
        Resource::Users => USER_DEFAULT.to_vec(),
        Resource::Groups => all(resource).filter(|name| *name != "members").collect(),
        Resource::Contacts => all(resource).collect(),
    }
}

/// The property of that name; those of one object alone only where `alone`.
pub fn find(resource: Resource, name: &str, alone: bool) -> Option<&'static str> {
    let single = (alone && resource == Resource::Groups).then_some(GROUP_ALONE).into_iter().flatten().copied();
    all(resource).chain(single).find(|known| *known == name)
}

/// Names of the properties in which two states of one object differ. Members are compared elsewhere.
pub fn differing(old: &Recipient, new: &Recipient) -> BTreeSet<&'static str> {
    let Some(resource) = new.kind.resource() else { return BTreeSet::new() };
    all(resource).filter(|name| value(old, name) != value(new, name)).collect()
}

/// The chosen properties. What was never set is absent, or null where `nulls`.
pub fn object(recipient: &Recipient, properties: &[&'static str], nulls: bool) -> Map<String, Value> {
    let mut object = Map::new();
    let id = recipient.external_id.map(|id| Value::String(id.to_string()));
    object.insert("id".to_owned(), id.unwrap_or(Value::Null));
    for name in properties.iter().filter(|name| !matches!(**name, "members" | "manager" | "id")) {
        match value(recipient, name) {
            Some(value) => object.insert((*name).to_owned(), value),
            None if nulls => object.insert((*name).to_owned(), Value::Null),
            None => None,
        };
    }
    object
}

fn text(value: &str) -> Option<Value> {
    (!value.is_empty()).then(|| Value::String(value.to_owned()))
}

fn value(recipient: &Recipient, name: &str) -> Option<Value> {
    match name {
        "id" => recipient.external_id.map(|id| Value::String(id.to_string())),
        "displayName" => text(&recipient.display_name),
        "mail" => text(recipient.primary()),
        "mailNickname" => text(&recipient.alias),
        "proxyAddresses" => Some(json!(recipient.addresses)),
        "onPremisesSyncEnabled" => recipient.dir_synced.then_some(Value::Bool(true)),
        "createdDateTime" => Some(json!(recipient.created)),
        _ => match recipient.kind.resource()? {
            Resource::Users => user(recipient, name),
            Resource::Groups => group(recipient, name),
            Resource::Contacts => contact(recipient, name),
        },
    }
}

fn user(recipient: &Recipient, name: &str) -> Option<Value> {
    match name {
        "userPrincipalName" => recipient.user_principal_name.as_deref().and_then(text),
        "userType" => text(if recipient.kind == Kind::GuestMailUser { "Guest" } else { "Member" }),
        "accountEnabled" => Some(Value::Bool(recipient.enabled)),
        "otherMails" | "imAddresses" => {
            let outside = recipient.external_address.iter().filter(|_| recipient.kind == Kind::GuestMailUser);
            Some(json!(outside.collect::<Vec<_>>()))
        }
        "businessPhones" => Some(Value::Array(text(recipient.attribute("Phone")).into_iter().collect())),
        "country" => text(friendly_name(recipient.attribute("CountryOrRegion"))),
        "assignedPlans" => Some(plans(recipient)),
        "assignedLicenses" => Some(json!([])),
        "onPremisesImmutableId" => recipient.dir_synced.then(|| immutable_id(recipient)),
        "onPremisesExtensionAttributes" => {
            let value = |exchange| text(recipient.attribute(exchange)).unwrap_or(Value::Null);
            Some(CUSTOM.iter().map(|(exchange, graph)| ((*graph).to_owned(), value(exchange))).collect())
        }
        _ => text(recipient.attribute(PERSON.iter().find(|known| known.user == Some(name))?.name)),
    }
}

fn plans(recipient: &Recipient) -> Value {
    let plan = json!({
        "assignedDateTime": recipient.created,
        "capabilityStatus": "Enabled",
        "service": "exchange",
        "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0",
    });
    Value::Array(recipient.licensed.then_some(plan).into_iter().collect())
}

fn immutable_id(recipient: &Recipient) -> Value {
    use base64::Engine;
    Value::String(base64::engine::general_purpose::STANDARD.encode(recipient.guid.to_bytes_le()))
}

fn group(recipient: &Recipient, name: &str) -> Option<Value> {
    let kind = recipient.kind;
    match name {
        "description" => text(recipient.attribute("Notes")),
        "mailEnabled" => Some(Value::Bool(kind != Kind::SecurityGroup)),
        "securityEnabled" => Some(Value::Bool(matches!(kind, Kind::MailUniversalSecurityGroup | Kind::SecurityGroup))),
        "groupTypes" => Some(json!(if kind == Kind::GroupMailbox { vec!["Unified"] } else { vec![] })),
        "visibility" if kind == Kind::GroupMailbox => {
            let hidden = recipient.group.as_ref().is_some_and(|group| group.hidden_membership);
            text(if hidden { "HiddenMembership" } else { "Private" })
        }
        "hideFromAddressLists" | "hideFromOutlookClients" => Some(Value::Bool(recipient.hidden)),
        "allowExternalSenders" => Some(Value::Bool(!recipient.require_sender_authentication)),
        _ => None,
    }
}

fn contact(recipient: &Recipient, name: &str) -> Option<Value> {
    let attribute = |name| text(recipient.attribute(name)).unwrap_or(Value::Null);
    match name {
        "givenName" => text(recipient.attribute("FirstName")),
        "surname" => text(recipient.attribute("LastName")),
        "companyName" => text(recipient.attribute("Company")),
        "department" => text(recipient.attribute("Department")),
        "jobTitle" => text(recipient.attribute("Title")),
        "serviceProvisioningErrors" => Some(json!([])),
        "addresses" => {
            let address = json!({
                "city": attribute("City"),
                "countryOrRegion": text(friendly_name(recipient.attribute("CountryOrRegion"))),
                "officeLocation": attribute("Office"),
                "postalCode": attribute("PostalCode"),
                "state": attribute("StateOrProvince"),
                "street": attribute("StreetAddress"),
            });
            let set = address.as_object().is_some_and(|fields| fields.values().any(|value| !value.is_null()));
            Some(Value::Array(set.then_some(address).into_iter().collect()))
        }
        "phones" => {
            let kinds = [("mobile", "MobilePhone"), ("business", "Phone"), ("businessFax", "Fax")];
            let phones = kinds.iter().filter(|(_, name)| !recipient.attribute(name).is_empty());
            Some(phones.map(|(kind, name)| json!({"type": kind, "number": recipient.attribute(name)})).collect())
        }
        _ => None,
    }
}
