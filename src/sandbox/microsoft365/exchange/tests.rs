//! Filters and addresses, without a server.

use super::addresses;
use super::cmdlet::Edit;
use super::error::CmdletError;
use super::filter::Filter;
use super::properties::Naming;
use crate::sandbox::microsoft365::directory::Directory;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::recipient::{Kind, Recipient};
use std::collections::BTreeMap;

fn contact() -> Recipient {
    let time = "2026-01-02T00:00:00Z".parse().unwrap();
    Recipient {
        guid: Guid::from_number(7),
        external_id: None,
        kind: Kind::MailContact,
        name: "gs-1".to_owned(),
        alias: "gs-1".to_owned(),
        display_name: "Pat O'Brien".to_owned(),
        addresses: ["SMTP:pat@b.example", "smtp:p@b.example", "X500:/o=x/cn=pat"].map(str::to_owned).to_vec(),
        external_address: Some("pat@b.example".to_owned()),
        user_principal_name: None,
        hidden: false,
        dir_synced: false,
        enabled: true,
        licensed: false,
        legacy_dn: "/o=ExchangeLabs/cn=Recipients/cn=1".to_owned(),
        attributes: BTreeMap::from([("CustomAttribute15", "gs1;owner;sync".to_owned())]),
        lists: BTreeMap::new(),
        require_sender_authentication: false,
        accept_only_from: Vec::new(),
        group: None,
        created: time,
        changed: time,
        found_from: time,
    }
}

#[test]
fn filters_find_what_they_say() {
    let (contact, directory) = (contact(), Directory::default());
    let naming = Naming { organization: "a.onmicrosoft.com", directory: &directory };
    for (filter, expected) in [
        ("Name -eq 'GS-1'", true),
        ("name -ne 'gs-1'", false),
        ("{DisplayName -eq 'Pat O''Brien'}", true),
        ("DisplayName -eq \"Pat O'Brien\"", true),
        ("EmailAddresses -eq 'p@b.example'", true),
        ("EmailAddresses -eq 'smtp:p@b.example'", true),
        ("EmailAddresses -like 'x500:/o=x*'", true),
        ("EmailAddresses -eq 'q@b.example'", false),
        ("ExternalEmailAddress -eq 'pat@b.example'", true),
        ("CustomAttribute15 -like 'gs1;*'", true),
        ("CustomAttribute15 -notlike 'gs1;*'", false),
        ("CustomAttribute14 -eq $null", true),
        ("CustomAttribute15 -ne $null", true),
        ("HiddenFromAddressListsEnabled -eq $false", true),
        ("HiddenFromAddressListsEnabled -eq 'True'", false),
        ("WhenChangedUTC -gt '2026-01-01T00:00:00Z'", true),
        ("WhenChangedUTC -lt '2026-01-01T00:00:00Z'", false),
        ("Name -eq 'x' -or Name -eq 'gs-1' -and Alias -eq 'y'", false),
        ("(Name -eq 'x' -or Name -eq 'gs-1') -and -not (Alias -eq 'y')", true),
        ("RecipientTypeDetails -eq 'MailContact'", true),
    ] {
        assert_eq!(Filter::parse(filter).unwrap().matches(&contact, naming), expected, "{filter}");
    }
}

#[test]
fn wrong_filters_are_refused() {
    let deep = format!("{}Name -eq 'x'{}", "(".repeat(60), ")".repeat(60));
    for filter in [
        "",
        "Name",
        "Name -eq",
        "Name -eq x",
        "Name -is 'x'",
        "Name -eq 'x",
        "(Name -eq 'x'",
        "Name -eq 'x' Alias -eq 'y'",
        "Name -like '*x'",
        "NoSuchThing -eq 'x'",
        "PrimarySmtpAddress -eq 'x'",
        deep.as_str(),
    ] {
        assert!(matches!(Filter::parse(filter), Err(CmdletError::Filter(_))), "{filter}");
    }
}

fn change(add: &[&str], remove: &[&str]) -> Edit {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Edit::Change { add: owned(add), remove: owned(remove) }
}

fn replace(list: &[&str]) -> Edit {
    Edit::Replace(list.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn addresses_change_by_value_or_as_a_whole() {
    for (edit, expected) in [
        (
            change(&["new@b.example"], &[]),
            vec!["SMTP:pat@b.example", "smtp:p@b.example", "X500:/o=x/cn=pat", "smtp:new@b.example"],
        ),
        (change(&[], &["x500:/O=X/cn=pat", "smtp:p@b.example"]), vec!["SMTP:pat@b.example"]),
        (
            change(&["SMTP:new@b.example"], &[]),
            vec!["smtp:pat@b.example", "smtp:p@b.example", "X500:/o=x/cn=pat", "SMTP:new@b.example"],
        ),
        (replace(&["smtp:a@b.example", "smtp:c@b.example"]), vec!["SMTP:a@b.example", "smtp:c@b.example"]),
    ] {
        let mut contact = contact();
        addresses::apply(&mut contact, &edit).unwrap();
        assert_eq!(contact.addresses, expected, "{edit:?}");
    }
    for edit in [
        change(&[], &["SMTP:pat@b.example"]),
        change(&["smtp:none"], &[]),
        change(&["Smtp:a@b.example"], &[]),
        change(&["x500:cn=x"], &[]),
        replace(&["SMTP:a@b.example", "SMTP:c@b.example"]),
        replace(&[]),
    ] {
        assert!(addresses::apply(&mut contact(), &edit).is_err(), "{edit:?}");
    }
}
