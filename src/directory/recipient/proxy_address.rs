//! The addresses of an Exchange recipient, on premises (proxyAddresses, mail, targetAddress) and online (EmailAddresses,
//! PrimarySmtpAddress, ExternalEmailAddress).

use crate::model::entry::Problem;
use crate::model::{Contact, Entry, SmtpAddress};
use std::collections::BTreeSet;

/// One value, told apart by its prefix; a prefix in capitals marks the primary address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::directory) enum Proxy<'a> {
    Primary(&'a str),
    Secondary(&'a str),
    X500(&'a str),
    Other,
}

pub(in crate::directory) fn proxy(value: &str) -> Proxy<'_> {
    match value.split_once(':') {
        Some(("SMTP", address)) => Proxy::Primary(address),
        Some((prefix, address)) if prefix.eq_ignore_ascii_case("smtp") => Proxy::Secondary(address),
        Some((prefix, dn)) if prefix.eq_ignore_ascii_case("x500") => Proxy::X500(dn.trim()),
        _ => Proxy::Other,
    }
}

/// What a recipient's own addresses are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::directory) struct Addresses {
    pub(in crate::directory) primary: Option<SmtpAddress>,
    pub(in crate::directory) secondary: BTreeSet<SmtpAddress>,
    /// Without the prefix.
    pub(in crate::directory) x500: BTreeSet<String>,
    pub(in crate::directory) problem: Option<Problem>,
}

impl Addresses {
    /// From values with prefix. Objects that no Exchange tool ever touched have only `mail`.
    pub(in crate::directory) fn of<'a>(values: impl Iterator<Item = &'a str>, mail: Option<&str>) -> Self {
        let mut found = Self::default();
        let mut primaries = BTreeSet::new();
        for value in values {
            match proxy(value) {
                Proxy::Primary(address) => match SmtpAddress::parse(address) {
                    Ok(address) => drop(primaries.insert(address)),
                    Err(_) => found.problem = Some(Problem::PrimaryInvalid),
                },
                Proxy::Secondary(address) => found.secondary.extend(SmtpAddress::parse(address)),
                Proxy::X500(dn) => drop(found.x500.insert(dn.to_owned())),
                Proxy::Other => {}
            }
        }
        if primaries.is_empty() && found.problem.is_none() {
            match mail.map(SmtpAddress::parse) {
                Some(Ok(address)) => drop(primaries.insert(address)),
                Some(Err(_)) => found.problem = Some(Problem::PrimaryInvalid),
                None => found.problem = Some(Problem::PrimaryMissing),
            }
        }
        match primaries.len() {
            2.. => found.problem = Some(Problem::PrimaryTwice),
            _ if found.problem.is_none() => found.primary = primaries.pop_first(),
            _ => {}
        }
        if let Some(primary) = &found.primary {
            found.secondary.remove(primary);
        }
        found
    }

    /// Fills them in. A contact or mail user without a primary address of its own shows its outside address, which the
    /// entry has already.
    pub(in crate::directory) fn fill(self, entry: &mut Entry) {
        (entry.primary, entry.secondary, entry.x500) = (self.primary, self.secondary, self.x500);
        entry.problems.extend(self.problem);
        if entry.recipient_type.is_delivered_at_primary() {
            return;
        }
        match &entry.external {
            None => drop(entry.problems.insert(Problem::ExternalMissing)),
            Some(external) => {
                if entry.problems.remove(&Problem::PrimaryMissing) {
                    entry.primary = Some(external.clone());
                    entry.secondary.remove(external);
                }
            }
        }
    }
}

/// The outside address of a contact, mail user or guest: it has a prefix of its own, and only SMTP is an address here.
pub(in crate::directory) fn external(value: &str) -> Option<SmtpAddress> {
    match value.split_once(':') {
        Some((prefix, _)) if !prefix.eq_ignore_ascii_case("smtp") => None,
        _ => SmtpAddress::parse(value).ok(),
    }
}

/// Puts a value into a contact of ours: primary and delivery address have their own fields, ours are known by the mark.
pub(in crate::directory) fn sort_in(contact: &mut Contact, proxy: Proxy<'_>, value: &str) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proxies: &[&str], mail: &[&str]) -> (Option<String>, Vec<String>, Option<Problem>) {
        let found = Addresses::of(proxies.iter().copied(), mail.first().copied());
        (
            found.primary.map(String::from),
            found.secondary.into_iter().map(String::from).chain(found.x500).collect(),
            found.problem,
        )
    }

    #[test]
    fn capitals_mark_the_primary_address() {
        let ada = || Some("ada@b.test".to_owned());
        for (proxies, mail, wanted) in [
            (
                &["SMTP: Ada@b.test", "smtp:a@b.test", "x500: /o=X"][..],
                &[][..],
                (ada(), vec!["a@b.test", "/o=X"], None),
            ),
            (&["SMTP:ada@b.test"], &["other@b.test"], (ada(), vec![], None)),
            (&["smtp:a@b.test", "sip:ada@b.test", "X400:c=DE"], &["ada@b.test"], (ada(), vec!["a@b.test"], None)),
            (&["SMTP:ada@b.test", "smtp:ADA@b.test"], &[], (ada(), vec![], None)),
            (&[], &["ada@b.test"], (ada(), vec![], None)),
            (&[], &[], (None, vec![], Some(Problem::PrimaryMissing))),
            (&["smtp:a@b.test"], &[], (None, vec!["a@b.test"], Some(Problem::PrimaryMissing))),
            (&["SMTP:ada@b.test", "SMTP:eve@b.test"], &[], (None, vec![], Some(Problem::PrimaryTwice))),
            (&["SMTP:ada@@b.test"], &["ada@b.test"], (None, vec![], Some(Problem::PrimaryInvalid))),
            (&[], &["no address"], (None, vec![], Some(Problem::PrimaryInvalid))),
        ] {
            let (primary, others, problem) = wanted;
            let wanted = (primary, others.into_iter().map(str::to_owned).collect(), problem);
            assert_eq!(check(proxies, mail), wanted, "{proxies:?} {mail:?}");
        }
    }

    #[test]
    fn only_smtp_targets_are_external_addresses() {
        for (value, wanted) in [
            ("SMTP:a@b.test", Some("a@b.test")),
            ("smtp:A@b.test", Some("a@b.test")),
            ("a@b.test", Some("a@b.test")),
            ("X400:c=DE;a=;p=x", None),
            ("SMTP:", None),
        ] {
            let found = external(value);
            assert_eq!(found.as_ref().map(SmtpAddress::as_str), wanted, "{value}");
        }
    }
}
