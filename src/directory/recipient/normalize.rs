//! A contact as Exchange, on premises and online, will give it back, so that a plan is what will be.

use crate::model::mapping::Mapping;
use crate::model::reason::Warning;
use crate::model::{Attribute, Contact, Country};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// `has_mark` says which attribute is the one with the owner mark.
pub(in crate::directory) fn normalize(
    mut contact: Contact,
    mapping: &Mapping,
    has_mark: impl Fn(Attribute) -> bool,
) -> (Contact, Vec<Warning>) {
    let mut warnings = Vec::new();
    contact.attributes.retain(|attribute, _| mapping.manages(*attribute) && !has_mark(*attribute));
    for (attribute, value) in &mut contact.attributes {
        *value = text(*attribute, value, &mut warnings);
    }
    contact.attributes.retain(|_, value| !value.is_empty());
    if let Some(code) = contact.attributes.remove(&Attribute::Country) {
        match Country::by_code(&code).or_else(|| Country::by_name(&code)) {
            Some(country) => drop(contact.attributes.insert(Attribute::Country, country.code.to_owned())),
            None => warnings.push(Warning::CountryUnknown),
        }
    }
    addresses(&mut contact, &mut warnings);
    (contact, warnings)
}

/// Cut by UTF-16 units, in which the schema's limits count.
fn text(attribute: Attribute, value: &str, warnings: &mut Vec<Warning>) -> String {
    let clean: String = value.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
    if clean.len() != value.len() {
        warnings.push(Warning::ControlCharacters);
    }
    let clean = clean.trim();
    let mut units = 0;
    let short: String = clean
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= attribute.max_chars()
        })
        .collect();
    if short.len() != clean.len() {
        warnings.push(Warning::Cut);
    }
    short.trim_end().to_owned()
}

/// Values that the directory takes for one: it compares without case, accents and width.
fn addresses(contact: &mut Contact, warnings: &mut Vec<Warning>) {
    let (before, count) = (contact.x500.clone(), contact.secondary.len());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    seen.insert(comparable(contact.primary.as_str()));
    seen.insert(comparable(contact.delivery.as_str()));
    contact.secondary.retain(|address| seen.insert(comparable(address.as_str())));
    let trimmed = contact.x500.iter().map(|dn| dn.trim().to_owned()).filter(|dn| !dn.is_empty());
    contact.x500 = trimmed.filter(|dn| seen.insert(comparable(dn))).collect();
    if before != contact.x500 || count != contact.secondary.len() {
        let dropped = contact.stamp_values();
        warnings.extend(dropped.iter().map(|_| Warning::MarkFull));
    }
}

fn comparable(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContactName, OwnerMark, SmtpAddress};
    use proptest::prelude::*;

    fn contact(attributes: &[(Attribute, &str)], secondary: &[&str], x500: &[&str]) -> Contact {
        let address = |text: &str| SmtpAddress::parse(text).unwrap();
        let mut contact = Contact {
            secondary: secondary.iter().map(|text| address(text)).collect(),
            x500: x500.iter().map(|text| (*text).to_owned()).collect(),
            attributes: attributes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            ..Contact::new(
                OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;;-;").unwrap(),
                ContactName::existing("gs-1"),
                address("ada@b.test"),
                address("ada@c.test"),
            )
        };
        contact.stamp_values();
        contact
    }

    fn check(contact: Contact) -> (Contact, Vec<Warning>) {
        normalize(contact, &Mapping::default(), |attribute| attribute == Attribute::Custom15)
    }

    #[test]
    fn attributes_fit_the_schema() {
        let long = "Ä".repeat(70);
        let emoji = "😀".repeat(40);
        let given = [
            (Attribute::Department, long.as_str()),
            (Attribute::GivenName, emoji.as_str()),
            (Attribute::Title, " \u{7}Head "),
            (Attribute::Office, "  "),
            (Attribute::Country, "de"),
            (Attribute::Custom1, "nobody mapped it"),
        ];
        let (found, warnings) = check(contact(&given, &[], &[]));
        let of = |attribute| found.attributes.get(&attribute).map(|value: &String| value.chars().count());
        assert_eq!((of(Attribute::Department), of(Attribute::GivenName)), (Some(64), Some(32)));
        assert_eq!(found.attributes[&Attribute::Title], "Head");
        assert_eq!(found.attributes[&Attribute::Country], "DE");
        assert!(
            !found.attributes.contains_key(&Attribute::Office) && !found.attributes.contains_key(&Attribute::Custom1)
        );
        assert_eq!(warnings, [Warning::Cut, Warning::ControlCharacters, Warning::Cut]);
        assert_eq!(check(contact(&[(Attribute::Country, "XX")], &[], &[])).1, [Warning::CountryUnknown]);
    }

    #[test]
    fn values_that_the_directory_takes_for_one_are_one() {
        let x500 = ["/o=Corp/cn=Müller", "/O=corp/cn=muller", " /o=Corp/cn=Other"];
        let (found, _) = check(contact(&[], &["ada@c.test", "a@b.test"], &x500));
        assert_eq!(found.secondary.len(), 1);
        assert_eq!(found.x500.len(), 2);
        assert_eq!(found.mark.value_hashes.len(), 3);
    }

    proptest! {
        #[test]
        fn once_is_enough(title in ".{0,200}", x500 in proptest::collection::btree_set("[ -~]{0,20}", 0..4)) {
            let x500: Vec<&str> = x500.iter().map(String::as_str).collect();
            let once = check(contact(&[(Attribute::Title, &title)], &["a@b.test"], &x500)).0;
            prop_assert_eq!(check(once.clone()), (once, Vec::new()));
        }
    }
}
