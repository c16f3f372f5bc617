//! Distinguished names, GUIDs and filter values as Active Directory writes them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Sixteen bytes of an objectGUID as the usual text in lower case; the first three groups are little-endian.
pub(super) fn guid_text(bytes: &[u8]) -> Option<String> {
    let b: &[u8; 16] = bytes.try_into().ok()?;
    let order = [3, 2, 1, 0, 16, 5, 4, 16, 7, 6, 16, 8, 9, 16, 10, 11, 12, 13, 14, 15];
    Some(order.iter().fold(String::with_capacity(36), |mut text, index| {
        match b.get(*index) {
            Some(byte) => write!(text, "{byte:02x}").expect("writing to a string"),
            None => text.push('-'),
        }
        text
    }))
}

/// A name that finds an object wherever it was moved to.
pub(super) fn guid_dn(guid: &str) -> String {
    format!("<GUID={guid}>")
}

/// A value inside a filter (RFC 4515): the five special characters are escaped.
pub(super) fn filter_value(text: &str) -> Cow<'_, str> {
    ldap3::ldap_escape(text)
}

/// The name of the parent; empty for a name with one component.
pub(super) fn parent(dn: &str) -> &str {
    let mut escaped = false;
    for (index, byte) in dn.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => return &dn[index + 1..],
            _ => {}
        }
    }
    ""
}

/// Whether `dn` is `base` or lies below it.
pub(super) fn is_within(dn: &str, base: &str) -> bool {
    let (dn, base) = (comparable(dn), comparable(base));
    dn == base || dn.strip_suffix(base.as_str()).is_some_and(|rest| rest.ends_with(',') && !rest.ends_with("\\,"))
}

pub(super) fn same(one: &str, other: &str) -> bool {
    comparable(one) == comparable(other)
}

/// Lower case, without blanks around commas and equals signs that people write and servers do not.
pub(super) fn comparable(dn: &str) -> String {
    let dn = dn.trim().to_lowercase();
    if !dn.contains(", ") && !dn.contains(" =") && !dn.contains("= ") && !dn.contains(" ,") {
        return dn;
    }
    let mut parts: Vec<String> = Vec::new();
    let mut rest = dn.as_str();
    while !rest.is_empty() {
        let above = parent(rest);
        let own = rest[..rest.len() - above.len()].trim_end_matches(',');
        parts.push(match own.split_once('=') {
            Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
            None => own.trim().to_owned(),
        });
        rest = above;
    }
    parts.join(",")
}

/// A component `CN=<value>` with the value escaped (RFC 4514).
pub(super) fn cn(value: &str) -> String {
    format!("CN={}", ldap3::dn_escape(value))
}

/// The value of the first component, unescaped only as far as display needs.
pub(super) fn first_value(dn: &str) -> &str {
    let above = parent(dn);
    let own = if above.is_empty() { dn } else { &dn[..dn.len() - above.len() - 1] };
    own.split_once('=').map_or(own, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_read_as_administrators_write_them() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(guid_text(&bytes).unwrap(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(guid_text(&bytes[1..]), None);
    }

    #[test]
    fn names_are_taken_apart_at_unescaped_commas() {
        for (dn, wanted) in [
            ("CN=Roe\\, Ada,OU=People,DC=corp,DC=example", "OU=People,DC=corp,DC=example"),
            ("CN=a\\\\,DC=b", "DC=b"),
            ("DC=example", ""),
        ] {
            assert_eq!(parent(dn), wanted, "{dn}");
        }
        assert_eq!(first_value("CN=Roe\\, Ada,OU=People"), "Roe\\, Ada");
    }

    #[test]
    fn within_means_at_or_below() {
        let base = "OU=People, DC=corp,DC=example";
        for (dn, wanted) in [
            ("ou=people,dc=CORP,dc=example", true),
            ("CN=x,OU=People,DC=corp,DC=example", true),
            ("CN=x,OU=Other,DC=corp,DC=example", false),
            ("CN=x,OU=NotOU=People,DC=corp,DC=example", false),
            ("CN=x\\,OU=People,DC=corp,DC=example", false),
            ("DC=corp,DC=example", false),
        ] {
            assert_eq!(is_within(dn, base), wanted, "{dn}");
        }
    }

    #[test]
    fn special_characters_stay_values() {
        assert_eq!(filter_value("a*(b)\\"), "a\\2a\\28b\\29\\5c");
        assert_eq!(cn("Roe, Ada"), "CN=Roe\\2c Ada");
    }
}
