//! SMTP addresses and domains in their one comparable form: lower case, trimmed.

use super::text::plain_text;
use std::fmt;
use std::sync::Arc;

/// Why a text is no address. It does not repeat the text: addresses are personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("the address has no single @ between a local part and a domain")]
    Shape,
    #[error("the address has a character that no mail address may have")]
    Character,
    #[error("the address is longer than 320 characters")]
    TooLong,
    #[error("the domain is not a domain name")]
    Domain,
}

/// A DNS domain in lower case, such as `contoso.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Box<str>);

impl Domain {
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        };
        if text.is_empty() || text.len() > 253 || !text.split('.').all(label) {
            return Err(AddressError::Domain);
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a set of domains can be asked with a text; both sort by their bytes.
impl std::borrow::Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

plain_text!(Domain, AddressError, Domain::parse);

/// An SMTP address in lower case. Addresses are compared without case (mail-rules §10), so case is not kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmtpAddress(Arc<str>);

impl SmtpAddress {
    /// Takes `a@b` and `smtp:a@b` in any case.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if is_plain(text.as_bytes()) {
            return Ok(Self(text.into()));
        }
        let mut text = text.trim();
        if text.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("smtp:")) {
            text = text[5..].trim();
        }
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().count() > 320 {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || local.contains('@') {
            return Err(AddressError::Shape);
        }
        if local.chars().any(|c| c.is_control() || c.is_whitespace() || "()<>[]:;,\\\"".contains(c)) {
            return Err(AddressError::Character);
        }
        let domain = Domain::parse(domain)?;
        Ok(Self(format!("{}@{}", local.to_lowercase(), domain).into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    pub fn is_in(&self, domain: &Domain) -> bool {
        self.domain() == domain.as_str()
    }
}

/// An address that is in its one form already and has nothing unusual: most are, and millions are read.
fn is_plain(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let Some(at) = text.iter().position(|byte| *byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let label = |label: &[u8]| {
        let inner = |byte: &u8| is_letter(byte) || *byte == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.iter().all(inner)
            && label[0] != b'-'
            && label.last() != Some(&b'-')
    };
    text.len() <= 253
        && !local.is_empty()
        && local.iter().all(|byte| is_letter(byte) || b"._-+'".contains(byte))
        && domain.split(|byte| *byte == b'.').all(label)
}

/// Hashed, so that a log line never shows whose address it is.
impl fmt::Debug for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address#{}", super::digest::short_hash(&self.0))
    }
}

impl fmt::Display for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

plain_text!(SmtpAddress, AddressError, SmtpAddress::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (given, wanted) in [
            ("Ada.Roe@Corp.Example", Ok("ada.roe@corp.example")),
            ("SMTP:Ada@b.test", Ok("ada@b.test")),
            ("SMTP: ada@b.test ", Ok("ada@b.test")),
            ("müller@bücher.example", Ok("müller@bücher.example")),
            ("o'neill+x@b.test", Ok("o'neill+x@b.test")),
            ("a.b@c-d.test", Ok("a.b@c-d.test")),
            ("a@c-.test", Err(AddressError::Domain)),
            ("a@b.test.", Ok("a@b.test")),
            ("a@b", Ok("a@b")),
            ("", Err(AddressError::Empty)),
            ("smtp:", Err(AddressError::Empty)),
            ("ada", Err(AddressError::Shape)),
            ("@b.test", Err(AddressError::Shape)),
            ("a@b@c.test", Err(AddressError::Shape)),
            ("a b@c.test", Err(AddressError::Character)),
            ("a;b@c.test", Err(AddressError::Character)),
            ("a@", Err(AddressError::Domain)),
            ("a@b..c", Err(AddressError::Domain)),
            ("a@-b.c", Err(AddressError::Domain)),
        ] {
            let got = SmtpAddress::parse(given);
            assert_eq!(got.as_ref().map(SmtpAddress::as_str), wanted.as_ref().map(|s| *s), "{given:?}");
        }
    }

    #[test]
    fn debug_hides_the_person() {
        let text = format!("{:?}", SmtpAddress::parse("ada@b.test").unwrap());
        assert!(!text.contains("ada") && text.starts_with("address#"), "{text}");
    }
}
