//! One entry of a search result, with values as bytes and names compared without case.

use crate::directory::recipient::proxy_address::{self, Addresses};
use crate::model::SmtpAddress;
use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};

/// An object as the server gave it back: its distinguished name and the attributes that were asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) dn: String,
    /// Names in lower case, options (`;range=0-1499`) included.
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Record {
    /// `None` for what is not a well-formed entry; ldap3's own construction would panic.
    pub(super) fn parse(entry: ResultEntry) -> Option<Self> {
        let mut parts = constructed(entry.0)?.into_iter();
        let dn = String::from_utf8(primitive(parts.next()?)?).ok()?;
        let mut attributes = Vec::new();
        for attribute in constructed(parts.next()?)? {
            let mut parts = constructed(attribute)?.into_iter();
            let name = String::from_utf8(primitive(parts.next()?)?).ok()?.to_ascii_lowercase();
            let values = constructed(parts.next()?)?.into_iter().map(primitive).collect::<Option<Vec<_>>>()?;
            attributes.push((name, values));
        }
        Some(Self { dn, attributes })
    }

    #[cfg(test)]
    pub(super) fn of(dn: &str, attributes: &[(&str, &[&str])]) -> Self {
        let bytes = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let attributes = attributes.iter().map(|(name, values)| (name.to_ascii_lowercase(), bytes(values))).collect();
        Self { dn: dn.to_owned(), attributes }
    }

    fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value that is text; values that are not UTF-8 are as good as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    pub(super) fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values(name).iter().filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Whether the attribute has any value, also where it came as a range.
    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(own, values)| {
            !values.is_empty() && own.split(';').next().is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.trim().parse().ok())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("TRUE"))
    }

    pub(super) fn is_class(&self, class: &str) -> bool {
        self.texts("objectClass").any(|own| own.eq_ignore_ascii_case(class))
    }

    /// objectGUID as text; every object of a directory has one, and every search here asks for it.
    pub(super) fn guid(&self) -> Option<String> {
        self.bytes("objectGUID").and_then(super::names::guid_text)
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses::of(self.texts("proxyAddresses"), self.text("mail"))
    }

    /// The outside address of a contact or mail user.
    pub(super) fn external(&self) -> Option<SmtpAddress> {
        self.text("targetAddress").and_then(proxy_address::external)
    }

    pub(super) fn size(&self) -> usize {
        let values = |values: &[Vec<u8>]| values.iter().map(|value| value.len() + 2).sum::<usize>();
        self.dn.len() + self.attributes.iter().map(|(name, own)| name.len() + 4 + values(own)).sum::<usize>()
    }

    /// Attributes that came in part: the name without its range, and the index of the first value still missing.
    pub(super) fn cut_off(&self) -> Vec<(String, usize)> {
        let next = |(name, _): &(String, Vec<Vec<u8>>)| {
            let (own, range) = name.split_once(";range=")?;
            let last = range.split_once('-')?.1.parse::<usize>().ok()?;
            Some((own.to_owned(), last + 1))
        };
        self.attributes.iter().filter_map(next).collect()
    }

    /// Moves the values of `name;range=…` of `part` to the end of `name` here. Returns where to go on, if at all.
    pub(super) fn append_range(&mut self, name: &str, part: &mut Record) -> Option<usize> {
        let next = part.cut_off().into_iter().find(|(own, _)| own == name).map(|(_, next)| next);
        let prefix = format!("{name};range=");
        for (_, values) in part.attributes.iter_mut().filter(|(own, _)| own == name || own.starts_with(&prefix)) {
            match self.attributes.iter_mut().find(|(own, _)| own == name) {
                Some((_, own)) => own.append(values),
                None => self.attributes.push((name.to_owned(), std::mem::take(values))),
            }
        }
        next
    }

    /// Folds the first range of each attribute that came in part into the attribute's own name.
    pub(super) fn fold_ranges(&mut self) -> Vec<(String, usize)> {
        let open = self.cut_off();
        // A server may send the attribute itself, empty, beside its range.
        let ranged = |name: &str| name.split_once(";range=").map(|(own, _)| own.to_owned());
        let names: Vec<String> = self.attributes.iter().filter_map(|(name, _)| ranged(name)).collect();
        self.attributes.retain(|(name, _)| !names.contains(name));
        for (name, _) in &mut self.attributes {
            if let Some(own) = ranged(name) {
                *name = own;
            }
        }
        open
    }
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_their_attributes() {
        let attributes: &[(&str, &[&str])] = &[
            ("proxyAddresses", &["smtp:a@b.test"]),
            ("mail", &["ada@b.test"]),
            ("targetAddress", &["SMTP:ada@c.test"]),
        ];
        let record = Record::of("cn=a", attributes);
        let found = record.addresses();
        assert_eq!(found.primary.as_ref().map(SmtpAddress::as_str), Some("ada@b.test"));
        assert_eq!(found.secondary.iter().map(SmtpAddress::as_str).collect::<Vec<_>>(), ["a@b.test"]);
        assert_eq!(record.external().as_ref().map(SmtpAddress::as_str), Some("ada@c.test"));
        assert_eq!(Record::of("cn=a", &[]).external(), None);
    }

    #[test]
    fn ranges_grow_into_one_attribute() {
        let mut record = Record::of("cn=g", &[("member", &[]), ("member;range=0-1", &["a", "b"]), ("cn", &["g"])]);
        assert!(record.has("member"));
        assert_eq!(record.fold_ranges(), [("member".to_owned(), 2)]);
        let mut part = Record::of("cn=g", &[("member;range=2-3", &["c", "d"])]);
        assert_eq!(record.append_range("member", &mut part), Some(4));
        let mut part = Record::of("cn=g", &[("member;range=4-*", &["e"])]);
        assert_eq!(record.append_range("member", &mut part), None);
        assert_eq!(record.texts("member").collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
        assert_eq!(record.fold_ranges(), []);
    }

    #[test]
    fn values_are_read_by_name_without_case() {
        let record = Record::of("cn=a", &[("mail", &["a@b.test"]), ("flag", &["TRUE"]), ("n", &["-5"])]);
        assert_eq!(record.text("MAIL"), Some("a@b.test"));
        assert!(record.flag("Flag") && !record.flag("other"));
        assert_eq!(record.number("n"), Some(-5));
    }
}
