//! A plan in the store: JSON Lines, first the changes in order of their keys, then a line that says what the plan
//! was made for and how many changes there are, so that a cut-off plan is none.

use super::error::Error;
use crate::engine::{PlanHeader, PlanResult};
use crate::model::{Change, Digest, SystemIdentity};
use crate::operation::{PlanSummary, Reason};
use crate::store::{self, JsonLines, Lines, Store};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FORMAT: u32 = 1;

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    pub format: u32,
    pub digest: Digest,
    /// Name of the target's connector.
    pub connector: String,
    /// What was told of the plan when it was made.
    pub summary: PlanSummary,
    pub made_for: PlanHeader,
    /// Entries of each source when the plan was made.
    pub entries: BTreeMap<SystemIdentity, u64>,
    pub changes: u64,
}

/// What a plan in the store is: for a push that begins with it.
pub async fn header(plan: &Digest, store: &Store) -> Result<Header, Error> {
    let mut reader = PlanReader::open(plan, store).await?;
    while reader.next()?.is_some() {}
    Ok(reader.header.expect("a plan that was read to its end has a header"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum LineRef<'a> {
    Change(&'a Change),
    Plan(&'a Header),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Change(Box<Change>),
    Plan(Box<Header>),
}

/// Takes changes as they are planned.
pub(super) struct PlanWriter {
    lines: JsonLines,
    changes: u64,
}

impl PlanWriter {
    pub(super) fn new(store: &Store) -> Result<Self, Error> {
        Ok(Self { lines: store.json_lines()?, changes: 0 })
    }

    pub(super) fn append(&mut self, change: &Change) -> Result<(), store::Error> {
        self.changes += 1;
        self.lines.append(&LineRef::Change(change))
    }

    pub(super) async fn keep(
        mut self,
        connector: &str,
        summary: &PlanSummary,
        result: &PlanResult,
        store: &Store,
    ) -> Result<(), Error> {
        let header = Header {
            format: FORMAT,
            digest: result.digest,
            connector: connector.to_owned(),
            summary: summary.clone(),
            made_for: result.header.clone(),
            entries: result.entries.clone(),
            changes: self.changes,
        };
        self.lines.append(&LineRef::Plan(&header))?;
        Ok(store.put_plan(&result.digest, self.lines).await?)
    }
}

/// A plan's changes in order of their keys, and its header once they are all read.
pub(super) struct PlanReader {
    lines: Lines,
    digest: Digest,
    read: u64,
    header: Option<Header>,
}

impl PlanReader {
    pub(super) async fn open(digest: &Digest, store: &Store) -> Result<Self, Error> {
        match store.plan(digest).await {
            Ok(lines) => Ok(Self { lines, digest: *digest, read: 0, header: None }),
            Err(error) if error.is_absence() => Err(missing(digest, "is not in the store")),
            Err(error) => Err(error.into()),
        }
    }

    /// The next change; after the last one the header is known.
    pub(super) fn next(&mut self) -> Result<Option<Change>, Error> {
        if self.header.is_some() {
            return Ok(None);
        }
        let damaged = || missing(&self.digest, "is damaged");
        let line = self.lines.next().ok_or_else(damaged)?.map_err(|_| damaged())?;
        match serde_json::from_str(&line).map_err(|_| damaged())? {
            Line::Change(change) => {
                self.read += 1;
                Ok(Some(*change))
            }
            Line::Plan(header) if header.format != FORMAT => Err(missing(&self.digest, "is another release's")),
            Line::Plan(header) if header.digest == self.digest && header.changes == self.read => {
                self.header = Some(*header);
                Ok(None)
            }
            Line::Plan(_) => Err(damaged()),
        }
    }

    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }
}

fn missing(digest: &Digest, what: &str) -> Error {
    Error::refused(Reason::PlanMissing, format!("the plan {digest} {what}; simulate again"))
}
