//! The values of an Exchange recipient's list of addresses, on premises (proxyAddresses) and online (EmailAddresses).

use crate::model::{Contact, SmtpAddress};

/// One value, told apart by its prefix; a prefix in capitals marks the primary address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy<'a> {
    Primary(&'a str),
    Secondary(&'a str),
    X500(&'a str),
    Other,
}

pub(super) fn proxy(value: &str) -> Proxy<'_> {
    match value.split_once(':') {
        Some(("SMTP", address)) => Proxy::Primary(address),
        Some((prefix, address)) if prefix.eq_ignore_ascii_case("smtp") => Proxy::Secondary(address),
        Some((prefix, dn)) if prefix.eq_ignore_ascii_case("x500") => Proxy::X500(dn),
        _ => Proxy::Other,
    }
}

/// Puts a value into a contact of ours: primary and delivery address have their own fields, ours are known by the mark.
pub(super) fn sort_in(contact: &mut Contact, proxy: Proxy<'_>, value: &str) {
    let foreign = match proxy {
        Proxy::Primary(_) => return,
        Proxy::Secondary(text) => match SmtpAddress::parse(text) {
            Ok(address) if address == contact.primary => return,
            Ok(address) if contact.mark.added(&format!("smtp:{address}")) => {
                contact.secondary.insert(address);
                return;
            }
            Ok(address) if address == contact.delivery => return,
            Ok(address) => format!("smtp:{address}"),
            Err(_) => value.to_owned(),
        },
        Proxy::X500(dn) if contact.mark.added(&format!("x500:{dn}")) => {
            contact.x500.insert(dn.to_owned());
            return;
        }
        Proxy::X500(dn) => format!("x500:{dn}"),
        Proxy::Other => value.to_owned(),
    };
    contact.foreign_values.insert(foreign);
}
