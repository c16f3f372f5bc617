//! The model's attributes in Active Directory's names.

use super::record::Record;
use crate::model::{Attribute, Country};
use std::collections::BTreeMap;

/// The attribute's LDAP name. Country is `c`, and goes with `co` and `countryCode`.
pub(super) fn ldap_name(attribute: Attribute) -> &'static str {
    use Attribute::*;
    match attribute {
        DisplayName => "displayName",
        GivenName => "givenName",
        Surname => "sn",
        Initials => "initials",
        Title => "title",
        Department => "department",
        Company => "company",
        Office => "physicalDeliveryOfficeName",
        BusinessPhone => "telephoneNumber",
        City => "l",
        State => "st",
        Country => "c",
        Street => "streetAddress",
        PostalCode => "postalCode",
        PostOfficeBox => "postOfficeBox",
        MobilePhone => "mobile",
        HomePhone => "homePhone",
        Fax => "facsimileTelephoneNumber",
        Pager => "pager",
        WebPage => "wWWHomePage",
        Notes => "info",
        Custom1 => "extensionAttribute1",
        Custom2 => "extensionAttribute2",
        Custom3 => "extensionAttribute3",
        Custom4 => "extensionAttribute4",
        Custom5 => "extensionAttribute5",
        Custom6 => "extensionAttribute6",
        Custom7 => "extensionAttribute7",
        Custom8 => "extensionAttribute8",
        Custom9 => "extensionAttribute9",
        Custom10 => "extensionAttribute10",
        Custom11 => "extensionAttribute11",
        Custom12 => "extensionAttribute12",
        Custom13 => "extensionAttribute13",
        Custom14 => "extensionAttribute14",
        Custom15 => "extensionAttribute15",
    }
}

/// Values of a source's object, as they are; empty ones are absent. A country without a code is its name.
pub(super) fn of_entry(record: &Record, wanted: impl Iterator<Item = Attribute>) -> BTreeMap<Attribute, String> {
    let text = |name: &str| record.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let value = |attribute: Attribute| match attribute {
        Attribute::Country => text("c").map(|code| code.to_uppercase()).or_else(|| {
            let name = text("co")?;
            Some(Country::by_name(&name).map_or(name, |country| country.code.to_owned()))
        }),
        _ => text(ldap_name(attribute)),
    };
    wanted.filter_map(|attribute| value(attribute).map(|value| (attribute, value))).collect()
}

/// Values of a contact of ours. A country whose three attributes do not agree is as good as absent, so that it
/// is written again.
pub(super) fn of_contact(record: &Record, owner_attribute: &str) -> BTreeMap<Attribute, String> {
    let ours = |attribute: &Attribute| !ldap_name(*attribute).eq_ignore_ascii_case(owner_attribute);
    let mut values = of_entry(record, Attribute::ALL.iter().copied().filter(ours));
    let agrees = |code: &String| {
        Country::by_code(code).is_some_and(|country| {
            record.text("co") == Some(country.name) && record.number("countryCode") == Some(i64::from(country.number))
        })
    };
    if values.get(&Attribute::Country).is_some_and(|code| !agrees(code)) {
        values.remove(&Attribute::Country);
    }
    values
}

/// What is written for one attribute: names with their values, `None` = taken away.
pub(super) fn written(attribute: Attribute, value: Option<&str>) -> Vec<(&'static str, Option<String>)> {
    if attribute != Attribute::Country {
        return vec![(ldap_name(attribute), value.map(str::to_owned))];
    }
    let country = value.and_then(Country::by_code);
    vec![
        ("c", country.map(|country| country.code.to_owned())),
        ("co", country.map(|country| country.name.to_owned())),
        // No country is 0, as Microsoft's own tools write it; Samba lets nobody take the attribute away.
        ("countryCode", Some(country.map_or(0, |country| country.number).to_string())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_attribute_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Attribute::ALL.iter().map(|attribute| ldap_name(*attribute)).collect();
        assert_eq!(names.len(), Attribute::ALL.len());
    }

    #[test]
    fn a_country_counts_only_when_its_three_values_agree() {
        for (co, code, wanted) in [("Germany", "276", Some("DE")), ("Deutschland", "276", None), ("Germany", "0", None)]
        {
            let record = Record::of("cn=a", &[("c", &["DE"]), ("co", &[co]), ("countryCode", &[code])]);
            let values = of_contact(&record, "extensionAttribute15");
            assert_eq!(values.get(&Attribute::Country).map(String::as_str), wanted, "{co} {code}");
        }
        assert_eq!(
            written(Attribute::Country, None),
            [("c", None), ("co", None), ("countryCode", Some("0".to_owned()))]
        );
    }

    #[test]
    fn a_country_without_a_code_is_known_by_its_name() {
        for (given, wanted) in [
            (&[("c", "de"), ("co", "France")][..], Some("DE")),
            (&[("co", "germany")], Some("DE")),
            (&[("co", "Elbonia")], Some("Elbonia")),
            (&[], None),
        ] {
            let values: Vec<[&str; 1]> = given.iter().map(|(_, value)| [*value]).collect();
            let all: Vec<(&str, &[&str])> =
                given.iter().zip(&values).map(|((name, _), value)| (*name, value.as_slice())).collect();
            let found = of_entry(&Record::of("cn=a", &all), [Attribute::Country].into_iter());
            assert_eq!(found.get(&Attribute::Country).map(String::as_str), wanted, "{given:?}");
        }
    }

    #[test]
    fn the_owner_attribute_is_no_attribute_of_the_contact() {
        let record = Record::of("cn=a", &[("extensionAttribute15", &["gs1;…"]), ("extensionAttribute1", &["x"])]);
        let values = of_contact(&record, "ExtensionAttribute15");
        assert_eq!(values.keys().collect::<Vec<_>>(), [&Attribute::Custom1]);
    }
}
