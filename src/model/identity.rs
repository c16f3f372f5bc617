//! Who is who: mail systems, owners, synchronizations, entries.

use super::digest::short_hash;
use super::text::plain_text;
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("owner.id must be 1 to 63 of the characters a-z, 0-9, '.' and '-'")]
    OwnerId,
    #[error("syncId must be 1 to 128 characters without ';' and control characters")]
    SyncId,
    #[error("a system identity must be 1 to 128 characters without ';', '/' and blanks")]
    System,
    #[error("an anchor must be 1 to 200 characters without ';' and control characters")]
    Anchor,
    #[error("a key is written <system identity>/<anchor>")]
    Key,
}

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $error:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl AsRef<str> + Into<Arc<str>>) -> Result<Self, IdentityError> {
                Self::check(text.as_ref())?;
                Ok(Self(text.into()))
            }

            fn check(text: &str) -> Result<(), IdentityError> {
                let check: fn(&str) -> bool = $check;
                if simple(text) || check(text) { Ok(()) } else { Err(IdentityError::$error) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        plain_text!($name, IdentityError, |text| $name::new(text));
    };
}

fn plain(text: &str) -> bool {
    !text.chars().any(|c| c == ';' || c.is_control())
}

/// What every kind of identity may be, and nearly all are: letters, digits and hyphens. Millions are read.
fn simple(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

identity!(
    /// Which GalSync installation owns a contact: two clusters may write to one target.
    OwnerId, OwnerId,
    |t| (1..=63).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
);
identity!(
    /// Which schedule of that owner: `spec.syncId`, or `<namespace>/<name>`.
    SyncId, SyncId,
    |t| (1..=128).contains(&t.chars().count()) && plain(t)
);
identity!(
    /// A mail system as it names itself, in lower case: objectGUID of the forest's configuration naming
    /// context, tenant id, or customer id. It needs a connection to learn.
    SystemIdentity, System,
    |t| (1..=128).contains(&t.len()) && plain(t) && !t.contains('/') && !t.contains(char::is_whitespace)
        && !t.chars().any(char::is_uppercase)
);
identity!(
    /// An entry's immutable id at its source, in lower case.
    Anchor, Anchor,
    |t| (1..=200).contains(&t.len()) && plain(t) && !t.chars().any(char::is_uppercase)
);

/// What a contact stands for: one entry of one system, written `<system identity>/<anchor>`.
/// Sorted as the bytes of that text, which is also the order of snapshots.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<str>);

impl Key {
    pub fn new(source: &SystemIdentity, anchor: &Anchor) -> Self {
        let mut text = String::with_capacity(source.0.len() + 1 + anchor.0.len());
        text.push_str(&source.0);
        text.push('/');
        text.push_str(&anchor.0);
        Self(text.into())
    }

    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let (source, anchor) = text.split_once('/').ok_or(IdentityError::Key)?;
        SystemIdentity::check(source)?;
        Anchor::check(anchor)?;
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn source(&self) -> &str {
        self.0.split_once('/').map_or("", |(source, _)| source)
    }

    pub fn anchor(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, anchor)| anchor)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An anchor can be an address at some systems, so a log line shows its hash.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key#{}", short_hash(&self.0))
    }
}

plain_text!(Key, IdentityError, Key::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_refuse_what_a_mark_cannot_hold() {
        assert!(OwnerId::new("prod-1.contoso").is_ok());
        for bad in ["", "Prod", "a;b", "a b", &"a".repeat(64)] {
            assert_eq!(OwnerId::new(bad), Err(IdentityError::OwnerId), "{bad}");
        }
        assert!(SyncId::new("team-a/contoso to fabrikam").is_ok());
        assert!(SyncId::new("a;b").is_err());
        assert!(SystemIdentity::new("ABC").is_err());
        assert!(Anchor::new("abc/def").is_ok());
    }

    #[test]
    fn a_key_splits_at_the_first_slash() {
        let key = Key::try_from("sys/a/b".to_owned()).unwrap();
        assert_eq!((key.source(), key.anchor()), ("sys", "a/b"));
        assert_eq!(key.to_string(), "sys/a/b");
    }
}
