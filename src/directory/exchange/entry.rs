//! An object of a source as an entry.

use super::classify::{self, Recipient};
use super::record::Record;
use super::{attributes, names};
use crate::model::entry::Problem;
use crate::model::{Anchor, Attribute, Entry, EntryClass, OwnerMark};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;

/// Objects of the classes that can be recipients; a domain's computers are not among them.
pub(super) const CLASSES: &str =
    "(|(objectCategory=person)(objectCategory=group)(objectCategory=msExchDynamicDistributionList))";

const ALWAYS: &[&str] = &[
    "objectGUID",
    "mail",
    "proxyAddresses",
    "msExchHideFromAddressLists",
    "userAccountControl",
    "msExchRequireAuthToSendTo",
    "authOrig",
    "dLMemSubmitPerms",
    "hideDLMembership",
    "legacyExchangeDN",
    "mS-DS-ConsistencyGuid",
];

/// How objects of one connector become entries.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    attributes: BTreeSet<Attribute>,
    owner_attribute: String,
    /// Objects outside are not in scope.
    bases: Vec<String>,
}

/// What an object is to this source.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Entry(Box<Entry>),
    /// No recipient, no longer one, or outside the bases.
    NotInScope(Anchor),
    /// An object whose objectGUID may not be read.
    Nameless,
}

impl Shape {
    pub(super) fn new(attributes: &BTreeSet<Attribute>, owner_attribute: &str, bases: Vec<String>) -> Self {
        Self { attributes: attributes.clone(), owner_attribute: owner_attribute.to_owned(), bases }
    }

    /// Exactly the attributes that an entry needs.
    pub(super) fn ldap_attributes(&self) -> Vec<&str> {
        let mapped = self.attributes.iter().map(|attribute| attributes::ldap_name(*attribute));
        let country = self.attributes.contains(&Attribute::Country).then_some("co");
        let all = ALWAYS.iter().chain(classify::ATTRIBUTES).copied().chain(mapped).chain(country);
        let unique: BTreeSet<&str> = all.chain([self.owner_attribute.as_str()]).collect();
        unique.into_iter().collect()
    }

    pub(super) fn see(&self, record: &Record) -> Seen {
        let Some(guid) = record.guid() else { return Seen::Nameless };
        let anchor = Anchor::new(guid).expect("a GUID in lower case is an anchor");
        if !self.bases.iter().any(|base| names::is_within(&record.dn, base)) {
            return Seen::NotInScope(anchor);
        }
        let (kind, unclear) = match classify::classify(record) {
            Recipient::Is(kind) => (kind, false),
            Recipient::Unclear(kind) => (kind, true),
            Recipient::System | Recipient::None => return Seen::NotInScope(anchor),
        };
        let mut entry = Entry::new(anchor, kind);
        if unclear {
            entry.problems.insert(Problem::TypeUnknown);
        }
        self.fill(&mut entry, record);
        Seen::Entry(Box::new(entry))
    }

    fn fill(&self, entry: &mut Entry, record: &Record) {
        entry.external = record.external();
        record.addresses().fill(entry);
        entry.legacy_exchange_dn =
            record.text("legacyExchangeDN").map(str::trim).filter(|dn| !dn.is_empty()).map(str::to_owned);
        entry.hidden = record.flag("msExchHideFromAddressLists");
        entry.disabled = record.number("userAccountControl").is_some_and(|bits| bits & 2 != 0);
        if entry.class() == EntryClass::Group {
            entry.restricted_senders =
                record.flag("msExchRequireAuthToSendTo") || record.has("authOrig") || record.has("dLMemSubmitPerms");
            entry.hidden_membership = record.flag("hideDLMembership");
        }
        entry.marked = record.text(&self.owner_attribute).is_some_and(OwnerMark::looks_like);
        let id = record.bytes("mS-DS-ConsistencyGuid").or_else(|| record.bytes("objectGUID"));
        entry.immutable_id = id.map(|bytes| STANDARD.encode(bytes).to_lowercase());
        entry.container = names::parent(&record.dn).to_owned();
        entry.attributes = attributes::of_entry(record, self.attributes.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SmtpAddress;

    fn shape() -> Shape {
        let attributes = [Attribute::DisplayName, Attribute::Country].into();
        Shape::new(&attributes, "extensionAttribute15", vec!["OU=People,DC=corp,DC=example".to_owned()])
    }

    const GUID: &str = "\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}";
    const DN: &str = "CN=Ada,OU=People,DC=corp,DC=example";

    fn seen(dn: &str, class: &str, attributes: &[(&str, &[&str])]) -> Seen {
        let classes = ["top", class];
        let mut all: Vec<(&str, &[&str])> =
            vec![("objectGUID", &[GUID]), ("objectClass", &classes), ("mailNickname", &["ada"])];
        all.extend_from_slice(attributes);
        shape().see(&Record::of(dn, &all))
    }

    fn entry(class: &str, attributes: &[(&str, &[&str])]) -> Entry {
        match seen(DN, class, attributes) {
            Seen::Entry(entry) => *entry,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mailbox_has_what_rules_look_at() {
        let entry = entry(
            "user",
            &[
                ("homeMDB", &["CN=db"]),
                ("proxyAddresses", &["SMTP:Ada@corp.example", "smtp:a@corp.example", "X500:/o=Old/cn=ada"]),
                ("legacyExchangeDN", &["/o=Corp/cn=ada"]),
                ("userAccountControl", &["514"]),
                ("msExchHideFromAddressLists", &["TRUE"]),
                ("displayName", &["Ada Roe"]),
                ("c", &["de"]),
                ("title", &["not asked for"]),
            ],
        );
        assert_eq!(entry.anchor.as_str(), "01010101-0101-0101-0101-010101010101");
        assert_eq!(entry.immutable_id.as_deref(), Some("aqebaqebaqebaqebaqebaq=="));
        assert_eq!(entry.primary.as_ref().map(SmtpAddress::as_str), Some("ada@corp.example"));
        assert_eq!((entry.secondary.len(), entry.x500.len()), (1, 1));
        assert!(entry.disabled && entry.hidden && !entry.restricted_senders && entry.problems.is_empty());
        assert_eq!(entry.container, "OU=People,DC=corp,DC=example");
        let attributes: Vec<_> = entry.attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(attributes, [(Attribute::DisplayName, "Ada Roe"), (Attribute::Country, "DE")]);
    }

    #[test]
    fn groups_that_take_no_mail_from_outside_are_restricted() {
        for (name, value, wanted) in [
            ("msExchRequireAuthToSendTo", "TRUE", true),
            ("msExchRequireAuthToSendTo", "FALSE", false),
            ("authOrig", "CN=boss", true),
            ("authOrig;range=0-1499", "CN=boss", true),
            ("dLMemSubmitPerms", "CN=list", true),
        ] {
            let entry = entry("group", &[("mail", &["g@corp.example"]), (name, &[value])]);
            assert_eq!(entry.restricted_senders, wanted, "{name}");
        }
        assert!(entry("group", &[("mail", &["g@b.test"]), ("hideDLMembership", &["TRUE"])]).hidden_membership);
        let user = entry("user", &[("homeMDB", &["x"]), ("mail", &["u@b.test"]), ("authOrig", &["CN=boss"])]);
        assert!(!user.restricted_senders);
    }

    #[test]
    fn a_bad_entry_has_problems_and_is_no_error() {
        assert_eq!(entry("user", &[("homeMDB", &["x"])]).problems, [Problem::PrimaryMissing].into());
        assert_eq!(entry("user", &[("mail", &["u@b.test"])]).problems, [Problem::TypeUnknown].into());
        assert_eq!(entry("contact", &[("mail", &["u@b.test"])]).problems, [Problem::ExternalMissing].into());
        let contact = entry("contact", &[("targetAddress", &["SMTP:u@b.test"])]);
        assert_eq!((contact.primary.clone(), contact.problems.len()), (contact.external.clone(), 0));
    }

    #[test]
    fn any_mark_keeps_an_object_from_being_an_entry_later() {
        let mark = "gs1;other;sync;t-1;s-1;a-1;;-;";
        assert!(entry("contact", &[("targetAddress", &["SMTP:u@b.test"]), ("extensionAttribute15", &[mark])]).marked);
        assert!(!entry("contact", &[("targetAddress", &["SMTP:u@b.test"]), ("extensionAttribute15", &["x"])]).marked);
    }

    #[test]
    fn what_left_is_named_by_its_anchor() {
        let mailbox: &[(&str, &[&str])] = &[("homeMDB", &["x"]), ("mail", &["u@b.test"])];
        assert!(matches!(seen("CN=Ada,OU=Left,DC=corp,DC=example", "user", mailbox), Seen::NotInScope(_)));
        assert!(matches!(seen(DN, "computer", mailbox), Seen::NotInScope(_)));
        assert!(matches!(shape().see(&Record::of(DN, &[])), Seen::Nameless));
    }
}
