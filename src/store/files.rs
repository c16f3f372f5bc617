//! Files of a run: reports and logs as JSON Lines in zstd; and plans by digest.

use super::{Error, Object, Store};
use crate::model::Digest;
use crate::operation::OperationType;
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

const LEVEL: i32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFileKind {
    /// Every change and everything that is not as it should be, with personal data.
    Report,
    /// What the Job logged.
    Log,
    /// What a push has done so far.
    Journal,
}

/// Names a file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFile<'a> {
    pub kind: RunFileKind,
    pub run: &'a str,
    pub operation: OperationType,
    pub connector: &'a str,
    /// From 1; a report is written by the attempt that finishes, so it has none.
    pub attempt: u32,
}

impl RunFileKind {
    pub(super) const ALL: [RunFileKind; 3] = [Self::Report, Self::Log, Self::Journal];

    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Report => "reports",
            Self::Log => "logs",
            Self::Journal => "journals",
        }
    }
}

impl RunFile<'_> {
    /// Without the prefix: what an Outcome says.
    pub fn key(&self) -> String {
        let Self { kind, run, connector, attempt, .. } = self;
        let operation = self.operation.name().to_lowercase();
        match kind {
            RunFileKind::Report => format!("reports/{run}/{operation}-{connector}.jsonl.zst"),
            _ => format!("{}/{run}/{operation}-{connector}-{attempt}.jsonl.zst", kind.folder()),
        }
    }
}

pub(super) const PLANS: &str = "plans";

fn plan_key(plan: &Digest) -> String {
    format!("{PLANS}/{}.jsonl.zst", plan.hex())
}

impl Store {
    /// Lines that will be a file of the store; nothing of it appears before it is put.
    pub fn json_lines(&self) -> Result<JsonLines, Error> {
        JsonLines::new(self.temporary_file()?)
    }

    pub async fn put_run_file(&self, name: &RunFile<'_>, lines: JsonLines) -> Result<(), Error> {
        self.put_file(&name.key(), lines.finish()?).await
    }

    /// The files of one kind of one run.
    pub async fn run_files(&self, kind: RunFileKind, run: &str) -> Result<Vec<Object>, Error> {
        self.list(&format!("{}/{run}", kind.folder())).await
    }

    /// The lines of a file by its key.
    pub async fn lines(&self, key: &str) -> Result<Lines, Error> {
        Lines::new(key, self.get_file(key).await?)
    }

    /// A plan's digest is over its changes, not over these bytes; equal digests mean equal changes.
    pub async fn put_plan(&self, plan: &Digest, lines: JsonLines) -> Result<(), Error> {
        self.put_file(&plan_key(plan), lines.finish()?).await
    }

    /// [`Error::NotFound`] = simulate again.
    pub async fn plan(&self, plan: &Digest) -> Result<Lines, Error> {
        self.lines(&plan_key(plan)).await
    }
}

/// Writes JSON Lines, compressed.
pub struct JsonLines {
    output: Encoder<'static, BufWriter<File>>,
}

impl JsonLines {
    fn new(file: File) -> Result<Self, Error> {
        let mut output = Encoder::new(BufWriter::new(file), LEVEL).map_err(Error::Temporary)?;
        output.include_checksum(true).map_err(Error::Temporary)?;
        Ok(Self { output })
    }

    pub fn append(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let error = |error: serde_json::Error| Error::Temporary(error.into());
        serde_json::to_writer(&mut self.output, line).map_err(error)?;
        self.output.write_all(b"\n").map_err(Error::Temporary)
    }

    /// Takes text that has its line feeds, such as a log.
    pub fn append_text(&mut self, text: &[u8]) -> Result<(), Error> {
        self.output.write_all(text).map_err(Error::Temporary)
    }

    /// The compressed file.
    pub fn finish(self) -> Result<File, Error> {
        let file = self.output.finish().and_then(|output| output.into_inner().map_err(|error| error.into_error()));
        file.map_err(Error::Temporary)
    }
}

/// The lines of a compressed file. After an error it ends.
pub struct Lines {
    key: String,
    input: BufReader<Decoder<'static, BufReader<File>>>,
    failed: bool,
}

impl Lines {
    fn new(key: &str, mut file: File) -> Result<Self, Error> {
        file.seek(SeekFrom::Start(0)).map_err(Error::Temporary)?;
        let input = BufReader::new(Decoder::new(file).map_err(Error::Temporary)?);
        Ok(Self { key: key.to_owned(), input, failed: false })
    }

    /// All of it, for printing.
    pub fn into_reader(self) -> impl Read {
        self.input
    }

    fn read(&mut self) -> Result<Option<String>, Error> {
        let mut line = String::new();
        let read = self.input.read_line(&mut line);
        let read = read.map_err(|error| Error::Damaged { key: self.key.clone(), problem: error.to_string() })?;
        if read == 0 {
            return Ok(None);
        }
        line.truncate(line.trim_end_matches('\n').len());
        Ok(Some(line))
    }
}

impl Iterator for Lines {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = self.read().transpose();
        self.failed = matches!(line, Some(Err(_)));
        line
    }
}
