//! Distinguished names, GUIDs and filter values as Active Directory writes them.

use crate::model::DistinguishedName;
pub(super) use crate::model::distinguished_name::{first_value, written_parent as parent};
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

/// Whether `dn` is `base` or lies below it.
pub(super) fn is_within(dn: &str, base: &str) -> bool {
    let parsed = DistinguishedName::parse(dn).ok().zip(DistinguishedName::parse(base).ok());
    parsed.is_some_and(|(dn, base)| dn.is_within(&base))
}

pub(super) fn same(one: &str, other: &str) -> bool {
    match (DistinguishedName::parse(one), DistinguishedName::parse(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// A component `CN=<value>` with the value escaped (RFC 4514).
pub(super) fn cn(value: &str) -> String {
    format!("CN={}", ldap3::dn_escape(value))
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
    fn special_characters_stay_values() {
        assert_eq!(filter_value("a*(b)\\"), "a\\2a\\28b\\29\\5c");
        assert_eq!(cn("Roe, Ada"), "CN=Roe\\2c Ada");
    }
}
