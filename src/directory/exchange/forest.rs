//! What a forest says of itself and of its Exchange organization, in the configuration naming context.

use super::connection::Session;
use super::failure::SYSTEM;
use super::names;
use super::record::Record;
use super::search::Query;
use crate::directory::Error;
use crate::model::connector::AddressLists;
use crate::model::{Domain, SystemIdentity};
use std::collections::BTreeSet;

/// Who the forest is: the objectGUID of its configuration naming context, the same at every controller and in
/// every domain.
pub(super) async fn identity(session: &Session) -> Result<SystemIdentity, Error> {
    let found = session.read(&session.root.configuration_naming_context, &["objectGUID"]).await?;
    let guid = found.as_ref().and_then(Record::guid);
    let protocol = || Error::Protocol {
        system: SYSTEM,
        hint: format!("the objectGUID of the configuration naming context cannot be read at {}", session.server),
    };
    let guid = guid.ok_or_else(protocol)?;
    Ok(SystemIdentity::new(guid).expect("a GUID in lower case is a system identity"))
}

/// What a writer must know of the Exchange organization to stamp contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Organization {
    /// Prefix of our legacyExchangeDNs: that of the administrative group.
    pub(super) legacy_dn: String,
    /// The address lists that our contacts show in, the GAL first.
    pub(super) address_lists: Vec<String>,
    /// msExchVersion of new recipients.
    pub(super) version: i64,
}

fn services(session: &Session) -> String {
    format!("CN=Microsoft Exchange,CN=Services,{}", session.root.configuration_naming_context)
}

fn unprepared(what: &str) -> Error {
    Error::Configuration(format!(
        "the forest has no {what}, or the connector's account may not read it in the configuration naming context"
    ))
}

impl Organization {
    /// # Errors
    /// [`Error::Configuration`] for a forest without Exchange, administrative group or global address list.
    pub(super) async fn read(session: &Session, lists: &AddressLists) -> Result<Self, Error> {
        let root = services(session);
        if session.read(&root, &["objectClass"]).await?.is_none() {
            return Err(unprepared("Exchange organization"));
        }
        let class = |name: &str| format!("(objectClass={name})");
        let wanted = ["legacyExchangeDN", "objectVersion", "cn"];
        let organizations = session.find(&Query::subtree(&root, class("msExchOrganizationContainer"), &wanted)).await?;
        let organization = organizations.first().ok_or_else(|| unprepared("Exchange organization"))?;
        let groups = session.find(&Query::subtree(&organization.dn, class("msExchAdminGroup"), &wanted)).await?;
        let containers = session
            .find(&Query::subtree(&organization.dn, class("addressBookContainer"), &["cn", "objectClass"]))
            .await?;
        let address_lists = match lists {
            AddressLists::Explicit(own) => own.clone(),
            AddressLists::Auto => automatic_lists(containers.iter().map(|list| list.dn.as_str()))
                .ok_or_else(|| unprepared("default global address list; name the lists in addressLists"))?,
        };
        Ok(Self {
            legacy_dn: administrative_group(&groups).ok_or_else(|| unprepared("Exchange administrative group"))?,
            address_lists,
            version: recipient_version(organization.number("objectVersion")),
        })
    }

    pub(super) fn legacy_exchange_dn(&self, name: &str) -> String {
        format!("{}/cn=Recipients/cn={name}", self.legacy_dn)
    }
}

/// The group that Exchange 2007 and later put everything into; in older forests whichever has a legacyExchangeDN.
fn administrative_group(groups: &[Record]) -> Option<String> {
    let own = |record: &Record| record.text("legacyExchangeDN").map(str::to_owned);
    let modern = groups.iter().find(|group| group.dn.to_lowercase().contains("(fydibohf23spdlt)"));
    modern.and_then(own).or_else(|| groups.iter().find_map(own))
}

/// The default GAL, "All Contacts", and the list that Outlook's directory view uses where there is one.
fn automatic_lists<'a>(lists: impl Iterator<Item = &'a str> + Clone) -> Option<Vec<String>> {
    let below = |parent: &str, name: &str| {
        let mut found = lists.clone().filter(|dn| {
            names::first_value(names::parent(dn)).eq_ignore_ascii_case(parent)
                && (name.is_empty() || names::first_value(dn).eq_ignore_ascii_case(name))
        });
        found.next().map(str::to_owned)
    };
    let gal = below("All Global Address Lists", "Default Global Address List")
        .or_else(|| below("All Global Address Lists", ""))?;
    let others = [below("All Address Lists", "All Contacts"), below("All System Address Lists", "All Recipients(VLV)")];
    Some([Some(gal)].into_iter().chain(others).flatten().collect())
}

/// By the organization's objectVersion; 2013 and later share one number.
fn recipient_version(object_version: Option<i64>) -> i64 {
    match object_version {
        Some(..12_000) => 4_535_486_012_416,
        Some(..15_000) => 44_220_983_382_016,
        _ => 88_218_628_259_840,
    }
}

/// Accepted domains of the type authoritative; empty where there are none to read.
pub(super) async fn accepted_domains(session: &Session) -> Result<BTreeSet<Domain>, Error> {
    /// Bits of msExchAcceptedDomainFlags that make a relay domain.
    const RELAY: i64 = 3;
    let root = services(session);
    if session.read(&root, &["objectClass"]).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let wanted = ["msExchAcceptedDomainName", "msExchAcceptedDomainFlags"];
    let found = session.find(&Query::subtree(&root, "(objectClass=msExchAcceptedDomain)", &wanted)).await?;
    let own = found.iter().filter(|domain| domain.number("msExchAcceptedDomainFlags").unwrap_or(0) & RELAY == 0);
    let parse = |record: &Record| Domain::parse(record.text("msExchAcceptedDomainName")?.trim_start_matches("*.")).ok();
    let unnamed = || Error::Protocol { system: SYSTEM, hint: "an accepted domain has no name".to_owned() };
    own.map(|record| parse(record).ok_or_else(unnamed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automatic_lists_begin_with_the_gal() {
        let container = "CN=Address Lists Container,CN=Corp,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=x";
        let gals = format!("CN=All Global Address Lists,{container}");
        let all = format!("CN=All Address Lists,{container}");
        let gal = format!("CN=Default Global Address List,{gals}");
        let contacts = format!("CN=All Contacts,{all}");
        let vlv = format!("CN=All Recipients(VLV),CN=All System Address Lists,{container}");
        let other = format!("CN=Branch,{gals}");
        let check = |lists: &[&String]| automatic_lists(lists.iter().map(|list| list.as_str()));
        assert_eq!(check(&[&contacts, &other, &vlv, &gal]), Some(vec![gal.clone(), contacts.clone(), vlv]));
        assert_eq!(check(&[&gal]), Some(vec![gal]));
        assert_eq!(check(&[&other]), Some(vec![other]));
        assert_eq!(check(&[&contacts, &gals]), None);
    }

    #[test]
    fn recipients_get_the_version_of_their_exchange() {
        for (version, wanted) in [
            (Some(11_222), 4_535_486_012_416),
            (Some(14_322), 44_220_983_382_016),
            (Some(16_763), 88_218_628_259_840),
            (None, 88_218_628_259_840),
        ] {
            assert_eq!(recipient_version(version), wanted);
        }
    }

    #[test]
    fn the_administrative_group_of_2007_and_later_is_preferred() {
        let old = Record::of("CN=First Administrative Group,CN=x", &[("legacyExchangeDN", &["/o=C/ou=First"])]);
        let dn = "CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=x";
        let modern = Record::of(dn, &[("legacyExchangeDN", &["/o=C/ou=Modern"])]);
        assert_eq!(administrative_group(&[old.clone(), modern]).as_deref(), Some("/o=C/ou=Modern"));
        assert_eq!(administrative_group(&[old]).as_deref(), Some("/o=C/ou=First"));
        assert_eq!(administrative_group(&[]), None);
    }
}
