//! The model's attributes in Exchange's names.

use super::row::Row;
use crate::model::{Attribute, Country};
use serde_json::Value;
use std::collections::BTreeSet;

/// The property and parameter of an attribute.
pub(super) fn property(attribute: Attribute) -> &'static str {
    use Attribute::*;
    match attribute {
        DisplayName => "DisplayName",
        GivenName => "FirstName",
        Surname => "LastName",
        Initials => "Initials",
        Title => "Title",
        Department => "Department",
        Company => "Company",
        Office => "Office",
        BusinessPhone => "Phone",
        City => "City",
        State => "StateOrProvince",
        Country => "CountryOrRegion",
        Street => "StreetAddress",
        PostalCode => "PostalCode",
        PostOfficeBox => "PostOfficeBox",
        MobilePhone => "MobilePhone",
        HomePhone => "HomePhone",
        Fax => "Fax",
        Pager => "Pager",
        WebPage => "WebPage",
        Notes => "Notes",
        Custom1 => "CustomAttribute1",
        Custom2 => "CustomAttribute2",
        Custom3 => "CustomAttribute3",
        Custom4 => "CustomAttribute4",
        Custom5 => "CustomAttribute5",
        Custom6 => "CustomAttribute6",
        Custom7 => "CustomAttribute7",
        Custom8 => "CustomAttribute8",
        Custom9 => "CustomAttribute9",
        Custom10 => "CustomAttribute10",
        Custom11 => "CustomAttribute11",
        Custom12 => "CustomAttribute12",
        Custom13 => "CustomAttribute13",
        Custom14 => "CustomAttribute14",
        Custom15 => "CustomAttribute15",
    }
}

/// Get-Recipient shows it; the others are shown by Get-Contact, and three of them by Graph.
pub(super) fn on_recipient(attribute: Attribute) -> bool {
    use Attribute::*;
    !matches!(attribute, Initials | Street | PostOfficeBox | MobilePhone | HomePhone | Fax | Pager | WebPage)
}

/// What Get-Recipient is asked for, each property once: the owner mark's, some in any case, and those of attributes.
pub(super) fn properties<'a>(
    owner_attribute: &'a str,
    always: &[&'a str],
    attributes: impl Iterator<Item = Attribute>,
) -> Vec<&'a str> {
    let mut all = BTreeSet::from([owner_attribute]);
    all.extend(always);
    for attribute in attributes.filter(|attribute| on_recipient(*attribute)) {
        all.insert(property(attribute));
    }
    all.into_iter().collect()
}

/// Those that only Get-Contact shows.
pub(super) fn on_contact_only() -> impl Iterator<Item = Attribute> {
    Attribute::ALL.iter().copied().filter(|attribute| !on_recipient(*attribute))
}

/// The attribute's value. Exchange shows countries by a name; one that is unknown stays a name.
pub(super) fn value(row: &Row, attribute: Attribute) -> Option<String> {
    let text = row.texts(property(attribute)).next()?.trim();
    if text.is_empty() {
        return None;
    }
    match attribute {
        Attribute::Country => Some(Country::find(text).map_or(text, |country| country.code).to_owned()),
        _ => Some(text.to_owned()),
    }
}

/// What is written for a value; null takes it away. Countries are written by their code.
pub(super) fn written(value: Option<&String>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn every_attribute_has_a_property_of_its_own() {
        let names: BTreeSet<_> = Attribute::ALL.iter().map(|attribute| property(*attribute)).collect();
        assert_eq!(names.len(), Attribute::ALL.len());
    }

    #[test]
    fn countries_are_read_as_codes_whatever_they_are_called() {
        for (shown, wanted) in [
            ("Germany", Some("DE")),
            ("DE", Some("DE")),
            ("United States", Some("US")),
            ("Elbonia", Some("Elbonia")),
            ("", None),
        ] {
            let found = value(&row(json!({ "CountryOrRegion": shown })), Attribute::Country);
            assert_eq!(found.as_deref(), wanted, "{shown}");
        }
    }
}
