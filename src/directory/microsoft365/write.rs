//! What is written to make one contact another: parameters of Set-Contact and Set-MailContact, and only of what
//! differs.

use super::attributes::{property, written};
use super::cmdlet::edit;
use crate::model::{Attribute, Contact};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Parameters of the two cmdlets. Set-Contact comes first: the mark, written by Set-MailContact, says that a
/// contact is whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Writes {
    pub(super) contact: Map<String, Value>,
    pub(super) mail_contact: Map<String, Value>,
    /// Address values with prefix; beside the parameters, since some may be refused.
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.contact.is_empty() && !self.writes_mail_contact()
    }

    pub(super) fn writes_mail_contact(&self) -> bool {
        !(self.mail_contact.is_empty() && self.add.is_empty() && self.remove.is_empty())
    }

    /// The parameters of Set-MailContact with these values to add.
    pub(super) fn mail_contact_adding(&self, add: &[String]) -> Map<String, Value> {
        let mut parameters = self.mail_contact.clone();
        if !(add.is_empty() && self.remove.is_empty()) {
            parameters.insert("EmailAddresses".to_owned(), edit(add.to_vec(), self.remove.clone()));
        }
        parameters
    }

    fn set(&mut self, attribute: Attribute, value: Value) {
        let cmdlet = if attribute.is_custom() { &mut self.mail_contact } else { &mut self.contact };
        cmdlet.insert(property(attribute).to_owned(), value);
    }
}

/// Parameters of New-MailContact: it takes the names, and nothing else of a person.
pub(super) fn creation(after: &Contact) -> Map<String, Value> {
    let mut parameters = Map::new();
    let name = after.name.as_str();
    for (parameter, value) in
        [("Name", name), ("Alias", name), ("ExternalEmailAddress", after.delivery.as_str()), ("DisplayName", name)]
    {
        parameters.insert(parameter.to_owned(), json!(value));
    }
    for (attribute, value) in after.attributes.iter().filter(|(attribute, _)| is_name(**attribute)) {
        parameters.insert(property(*attribute).to_owned(), json!(value));
    }
    parameters
}

fn is_name(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::DisplayName | Attribute::GivenName | Attribute::Surname | Attribute::Initials)
}

/// The contact as New-MailContact leaves it.
pub(super) fn created(after: &Contact) -> Contact {
    let mut made = after.clone();
    made.attributes.retain(|attribute, _| is_name(*attribute));
    made.primary = made.delivery.clone();
    (made.secondary, made.x500, made.hidden) = (BTreeSet::new(), BTreeSet::new(), false);
    made
}

/// From what is there to what shall be. `owner_attribute` gets the mark if `mark` says that it is not there yet.
pub(super) fn update(current: &Contact, after: &Contact, owner_attribute: &str, mark: bool) -> Writes {
    let mut writes = Writes::default();
    let all: BTreeSet<Attribute> = current.attributes.keys().chain(after.attributes.keys()).copied().collect();
    for attribute in all {
        let (is, shall) = (current.attributes.get(&attribute), after.attributes.get(&attribute));
        if is == shall {
            continue;
        }
        match (attribute, shall) {
            // There is always one.
            (Attribute::DisplayName, None) => writes.set(attribute, json!(current.name.as_str())),
            (_, shall) => writes.set(attribute, written(shall)),
        }
    }
    if current.delivery != after.delivery {
        writes.mail_contact.insert("ExternalEmailAddress".to_owned(), json!(after.delivery.as_str()));
    }
    if current.hidden != after.hidden {
        writes.mail_contact.insert("HiddenFromAddressListsEnabled".to_owned(), json!(after.hidden));
    }
    addresses(current, after, &mut writes);
    let text = after.mark.to_string();
    if mark || current.mark.to_string() != text {
        writes.mail_contact.insert(owner_attribute.to_owned(), json!(text));
    }
    writes
}

fn addresses(current: &Contact, after: &Contact, writes: &mut Writes) {
    let mut kept: BTreeSet<String> = after.added_values().map(|value| value.to_lowercase()).collect();
    kept.extend([format!("smtp:{}", after.primary), format!("smtp:{}", after.delivery)]);
    let mut gone: BTreeSet<String> = current.added_values().collect();
    if current.primary != after.primary || current.delivery != after.delivery {
        // Exchange takes a new delivery address for the primary one as well, unless it is told.
        writes.add.push(format!("SMTP:{}", after.primary));
        gone.extend([format!("smtp:{}", current.primary), format!("smtp:{}", current.delivery)]);
    }
    let before: BTreeSet<String> = current.added_values().map(|value| value.to_lowercase()).collect();
    let new = after.added_values().filter(|value| !before.contains(&value.to_lowercase()));
    writes.add.extend(new.map(|value| value.replacen("x500:", "X500:", 1)));
    writes.remove.extend(gone.into_iter().filter(|value| !kept.contains(&value.to_lowercase())));
}

/// An adopted contact is given back: without our mark and our values, and shown.
pub(super) fn unmark(current: &Contact, owner_attribute: &str) -> Writes {
    let mut writes = Writes { remove: current.added_values().collect(), ..Writes::default() };
    writes.mail_contact.insert(owner_attribute.to_owned(), Value::Null);
    if current.hidden {
        writes.mail_contact.insert("HiddenFromAddressListsEnabled".to_owned(), json!(false));
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::super::contact::tests::mark;
    use super::*;
    use crate::model::{ContactName, SmtpAddress};

    fn address(text: &str) -> SmtpAddress {
        SmtpAddress::parse(text).unwrap()
    }

    fn contact(primary: &str, delivery: &str, secondary: &[&str]) -> Contact {
        let mut contact = Contact {
            secondary: secondary.iter().map(|text| address(text)).collect(),
            x500: ["/o=Old/cn=ada".to_owned()].into(),
            attributes: [(Attribute::DisplayName, "Ada".to_owned()), (Attribute::Title, "CTO".to_owned())].into(),
            ..Contact::new(mark(&[]), ContactName::existing("gs-1"), address(primary), address(delivery))
        };
        contact.stamp_values();
        contact
    }

    const OWNER: &str = "CustomAttribute15";

    #[test]
    fn what_is_the_same_is_not_written() {
        let same = contact("ada@b.test", "ada@b.test", &["a@b.test"]);
        assert!(update(&same, &same, OWNER, false).is_empty());
        let marked = update(&same, &same, OWNER, true);
        assert_eq!(marked.mail_contact.keys().collect::<Vec<_>>(), [OWNER]);
    }

    #[test]
    fn attributes_go_to_their_cmdlet_and_null_takes_away() {
        let before = contact("ada@b.test", "ada@b.test", &[]);
        let mut after = before.clone();
        after.hidden = true;
        after.attributes = [(Attribute::Custom1, "x".to_owned()), (Attribute::Country, "DE".to_owned())].into();
        let writes = update(&before, &after, OWNER, false);
        assert_eq!(
            Value::Object(writes.contact),
            json!({"CountryOrRegion": "DE", "Title": null, "DisplayName": "gs-1"})
        );
        assert_eq!(
            Value::Object(writes.mail_contact),
            json!({"CustomAttribute1": "x", "HiddenFromAddressListsEnabled": true})
        );
    }

    #[test]
    fn addresses_are_added_and_removed_by_value() {
        let before = contact("ada@b.test", "ada@b.test", &["a@b.test", "x@b.test"]);
        let mut after = contact("roe@b.test", "ada@c.test", &["x@b.test", "ada@b.test"]);
        after.x500 = ["/O=old/CN=Ada".to_owned(), "/o=New".to_owned()].into();
        let writes = update(&before, &after, OWNER, false);
        assert_eq!(writes.add, ["SMTP:roe@b.test", "smtp:ada@b.test", "X500:/o=New"]);
        assert_eq!(writes.remove, ["smtp:a@b.test"]);
        assert_eq!(writes.mail_contact["ExternalEmailAddress"], "ada@c.test");
        let parameters = writes.mail_contact_adding(&writes.add[..1]);
        assert_eq!(
            parameters["EmailAddresses"],
            json!({"@odata.type": "#Exchange.GenericHashTable", "Add": ["SMTP:roe@b.test"], "Remove": ["smtp:a@b.test"]})
        );
    }

    #[test]
    fn a_new_delivery_address_leaves_the_primary_where_it_was() {
        let before = contact("ada@b.test", "ada@b.test", &[]);
        let writes = update(&before, &contact("ada@b.test", "ada@c.test", &[]), OWNER, false);
        assert_eq!((writes.add.as_slice(), writes.remove.as_slice()), (&["SMTP:ada@b.test".to_owned()][..], &[][..]));
    }

    #[test]
    fn a_new_contact_is_finished_by_what_is_missing() {
        let after = contact("ada@b.test", "ada@c.test", &[]);
        assert_eq!(
            Value::Object(creation(&after)),
            json!({"Name": "gs-1", "Alias": "gs-1", "ExternalEmailAddress": "ada@c.test", "DisplayName": "Ada"})
        );
        let writes = update(&created(&after), &after, OWNER, true);
        assert_eq!(writes.contact.keys().collect::<Vec<_>>(), ["Title"]);
        assert_eq!(writes.mail_contact.keys().collect::<Vec<_>>(), [OWNER]);
        assert_eq!(writes.add, ["SMTP:ada@b.test", "X500:/o=Old/cn=ada"]);
        assert!(writes.remove.is_empty(), "the delivery address stays");
    }

    #[test]
    fn what_was_adopted_is_given_back_as_it_was() {
        let writes = unmark(&contact("ada@b.test", "ada@b.test", &["a@b.test"]), OWNER);
        assert_eq!(Value::Object(writes.mail_contact), json!({OWNER: null}));
        assert_eq!(writes.remove, ["smtp:a@b.test", "x500:/o=Old/cn=ada"]);
        assert!(writes.contact.is_empty() && writes.add.is_empty());
    }
}
