//! A recipient as an entry.

use super::attributes::{on_recipient, properties, value};
use super::groups::Groups;
use super::row::{Kind, Row};
use crate::model::entry::Problem;
use crate::model::{Anchor, Attribute, Entry, EntryClass, OwnerMark, RecipientType};
use std::collections::BTreeSet;

const ALWAYS: &[&str] = &[
    "Guid",
    "ExternalDirectoryObjectId",
    "RecipientType",
    "RecipientTypeDetails",
    "PrimarySmtpAddress",
    "EmailAddresses",
    "ExternalEmailAddress",
    "HiddenFromAddressListsEnabled",
    "LegacyExchangeDN",
    "WhenChangedUTC",
];

/// How recipients of one connector become entries.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) attributes: BTreeSet<Attribute>,
    pub(super) owner_attribute: String,
}

/// The id that an entry keeps, and whether Graph can be asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identified {
    pub(super) anchor: Anchor,
    pub(super) kind: RecipientType,
    pub(super) unclear: bool,
    /// Dynamic groups are in Exchange only.
    pub(super) joins: bool,
}

impl Shape {
    /// Exactly the properties that an entry needs.
    pub(super) fn properties(&self) -> Vec<&str> {
        properties(&self.owner_attribute, ALWAYS, self.attributes.iter().copied())
    }

    /// `None` = nobody looks it up.
    pub(super) fn identify(row: &Row) -> Option<Identified> {
        let (kind, unclear) = match row.kind() {
            Kind::Is(kind) => (kind, false),
            Kind::Unclear(kind) => (kind, true),
            Kind::ForestContact => (RecipientType::MailContact, false),
            Kind::Other => return None,
        };
        let joins = kind != RecipientType::DynamicGroup;
        let id = row.graph_id().filter(|_| joins).or_else(|| row.guid())?;
        Some(Identified { anchor: Anchor::new(id).ok()?, kind, unclear, joins })
    }

    /// What Exchange says of the recipient; what Graph says is added later.
    pub(super) fn entry(&self, row: &Row, identified: &Identified, groups: &Groups) -> Entry {
        let mut entry = Entry::new(identified.anchor.clone(), identified.kind);
        if identified.unclear {
            entry.problems.insert(Problem::TypeUnknown);
        }
        entry.external = row.external();
        row.addresses().fill(&mut entry);
        entry.legacy_exchange_dn = row.text("LegacyExchangeDN").map(str::trim).map(str::to_owned);
        entry.hidden = row.flag("HiddenFromAddressListsEnabled");
        entry.marked = row.text(&self.owner_attribute).is_some_and(OwnerMark::looks_like);
        if entry.class() == EntryClass::Group {
            match row.guid().and_then(|guid| groups.details(&guid)) {
                Some(details) => {
                    entry.restricted_senders = details.restricted_senders;
                    entry.hidden_membership = details.hidden_membership;
                }
                None => drop(entry.problems.insert(Problem::JoinMissing)),
            }
        }
        let shown = self.attributes.iter().copied().filter(|attribute| on_recipient(*attribute));
        entry.attributes = shown.filter_map(|attribute| Some((attribute, value(row, attribute)?))).collect();
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;
    use serde_json::{Value, json};

    fn shape() -> Shape {
        let attributes = [Attribute::DisplayName, Attribute::Country, Attribute::MobilePhone].into();
        Shape { attributes, owner_attribute: "CustomAttribute15".into() }
    }

    fn seen(more: Value) -> Option<Entry> {
        let mut all = json!({"Guid": "GUID-1", "ExternalDirectoryObjectId": "Graph-1", "RecipientTypeDetails": "UserMailbox",
            "EmailAddresses": ["SMTP:ada@b.test"], "DisplayName": "Ada", "CountryOrRegion": "Germany", "Title": "CTO"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let row = row(all);
        Some(shape().entry(&row, &Shape::identify(&row)?, &Groups::default()))
    }

    #[test]
    fn a_mailbox_has_what_rules_look_at() {
        let entry = seen(json!({"HiddenFromAddressListsEnabled": true, "LegacyExchangeDN": "/o=x",
            "CustomAttribute15": "gs1;x"}))
        .unwrap();
        assert_eq!((entry.anchor.as_str(), entry.recipient_type), ("graph-1", RecipientType::UserMailbox));
        assert!(entry.hidden && entry.marked && entry.problems.is_empty());
        assert_eq!(entry.legacy_exchange_dn.as_deref(), Some("/o=x"));
        assert_eq!(entry.attributes.into_values().collect::<Vec<_>>(), ["Ada", "DE"], "only what is in scope");
    }

    #[test]
    fn a_dynamic_group_keeps_exchanges_id() {
        let entry = seen(json!({"RecipientTypeDetails": "DynamicDistributionGroup"})).unwrap();
        assert_eq!(entry.anchor.as_str(), "guid-1");
        assert_eq!(entry.problems, [Problem::JoinMissing].into(), "the group cmdlets said nothing of it");
    }

    #[test]
    fn a_contact_shows_its_outside_address() {
        let contact = |more: Value| {
            let mut all = json!({"RecipientTypeDetails": "MailContact", "EmailAddresses": []});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            seen(all).unwrap()
        };
        let entry = contact(json!({"ExternalEmailAddress": "SMTP:x@out.test"}));
        assert_eq!(entry.primary, entry.external);
        assert!(entry.primary.is_some() && entry.problems.is_empty());
        let without = [Problem::ExternalMissing, Problem::PrimaryMissing].into();
        assert_eq!(contact(json!({})).problems, without);
    }

    #[test]
    fn what_nobody_looks_up_is_no_entry() {
        assert_eq!(seen(json!({"RecipientTypeDetails": "DiscoveryMailbox"})), None);
        let unknown = seen(
            json!({"RecipientTypeDetails": "NewKind", "RecipientType": "MailUser", "ExternalEmailAddress": "SMTP:x@y.test"}),
        );
        assert!(unknown.unwrap().problems.contains(&Problem::TypeUnknown));
    }
}
