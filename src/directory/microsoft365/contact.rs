//! A contact of ours as Exchange Online shows it.

use super::attributes::{on_contact_only, on_recipient, properties, property, value};
use super::row::{Kind, Row};
use crate::directory::decide::lost_address;
use crate::directory::recipient::proxy_address::{proxy, sort_in};
use crate::model::mapping::Mapping;
use crate::model::mark::{MarkScope, Ownership};
use crate::model::{Attribute, Contact, ContactName, OwnerMark, RecipientType};
use std::collections::BTreeMap;

/// What Get-Recipient is asked for of everybody in the address space.
const RECIPIENT: &[&str] = &[
    "Guid",
    "Name",
    "RecipientType",
    "RecipientTypeDetails",
    "PrimarySmtpAddress",
    "EmailAddresses",
    "ExternalEmailAddress",
    "HiddenFromAddressListsEnabled",
    "LegacyExchangeDN",
    "IsDirSynced",
];

/// Attributes of a contact that Get-Recipient does not show.
pub(super) type Details = BTreeMap<Attribute, String>;

/// How contacts of one target are read.
#[derive(Debug, Clone)]
pub(super) struct ContactReader {
    pub(super) owner_attribute: String,
    /// Says which custom attributes are ours.
    pub(super) mapping: Mapping,
    pub(super) scope: MarkScope,
}

impl ContactReader {
    pub(super) fn recipient_properties(&self) -> Vec<&str> {
        properties(&self.owner_attribute, RECIPIENT, self.managed())
    }

    pub(super) fn details_properties() -> impl Iterator<Item = &'static str> {
        std::iter::once("Guid").chain(on_contact_only().map(property))
    }

    pub(super) fn details(row: &Row) -> Details {
        on_contact_only().filter_map(|attribute| Some((attribute, value(row, attribute)?))).collect()
    }

    /// The attributes of our contacts that are ours, the one with the mark not among them.
    fn managed(&self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.iter().copied().filter(|attribute| self.manages(*attribute))
    }

    pub(super) fn manages(&self, attribute: Attribute) -> bool {
        self.mapping.manages(attribute) && !property(attribute).eq_ignore_ascii_case(&self.owner_attribute)
    }

    pub(super) fn ownership(&self, row: &Row) -> Ownership {
        // A mark on anything but a contact was copied there by somebody.
        let copied = row.flag("IsDirSynced") || row.kind() != Kind::Is(RecipientType::MailContact);
        self.scope.ownership(row.text(&self.owner_attribute), copied)
    }

    /// The object as a contact with `mark`. One that lost its addresses gets one under `.invalid`, so that the
    /// next plan sees the difference.
    pub(super) fn contact(&self, row: &Row, details: &Details, mark: OwnerMark) -> Contact {
        let lost = || lost_address(&mark);
        let delivery = row.external();
        let primary = row.addresses().primary.or_else(|| delivery.clone()).unwrap_or_else(lost);
        let delivery = delivery.unwrap_or_else(lost);
        let name = row.text("Name").unwrap_or_default();
        let shown = self.managed().filter(|attribute| on_recipient(*attribute));
        let mut attributes: BTreeMap<Attribute, String> =
            shown.filter_map(|attribute| Some((attribute, value(row, attribute)?))).collect();
        attributes.extend(details.clone());
        // Exchange shows the name where nothing else was given.
        if attributes.get(&Attribute::DisplayName).is_some_and(|shown| shown == name) {
            attributes.remove(&Attribute::DisplayName);
        }
        let mut contact = Contact {
            hidden: row.flag("HiddenFromAddressListsEnabled"),
            attributes,
            handle: row.guid(),
            legacy_exchange_dn: row.text("LegacyExchangeDN").map(str::to_owned),
            ..Contact::new(mark, ContactName::existing(name), primary, delivery)
        };
        for value in row.texts("EmailAddresses") {
            sort_in(&mut contact, proxy(value), value);
        }
        contact
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::row::tests::row;
    use super::*;
    use crate::model::SmtpAddress;
    use crate::model::mark::value_hash;
    use serde_json::{Value, json};

    pub(crate) fn mark(hashed: &[&str]) -> OwnerMark {
        let mut mark = OwnerMark::parse("gs1;prod;contoso;t-1;s-1;a-1;;-;").unwrap();
        mark.value_hashes = hashed.iter().map(|value| value_hash(value)).collect();
        mark
    }

    fn reader() -> ContactReader {
        let mark = mark(&[]);
        ContactReader {
            owner_attribute: "CustomAttribute15".into(),
            mapping: Mapping::default(),
            scope: MarkScope { owner: mark.owner, sync: mark.sync, target: mark.target },
        }
    }

    fn shown(more: Value) -> Row {
        let mut all = json!({
            "Guid": "AAAAAAAA-0000-0000-0000-000000000001", "Name": "gs-1", "DisplayName": "gs-1",
            "RecipientTypeDetails": "MailContact", "RecipientType": "MailContact", "IsDirSynced": false,
            "EmailAddresses": ["SMTP:Ada@b.test", "smtp:ada@c.test", "smtp:x@b.test", "smtp:y@b.test", "X500:/o=A", "sip:ada@b.test"],
            "ExternalEmailAddress": "SMTP:ada@c.test", "HiddenFromAddressListsEnabled": true,
            "Title": "CTO", "CountryOrRegion": "Germany", "CustomAttribute1": "somebody's",
            "CustomAttribute15": mark(&[]).to_string(),
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row(all)
    }

    #[test]
    fn values_are_ours_by_the_mark() {
        let details = [(Attribute::MobilePhone, "+49 1".to_owned())].into();
        let mark = mark(&["smtp:x@b.test", "x500:/o=a", "smtp:gone@b.test"]);
        let contact = reader().contact(&shown(json!({})), &details, mark);
        assert_eq!((contact.primary.as_str(), contact.delivery.as_str()), ("ada@b.test", "ada@c.test"));
        assert_eq!(contact.secondary.iter().map(SmtpAddress::as_str).collect::<Vec<_>>(), ["x@b.test"]);
        assert_eq!(contact.x500.iter().collect::<Vec<_>>(), ["/o=A"]);
        assert_eq!(contact.foreign_values.iter().collect::<Vec<_>>(), ["sip:ada@b.test", "smtp:y@b.test"]);
        assert_eq!(
            contact.attributes.keys().collect::<Vec<_>>(),
            [&Attribute::Title, &Attribute::Country, &Attribute::MobilePhone]
        );
        assert_eq!(contact.attributes[&Attribute::Country], "DE");
        assert!(contact.hidden);
    }

    #[test]
    fn a_mark_counts_on_a_contact_of_this_tenant_only() {
        let owned = |more: Value| matches!(reader().ownership(&shown(more)), Ownership::Ours(_));
        assert!(owned(json!({})));
        assert!(!owned(json!({"IsDirSynced": true})));
        assert!(!owned(json!({"RecipientTypeDetails": "MailUser"})));
        assert!(!owned(json!({"CustomAttribute15": "gs1;other;contoso;t-1;s-1;a-1;;-;"})));
    }
}
