//! What a plan tells while it is computed: changes, and a line for each entry or contact of which there is
//! something to tell. Lines hold personal data; they go to the report and nowhere else.

use crate::engine::diff::match_keys::MatchKeys;
use crate::engine::error::Failure;
use crate::model::reason::Warning;
use crate::model::taken::Holder;
use crate::model::{Change, ChangeKind, Contact, EntryClass, Key, SmtpAddress};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Takes the plan as it is computed. Nothing may be pushed before [`crate::engine::plan()`] has returned.
pub trait Sink {
    /// In order of the keys.
    fn change(&mut self, change: &Change) -> Result<(), Failure>;

    /// Each change has a line too, directly after its [`Sink::change`] and before the next one: who pairs them keeps
    /// only one.
    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure>;

    /// Whether [`Sink::row`] is wanted; it costs time.
    fn wants_rows(&self) -> bool {
        false
    }

    /// Every entry and every contact of ours by its key, in order, and before the first change: what it is connected
    /// with.
    fn row(&mut self, _key: &Key, _links: &MatchKeys) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether [`Sink::unchanged`] is wanted; it costs time.
    fn wants_unchanged(&self) -> bool {
        false
    }

    /// A contact of ours that gets no change, in order of the keys among the changes.
    fn unchanged(&mut self, _contact: &Contact) -> Result<(), Failure> {
        Ok(())
    }
}

/// What happens to an entry or contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    Create,
    Adopt,
    Update,
    Unhide,
    Remark,
    Hide,
    Delete,
    Unmark,
    Release,
    /// A rule takes the entry out, and it has no contact.
    Skip,
    /// Frozen, since somebody else holds an address.
    Conflict,
    /// Frozen for every other reason.
    Undecided,
    /// The policy does not allow the change.
    Withhold,
    /// As it should be, with something to tell.
    Keep,
}

impl Action {
    pub const ALL: [Self; 14] = [
        Self::Create,
        Self::Adopt,
        Self::Update,
        Self::Unhide,
        Self::Remark,
        Self::Hide,
        Self::Delete,
        Self::Unmark,
        Self::Release,
        Self::Skip,
        Self::Conflict,
        Self::Undecided,
        Self::Withhold,
        Self::Keep,
    ];

    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Update => "update",
            Self::Unhide => "unhide",
            Self::Remark => "remark",
            Self::Hide => "hide",
            Self::Delete => "delete",
            Self::Unmark => "unmark",
            Self::Release => "release",
            Self::Skip => "skip",
            Self::Conflict => "conflict",
            Self::Undecided => "undecided",
            Self::Withhold => "withhold",
            Self::Keep => "keep",
        }
    }
}

impl From<ChangeKind> for Action {
    fn from(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Create => Self::Create,
            ChangeKind::Adopt => Self::Adopt,
            ChangeKind::Update => Self::Update,
            ChangeKind::Unhide => Self::Unhide,
            ChangeKind::Remark => Self::Remark,
            ChangeKind::Hide => Self::Hide,
            ChangeKind::Delete => Self::Delete,
            ChangeKind::Unmark => Self::Unmark,
            ChangeKind::Release => Self::Release,
        }
    }
}

/// What there is to tell of an entry or contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine<'a> {
    pub action: Action,
    /// Label of the reason; empty for [`Action::Keep`].
    pub reason: &'static str,
    pub class: EntryClass,
    pub key: &'a Key,
    /// Name of the source's connector; empty for a source that was removed.
    pub source: &'a str,
    pub display_name: Option<&'a str>,
    pub address: Option<&'a SmtpAddress>,
    pub warnings: BTreeSet<Warning>,
    /// Address values that were left out, with prefix.
    pub left_out: BTreeSet<String>,
    /// Who holds the address.
    pub holder: Option<&'a Holder>,
    /// X500 values that the target's mailbox should get, so that replies keep working (mail-rules §5).
    pub x500_for_mailbox: BTreeSet<String>,
    pub before: Option<&'a Contact>,
    pub after: Option<&'a Contact>,
}
