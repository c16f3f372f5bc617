//! What cmdlets show of an object, and the sidecars that tell the types.

use super::country::friendly_name;
use crate::sandbox::microsoft365::attributes::{self, CUSTOM, LISTS, PERSON};
use crate::sandbox::microsoft365::directory::Directory;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::recipient::{Kind, Recipient};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A value with its type in the wire format.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    Text(String),
    Bool(bool),
    Guid(Guid),
    Time(Timestamp),
    Texts(Vec<String>),
    Null,
}

/// Where references are looked up.
#[derive(Debug, Clone, Copy)]
pub struct Naming<'a> {
    pub organization: &'a str,
    pub directory: &'a Directory,
}

const COMMON: &[&str] = &[
    "Identity",
    "Id",
    "Name",
    "Alias",
    "DisplayName",
    "Guid",
    "ExternalDirectoryObjectId",
    "DistinguishedName",
    "OrganizationId",
    "RecipientType",
    "RecipientTypeDetails",
    "PrimarySmtpAddress",
    "EmailAddresses",
    "ExternalEmailAddress",
    "EmailAddressPolicyEnabled",
    "PoliciesExcluded",
    "HiddenFromAddressListsEnabled",
    "AddressListMembership",
    "LegacyExchangeDN",
    "WindowsLiveID",
    "IsDirSynced",
    "WhenCreatedUTC",
    "WhenChangedUTC",
];

const MAIL_ENABLED: &[&str] = &[
    "RequireSenderAuthenticationEnabled",
    "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers",
    "AcceptMessagesOnlyFromSendersOrMembers",
    "WindowsEmailAddress",
    "MailTip",
];

const GROUP: &[&str] = &["GroupType", "ManagedBy", "HiddenGroupMembershipEnabled", "Description", "MemberCount"];
const UNIFIED: &[&str] =
    &["AccessType", "HiddenFromExchangeClientsEnabled", "Notes", "ManagedBy", "HiddenGroupMembershipEnabled"];
const DYNAMIC: &[&str] = &["RecipientFilter", "ManagedBy", "Notes"];
const CONTACT: &[&str] = &[
    "Identity",
    "Id",
    "Name",
    "DisplayName",
    "Guid",
    "DistinguishedName",
    "OrganizationId",
    "RecipientType",
    "RecipientTypeDetails",
    "IsDirSynced",
    "WindowsEmailAddress",
    "WhenCreatedUTC",
    "WhenChangedUTC",
];

/// Which cmdlet's result it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Recipient,
    MailContact,
    Contact,
    Mailbox,
    DistributionGroup,
    UnifiedGroup,
    DynamicDistributionGroup,
}

impl Shape {
    /// Names of all its properties.
    pub fn properties(self) -> Vec<&'static str> {
        let person = |on_recipient: bool| {
            PERSON.iter().filter(move |known| known.on_recipient || !on_recipient).map(|known| known.name)
        };
        let custom = CUSTOM.iter().map(|(name, _)| *name);
        let lists = LISTS.iter().copied();
        let extension = lists.clone().filter(|name| name.starts_with("Extension"));
        let common = COMMON.iter().copied().chain(custom).chain(extension);
        let enabled = MAIL_ENABLED.iter().copied();
        match self {
            Self::Recipient => common.chain(person(true)).chain(["ManagedBy", "SKUAssigned"]).collect(),
            Self::MailContact | Self::Mailbox => common.chain(enabled).collect(),
            Self::Contact => {
                let others = lists.filter(|name| !name.starts_with("Extension"));
                CONTACT.iter().copied().chain(person(false)).chain(others).collect()
            }
            Self::DistributionGroup => common.chain(enabled).chain(GROUP.iter().copied()).collect(),
            Self::UnifiedGroup => common.chain(enabled).chain(UNIFIED.iter().copied()).collect(),
            Self::DynamicDistributionGroup => common.chain(enabled).chain(DYNAMIC.iter().copied()).collect(),
        }
    }
}

/// The value of a property by its canonical name; none where there is no such property.
pub fn value(recipient: &Recipient, name: &str, naming: Naming<'_>) -> Option<Typed> {
    let text = |text: &str| Some(Typed::Text(text.to_owned()));
    match name {
        "Identity" | "Id" | "Name" => text(&recipient.name),
        "Alias" => text(&recipient.alias),
        "DisplayName" => text(&recipient.display_name),
        "Guid" => Some(Typed::Guid(recipient.guid)),
        "ExternalDirectoryObjectId" => text(&recipient.external_id.map(|id| id.to_string()).unwrap_or_default()),
        "DistinguishedName" => text(&recipient.distinguished_name(naming.organization)),
        "OrganizationId" => text(&format!("EURP000A001.PROD.OUTLOOK.COM/{0} - {0}", naming.organization)),
        "RecipientType" => text(recipient.kind.recipient_type()),
        "RecipientTypeDetails" => text(recipient.kind.details()),
        "PrimarySmtpAddress" | "WindowsEmailAddress" => text(recipient.primary()),
        "EmailAddresses" => Some(Typed::Texts(recipient.addresses.clone())),
        "ExternalEmailAddress" => Some(
            recipient.external_address.as_ref().map_or(Typed::Null, |address| Typed::Text(format!("SMTP:{address}"))),
        ),
        "EmailAddressPolicyEnabled" => Some(Typed::Bool(false)),
        "PoliciesExcluded" => Some(Typed::Texts(vec!["{26491cfc-9e50-4857-861b-0cb8df22b5d7}".to_owned()])),
        "HiddenFromAddressListsEnabled" | "HiddenFromExchangeClientsEnabled" => Some(Typed::Bool(recipient.hidden)),
        "AddressListMembership" => Some(Typed::Texts(address_lists(recipient))),
        "LegacyExchangeDN" => text(&recipient.legacy_dn),
        "WindowsLiveID" => text(recipient.user_principal_name.as_deref().unwrap_or_default()),
        "IsDirSynced" => Some(Typed::Bool(recipient.dir_synced)),
        "SKUAssigned" => Some(if recipient.kind.is_mailbox() { Typed::Bool(recipient.licensed) } else { Typed::Null }),
        "WhenCreatedUTC" => Some(Typed::Time(recipient.created)),
        "WhenChangedUTC" => Some(Typed::Time(recipient.changed)),
        "CountryOrRegion" => text(friendly_name(recipient.attribute("CountryOrRegion"))),
        "RequireSenderAuthenticationEnabled" => Some(Typed::Bool(recipient.require_sender_authentication)),
        "AcceptMessagesOnlyFrom" => Some(Typed::Texts(senders(recipient, naming, false))),
        "AcceptMessagesOnlyFromDLMembers" => Some(Typed::Texts(senders(recipient, naming, true))),
        "AcceptMessagesOnlyFromSendersOrMembers" => {
            let mut all = senders(recipient, naming, false);
            all.extend(senders(recipient, naming, true));
            Some(Typed::Texts(all))
        }
        "GroupType" => text(match recipient.kind {
            Kind::MailUniversalSecurityGroup => "Universal, SecurityEnabled",
            _ => "Universal",
        }),
        "ManagedBy" => Some(Typed::Texts(Vec::new())),
        "HiddenGroupMembershipEnabled" => {
            Some(Typed::Bool(recipient.group.as_ref().is_some_and(|group| group.hidden_membership)))
        }
        "AccessType" => text("Private"),
        "Description" => text(recipient.attribute("Notes")),
        "MemberCount" => text(&recipient.group.as_ref().map_or(0, |group| group.members.len()).to_string()),
        "RecipientFilter" => {
            text(recipient.group.as_ref().and_then(|group| group.recipient_filter.as_deref()).unwrap_or_default())
        }
        _ => match LISTS.iter().find(|known| **known == name) {
            Some(list) => Some(Typed::Texts(recipient.lists.get(list).cloned().unwrap_or_default())),
            None => attributes::canonical(name).map(|known| Typed::Text(recipient.attribute(known).to_owned())),
        },
    }
}

fn senders(recipient: &Recipient, naming: Naming<'_>, groups: bool) -> Vec<String> {
    let found = recipient.accept_only_from.iter().filter_map(|guid| naming.directory.by_guid(*guid));
    found.filter(|sender| sender.kind.is_group() == groups).map(|sender| sender.name.clone()).collect()
}

fn address_lists(recipient: &Recipient) -> Vec<String> {
    if recipient.hidden {
        return Vec::new();
    }
    let own = match recipient.kind {
        Kind::MailContact => "\\All Contacts",
        Kind::RoomMailbox => "\\All Rooms",
        kind if kind.is_group() => "\\All Distribution Lists",
        _ => "\\All Users",
    };
    vec!["\\Default Global Address List".to_owned(), own.to_owned()]
}

/// The object as JSON with the sidecars of its types.
pub fn render(recipient: &Recipient, names: &[&'static str], naming: Naming<'_>) -> Value {
    let mut object = Map::new();
    for name in names {
        if let Some(value) = value(recipient, name, naming) {
            insert(&mut object, name, value);
        }
    }
    Value::Object(object)
}

/// One property with its sidecars.
pub fn insert(object: &mut Map<String, Value>, name: &str, value: Typed) {
    let mut sidecar = |kind: &str, text: &str| object.insert(format!("{name}@{kind}"), Value::String(text.to_owned()));
    let value = match value {
        Typed::Text(text) => Value::String(text),
        Typed::Bool(value) => Value::Bool(value),
        Typed::Null => Value::Null,
        Typed::Guid(guid) => {
            sidecar("data.type", "System.Guid");
            sidecar("odata.type", "#Guid");
            Value::String(guid.to_string())
        }
        Typed::Time(time) => {
            sidecar("data.type", "System.DateTime");
            Value::String(time.strftime("%Y-%m-%dT%H:%M:%S.%7fZ").to_string())
        }
        Typed::Texts(texts) => {
            sidecar("odata.type", "#Collection(String)");
            json!(texts)
        }
    };
    object.insert(name.to_owned(), value);
}
