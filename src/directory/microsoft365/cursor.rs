//! What a read of changes needs from the read before it.

use super::SYSTEM;
use super::graph_details::DeltaLinks;
use crate::directory::{Error, Token};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Servers of one organization learn of a change at different times, and their clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cursor {
    version: u32,
    graph: DeltaLinks,
    /// The youngest change in Exchange that was seen; absent in Graph alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changed: Option<Timestamp>,
    /// Anchors of which Graph did not know yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unjoined: BTreeSet<String>,
}

const VERSION: u32 = 1;

impl Cursor {
    pub(super) fn new(graph: DeltaLinks, changed: Option<Timestamp>, unjoined: BTreeSet<String>) -> Self {
        Self { version: VERSION, graph, changed, unjoined }
    }

    pub(super) fn parse(token: &Token) -> Result<Self, Error> {
        let cursor = serde_json::from_str::<Self>(&token.0).ok().filter(|cursor| cursor.version == VERSION);
        cursor.ok_or(Error::TokenExpired { system: SYSTEM })
    }

    pub(super) fn token(&self) -> Token {
        Token(serde_json::to_string(self).expect("a cursor is plain data"))
    }

    pub(super) fn links(&self) -> &DeltaLinks {
        &self.graph
    }

    /// Whether the object may have changed since. One that does not say when it changed may always have.
    pub(super) fn may_have_changed(&self, when: Option<Timestamp>) -> bool {
        match (when, self.changed) {
            (Some(when), Some(seen)) => when.saturating_add(MARGIN).is_ok_and(|when| when >= seen),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nothing_else_is_one() {
        let links = DeltaLinks { users: "u".into(), groups: "g".into(), contacts: "c".into() };
        let seen: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        let cursor = Cursor::new(links, Some(seen), ["a".to_owned()].into());
        assert_eq!(Cursor::parse(&cursor.token()).unwrap(), cursor);
        for bad in ["", "{}", "0", &cursor.token().0.replace("\"version\":1", "\"version\":2")] {
            assert!(matches!(Cursor::parse(&Token(bad.to_owned())), Err(Error::TokenExpired { .. })), "{bad}");
        }
        let at = |text: &str| cursor.may_have_changed(Some(text.parse().unwrap()));
        assert!(at("2026-03-01T09:30:00Z") && at("2026-03-02T00:00:00Z") && !at("2026-03-01T08:59:59Z"));
        assert!(cursor.may_have_changed(None));
    }
}
