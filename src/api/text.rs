//! Strings with bounds. The bounds stand in the schema, so that the API server refuses what is longer and can
//! estimate the cost of its rules; what a string means is checked by [`super::convert`].

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident { $($key:literal: $value:literal),* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($key: $value),* })
            }
        }
    )*};
}

text! {
    /// Name of an object in the same namespace.
    ObjectName { "minLength": 1, "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" }
    /// Key of a Secret or ConfigMap.
    DataKey { "minLength": 1, "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$" }
    DomainName { "minLength": 1, "maxLength": 253 }
    EmailAddress { "minLength": 3, "maxLength": 320, "pattern": "^[^@\\s]+@[^@\\s]+$" }
    /// An address in which `*` stands for any run of characters.
    AddressPattern { "minLength": 1, "maxLength": 320 }
    DistinguishedName { "minLength": 3, "maxLength": 1024, "pattern": "^[A-Za-z0-9.]+=.+$" }
    /// Name or path of a group or organizational unit.
    DirectoryName { "minLength": 1, "maxLength": 1024 }
    /// A CEL expression.
    Expression { "minLength": 1, "maxLength": 4096 }
    Url { "minLength": 8, "maxLength": 512, "pattern": "^[a-z]+://[^\\s]+$" }
    /// A time span of hours, minutes and seconds.
    DurationText { "minLength": 2, "maxLength": 16, "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$" }
    Sha256 { "minLength": 71, "maxLength": 71, "pattern": "^sha256:[0-9a-f]{64}$" }
    /// A short value or affix.
    ShortText { "maxLength": 256 }
    /// A sentence or two.
    Sentence { "maxLength": 1024 }
    Uuid { "minLength": 36, "maxLength": 36, "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$" }
}

impl DurationText {
    /// In whole seconds; `None` for what is no span of hours, minutes and seconds in this order.
    pub fn seconds(&self) -> Option<u64> {
        let mut rest = self.0.as_str();
        let mut total = 0_u64;
        let mut units = [('h', 3_600), ('m', 60), ('s', 1)].into_iter();
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|&at| at > 0)?;
            let number: u64 = rest[..digits].parse().ok()?;
            let unit = rest[digits..].chars().next()?;
            let (_, factor) = units.find(|(name, _)| *name == unit)?;
            total = total.checked_add(number.checked_mul(factor)?)?;
            rest = &rest[digits + 1..];
        }
        (!self.0.is_empty()).then_some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("24h", Some(86_400)),
            ("30m", Some(1_800)),
            ("1h30m", Some(5_400)),
            ("0s", Some(0)),
            ("1h1m1s", Some(3_661)),
            ("", None),
            ("h", None),
            ("30", None),
            ("1m1h", None),
            ("1d", None),
            ("1.5h", None),
            ("-1h", None),
            ("99999999999999h9s", Some(359_999_999_999_996_409)),
            ("999999999999999999h", None),
        ] {
            assert_eq!(DurationText::from(text).seconds(), seconds, "{text:?}");
        }
    }
}
