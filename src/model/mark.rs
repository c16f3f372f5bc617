//! The owner mark: one string on every contact that GalSync makes. Only contacts with *our* mark are changed.

use super::digest::short_hash;
use super::{Anchor, EntryClass, Key, OwnerId, SyncId, SystemIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The most characters that a mark may have, so that it fits extensionAttribute15 with room to spare.
pub const MAX_CHARS: usize = 900;
const VERSION: &str = "gs1";

/// A text that begins like a mark but is none. Such an object is never ours and never a source entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the owner mark is damaged")]
pub struct MarkError;

/// `gs1;<owner>;<sync>;<target>;<source>;<anchor>;<flags>;<hidden since or ->;<hashes>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct OwnerMark {
    pub owner: OwnerId,
    pub sync: SyncId,
    pub target: SystemIdentity,
    pub source: SystemIdentity,
    pub anchor: Anchor,
    /// Flag `a`: an object that was there before us. It is un-marked, never deleted.
    pub adopted: bool,
    /// Flags `g` and `c`, none for a user: what the entry was, so that a removal is counted in its class.
    pub class: EntryClass,
    /// Whole seconds.
    pub hidden_since: Option<Timestamp>,
    /// [`short_hash`] of each address value (`smtp:…`, `x500:…`) that we added; others' values stay.
    pub value_hashes: BTreeSet<String>,
}

/// Whose contacts a target looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarkScope {
    pub owner: OwnerId,
    pub sync: SyncId,
    pub target: SystemIdentity,
}

/// What an object's owner attribute says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    Ours(OwnerMark),
    /// Another installation's, another schedule's, a copy made by directory synchronization, or damaged.
    OtherSync,
    Unmarked,
}

impl MarkScope {
    /// The text with which every mark of this scope begins, for a search.
    pub fn prefix(&self) -> String {
        format!("{VERSION};{};{};{};", self.owner, self.sync, self.target)
    }

    /// `synchronized` = the object is copied here by directory synchronization, which copies marks as well
    /// (mail-rules §4), so that its mark says nothing about this system.
    pub fn ownership(&self, attribute: Option<&str>, synchronized: bool) -> Ownership {
        let Some(text) = attribute.filter(|text| OwnerMark::looks_like(text)) else { return Ownership::Unmarked };
        match OwnerMark::parse(text) {
            Ok(mark) if !synchronized && mark.is_of(self) => Ownership::Ours(mark),
            _ => Ownership::OtherSync,
        }
    }
}

impl OwnerMark {
    /// Whether a value is a mark of any GalSync, also a later version's or a damaged one.
    pub fn looks_like(text: &str) -> bool {
        let digits = text.strip_prefix("gs").map(|rest| rest.split(';').next().unwrap_or(""));
        text.contains(';') && digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
    }

    pub fn key(&self) -> Key {
        Key::new(&self.source, &self.anchor)
    }

    pub fn is_of(&self, scope: &MarkScope) -> bool {
        self.owner == scope.owner && self.sync == scope.sync && self.target == scope.target
    }

    /// `value` with its prefix, `smtp:…` or `x500:…`.
    pub fn added(&self, value: &str) -> bool {
        self.value_hashes.contains(&value_hash(value))
    }

    pub fn parse(text: &str) -> Result<Self, MarkError> {
        let fields: Vec<&str> = text.split(';').collect();
        let &[VERSION, owner, sync, target, source, anchor, flags, hidden, hashes] = fields.as_slice() else {
            return Err(MarkError);
        };
        let mut class = EntryClass::User;
        let mut adopted = false;
        for flag in flags.chars() {
            match flag {
                'a' => adopted = true,
                'g' => class = EntryClass::Group,
                'c' => class = EntryClass::Contact,
                _ => return Err(MarkError),
            }
        }
        let hidden_since = match hidden {
            "-" => None,
            time => Some(time.parse().map_err(|_| MarkError)?),
        };
        let value_hashes: BTreeSet<String> = hashes.split(',').filter(|h| !h.is_empty()).map(str::to_owned).collect();
        if !value_hashes.iter().all(|h| h.len() == 8 && h.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Err(MarkError);
        }
        Ok(Self {
            owner: OwnerId::new(owner).map_err(|_| MarkError)?,
            sync: SyncId::new(sync).map_err(|_| MarkError)?,
            target: SystemIdentity::new(target).map_err(|_| MarkError)?,
            source: SystemIdentity::new(source).map_err(|_| MarkError)?,
            anchor: Anchor::new(anchor).map_err(|_| MarkError)?,
            adopted,
            class,
            hidden_since,
            value_hashes,
        })
    }

    /// How many more value hashes fit beside those that are there. Room for the flags and for the time of hiding
    /// is kept free, so that a contact can be hidden without losing an address.
    pub fn room_for_hashes(&self) -> usize {
        let time = if self.hidden_since.is_some() { 0 } else { "2026-03-01T10:00:00Z".len() };
        MAX_CHARS.saturating_sub(self.to_string().chars().count() + time + "ag".len()) / 9
    }
}

/// The hash that stands in the mark for an address value with its prefix; compared without case.
pub fn value_hash(value: &str) -> String {
    short_hash(&value.to_lowercase())
}

impl fmt::Display for OwnerMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, sync, target, source, anchor, adopted, class, hidden_since, value_hashes } = self;
        write!(f, "{VERSION};{owner};{sync};{target};{source};{anchor};")?;
        if *adopted {
            f.write_str("a")?;
        }
        f.write_str(match class {
            EntryClass::User => "",
            EntryClass::Group => "g",
            EntryClass::Contact => "c",
        })?;
        match hidden_since {
            Some(time) => write!(f, ";{};", time.strftime("%Y-%m-%dT%H:%M:%SZ"))?,
            None => f.write_str(";-;")?,
        }
        for (index, hash) in value_hashes.iter().enumerate() {
            write!(f, "{}{hash}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl TryFrom<Cow<'_, str>> for OwnerMark {
    type Error = MarkError;
    fn try_from(text: Cow<'_, str>) -> Result<Self, MarkError> {
        Self::parse(&text)
    }
}

impl From<OwnerMark> for String {
    fn from(mark: OwnerMark) -> Self {
        mark.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> OwnerMark {
        OwnerMark::parse(text).unwrap()
    }

    #[test]
    fn a_mark_reads_back() {
        for text in [
            "gs1;prod;contoso;t-1;s-1;a-1;;-;",
            "gs1;prod;team/contoso to fabrikam;t-1;s-1;a-1;a;-;0a1b2c3d",
            "gs1;prod;contoso;t-1;s-1;a-1;ag;2026-03-01T10:00:00Z;00000000,0a1b2c3d",
        ] {
            assert_eq!(mark(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_damaged_is_nobodys() {
        let scope = MarkScope {
            owner: OwnerId::new("prod").unwrap(),
            sync: SyncId::new("contoso").unwrap(),
            target: SystemIdentity::new("t-1").unwrap(),
        };
        let ours = "gs1;prod;contoso;t-1;s-1;a-1;;-;";
        assert!(matches!(scope.ownership(Some(ours), false), Ownership::Ours(_)));
        assert_eq!(scope.ownership(Some(ours), true), Ownership::OtherSync);
        for other in [
            "gs1;test;contoso;t-1;s-1;a-1;;-;",
            "gs1;prod;other;t-1;s-1;a-1;;-;",
            "gs1;prod;contoso;t-2;s-1;a-1;;-;",
            "gs1;prod;contoso;t-1;s-1;a-1;x;-;",
            "gs1;prod;contoso;t-1;s-1;a-1;;yesterday;",
            "gs1;prod;contoso;t-1;s-1;a-1;;-;xyz",
            "gs1;prod;contoso;t-1;s-1",
            "gs2;prod;contoso;t-1;s-1;a-1;;-;",
        ] {
            assert_eq!(scope.ownership(Some(other), false), Ownership::OtherSync, "{other}");
        }
        for none in [None, Some(""), Some("gsm phone; 5"), Some("cost centre 12")] {
            assert_eq!(scope.ownership(none, false), Ownership::Unmarked, "{none:?}");
        }
        assert!(ours.starts_with(&scope.prefix()));
    }

    #[test]
    fn value_hashes_look_past_case() {
        let mut mark = mark("gs1;prod;contoso;t-1;s-1;a-1;;-;");
        mark.value_hashes.insert(value_hash("x500:/o=Corp/cn=Ada"));
        assert!(mark.added("X500:/O=corp/CN=ada"));
        assert!(!mark.added("smtp:ada@b.test"));
        assert_eq!(mark.room_for_hashes(), (MAX_CHARS - mark.to_string().len() - 22) / 9);
    }
}
