//! The lines of a report, as they are written and read.

use crate::engine::{Action, ReportLine};
use crate::model::reason::Warning;
use crate::model::taken::Holder;
use crate::model::{Contact, EntryClass};
use crate::operation::{OperationType, Outcome, RunReference};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Of [`Title::report`].
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Title {
    /// [`FORMAT`]
    pub report: u32,
    pub operation: OperationType,
    pub connector: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunReference>,
    pub attempt: u32,
    pub time: Timestamp,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Lines between the first and this one.
    pub end: u64,
    pub outcome: Outcome,
}

/// What became of a change that a push tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WriteResult {
    Done,
    /// An earlier push did it.
    AlreadyDone,
    /// The address is not free yet; the next pass tries again.
    Deferred,
    /// The object is not what it was when the plan was computed; left to the next pass.
    Drifted,
    /// [`Line::hint`] says why.
    Refused,
    /// Not tried, since a quota of the target is used up.
    QuotaExceeded,
}

impl WriteResult {
    pub const ALL: [Self; 6] =
        [Self::Done, Self::AlreadyDone, Self::Deferred, Self::Drifted, Self::Refused, Self::QuotaExceeded];

    /// As reports write it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::AlreadyDone => "AlreadyDone",
            Self::Deferred => "Deferred",
            Self::Drifted => "Drifted",
            Self::Refused => "Refused",
            Self::QuotaExceeded => "QuotaExceeded",
        }
    }
}

/// A change, or an entry or contact of which there is something to tell. Which members are there depends on the
/// operation: a simulation's have `source`, a push's have `result`, a pull's neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line<'a> {
    pub action: Action,
    /// Label of a `ChangeReason`, `Unwanted` or `Undecided`; empty for [`Action::Keep`].
    pub reason: Cow<'a, str>,
    pub class: EntryClass,
    /// The key of entry or contact; for a pull, which knows one source only, the anchor alone.
    pub key: Cow<'a, str>,
    /// Name of the source's connector; empty for a source that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<WriteResult>,
    /// Why a target refused the change and what to do, without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'a, str>>,
    /// Address values that the target did not take while it took the rest.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub refused_values: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub warnings: Cow<'a, BTreeSet<Warning>>,
    /// Address values that were left out, with prefix.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: Cow<'a, BTreeSet<String>>,
    /// Who holds the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Cow<'a, Holder>>,
    /// X500 values that the target's mailbox should get, so that replies keep working (mail-rules §5).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub x500_for_mailbox: Cow<'a, BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Cow<'a, Contact>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cow<'a, Contact>>,
}

impl<'a> Line<'a> {
    /// A line that says no more than this.
    pub fn new(action: Action, reason: &'a str, class: EntryClass, key: &'a str) -> Self {
        Self {
            action,
            reason: reason.into(),
            class,
            key: key.into(),
            source: None,
            display_name: None,
            address: None,
            result: None,
            hint: None,
            refused_values: Cow::Borrowed(&[]),
            warnings: Cow::default(),
            left_out: Cow::default(),
            holder: None,
            x500_for_mailbox: Cow::default(),
            before: None,
            after: None,
        }
    }
}

impl<'a> From<&'a ReportLine<'_>> for Line<'a> {
    fn from(line: &'a ReportLine<'_>) -> Self {
        Self {
            source: Some(line.source.into()),
            display_name: line.display_name.map(Cow::from),
            address: line.address.map(|address| address.as_str().into()),
            warnings: Cow::Borrowed(&line.warnings),
            left_out: Cow::Borrowed(&line.left_out),
            holder: line.holder.map(Cow::Borrowed),
            x500_for_mailbox: Cow::Borrowed(&line.x500_for_mailbox),
            before: line.before.map(Cow::Borrowed),
            after: line.after.map(Cow::Borrowed),
            ..Self::new(line.action, line.reason, line.class, line.key.as_str())
        }
    }
}
