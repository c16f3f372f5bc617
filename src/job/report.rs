//! Reports: JSON Lines, one line a change, a skipped or an undecided entry, between a first line that says what
//! the report is of and a last one with the outcome. They hold personal data and go to the store only.

use super::context::Context;
use super::error::Error;
use crate::operation::{Operation, OperationType, Outcome, Request, RunReference};
use crate::store::{self, JsonLines, RunFile, RunFileKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

pub(super) struct Report {
    lines: JsonLines,
    count: u64,
    title: Title,
}

impl Report {
    pub(super) fn new(request: &Request, context: &Context<'_>) -> Result<Self, Error> {
        let schedule = match &request.operation {
            Operation::Simulate(simulate) | Operation::Push { simulate, .. } => simulate.schedule.clone(),
            _ => String::new(),
        };
        let title = Title {
            report: FORMAT,
            operation: request.operation.kind(),
            connector: request.operation.connector().map(|connector| connector.name.clone()).unwrap_or_default(),
            schedule,
            run: request.run.clone(),
            attempt: request.attempt,
            time: context.clock.now(),
        };
        let mut lines = context.store.json_lines()?;
        lines.append(&title)?;
        Ok(Self { lines, count: 0, title })
    }

    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), store::Error> {
        self.count += 1;
        self.lines.append(line)
    }

    /// Puts the report into the store; its key.
    pub(super) async fn keep(mut self, outcome: &Outcome, context: &Context<'_>) -> Result<String, Error> {
        let mut outcome = outcome.clone();
        outcome.started = self.title.time;
        self.lines.append(&End { end: self.count, outcome })?;
        let name = RunFile {
            kind: RunFileKind::Report,
            run: run_name(self.title.run.as_ref()),
            operation: self.title.operation,
            connector: &self.title.connector,
            attempt: self.title.attempt,
        };
        context.store.put_run_file(&name, self.lines).await?;
        Ok(name.key())
    }
}

/// The folder for what belongs to no run.
pub fn run_name(run: Option<&RunReference>) -> &str {
    run.map_or("no-run", |run| run.name.as_str())
}
