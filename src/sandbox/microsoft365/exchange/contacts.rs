//! The cmdlets that write mail contacts.

use super::addresses;
use super::cmdlet::{Bound, Cmdlet, Edit};
use super::country;
use super::error::CmdletError;
use super::output::Output;
use super::properties::{Naming, Shape, render};
use crate::model::SmtpAddress;
use crate::sandbox::microsoft365::attributes::{self, CUSTOM, LISTS, PERSON};
use crate::sandbox::microsoft365::directory::Number;
use crate::sandbox::microsoft365::recipient::{Kind, Recipient};
use crate::sandbox::microsoft365::tenant::Tenant;
use crate::sandbox::server::clock::after;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Carries out a writing cmdlet.
pub fn write(cmdlet: Cmdlet, bound: &Bound, tenant: &mut Tenant, now: Timestamp) -> Result<Output, CmdletError> {
    if bound.bool("WhatIf") == Some(true) {
        return Ok(Output::default());
    }
    match cmdlet {
        Cmdlet::NewMailContact => new(bound, tenant, now),
        Cmdlet::SetMailContact => set(bound, tenant, now, cmdlet, set_mail_contact),
        Cmdlet::SetContact => set(bound, tenant, now, cmdlet, set_contact),
        _ => remove(bound, tenant, now),
    }
}

fn new(bound: &Bound, tenant: &mut Tenant, now: Timestamp) -> Result<Output, CmdletError> {
    let name = bound.needed("Name")?.trim().to_owned();
    let external = external_address(bound.needed("ExternalEmailAddress")?, "ExternalEmailAddress")?;
    let alias = match bound.text("Alias") {
        Some(alias) => checked_alias(alias)?,
        None => default_alias(&name),
    };
    if tenant.creates.as_mut().is_some_and(|window| !window.permits(now)) {
        return Err(CmdletError::CreateQuota);
    }
    tenant.contacts_made += 1;
    let lagging = tenant.contacts_made.is_multiple_of(u64::from(tenant.exchange.lag_every));
    let mut contact = Recipient {
        guid: tenant.new_id(),
        external_id: Some(tenant.new_id()),
        kind: Kind::MailContact,
        display_name: bound.text("DisplayName").filter(|text| !text.is_empty()).unwrap_or(&name).to_owned(),
        addresses: vec![format!("SMTP:{external}")],
        external_address: Some(external),
        user_principal_name: None,
        hidden: false,
        dir_synced: false,
        enabled: true,
        licensed: false,
        legacy_dn: tenant.new_legacy_dn(&alias),
        attributes: BTreeMap::new(),
        lists: BTreeMap::new(),
        require_sender_authentication: false,
        accept_only_from: Vec::new(),
        group: None,
        created: now,
        changed: now,
        found_from: if lagging { after(now, tenant.exchange.read_after_write_lag) } else { now },
        name,
        alias,
    };
    for (name, value) in bound.iter() {
        if let Some(known) = attributes::canonical(name) {
            contact.set_attribute(known, value.as_str().unwrap_or_default().trim());
        }
    }
    let number = tenant.add(contact, now)?;
    if let Some(window) = tenant.creates.as_mut() {
        window.count(now);
    }
    let organization = tenant.organization.to_string();
    let naming = Naming { organization: &organization, directory: &tenant.directory };
    let made = tenant.directory.get(number).expect("it was added above");
    Ok(Output::one(render(made, &Shape::MailContact.properties(), naming)))
}

/// Finds a mail contact that can be found by now.
fn find(bound: &Bound, tenant: &Tenant, strict: bool, now: Timestamp) -> Result<Number, CmdletError> {
    let identity = bound.needed("Identity")?;
    let missing = || CmdletError::NotFound(identity.to_owned());
    let number = tenant.directory.find(identity, strict).ok_or_else(missing)?;
    let found = tenant.directory.get(number).ok_or_else(missing)?;
    if found.kind != Kind::MailContact || found.found_from > now { Err(missing()) } else { Ok(number) }
}

type Setter = fn(&mut Recipient, &Bound, &Tenant) -> Result<(), CmdletError>;

fn set(
    bound: &Bound,
    tenant: &mut Tenant,
    now: Timestamp,
    cmdlet: Cmdlet,
    setter: Setter,
) -> Result<Output, CmdletError> {
    let number = find(bound, tenant, cmdlet == Cmdlet::SetContact, now)?;
    let before = tenant.directory.get(number).expect("it was found above").clone();
    if before.dir_synced {
        return Err(CmdletError::DirSynced(before.name.clone(), cmdlet.name()));
    }
    let mut contact = Recipient::clone(&before);
    if let Some(name) = bound.text("Name") {
        contact.name = name.trim().to_owned();
    }
    if let Some(name) = bound.text("DisplayName").filter(|name| !name.trim().is_empty()) {
        contact.display_name = name.trim().to_owned();
    }
    if let Some(address) = bound.text("WindowsEmailAddress") {
        contact.set_primary(&external_address(address, "WindowsEmailAddress")?, true);
    }
    setter(&mut contact, bound, tenant)?;
    if contact == *before {
        let warning =
            format!("The command completed successfully but no settings of '{}' have been modified.", before.name);
        return Ok(Output { warnings: vec![warning], ..Output::default() });
    }
    tenant.update(number, contact, now)?;
    Ok(Output::default())
}

fn set_mail_contact(contact: &mut Recipient, bound: &Bound, tenant: &Tenant) -> Result<(), CmdletError> {
    if let Some(alias) = bound.text("Alias") {
        contact.alias = checked_alias(alias)?;
    }
    if let Some(address) = bound.text("ExternalEmailAddress") {
        let address = external_address(address, "ExternalEmailAddress")?;
        // The address before is not kept.
        let old = contact.external_address.replace(address.clone());
        let same = |proxy: &String| old.as_ref().is_some_and(|old| proxy.eq_ignore_ascii_case(&format!("smtp:{old}")));
        let was_primary = old.as_deref().is_some_and(|old| contact.primary().eq_ignore_ascii_case(old));
        if was_primary {
            contact.set_primary(&address, false);
        } else {
            contact.addresses.retain(|proxy| !same(proxy));
        }
    }
    if let Some(edit) = bound.edit("EmailAddresses") {
        addresses::apply(contact, &edit)?;
    }
    if let Some(hidden) = bound.bool("HiddenFromAddressListsEnabled") {
        contact.hidden = hidden;
    }
    if let Some(required) = bound.bool("RequireSenderAuthenticationEnabled") {
        contact.require_sender_authentication = required;
    }
    if let Some(edit) = bound.edit("AcceptMessagesOnlyFromSendersOrMembers") {
        let Edit::Replace(names) = edit else {
            return Err(CmdletError::BadRequest("The sandbox takes a whole list of senders only.".to_owned()));
        };
        let sender = |name: &String| {
            let found = tenant.directory.find(name, false).and_then(|number| tenant.directory.get(number));
            found.map(|sender| sender.guid).ok_or_else(|| CmdletError::NotFound(name.clone()))
        };
        contact.accept_only_from = names.iter().map(sender).collect::<Result<_, _>>()?;
    }
    set_texts(contact, bound, tenant)
}

fn set_contact(contact: &mut Recipient, bound: &Bound, tenant: &Tenant) -> Result<(), CmdletError> {
    set_texts(contact, bound, tenant)
}

/// Texts and lists of texts that were given, whichever the cmdlet has.
fn set_texts(contact: &mut Recipient, bound: &Bound, tenant: &Tenant) -> Result<(), CmdletError> {
    for (name, value) in bound.iter() {
        if let Some(list) = LISTS.iter().find(|known| **known == name) {
            let values = contact.lists.entry(list).or_default();
            match bound.edit(name) {
                Some(Edit::Replace(new)) => *values = new,
                Some(Edit::Change { add, remove }) => {
                    values.retain(|value| !remove.contains(value));
                    values.extend(add);
                }
                None => {}
            }
            if contact.lists.get(list).is_some_and(Vec::is_empty) {
                contact.lists.remove(list);
            }
            continue;
        }
        let known = PERSON.iter().map(|known| known.name).chain(CUSTOM.iter().map(|(name, _)| *name));
        let Some(known) = known.chain(["MailTip"]).find(|known| *known == name) else { continue };
        let text = value.as_str().unwrap_or_default().trim();
        match known {
            "CountryOrRegion" if !text.is_empty() => {
                let wrong = || CmdletError::Transformation {
                    parameter: known.to_owned(),
                    value: text.to_owned(),
                    kind: "Microsoft.Exchange.Data.Directory.CountryInfo",
                };
                contact.set_attribute(known, country::code(text).ok_or_else(wrong)?);
            }
            "Manager" if !text.is_empty() => {
                let found = tenant.directory.find(text, false).and_then(|number| tenant.directory.get(number));
                let manager = found.ok_or_else(|| CmdletError::NotFound(text.to_owned()))?.name.clone();
                contact.set_attribute(known, &manager);
            }
            _ => contact.set_attribute(known, text),
        }
    }
    Ok(())
}

fn remove(bound: &Bound, tenant: &mut Tenant, now: Timestamp) -> Result<Output, CmdletError> {
    let number = find(bound, tenant, false, now)?;
    let contact = tenant.directory.get(number).expect("it was found above");
    if contact.dir_synced {
        return Err(CmdletError::DirSynced(contact.name.clone(), Cmdlet::RemoveMailContact.name()));
    }
    // Without Confirm:$false the cmdlet asks, and nobody answers.
    if bound.bool("Confirm") != Some(false) {
        let sentence = "A command that prompts the user failed because the host program or the command type does not support user interaction.";
        return Err(CmdletError::BadRequest(sentence.to_owned()));
    }
    tenant.delete(number, now);
    Ok(Output::default())
}

/// An SMTP address with or without prefix, as it was written.
fn external_address(text: &str, parameter: &str) -> Result<String, CmdletError> {
    let bare = text.trim();
    let bare = match bare.split_once(':') {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("smtp") => rest.trim(),
        _ => bare,
    };
    match SmtpAddress::parse(bare) {
        Ok(_) => Ok(bare.to_owned()),
        Err(_) => Err(CmdletError::Transformation {
            parameter: parameter.to_owned(),
            value: text.to_owned(),
            kind: "Microsoft.Exchange.Data.ProxyAddress",
        }),
    }
}

fn is_alias_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn checked_alias(alias: &str) -> Result<String, CmdletError> {
    let alias = alias.trim();
    let dots = alias.starts_with('.') || alias.ends_with('.') || alias.contains("..");
    if alias.is_empty() || dots || !alias.chars().all(is_alias_character) {
        let rule = "Strings formed with characters from A to Z (uppercase or lowercase), digits from 0 to 9, !, #, $, %, &, ', *, +, -, /, =, ?, ^, _, `, {, |, } or ~, and one or more periods embedded";
        return Err(CmdletError::Invalid { parameter: "Alias".to_owned(), value: alias.to_owned(), rule });
    }
    Ok(alias.to_owned())
}

/// Blanks go, bad characters become question marks.
fn default_alias(name: &str) -> String {
    let kept = name.chars().filter(|c| !c.is_whitespace());
    kept.map(|c| if is_alias_character(c) { c } else { '?' }).take(64).collect()
}
