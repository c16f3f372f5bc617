//! The attributes of a person, group or contact that can cross over, and how long each may be.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $limit:literal, $default:literal;)*) => {
        /// One attribute, in the name that manifests, CEL expressions and reports use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Attribute {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Attribute {
            pub const ALL: &'static [Attribute] = &[$(Attribute::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Attribute::$variant => $name,)* }
            }

            /// The most characters that every target takes (mail-rules §10); longer values are cut with a warning.
            pub fn max_chars(self) -> usize {
                match self { $(Attribute::$variant => $limit,)* }
            }

            /// Whether it crosses over when a mapping says nothing (mail-rules §10); the others are opt-in.
            pub fn crosses_by_default(self) -> bool {
                match self { $(Attribute::$variant => $default,)* }
            }
        }
    };
}

attributes! {
    DisplayName = "displayName", 256, true;
    GivenName = "givenName", 64, true;
    Surname = "surname", 64, true;
    Initials = "initials", 6, true;
    Title = "title", 128, true;
    Department = "department", 64, true;
    Company = "company", 64, true;
    Office = "office", 128, true;
    BusinessPhone = "businessPhone", 64, true;
    City = "city", 128, true;
    State = "state", 128, false;
    /// ISO 3166-1 alpha-2 code in upper case; targets write code, name and number together.
    Country = "country", 2, true;
    Street = "street", 1024, false;
    PostalCode = "postalCode", 40, false;
    PostOfficeBox = "postOfficeBox", 40, false;
    MobilePhone = "mobilePhone", 64, false;
    HomePhone = "homePhone", 64, false;
    Fax = "fax", 64, false;
    Pager = "pager", 64, false;
    WebPage = "webPage", 1024, false;
    Notes = "notes", 1024, false;
    Custom1 = "custom1", 1024, false;
    Custom2 = "custom2", 1024, false;
    Custom3 = "custom3", 1024, false;
    Custom4 = "custom4", 1024, false;
    Custom5 = "custom5", 1024, false;
    Custom6 = "custom6", 1024, false;
    Custom7 = "custom7", 1024, false;
    Custom8 = "custom8", 1024, false;
    Custom9 = "custom9", 1024, false;
    Custom10 = "custom10", 1024, false;
    Custom11 = "custom11", 1024, false;
    Custom12 = "custom12", 1024, false;
    Custom13 = "custom13", 1024, false;
    Custom14 = "custom14", 1024, false;
    Custom15 = "custom15", 1024, false;
}

impl Attribute {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|attribute| attribute.name() == name)
    }

    /// Custom attributes of a contact belong to others unless a mapping writes them; all other attributes of
    /// our contacts are ours, so that an attribute taken out of a mapping is also cleared.
    pub fn is_custom(self) -> bool {
        self >= Self::Custom1
    }

    /// `custom1` … `custom15` by number (1 to 15).
    pub fn custom(number: usize) -> Option<Self> {
        (1..=15).contains(&number).then(|| Self::ALL[Self::Custom1 as usize + number - 1])
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::parse(attribute.name()), Some(*attribute));
            assert_eq!(serde_json::to_value(attribute).unwrap(), attribute.name());
        }
        assert_eq!(Attribute::custom(1), Some(Attribute::Custom1));
        assert_eq!(Attribute::custom(15), Some(Attribute::Custom15));
        assert_eq!(Attribute::custom(16), None);
    }
}
