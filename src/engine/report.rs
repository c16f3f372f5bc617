//! What a plan tells while it is computed: changes, and a line for each entry or contact of which there is
//! something to tell. Lines hold personal data; they go to the report and nowhere else.

use super::error::Failure;
use super::links::Links;
use crate::model::reason::Warning;
use crate::model::taken::Holder;
use crate::model::{Change, Contact, EntryClass, Key, SmtpAddress};
use serde::Serialize;
use std::collections::BTreeSet;

/// Takes the plan as it is computed. Nothing may be pushed before [`super::plan()`] has returned.
pub trait Sink {
    /// In order of the keys.
    fn change(&mut self, change: &Change) -> Result<(), Failure>;

    /// Each change has a line too, before or after [`Sink::change`].
    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure>;

    /// Whether [`Sink::row`] is wanted; it costs time.
    fn wants_rows(&self) -> bool {
        false
    }

    /// Every entry and every contact of ours by its key, in order, and before the first change: what it is connected
    /// with.
    fn row(&mut self, _key: &Key, _links: &Links) -> Result<(), Failure> {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportLine<'a> {
    pub action: Action,
    /// Label of the reason; empty for [`Action::Keep`].
    pub reason: &'static str,
    pub class: EntryClass,
    pub key: &'a Key,
    /// Name of the source's connector; empty for a source that was removed.
    pub source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<&'a SmtpAddress>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub warnings: BTreeSet<Warning>,
    /// Address values that were left out, with prefix.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<String>,
    /// Who holds the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<&'a Holder>,
    /// X500 values that the target's mailbox should get, so that replies keep working (mail-rules §5).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub x500_for_mailbox: BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<&'a Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<&'a Contact>,
}
