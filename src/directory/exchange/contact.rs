//! A contact of ours as it stands in the directory.

use super::record::Record;
use super::{attributes, classify, names};
use crate::directory::decide::lost_address;
use crate::directory::recipient::proxy_address::{proxy, sort_in};
use crate::model::mapping::Mapping;
use crate::model::{Contact, ContactName, OwnerMark};

/// All attributes that a contact of ours is made of.
pub(super) fn ldap_attributes(owner_attribute: &str) -> Vec<&str> {
    const OWN: &[&str] = &[
        "objectGUID",
        "cn",
        "mail",
        "proxyAddresses",
        "legacyExchangeDN",
        "showInAddressBook",
        "msExchHideFromAddressLists",
        "co",
        "countryCode",
    ];
    let mapped = crate::model::Attribute::ALL.iter().map(|attribute| attributes::ldap_name(*attribute));
    let all: std::collections::BTreeSet<&str> =
        OWN.iter().chain(classify::ATTRIBUTES).copied().chain(mapped).chain([owner_attribute]).collect();
    all.into_iter().collect()
}

/// How contacts of one target are read.
#[derive(Debug, Clone)]
pub(super) struct ContactReader {
    pub(super) owner_attribute: String,
    /// Says which custom attributes are ours.
    pub(super) mapping: Mapping,
    /// The lists that our contacts show in; in one of them = shown.
    pub(super) address_lists: Vec<String>,
}

impl ContactReader {
    /// The object as a contact with `mark`. One that lost its addresses gets one under `.invalid`, so that the
    /// next plan sees the difference and writes them again, or deletes it.
    pub(super) fn contact(&self, record: &Record, mark: OwnerMark) -> Contact {
        let delivery = record.external();
        let name = record.text("cn").map_or_else(|| names::first_value(&record.dn), str::to_owned);
        let lost = || lost_address(&mark);
        let primary = record.addresses().primary.or_else(|| delivery.clone()).unwrap_or_else(lost);
        let (name, delivery) = (ContactName::existing(name), delivery.unwrap_or_else(lost));
        let mut contact = Contact {
            hidden: self.is_hidden(record),
            attributes: attributes::of_contact(record, &self.owner_attribute),
            handle: record.guid(),
            legacy_exchange_dn: record.text("legacyExchangeDN").map(str::to_owned),
            ..Contact::new(mark, name, primary, delivery)
        };
        contact.attributes.retain(|attribute, _| self.mapping.manages(*attribute));
        for value in record.texts("proxyAddresses") {
            sort_in(&mut contact, proxy(value), value);
        }
        contact
    }

    /// Hidden by its flag, or because no list of ours shows it. Lists of others are no matter.
    fn is_hidden(&self, record: &Record) -> bool {
        let ours = |list: &str| self.address_lists.iter().any(|own| names::same(own, list));
        record.flag("msExchHideFromAddressLists") || !record.texts("showInAddressBook").any(ours)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::Attribute;

    pub(crate) const GAL: &str = "CN=Default Global Address List,CN=Lists";

    pub(crate) fn reader() -> ContactReader {
        ContactReader {
            owner_attribute: "extensionAttribute15".into(),
            mapping: Mapping::default(),
            address_lists: vec![GAL.into()],
        }
    }

    pub(crate) fn mark(hashed: &[&str]) -> OwnerMark {
        let mut mark = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;;-;").unwrap();
        mark.value_hashes = hashed.iter().map(|value| crate::model::mark::value_hash(value)).collect();
        mark
    }

    #[test]
    fn values_are_ours_by_the_mark() {
        use crate::model::SmtpAddress;
        let proxies =
            ["SMTP:Ada@b.test", "smtp:ada@c.test", "smtp:x@b.test", "smtp:y@b.test", "X500:/o=A", "sip:ada@b.test"];
        let record = Record::of(
            "CN=gs-1,OU=x",
            &[
                ("cn", &["gs-1"]),
                ("proxyAddresses", &proxies),
                ("targetAddress", &["SMTP:ada@c.test"]),
                ("showInAddressBook", &[&GAL.to_uppercase()]),
                ("displayName", &["Ada"]),
                ("extensionAttribute1", &["somebody's"]),
            ],
        );
        let contact = reader().contact(&record, mark(&["smtp:x@b.test", "x500:/o=a", "smtp:gone@b.test"]));
        assert_eq!((contact.primary.as_str(), contact.delivery.as_str()), ("ada@b.test", "ada@c.test"));
        assert_eq!(contact.secondary.iter().map(SmtpAddress::as_str).collect::<Vec<_>>(), ["x@b.test"]);
        assert_eq!(contact.x500.iter().collect::<Vec<_>>(), ["/o=A"]);
        assert_eq!(contact.foreign_values.iter().collect::<Vec<_>>(), ["sip:ada@b.test", "smtp:y@b.test"]);
        assert!(!contact.hidden);
        assert_eq!(contact.attributes.keys().collect::<Vec<_>>(), [&Attribute::DisplayName]);
    }

    #[test]
    fn a_contact_in_none_of_our_lists_is_hidden() {
        let lists = |flag: &str, list: &[&str]| {
            let record = Record::of("CN=a", &[("msExchHideFromAddressLists", &[flag]), ("showInAddressBook", list)]);
            reader().contact(&record, mark(&[])).hidden
        };
        assert!(!lists("FALSE", &[GAL, "CN=Other"]));
        assert!(lists("TRUE", &[GAL]));
        assert!(lists("FALSE", &["CN=Other"]));
        assert!(lists("FALSE", &[]));
    }

    #[test]
    fn lost_addresses_are_seen_as_such() {
        let contact = reader().contact(&Record::of("CN=a", &[]), mark(&[]));
        assert_eq!(contact.primary.as_str(), "a-1@lost.invalid");
    }
}
