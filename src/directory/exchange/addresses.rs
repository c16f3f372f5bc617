//! proxyAddresses, mail and targetAddress as addresses.

use super::record::Record;
use crate::directory::proxy_address::{Proxy, proxy};
use crate::model::SmtpAddress;
use crate::model::entry::Problem;
use std::collections::BTreeSet;

/// The address values of one object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) primary: Option<SmtpAddress>,
    pub(super) secondary: BTreeSet<SmtpAddress>,
    /// Without the prefix.
    pub(super) x500: BTreeSet<String>,
    pub(super) problem: Option<Problem>,
}

pub(super) fn of(record: &Record) -> Addresses {
    let mut found = Addresses::default();
    let mut primaries = BTreeSet::new();
    for value in record.texts("proxyAddresses") {
        match proxy(value) {
            Proxy::Primary(address) => match SmtpAddress::parse(address) {
                Ok(address) => drop(primaries.insert(address)),
                Err(_) => found.problem = Some(Problem::PrimaryInvalid),
            },
            Proxy::Secondary(address) => found.secondary.extend(SmtpAddress::parse(address)),
            Proxy::X500(dn) => drop(found.x500.insert(dn.trim().to_owned())),
            Proxy::Other => {}
        }
    }
    // Objects that no Exchange tool ever touched have only `mail`.
    if primaries.is_empty() && found.problem.is_none() {
        match record.text("mail").map(SmtpAddress::parse) {
            Some(Ok(address)) => drop(primaries.insert(address)),
            Some(Err(_)) => found.problem = Some(Problem::PrimaryInvalid),
            None => found.problem = Some(Problem::PrimaryMissing),
        }
    }
    if primaries.len() > 1 {
        found.problem = Some(Problem::PrimaryTwice);
    } else if found.problem.is_none() {
        found.primary = primaries.pop_first();
    }
    if let Some(primary) = &found.primary {
        found.secondary.remove(primary);
    }
    found
}

/// targetAddress, which has a prefix of its own; only SMTP is an address here.
pub(super) fn external(record: &Record) -> Option<SmtpAddress> {
    let text = record.text("targetAddress")?;
    match text.split_once(':') {
        Some((prefix, _)) if !prefix.eq_ignore_ascii_case("smtp") => None,
        _ => SmtpAddress::parse(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proxies: &[&str], mail: &[&str]) -> (Option<String>, Vec<String>, Option<Problem>) {
        let found = of(&Record::of("cn=a", &[("proxyAddresses", proxies), ("mail", mail)]));
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
            (&["SMTP:Ada@b.test", "smtp:a@b.test", "x500:/o=X"][..], &[][..], (ada(), vec!["a@b.test", "/o=X"], None)),
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
            let found = external(&Record::of("cn=a", &[("targetAddress", &[value])]));
            assert_eq!(found.as_ref().map(SmtpAddress::as_str), wanted, "{value}");
        }
    }
}
