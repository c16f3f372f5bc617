//! Reports in the store: what writes one, and what opens one.

use super::line::{End, FORMAT, Line, Title};
use super::reader::{ReadError, Reader};
use crate::operation::{Operation, Outcome, Request, RunReference};
use crate::store::{self, JsonLines, RunFile, RunFileKind, Store};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Writes the report of one operation; nothing of it appears before [`Writer::keep`].
pub struct Writer {
    lines: JsonLines,
    count: u64,
    title: Title,
}

impl Writer {
    pub fn new(request: &Request, store: &Store, now: Timestamp) -> Result<Self, store::Error> {
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
            time: now,
        };
        let mut lines = store.json_lines()?;
        lines.append(&title)?;
        Ok(Self { lines, count: 0, title })
    }

    pub fn line(&mut self, line: &Line<'_>) -> Result<(), store::Error> {
        self.count += 1;
        self.lines.append(line)
    }

    /// Takes over a [`Line`] that was written to a blob before, unread.
    pub fn repeat(&mut self, line: &RawValue) -> Result<(), store::Error> {
        self.count += 1;
        self.lines.append(&line)
    }

    /// Puts the report into the store; its key.
    pub async fn keep(mut self, outcome: &Outcome, store: &Store) -> Result<String, store::Error> {
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
        store.put_run_file(&name, self.lines).await?;
        Ok(name.key())
    }
}

/// Opens a compressed report.
pub fn open(file: File) -> Result<Reader<impl BufRead>, ReadError> {
    let input = zstd::stream::read::Decoder::new(file).map_err(|_| ReadError::NotAReport)?;
    Reader::new(BufReader::new(input))
}

/// The folder of a run's files in the store; there is one for what belongs to no run.
pub fn run_name(run: Option<&RunReference>) -> &str {
    run.map_or("no-run", |run| run.name.as_str())
}
