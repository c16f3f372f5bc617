//! Organizational units, as the two kinds of directories write them.

use super::distinguished_name::{DistinguishedName, DistinguishedNameError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A place in a directory: a distinguished name, or a path from the root such as `/Staff/Sales`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrganizationalUnit {
    DistinguishedName(DistinguishedName),
    Path(UnitPath),
}

/// The names from the root down. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitPath(Vec<String>);

impl OrganizationalUnit {
    pub fn parse(text: &str) -> Result<Self, DistinguishedNameError> {
        match text.trim().strip_prefix('/') {
            Some(path) => {
                let names = path.split('/').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
                Ok(Self::Path(UnitPath(names.collect())))
            }
            None => DistinguishedName::parse(text).map(Self::DistinguishedName),
        }
    }

    /// Whether it is `above` or lies below it. A name never lies in a path, nor a path in a name.
    pub fn is_within(&self, above: &Self) -> bool {
        match (self, above) {
            (Self::DistinguishedName(own), Self::DistinguishedName(above)) => own.is_within(above),
            (Self::Path(own), Self::Path(above)) => own.0.starts_with(&above.0),
            _ => false,
        }
    }
}

impl fmt::Display for OrganizationalUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DistinguishedName(name) => name.fmt(f),
            Self::Path(UnitPath(names)) => write!(f, "/{}", names.join("/")),
        }
    }
}

impl Serialize for OrganizationalUnit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrganizationalUnit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_by_distinguished_name_and_by_path() {
        for (container, unit, wanted) in [
            ("OU=Sales,OU=Staff,DC=corp,DC=example", "ou=staff, dc=corp, dc=example", true),
            ("OU=Staff,DC=corp,DC=example", "OU=Staff,DC=corp,DC=example", true),
            ("OU=NotStaff,DC=corp,DC=example", "OU=Staff,DC=corp,DC=example", false),
            ("OU=x\\,OU=Staff,DC=corp,DC=example", "OU=Staff,DC=corp,DC=example", false),
            ("DC=corp,DC=example", "OU=Staff,DC=corp,DC=example", false),
            ("/Staff/Sales", "/staff", true),
            ("/Staffers", "/Staff", false),
            ("/Staff", "/Staff/", true),
            ("/Staff", "/", true),
            ("OU=Staff", "/", false),
            ("", "/Staff", false),
        ] {
            let unit = OrganizationalUnit::parse(unit).unwrap();
            let within = OrganizationalUnit::parse(container).is_ok_and(|container| container.is_within(&unit));
            assert_eq!(within, wanted, "{container} in {unit}");
            assert_eq!(OrganizationalUnit::parse(&unit.to_string()), Ok(unit));
        }
    }
}
