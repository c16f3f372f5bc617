//! Changes that people or tests ask for through the admin endpoint: what an administrator of the tenant would do.

use super::config::ObjectSpec;
use super::directory::Number;
use super::objects::{self, ObjectError};
use super::recipient::Recipient;
use super::tenant::{LostDelta, Tenant};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One change; objects are named by any of their addresses, or by name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    Add(Box<ObjectSpec>),
    /// Sets attributes by Exchange's names; an empty value clears.
    Set {
        object: String,
        attributes: BTreeMap<String, String>,
    },
    /// A new display name, a new primary address (the one before stays), or both.
    Rename {
        object: String,
        display_name: Option<String>,
        mail: Option<String>,
    },
    Hide {
        object: String,
    },
    Show {
        object: String,
    },
    Delete {
        object: String,
    },
    AddMember {
        group: String,
        member: String,
    },
    RemoveMember {
        group: String,
        member: String,
    },
    /// Comes from an Active Directory from now on, or no longer.
    Synchronized {
        object: String,
        value: bool,
    },
    /// Graph forgets every delta token that it gave out until now, and says so like this.
    LoseDelta(LostDelta),
}

pub fn apply(change: &Change, tenant: &mut Tenant, now: Timestamp) -> Result<(), ObjectError> {
    match change {
        Change::Add(spec) => {
            let made = objects::build(spec, tenant, now)?;
            tenant.add(made, now).map(|_| ()).map_err(|_| ObjectError::Taken(spec.display_name.clone()))
        }
        Change::Delete { object } => {
            let number = find(tenant, object)?;
            tenant.delete(number, now);
            Ok(())
        }
        Change::Set { object, attributes } => {
            edit(tenant, object, now, |found| objects::set_attributes(found, attributes))
        }
        Change::Rename { object, display_name, mail } => edit(tenant, object, now, |found| {
            if let Some(name) = display_name {
                found.display_name.clone_from(name);
            }
            if let Some(mail) = mail {
                found.set_primary(mail, true);
                if found.user_principal_name.is_some() {
                    found.user_principal_name = Some(mail.clone());
                }
            }
            Ok(())
        }),
        Change::Hide { object } => edit(tenant, object, now, |found| {
            found.hidden = true;
            Ok(())
        }),
        Change::Show { object } => edit(tenant, object, now, |found| {
            found.hidden = false;
            Ok(())
        }),
        Change::Synchronized { object, value } => edit(tenant, object, now, |found| {
            found.dir_synced = *value;
            Ok(())
        }),
        Change::AddMember { group, member } => members(tenant, group, member, now, true),
        Change::RemoveMember { group, member } => members(tenant, group, member, now, false),
        Change::LoseDelta(lost) => {
            tenant.lost_delta = Some((now, *lost));
            Ok(())
        }
    }
}

fn find(tenant: &Tenant, object: &str) -> Result<Number, ObjectError> {
    tenant.directory.find(object, false).ok_or_else(|| ObjectError::Unknown(object.to_owned()))
}

fn edit(
    tenant: &mut Tenant,
    object: &str,
    now: Timestamp,
    change: impl FnOnce(&mut Recipient) -> Result<(), ObjectError>,
) -> Result<(), ObjectError> {
    let number = find(tenant, object)?;
    let mut found = Recipient::clone(tenant.directory.get(number).expect("it was found above"));
    change(&mut found)?;
    tenant.update(number, found, now).map_err(|_| ObjectError::Taken(object.to_owned()))
}

fn members(tenant: &mut Tenant, group: &str, member: &str, now: Timestamp, joins: bool) -> Result<(), ObjectError> {
    let number = find(tenant, member)?;
    let guid = tenant.directory.get(number).expect("it was found above").guid;
    edit(tenant, group, now, |found| {
        let wrong = || ObjectError::NotAGroup(group.to_owned());
        let members = &mut found.group.as_mut().ok_or_else(wrong)?.members;
        members.retain(|known| *known != guid);
        if joins {
            members.push(guid);
        }
        Ok(())
    })
}
