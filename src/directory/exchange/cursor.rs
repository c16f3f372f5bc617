//! How far a domain controller's changes were read.
//!
//! `uSNChanged` counts at each controller by itself. A cursor therefore holds for one database of one controller
//! (its invocationId, which changes when a backup is restored) and one naming context.

use super::connection::Session;
use super::failure::SYSTEM;
use super::names;
use crate::directory::{Error, Token};
use serde::{Deserialize, Serialize};

const FORMAT: u32 = 1;
/// Cursors of other controllers kept for a naming context, so that a switch there and back needs no full read.
const KEPT: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    pub(super) invocation_id: String,
    pub(super) naming_context: String,
    /// Changes up to this number are known.
    pub(super) usn: u64,
}

/// What a [`Token`] of this directory holds: the cursor last used first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursors {
    format: u32,
    cursors: Vec<Cursor>,
}

impl Cursors {
    /// A token of another format is as good as none.
    pub(super) fn parse(token: &Token) -> Self {
        let parsed: Option<Self> = serde_json::from_str(&token.0).ok();
        parsed.filter(|cursors| cursors.format == FORMAT).unwrap_or_default()
    }

    pub(super) fn find(&self, invocation_id: &str, naming_context: &str) -> Option<u64> {
        let fits = |cursor: &&Cursor| {
            cursor.invocation_id == invocation_id && names::same(&cursor.naming_context, naming_context)
        };
        self.cursors.iter().find(fits).map(|cursor| cursor.usn)
    }

    pub(super) fn knows(&self, invocation_id: &str) -> bool {
        self.cursors.iter().any(|cursor| cursor.invocation_id == invocation_id)
    }

    /// `new` in front; of the older ones those of other controllers. Going back to an older cursor reads again
    /// what lies between, which does no harm.
    pub(super) fn advanced(&self, new: Vec<Cursor>) -> Self {
        let mut cursors = new;
        for old in &self.cursors {
            let same_context = |own: &&Cursor| names::same(&own.naming_context, &old.naming_context);
            let known = cursors.iter().filter(same_context).any(|own| own.invocation_id == old.invocation_id);
            if !known && cursors.iter().filter(same_context).count() < KEPT {
                cursors.push(old.clone());
            }
        }
        Self { format: FORMAT, cursors }
    }

    pub(super) fn token(&self) -> Token {
        Token(serde_json::to_string(self).expect("cursors are plain data"))
    }
}

/// The controller's database, and the number that no change of the past exceeds.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) invocation_id: String,
    pub(super) highest_usn: u64,
}

/// Where the controller is now; to be asked *before* the search whose result it stands for.
pub(super) async fn position(session: &Session) -> Result<Position, Error> {
    let protocol = |hint: &str| Error::Protocol { system: SYSTEM, hint: format!("{}: {hint}", session.server) };
    let root = session.read("", &["highestCommittedUSN"]).await?.unwrap_or_default();
    let highest_usn = root.number("highestCommittedUSN").and_then(|usn| u64::try_from(usn).ok());
    let settings = session.read(&session.root.service_name, &["invocationId"]).await?.unwrap_or_default();
    let invocation_id = settings.bytes("invocationId").and_then(names::guid_text);
    Ok(Position {
        invocation_id: invocation_id.ok_or_else(|| protocol("its invocationId cannot be read"))?,
        highest_usn: highest_usn.ok_or_else(|| protocol("its highestCommittedUSN cannot be read"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(id: &str, context: &str, usn: u64) -> Cursor {
        Cursor { invocation_id: id.into(), naming_context: context.into(), usn }
    }

    #[test]
    fn cursors_hold_for_one_database_and_one_naming_context() {
        let cursors = Cursors::default().advanced(vec![cursor("a", "DC=corp,DC=example", 7)]);
        assert_eq!(cursors.find("a", "dc=CORP,dc=example"), Some(7));
        assert_eq!(cursors.find("b", "DC=corp,DC=example"), None);
        assert_eq!(cursors.find("a", "DC=sub,DC=corp,DC=example"), None);
        assert_eq!(Cursors::parse(&cursors.token()), cursors);
    }

    #[test]
    fn other_controllers_cursors_stay_and_the_own_one_moves() {
        let first = Cursors::default().advanced(vec![cursor("a", "DC=x", 7)]);
        let second = first.advanced(vec![cursor("b", "DC=x", 100)]).advanced(vec![cursor("b", "DC=x", 110)]);
        assert_eq!((second.find("a", "DC=x"), second.find("b", "DC=x")), (Some(7), Some(110)));
        let many = (0..20).fold(second, |cursors, n| cursors.advanced(vec![cursor(&format!("n{n}"), "DC=x", n)]));
        assert_eq!(many.cursors.len(), KEPT);
        assert!(many.knows("n19") && !many.knows("a"));
    }

    #[test]
    fn a_strange_token_is_none() {
        for text in ["", "{}", "{\"format\":2,\"cursors\":[]}", "nonsense"] {
            assert_eq!(Cursors::parse(&Token(text.into())), Cursors::default(), "{text}");
        }
    }
}
