//! What people see change of a contact.

use crate::model::{Attribute, Contact};
use std::collections::BTreeMap;

/// A field of a contact with two values; an absent one is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub field: &'static str,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The fields that differ, in order of their names. Marks and names are no matter of people.
pub fn differences(before: &Contact, after: &Contact) -> Vec<Difference> {
    let (mut before, mut after) = (shown(before), shown(after));
    let mut fields: Vec<&'static str> = before.keys().chain(after.keys()).copied().collect();
    fields.sort_unstable();
    fields.dedup();
    let both =
        fields.into_iter().map(|field| Difference { field, before: before.remove(field), after: after.remove(field) });
    both.filter(|difference| difference.before != difference.after).collect()
}

fn shown(contact: &Contact) -> BTreeMap<&'static str, String> {
    let Contact { primary, delivery, secondary, x500, hidden, attributes, .. } = contact;
    let mut fields = BTreeMap::from([
        ("primary", primary.to_string()),
        ("delivery", delivery.to_string()),
        ("hidden", hidden.to_string()),
    ]);
    let secondary: Vec<&str> = secondary.iter().map(|address| address.as_str()).collect();
    let x500: Vec<&str> = x500.iter().map(String::as_str).collect();
    for (field, values) in [("secondary", secondary), ("x500", x500)] {
        if !values.is_empty() {
            fields.insert(field, values.join(", "));
        }
    }
    fields.extend(Attribute::ALL.iter().filter_map(|name| Some((name.name(), attributes.get(name)?.clone()))));
    fields
}
