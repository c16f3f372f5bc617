//! Objects from the configuration or from a change asked for by a person, completed as the real service would.

use super::attributes;
use super::config::ObjectSpec;
use super::exchange::country;
use super::recipient::{Group, Kind, Recipient};
use super::tenant::Tenant;
use crate::sandbox::microsoft365::guid::Guid;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// An object cannot be made or changed as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    #[error("{0}: there is no attribute '{1}'; write one that a contact or mailbox has in Exchange, such as Title")]
    Attribute(String, String),
    #[error("{0}: no object that stands before it has the address {1}; write that one first")]
    Reference(String, String),
    #[error("{0}: this kind needs {1}; write it")]
    Missing(String, &'static str),
    #[error("{0}: its name, alias or one of its addresses is another object's; write another")]
    Taken(String),
    #[error("no object has the address {0}")]
    Unknown(String),
    #[error("{0} is not a group, so it has no members")]
    NotAGroup(String),
}

/// Completes `spec`; groups find their members in `tenant`.
pub fn build(spec: &ObjectSpec, tenant: &mut Tenant, now: Timestamp) -> Result<Recipient, ObjectError> {
    let shown = spec.display_name.clone();
    let kind = spec.kind;
    let external = spec.external_address.clone();
    if kind.has_external_address() && external.is_none() {
        return Err(ObjectError::Missing(shown, "externalAddress"));
    }
    let alias = spec.alias.clone().unwrap_or_else(|| alias_of(spec));
    let mail = match (&spec.mail, kind) {
        (Some(mail), _) => Some(mail.clone()),
        (None, Kind::MailContact | Kind::GuestMailUser) => external.clone(),
        (None, kind) if kind.in_exchange() => Some(format!("{alias}@{}", tenant.default_domain())),
        _ => None,
    };
    let mut addresses: Vec<String> = mail.iter().map(|mail| format!("SMTP:{mail}")).collect();
    addresses.extend(spec.addresses.iter().cloned());
    let guid = spec.guid.unwrap_or_else(|| tenant.new_id());
    let external_id = kind.resource().map(|_| spec.id.unwrap_or_else(|| tenant.new_id()));
    let is_account = kind.resource() == Some(super::recipient::Resource::Users);
    let group = kind.is_group().then(|| Group { hidden_membership: spec.hidden_membership, ..Group::default() });
    let mut recipient = Recipient {
        guid,
        external_id,
        kind,
        name: spec.name.clone().unwrap_or_else(|| name_of(&spec.display_name, tenant)),
        display_name: spec.display_name.clone(),
        user_principal_name: is_account.then(|| principal(kind, mail.as_deref(), &alias, tenant)),
        addresses,
        external_address: external,
        hidden: spec.hidden,
        dir_synced: spec.dir_synced,
        enabled: !spec.disabled && !matches!(kind, Kind::SharedMailbox | Kind::RoomMailbox | Kind::EquipmentMailbox),
        licensed: kind == Kind::UserMailbox,
        legacy_dn: if kind.in_exchange() { tenant.new_legacy_dn(&alias) } else { String::new() },
        attributes: BTreeMap::new(),
        lists: BTreeMap::new(),
        require_sender_authentication: spec.require_sender_authentication,
        accept_only_from: Vec::new(),
        group,
        created: now,
        changed: now,
        found_from: now,
        alias,
    };
    recipient.accept_only_from = references(&spec.accept_only_from, &recipient.display_name, tenant)?;
    let members = references(&spec.members, &recipient.display_name, tenant)?;
    if let Some(group) = recipient.group.as_mut() {
        group.members = members;
        let dynamic = kind == Kind::DynamicDistributionGroup;
        group.recipient_filter = dynamic.then(|| "((RecipientTypeDetails -eq 'UserMailbox'))".to_owned());
    }
    set_attributes(&mut recipient, &spec.attributes)?;
    Ok(recipient)
}

/// Sets texts by Exchange's names; an empty value clears.
pub fn set_attributes(recipient: &mut Recipient, attributes: &BTreeMap<String, String>) -> Result<(), ObjectError> {
    for (name, value) in attributes {
        let unknown = || ObjectError::Attribute(recipient.display_name.clone(), name.clone());
        let known = attributes::canonical(name).ok_or_else(unknown)?;
        let value = if known == "CountryOrRegion" { country::code(value).unwrap_or(value) } else { value };
        recipient.set_attribute(known, value);
    }
    Ok(())
}

fn references(addresses: &[String], shown: &str, tenant: &Tenant) -> Result<Vec<Guid>, ObjectError> {
    let find = |address: &String| {
        let found = tenant.directory.by_address(address).and_then(|number| tenant.directory.get(number));
        found.map(|found| found.guid).ok_or_else(|| ObjectError::Reference(shown.to_owned(), address.clone()))
    };
    addresses.iter().map(find).collect()
}

/// The part of the address before @, or the display name in ASCII.
fn alias_of(spec: &ObjectSpec) -> String {
    let mail = spec.mail.as_ref().or(spec.external_address.as_ref());
    match mail.and_then(|mail| mail.split_once('@')) {
        Some((local, _)) => local.to_owned(),
        None => crate::sandbox::people::ascii(&spec.display_name),
    }
}

/// A name that is not taken: the display name, with a number for homonyms.
fn name_of(display_name: &str, tenant: &Tenant) -> String {
    let base: String = display_name.chars().take(56).collect();
    let free = |name: &String| tenant.directory.find(name, true).is_none();
    std::iter::once(base.clone())
        .chain((2..).map(|number| format!("{base} {number}")))
        .find(free)
        .expect("some number is free")
}

fn principal(kind: Kind, mail: Option<&str>, alias: &str, tenant: &Tenant) -> String {
    match (kind, mail) {
        (Kind::GuestMailUser, Some(mail)) => format!("{}#EXT#@{}", mail.replace('@', "_"), tenant.organization),
        (_, Some(mail)) => mail.to_owned(),
        (_, None) => format!("{alias}@{}", tenant.organization),
    }
}
