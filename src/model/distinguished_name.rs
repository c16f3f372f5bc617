//! Distinguished names (RFC 4514), the one place where they are taken apart and compared.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use unicode_normalization::UnicodeNormalization;

/// Why a text is no distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DistinguishedNameError {
    #[error("write a distinguished name such as OU=People,DC=corp,DC=example; each part is <type>=<value>")]
    Part,
    #[error("a backslash in a distinguished name is followed by the character that it escapes or by two hex digits")]
    Escape,
    #[error("a distinguished name's value has a quotation mark that is neither escaped nor closed")]
    Quote,
    #[error("a value that begins with # has pairs of hex digits; a # that is meant is written \\#")]
    Hex,
    #[error("a distinguished name's value is not UTF-8")]
    Encoding,
}

/// A distinguished name, the object's own part first. Two are equal when Active Directory and RFC 4518 call them so:
/// without regard to case, and in the normalisation NFKC, which also takes wide and narrow forms as one. Accents
/// count, although Active Directory ignores them, because Samba does not. Prints in the canonical escaping.
#[derive(Debug, Clone)]
pub struct DistinguishedName {
    parts: Vec<Part>,
}

/// A relative distinguished name, which is several types with values where `+` joins them.
#[derive(Debug, Clone)]
struct Part {
    /// In canonical escaping, case as it was written.
    text: String,
    /// What is compared.
    comparable: String,
}

/// Short names that RFC 4514 §3 gives to types which may also be written as numbers.
const NUMBERED_TYPES: &[(&str, &str)] = &[
    ("2.5.4.3", "cn"),
    ("2.5.4.6", "c"),
    ("2.5.4.7", "l"),
    ("2.5.4.8", "st"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "o"),
    ("2.5.4.11", "ou"),
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("0.9.2342.19200300.100.1.25", "dc"),
];

impl DistinguishedName {
    pub fn parse(text: &str) -> Result<Self, DistinguishedNameError> {
        let parts = split(text, b",;").map(Part::parse).collect::<Result<_, _>>()?;
        Ok(Self { parts })
    }

    /// Whether it is `above` or lies below it.
    pub fn is_within(&self, above: &Self) -> bool {
        let own = self.parts.len().checked_sub(above.parts.len()).map(|start| &self.parts[start..]);
        own.is_some_and(|own| own == above.parts)
    }

    /// The name of the object above; nothing above a name of one part.
    pub fn parent(&self) -> Option<Self> {
        match self.parts.as_slice() {
            [] | [_] => None,
            [_, above @ ..] => Some(Self { parts: above.to_vec() }),
        }
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            f.write_str(&part.text)?;
        }
        Ok(())
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for DistinguishedName {}

impl PartialOrd for DistinguishedName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DistinguishedName {
    fn cmp(&self, other: &Self) -> Ordering {
        let comparable = |name: &'_ Self| name.parts.iter().map(|part| part.comparable.clone()).collect::<Vec<_>>();
        comparable(self).cmp(&comparable(other))
    }
}

impl Serialize for DistinguishedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DistinguishedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, DistinguishedNameError> {
        let mut joined = Vec::new();
        let mut written = Vec::new();
        for pair in split(text, b"+") {
            let (name, value) = pair.split_once('=').ok_or(DistinguishedNameError::Part)?;
            let name = attribute_type(name.trim())?;
            let value = parse_value(value)?;
            let short = NUMBERED_TYPES.iter().find(|(number, _)| *number == name).map(|(_, short)| *short);
            joined.push(format!("{}={}", short.map_or_else(|| name.to_ascii_lowercase(), str::to_owned), fold(&value)));
            written.push(format!("{}={value}", short.map_or_else(|| name.to_owned(), str::to_uppercase)));
        }
        joined.sort();
        Ok(Self { text: written.join("+"), comparable: joined.join("+") })
    }
}

/// The pieces between separators that are neither escaped nor inside a quoted value.
fn split<'a>(text: &'a str, separators: &'static [u8]) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let piece = rest?;
        let end = end_of_first(piece, separators);
        rest = piece.get(end + 1..);
        Some(&piece[..end])
    })
}

fn end_of_first(text: &str, separators: &[u8]) -> usize {
    let (mut escaped, mut quoted, mut value_begins) = (false, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if quoted || value_begins => quoted = !quoted,
            _ if !quoted && separators.contains(&byte) => return index,
            _ => {}
        }
        value_begins = byte == b'=' || value_begins && byte == b' ';
    }
    text.len()
}

/// What stands behind the first part of a name, as it is written; empty behind the last.
pub fn written_parent(name: &str) -> &str {
    name.get(end_of_first(name, b",;") + 1..).unwrap_or_default()
}

/// The value of a name's first part without its escapes; the text itself where it is no name.
pub fn first_value(name: &str) -> String {
    let first = &name[..end_of_first(name, b",;+")];
    let value = first.split_once('=').and_then(|(_, value)| plain_value(value).ok());
    value.unwrap_or_else(|| first.to_owned())
}

/// A name of letters, digits and hyphens, or a number; RFC 2253 lets the latter begin with `OID.`.
fn attribute_type(name: &str) -> Result<&str, DistinguishedNameError> {
    let bare = match name.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => &name[4..],
        _ => name,
    };
    let fits = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    if bare.is_empty() || !fits { Err(DistinguishedNameError::Part) } else { Ok(bare) }
}

/// A value in its canonical escaping.
fn parse_value(written: &str) -> Result<String, DistinguishedNameError> {
    let trimmed = written.trim_matches(' ');
    match trimmed.strip_prefix('#') {
        Some(hex) => {
            let encoded = unhex(hex).ok_or(DistinguishedNameError::Hex)?;
            Ok(text_of(&encoded).map_or_else(|| format!("#{}", hex.to_ascii_lowercase()), |text| escaped(&text)))
        }
        None => plain_value(written).map(|value| escaped(&value)),
    }
}

/// A value of the string form or in quotes, without its escapes.
fn plain_value(written: &str) -> Result<String, DistinguishedNameError> {
    let written = written.trim_start_matches(' ');
    let (inner, quoted) = match written.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (written, false),
    };
    let mut value = Vec::with_capacity(inner.len());
    // What is there without trailing blanks that nobody escaped.
    let mut kept = 0;
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let first = bytes.next().ok_or(DistinguishedNameError::Escape)?;
                value.push(match hex_digit(first) {
                    Some(high) => {
                        let low = bytes.next().and_then(hex_digit).ok_or(DistinguishedNameError::Escape)?;
                        high << 4 | low
                    }
                    None if b" \"#+,;<=>\\".contains(&first) => first,
                    None => return Err(DistinguishedNameError::Escape),
                });
                kept = value.len();
            }
            b'"' if quoted && bytes.all(|byte| byte == b' ') => return finished(value),
            b'"' => return Err(DistinguishedNameError::Quote),
            byte => {
                value.push(byte);
                kept = if byte == b' ' { kept } else { value.len() };
            }
        }
    }
    if quoted {
        return Err(DistinguishedNameError::Quote);
    }
    value.truncate(kept);
    finished(value)
}

fn finished(value: Vec<u8>) -> Result<String, DistinguishedNameError> {
    if value.is_empty() {
        return Err(DistinguishedNameError::Part);
    }
    String::from_utf8(value).map_err(|_| DistinguishedNameError::Encoding)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}

/// The text that a BER value holds: an octet string or one of the string types, of a length below 128.
fn text_of(encoded: &[u8]) -> Option<String> {
    let [0x04 | 0x0c | 0x13 | 0x16, length, content @ ..] = encoded else { return None };
    let fits = *length < 0x80 && usize::from(*length) == content.len() && !content.is_empty();
    fits.then(|| String::from_utf8(content.to_vec()).ok()).flatten()
}

/// As RFC 4514 §2.4 and Active Directory write it; what does not print is written in hex.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.len() - 1;
    for (at, character) in value.char_indices() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            character if character.is_ascii_control() => {
                write!(text, "\\{:02X}", u32::from(character)).expect("writing to a string");
            }
            character => text.push(character),
        }
    }
    text
}

fn fold(value: &str) -> String {
    match value.is_ascii() {
        true => value.to_ascii_lowercase(),
        false => value.nfkc().flat_map(char::to_lowercase).nfkc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_way_to_write_a_name_is_the_same_name() {
        for (one, other) in [
            ("CN=Roe\\, Ada,OU=People", "cn=\"Roe, Ada\", ou = people"),
            ("CN=Roe\\, Ada,OU=People", "CN=roe\\2c ada;OU=People"),
            ("CN=Roe\\, Ada,OU=People", "CN=Roe\\2C\\20Ada,OU=People"),
            ("OU=Grün", "ou=gr\\C3\\BCn"),
            ("OU=Grün", "OU=GRU\u{308}N"),
            ("OU=ABC", "OU=\u{ff21}\u{ff22}\u{ff23}"),
            ("CN=a+UID=b,DC=c", "uid=B + cn=A , dc=C"),
            ("OU=x", "2.5.4.11=x"),
            ("OU=x", "OID.2.5.4.11=#0c0178"),
            ("CN=\\#1", "cn=\"#1\""),
            ("CN=a\\ ", "CN=a\\20"),
            ("CN=a\\\\,DC=b", "CN=a\\5C,DC=b"),
            ("1.2.3=#ABCD", "1.2.3=#abcd"),
            ("CN=Caf\\\"e\\\"", "CN=\"Caf\\\"e\\\"\""),
            ("CN=a\\0ACNF:1", "CN=A\\0acnf:1"),
        ] {
            assert_eq!(name(one), name(other), "{one} and {other}");
            assert!(name(one).is_within(&name(other)), "{one} and {other}");
        }
        for (one, other) in [
            ("OU=x\\,OU=People", "OU=x,OU=People"),
            ("CN=a\\ ", "CN=a"),
            ("CN=a+UID=b", "CN=a\\+UID=b"),
            ("OU=Müller", "OU=Muller"),
            ("OU=a", "CN=a"),
        ] {
            assert_ne!(name(one), name(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        use DistinguishedNameError::*;
        for (text, wanted) in [
            ("", Part),
            ("People", Part),
            ("OU=People,", Part),
            ("OU=,DC=x", Part),
            ("O U=x", Part),
            ("=x", Part),
            ("CN=a\\", Escape),
            ("CN=a\\x", Escape),
            ("CN=a\\2", Escape),
            ("CN=\"a", Quote),
            ("CN=\"a\" b", Quote),
            ("CN=a\"b", Quote),
            ("CN=#", Hex),
            ("CN=#0g", Hex),
            ("CN=#012", Hex),
            ("CN=\\ff", Encoding),
        ] {
            assert_eq!(DistinguishedName::parse(text).err(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn within_means_at_or_below() {
        let base = name("OU=People, DC=corp,DC=example");
        for (text, wanted) in [
            ("ou=people,dc=CORP,dc=example", true),
            ("CN=x,OU=People,DC=corp,DC=example", true),
            ("CN=x,OU=Other,DC=corp,DC=example", false),
            ("CN=x,OU=NotOU=People,DC=corp,DC=example", false),
            ("CN=x\\,OU=People,DC=corp,DC=example", false),
            ("OU=x\\\\,OU=People,DC=corp,DC=example", true),
            ("DC=corp,DC=example", false),
        ] {
            assert_eq!(name(text).is_within(&base), wanted, "{text}");
        }
    }

    #[test]
    fn the_way_up() {
        let own = name("CN=Roe\\, Ada, OU=People,DC=corp");
        assert_eq!(own.parent().unwrap().to_string(), "OU=People,DC=corp");
        assert_eq!(name("DC=corp").parent(), None);
        for (text, wanted) in [
            ("CN=Roe\\, Ada,OU=People,DC=corp,DC=example", "OU=People,DC=corp,DC=example"),
            ("CN=\"Roe, Ada\",OU=People", "OU=People"),
            ("CN=a\\\\,DC=b", "DC=b"),
            ("DC=example", ""),
        ] {
            assert_eq!(written_parent(text), wanted, "{text}");
        }
        assert_eq!(first_value("CN=Roe\\, Ada,OU=People"), "Roe, Ada");
        assert_eq!(first_value("DC=example"), "example");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(values in prop::collection::vec("[ -~äÄ\u{308}\n]{1,8}", 1..4)) {
            let parts: Vec<String> = values.iter().map(|value| format!("OU={}", escaped(value))).collect();
            let parsed = name(&parts.join(","));
            prop_assert_eq!(parsed.to_string(), parts.join(","));
            prop_assert_eq!(&name(&parsed.to_string()), &parsed);
            let firsts: String = first_value(&parsed.to_string());
            prop_assert_eq!(&firsts, &values[0]);
        }
    }
}
