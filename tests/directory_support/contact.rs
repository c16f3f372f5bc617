//! Contacts as a plan would have them, and changes of them.

use galsync::directory::Target;
use galsync::model::reason::ChangeReason;
use galsync::model::{Attribute, Change, ChangeKind, Contact, ContactName, OwnerMark, SmtpAddress};

/// What the contacts of a test have in common.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub owner: &'a str,
    pub sync: &'a str,
    /// The identity of the target.
    pub target: &'a str,
    /// Of all addresses.
    pub domain: &'a str,
}

/// A contact as a plan would have it.
pub fn contact_for(target: &dyn Target, origin: &Origin<'_>, name: &str) -> Contact {
    let mark = format!("gs1;{};{};{};source;anchor-{name};;-;", origin.owner, origin.sync, origin.target);
    let mark = OwnerMark::parse(&mark).unwrap();
    let address = |local: &str| SmtpAddress::parse(&format!("{local}@{}", origin.domain)).unwrap();
    let contact_name = ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key());
    let mut contact = Contact {
        secondary: [address(&format!("{name}.second"))].into(),
        x500: [format!("/o=Elsewhere/cn={name}")].into(),
        attributes: [
            (Attribute::DisplayName, format!("Zoë {name}")),
            (Attribute::Title, "Engineer".to_owned()),
            (Attribute::Country, "DE".to_owned()),
        ]
        .into(),
        ..Contact::new(mark, contact_name, address(name), address(name))
    };
    contact.stamp_values();
    target.normalizer().normalize(contact).0
}

/// A change that is well formed: each kind has the contacts that it takes.
pub fn change(kind: ChangeKind, before: Option<&Contact>, after: Option<&Contact>) -> Change {
    Change::of(kind, ChangeReason::New, before.cloned(), after.cloned()).unwrap()
}
