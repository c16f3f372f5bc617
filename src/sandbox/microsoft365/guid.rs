//! Ids of objects, tenants and applications.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A GUID, written with hyphens in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid(Uuid);

/// The text is not a GUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a GUID; write one such as 11111111-2222-3333-4444-555555555555")]
pub struct NoGuid(String);

impl Guid {
    pub const NIL: Self = Self(Uuid::nil());

    /// Takes the form with hyphens only.
    pub fn parse(text: &str) -> Result<Self, NoGuid> {
        let hyphens = text.len() == 36 && text.as_bytes()[8] == b'-';
        Uuid::try_parse(text).ok().filter(|_| hyphens).map(Self).ok_or_else(|| NoGuid(text.to_owned()))
    }

    pub fn from_number(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Version 4 of these random bits.
    pub fn random(bits: u128) -> Self {
        Self(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
    }

    pub fn number(self) -> u128 {
        self.0.as_u128()
    }

    /// 32 hexadecimal digits.
    pub fn digits(self) -> String {
        self.0.simple().to_string()
    }

    /// As Active Directory stores it.
    pub fn to_bytes_le(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Guid {
    type Error = NoGuid;
    fn try_from(text: String) -> Result<Self, NoGuid> {
        Self::parse(&text)
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.to_string()
    }
}
