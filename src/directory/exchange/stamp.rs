//! What a push writes: a whole contact at once, or the difference to what is there. Pure.
//!
//! An LDAP-only writer must stamp what Exchange's own tools would (Update-Recipient): without showInAddressBook a
//! contact is in no list, without the types and the version Exchange does not take it for a recipient.

use super::attributes;
use super::forest::Organization;
use super::names;
use super::record::Record;
use crate::directory::recipient::proxy_address::{Proxy, proxy};
use crate::model::{Attribute, Contact, SmtpAddress};
use ldap3::Mod;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// "Not under e-mail address policies": Exchange leaves our addresses alone.
const POLICIES_EXCLUDED: &str = "{26491cfc-9e50-4857-861b-0cb8df22b5d7}";
/// RemoteMailUser: how address books show somebody of another system.
const DISPLAY_TYPE: &str = "6";
/// MailContact.
const TYPE_DETAILS: &str = "64";
/// Default message format towards outside addresses: as the sender has it.
const INTERNET_ENCODING: &str = "1310720";

/// Attributes with their values, none empty: an empty list is an error in an add.
pub(super) fn creation(
    contact: &Contact,
    organization: &Organization,
    owner_attribute: &str,
) -> Vec<(String, Vec<String>)> {
    let mut values: Vec<(String, Vec<String>)> = Vec::new();
    let mut set = |name: &str, own: Vec<String>| {
        if !own.is_empty() {
            values.push((name.to_owned(), own));
        }
    };
    let one = |value: &str| vec![value.to_owned()];
    set("objectClass", ["top", "person", "organizationalPerson", "contact"].map(str::to_owned).into());
    set("cn", one(contact.name.as_str()));
    for (attribute, value) in &contact.attributes {
        for (name, value) in attributes::written(*attribute, Some(value)) {
            set(name, value.into_iter().collect());
        }
    }
    set("mailNickname", one(contact.name.as_str()));
    set("mail", one(contact.primary.as_str()));
    set("targetAddress", vec![target_address(&contact.delivery)]);
    set("proxyAddresses", proxies(contact).into_iter().collect());
    set("legacyExchangeDN", vec![organization.legacy_exchange_dn(contact.name.as_str())]);
    if contact.hidden {
        set("msExchHideFromAddressLists", one("TRUE"));
    } else {
        set("showInAddressBook", organization.address_lists.clone());
    }
    set("msExchRecipientDisplayType", one(DISPLAY_TYPE));
    set("msExchRecipientTypeDetails", one(TYPE_DETAILS));
    set("msExchVersion", vec![organization.version.to_string()]);
    set("msExchPoliciesExcluded", one(POLICIES_EXCLUDED));
    set("msExchRequireAuthToSendTo", one("FALSE"));
    set("internetEncoding", one(INTERNET_ENCODING));
    set(owner_attribute, vec![contact.mark.to_string()]);
    values
}

fn target_address(delivery: &SmtpAddress) -> String {
    format!("SMTP:{delivery}")
}

/// Exactly one `SMTP:` value; the delivery address resolves to the contact too.
fn proxies(contact: &Contact) -> BTreeSet<String> {
    let mut values: BTreeSet<String> = [format!("SMTP:{}", contact.primary)].into();
    let smtp = contact.secondary.iter().chain([&contact.delivery]).filter(|address| **address != contact.primary);
    values.extend(smtp.map(|address| format!("smtp:{address}")));
    values.extend(contact.x500.iter().map(|dn| format!("x500:{dn}")));
    values
}

/// Collects modifications of one object.
#[derive(Default)]
struct Difference(Vec<Mod<String>>);

impl Difference {
    fn replace(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.0.push(Mod::Replace(name.to_owned(), values.into_iter().collect()));
    }

    fn add(&mut self, name: &str, values: HashSet<String>) {
        if !values.is_empty() {
            self.0.push(Mod::Add(name.to_owned(), values));
        }
    }

    fn delete(&mut self, name: &str, values: HashSet<String>) {
        if !values.is_empty() {
            self.0.push(Mod::Delete(name.to_owned(), values));
        }
    }

    fn attributes(&mut self, before: &BTreeMap<Attribute, String>, after: &BTreeMap<Attribute, String>) {
        let all: BTreeSet<&Attribute> = before.keys().chain(after.keys()).collect();
        for attribute in all.into_iter().filter(|attribute| before.get(attribute) != after.get(attribute)) {
            for (name, value) in attributes::written(*attribute, after.get(attribute).map(String::as_str)) {
                self.replace(name, value);
            }
        }
    }

    /// By value: ours that are no longer wanted go, others' stay.
    fn proxies(&mut self, record: &Record, before: &Contact, after: &Contact) {
        let wanted = proxies(after);
        // The directory compares values without case, prefix included, so that `smtp:a` and `SMTP:a` are one value.
        let form = |value: &str| match proxy(value) {
            Proxy::Primary(address) => format!("SMTP:{}", address.trim().to_lowercase()),
            Proxy::Secondary(address) => format!("smtp:{}", address.trim().to_lowercase()),
            Proxy::X500(dn) => format!("x500:{}", dn.to_lowercase()),
            Proxy::Other => value.to_lowercase(),
        };
        let wanted_forms: BTreeSet<String> = wanted.iter().map(|value| form(value)).collect();
        let other_case: BTreeSet<String> = wanted_forms.iter().map(|value| value.to_lowercase()).collect();
        let ours = |value: &str| match proxy(value) {
            Proxy::Primary(_) => true,
            Proxy::Secondary(address) => {
                let address = SmtpAddress::parse(address).ok();
                address.is_some_and(|own| before.secondary.contains(&own) || own == before.delivery)
            }
            Proxy::X500(dn) => before.x500.contains(dn),
            Proxy::Other => false,
        };
        let mut kept = BTreeSet::new();
        let mut gone = HashSet::new();
        for value in record.texts("proxyAddresses") {
            if wanted_forms.contains(&form(value)) {
                kept.insert(form(value));
            } else if ours(value) || other_case.contains(&form(value).to_lowercase()) {
                gone.insert(value.to_owned());
            }
        }
        self.delete("proxyAddresses", gone);
        self.add("proxyAddresses", wanted.into_iter().filter(|value| !kept.contains(&form(value))).collect());
    }

    fn visibility(&mut self, record: &Record, after: &Contact, lists: &[String]) {
        let flag = record.flag("msExchHideFromAddressLists");
        if flag != after.hidden {
            self.replace("msExchHideFromAddressLists", after.hidden.then(|| "TRUE".to_owned()));
        }
        let there = |list: &String| record.texts("showInAddressBook").any(|own| names::same(own, list));
        if after.hidden {
            if record.has("showInAddressBook") {
                self.replace("showInAddressBook", None);
            }
        } else if flag || !lists.iter().any(there) {
            self.add("showInAddressBook", lists.iter().filter(|list| !there(list)).cloned().collect());
        }
    }

    /// The old mark is deleted by value, so that the whole modification fails if somebody wrote another one.
    fn mark(&mut self, name: &str, old: Option<&str>, new: Option<String>) {
        if old == new.as_deref() {
            return;
        }
        self.delete(name, old.map(str::to_owned).into_iter().collect());
        self.add(name, new.into_iter().collect());
    }
}

/// From the object as it was just read to `after`, in one modification; empty = nothing to do.
/// `before` is the same object as a contact: it says which values are ours.
pub(super) fn update(
    record: &Record,
    before: &Contact,
    after: &Contact,
    organization: &Organization,
    owner_attribute: &str,
) -> Vec<Mod<String>> {
    let mut difference = Difference::default();
    difference.attributes(&before.attributes, &after.attributes);
    if record.text("mail") != Some(after.primary.as_str()) {
        difference.replace("mail", [after.primary.to_string()]);
    }
    if record.external().as_ref() != Some(&after.delivery) {
        difference.replace("targetAddress", [target_address(&after.delivery)]);
    }
    difference.proxies(record, before, after);
    difference.visibility(record, after, &organization.address_lists);
    if !record.has("legacyExchangeDN") {
        let name = record.text("cn").unwrap_or(after.name.as_str());
        difference.replace("legacyExchangeDN", [organization.legacy_exchange_dn(name)]);
    }
    difference.mark(owner_attribute, record.text(owner_attribute), Some(after.mark.to_string()));
    difference.0
}

/// Gives an adopted contact back: mark and the values that we added go, and it is shown again.
pub(super) fn unmark(
    record: &Record,
    before: &Contact,
    organization: &Organization,
    owner_attribute: &str,
) -> Vec<Mod<String>> {
    let after = Contact { secondary: BTreeSet::new(), x500: BTreeSet::new(), hidden: false, ..before.clone() };
    let mut difference = Difference::default();
    difference.proxies(record, before, &after);
    difference.visibility(record, &after, &organization.address_lists);
    difference.mark(owner_attribute, record.text(owner_attribute), None);
    difference.0
}

/// The names of the attributes that modifications touch.
pub(super) fn touched(changes: &[Mod<String>]) -> impl Iterator<Item = &str> {
    changes.iter().map(|change| match change {
        Mod::Add(name, _) | Mod::Delete(name, _) | Mod::Replace(name, _) | Mod::Increment(name, _) => name.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::contact::tests::{GAL, mark, reader};
    use super::*;
    use crate::model::ContactName;
    use crate::model::mark::value_hash;

    fn organization() -> Organization {
        Organization {
            legacy_dn: "/o=Corp/ou=Group".into(),
            address_lists: vec![GAL.into(), "CN=All Contacts".into()],
            version: 88_218_628_259_840,
        }
    }

    fn address(text: &str) -> SmtpAddress {
        SmtpAddress::parse(text).unwrap()
    }

    fn contact() -> Contact {
        let mut contact = Contact {
            secondary: [address("a@b.test")].into(),
            x500: ["/o=Old/cn=Ada".to_owned()].into(),
            attributes: [(Attribute::DisplayName, "Ada".to_owned()), (Attribute::Country, "DE".to_owned())].into(),
            ..Contact::new(mark(&[]), ContactName::existing("gs-1"), address("ada@b.test"), address("ada@c.test"))
        };
        contact.stamp_values();
        contact
    }

    /// The record that a directory has after a creation.
    fn record(contact: &Contact) -> Record {
        let values = creation(contact, &organization(), "extensionAttribute15");
        let texts: Vec<(&str, Vec<&str>)> =
            values.iter().map(|(name, own)| (name.as_str(), own.iter().map(String::as_str).collect())).collect();
        let slices: Vec<(&str, &[&str])> = texts.iter().map(|(name, own)| (*name, own.as_slice())).collect();
        Record::of("CN=gs-1,OU=x", &slices)
    }

    fn changes(record: &Record, after: &Contact) -> Vec<String> {
        let before = reader().contact(record, after.mark.clone());
        shown(update(record, &before, after, &organization(), "extensionAttribute15"))
    }

    fn shown(changes: Vec<Mod<String>>) -> Vec<String> {
        let values = |values: HashSet<String>| {
            let sorted: BTreeSet<String> = values.into_iter().collect();
            sorted.into_iter().collect::<Vec<_>>().join("|")
        };
        let text = |change| match change {
            Mod::Add(name, own) => format!("+{name} {}", values(own)),
            Mod::Delete(name, own) => format!("-{name} {}", values(own)),
            Mod::Replace(name, own) => format!("={name} {}", values(own)),
            Mod::Increment(..) => unreachable!(),
        };
        changes.into_iter().map(text).collect()
    }

    #[test]
    fn a_creation_stamps_what_exchange_would() {
        let values: BTreeMap<_, _> =
            creation(&contact(), &organization(), "extensionAttribute15").into_iter().collect();
        let of = |name: &str| values.get(name).map(|own| own.join("|"));
        assert_eq!(of("proxyAddresses").unwrap(), "SMTP:ada@b.test|smtp:a@b.test|smtp:ada@c.test|x500:/o=Old/cn=Ada");
        assert_eq!(of("targetAddress").unwrap(), "SMTP:ada@c.test");
        assert_eq!(of("legacyExchangeDN").unwrap(), "/o=Corp/ou=Group/cn=Recipients/cn=gs-1");
        assert_eq!(
            (of("c"), of("co"), of("countryCode")),
            (Some("DE".into()), Some("Germany".into()), Some("276".into()))
        );
        assert_eq!(of("showInAddressBook").unwrap(), format!("{GAL}|CN=All Contacts"));
        assert_eq!(
            (of("msExchRecipientDisplayType").unwrap(), of("msExchRecipientTypeDetails").unwrap()),
            ("6".into(), "64".into())
        );
        assert!(of("extensionAttribute15").unwrap().starts_with("gs1;prod;"));
        assert!(values.values().all(|own| !own.is_empty() && own.iter().all(|value| !value.is_empty())));
        let hidden = Contact { hidden: true, ..contact() };
        let values: BTreeMap<_, _> = creation(&hidden, &organization(), "extensionAttribute15").into_iter().collect();
        assert!(!values.contains_key("showInAddressBook"));
        assert_eq!(values["msExchHideFromAddressLists"], ["TRUE"]);
    }

    #[test]
    fn what_was_created_needs_no_update() {
        assert_eq!(changes(&record(&contact()), &contact()), [""; 0]);
    }

    #[test]
    fn an_update_writes_only_what_changed() {
        let record = record(&contact());
        let mut after = contact();
        after.attributes.insert(Attribute::DisplayName, "Ada R".into());
        after.attributes.remove(&Attribute::Country);
        assert_eq!(changes(&record, &after), ["=displayName Ada R", "=c ", "=co ", "=countryCode 0"]);
    }

    #[test]
    fn addresses_change_by_value_and_the_mark_with_them() {
        let record = record(&contact());
        let mut after = contact();
        after.primary = address("a@b.test");
        after.delivery = address("a@b.test");
        after.secondary = [address("ada@b.test")].into();
        let old = after.mark.to_string();
        after.stamp_values();
        let before = reader().contact(&record, contact().mark);
        let found = shown(update(&record, &before, &after, &organization(), "extensionAttribute15"));
        assert_eq!(
            found,
            [
                "=mail a@b.test".to_owned(),
                "=targetAddress SMTP:a@b.test".to_owned(),
                "-proxyAddresses SMTP:ada@b.test|smtp:a@b.test|smtp:ada@c.test".to_owned(),
                "+proxyAddresses SMTP:a@b.test|smtp:ada@b.test".to_owned(),
                format!("-extensionAttribute15 {old}"),
                format!("+extensionAttribute15 {}", after.mark),
            ]
        );
        assert!(after.mark.value_hashes.contains(&value_hash("smtp:ada@b.test")));
    }

    #[test]
    fn values_of_others_stay_unless_they_are_our_primary() {
        let proxies = ["SMTP:ada@b.test", "smtp:x@b.test", "smtp:ada@c.test", "X500:/o=Other"];
        let record = Record::of(
            "CN=gs-1",
            &[
                ("mail", &["ada@b.test"]),
                ("targetAddress", &["SMTP:ada@c.test"]),
                ("proxyAddresses", &proxies),
                ("showInAddressBook", &[GAL]),
                ("legacyExchangeDN", &["/o=x"]),
            ],
        );
        let after = Contact {
            attributes: BTreeMap::new(),
            secondary: BTreeSet::new(),
            x500: BTreeSet::new(),
            primary: address("x@b.test"),
            ..contact()
        };
        let before = reader().contact(&record, mark(&[]));
        let found = shown(update(&record, &before, &after, &organization(), "owner"));
        assert_eq!(found[1..3], ["-proxyAddresses SMTP:ada@b.test|smtp:x@b.test", "+proxyAddresses SMTP:x@b.test"]);
    }

    #[test]
    fn hiding_and_showing_move_flag_and_lists_together() {
        let hidden = Contact { hidden: true, ..contact() };
        assert_eq!(changes(&record(&contact()), &hidden), ["=msExchHideFromAddressLists TRUE", "=showInAddressBook "]);
        assert_eq!(
            changes(&record(&hidden), &contact()),
            ["=msExchHideFromAddressLists ".to_owned(), format!("+showInAddressBook CN=All Contacts|{GAL}")]
        );
    }

    #[test]
    fn giving_back_takes_our_values_and_the_mark() {
        let record = record(&contact());
        let before = reader().contact(&record, contact().mark);
        let found = shown(unmark(&record, &before, &organization(), "extensionAttribute15"));
        assert_eq!(
            found,
            [
                "-proxyAddresses smtp:a@b.test|x500:/o=Old/cn=Ada".to_owned(),
                format!("-extensionAttribute15 {}", contact().mark),
            ]
        );
    }
}
