//! Whether contacts can be written, found out without leaving traces: the server says what the account may do.

use super::connection::Session;
use super::search::Query;
use super::source_verify::password_expiry;
use super::target::ExchangeTarget;
use super::{forest, names};
use crate::directory::Error;
use crate::model::OwnerMark;
use crate::model::observed::Verification;

const SAMPLE: i32 = 50;
/// Attributes without which a contact of ours cannot be changed.
const NEEDED: &[&str] = &["displayName", "mail", "proxyAddresses", "targetAddress", "showInAddressBook"];

pub(super) async fn verify(target: &ExchangeTarget) -> Result<Verification, Error> {
    let session = target.session().await?;
    let known = target.info(&session).await?;
    owner_attribute_is_free(target, &session).await?;
    let mut found = Verification {
        identity: known.scope.target.to_string(),
        can_read: true,
        domains: forest::accepted_domains(&session).await?,
        ..Verification::default()
    };
    let (can_write, warnings) = rights(target, &session).await?;
    found.can_write = can_write;
    found.warnings = warnings;
    found.credential_expires = password_expiry(&session, target.access.username()).await?;
    Ok(found)
}

async fn owner_attribute_is_free(target: &ExchangeTarget, session: &Session) -> Result<(), Error> {
    let attribute = &target.owner_attribute;
    let root = session.naming_context_of(target.contacts_ou()).expect("checked when connecting");
    let filter = format!("(&(mailNickname=*)({attribute}=*)(!({attribute}=gs*)))");
    let others = session.find(&Query::subtree(root, filter, &["objectGUID", attribute]).at_most(SAMPLE)).await?;
    let filter = format!("(&(mailNickname=*)({attribute}=gs*))");
    let alike = session.find(&Query::subtree(root, filter, &["objectGUID", attribute]).at_most(SAMPLE)).await?;
    let mut values = others.iter().chain(&alike).filter_map(|record| record.text(attribute));
    match values.all(OwnerMark::looks_like) {
        true => Ok(()),
        false => Err(Error::OwnerAttributeInUse { attribute: attribute.clone() }),
    }
}

/// The classes of objects that the account may create below `dn`; `None` = there is no such object.
async fn creatable(session: &Session, dn: &str) -> Result<Option<Vec<String>>, Error> {
    let found = session.read(dn, &["allowedChildClassesEffective"]).await?;
    Ok(found.map(|record| record.texts("allowedChildClassesEffective").map(str::to_lowercase).collect()))
}

async fn rights(target: &ExchangeTarget, session: &Session) -> Result<(bool, Vec<String>), Error> {
    let ou = target.contacts_ou();
    let has = |classes: &[String], class: &str| classes.iter().any(|own| own == class);
    let mut warnings = Vec::new();
    let mut can_write = true;
    match creatable(session, ou).await? {
        Some(classes) if has(&classes, "contact") => {
            if has(&classes, "user") || has(&classes, "group") {
                warnings.push(format!("the account may create more than contacts in {ou}; that is wider than needed"));
            }
        }
        Some(_) => {
            can_write = false;
            warnings.push(format!(
                "the account may not create contacts in {ou}; grant it Create and Delete of contact objects there"
            ));
        }
        None => {
            let above = names::parent(ou);
            let classes = creatable(session, above).await?;
            can_write = classes.as_ref().is_none_or(|classes| has(classes, "organizationalunit"));
            if !can_write {
                warnings.push(format!("{ou} does not exist, and the account may not make it in {above}"));
            }
        }
    }
    let missing = unwritable(target, session).await?;
    if !missing.is_empty() {
        can_write = false;
        warnings.push(format!(
            "the account may not write {} of the contacts in {ou}; grant it Write All Properties on contact objects there",
            missing.join(", ")
        ));
    }
    let root = session.naming_context_of(ou).expect("checked when connecting");
    if creatable(session, root).await?.is_some_and(|classes| !classes.is_empty()) {
        warnings.push(format!("the account may create objects in {root}; rights on {ou} alone are enough"));
    }
    Ok((can_write, warnings))
}

/// Asked of any contact that is there already; without one, nothing is known to be missing.
async fn unwritable(target: &ExchangeTarget, session: &Session) -> Result<Vec<String>, Error> {
    let ou = target.contacts_ou();
    if session.read(ou, &["objectClass"]).await?.is_none() {
        return Ok(Vec::new());
    }
    let query = Query::subtree(ou, "(objectClass=contact)", &["allowedAttributesEffective"]).at_most(1);
    let Some(contact) = session.find(&query).await?.pop() else { return Ok(Vec::new()) };
    let allowed: Vec<String> = contact.texts("allowedAttributesEffective").map(str::to_lowercase).collect();
    let needed = NEEDED.iter().copied().chain([target.owner_attribute.as_str()]);
    Ok(needed.filter(|name| !allowed.contains(&name.to_lowercase())).map(str::to_owned).collect())
}
