//! The settings of a schedule between two companies that do not exist.

use super::people::Person;
use galsync::model::connector::{Connector, MemoryFile, RateLimit, System};
use galsync::model::entry_field::EntryCondition;
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::safety::{Policy, Safety};
use galsync::model::schedule::{Conflict, SourceRules, TargetRules};
use galsync::model::{Anchor, Attribute, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId};
use std::collections::BTreeSet;

pub fn entry(person: &Person) -> Entry {
    let mut entry = Entry::new(Anchor::new(person.anchor.as_str()).expect("an anchor"), RecipientType::UserMailbox);
    entry.primary = Some(SmtpAddress::parse(&person.address).expect("an address"));
    entry.legacy_exchange_dn = Some(person.legacy_exchange_dn.clone());
    entry.container = format!("OU={},OU=People,DC=contoso,DC=example", person.department);
    for (attribute, value) in [
        (Attribute::DisplayName, format!("{}, {}", person.last, person.first)),
        (Attribute::GivenName, person.first.to_owned()),
        (Attribute::Surname, person.last.to_owned()),
        (Attribute::Title, person.title.to_owned()),
        (Attribute::Department, person.department.to_owned()),
        (Attribute::Company, "Contoso Ltd".to_owned()),
        (Attribute::Office, person.office.clone()),
        (Attribute::BusinessPhone, person.phone.clone()),
        (Attribute::City, person.city.to_owned()),
        (Attribute::Country, person.country.to_owned()),
    ] {
        entry.attributes.insert(attribute, value);
    }
    entry
}

fn connector(name: &str, domain: &str) -> Connector {
    Connector {
        name: name.into(),
        system: System::Memory(MemoryFile { path: String::new() }),
        authoritative_domains: [Domain::parse(domain).expect("a domain")].into(),
        shared_domains: BTreeSet::new(),
        same_organization_as: None,
        filters: Filters::default(),
        owner_attribute: "extensionAttribute15".into(),
        rate_limit: RateLimit::default(),
        full_pull_every_seconds: 604_800,
    }
}

pub fn source() -> Connector {
    connector("contoso", "contoso.example")
}

pub fn target() -> Connector {
    connector("fabrikam", "fabrikam.example")
}

/// With a CEL expression, as the mark wants it.
pub fn source_rules() -> SourceRules {
    let expression = "!entry.department.startsWith('Board') && entry.country != 'XX'";
    SourceRules {
        filters: Filters {
            expression: Some(EntryCondition::parse(expression).expect("a good expression")),
            ..Filters::open()
        },
    }
}

pub fn target_rules() -> TargetRules {
    TargetRules {
        owner: OwnerId::new("bench").expect("an owner"),
        sync: SyncId::new("bench").expect("a syncId"),
        policy: Policy::Sync,
        mapping: Mapping { display_name_suffix: " (Contoso)".into(), ..Mapping::default() },
        safety: Safety::default(),
        hide_for_seconds: 0,
        conflict: Conflict::default(),
    }
}
