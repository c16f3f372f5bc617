//! `galsync snapshot`: make, print, check and compare snapshots.

use super::{Exit, UsageError, is_closed_pipe};
use crate::snapshot::{self, Difference, Kind, Reader, Record, Sorter, Summary, Writer, diff};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Snapshots: sorted, compressed, sealed files of JSON documents; `zstd -dc FILE` prints one.
#[derive(Debug, Args)]
pub struct SnapshotCommand {
    #[command(subcommand)]
    action: Action,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done; a diff also when it found differences
  1  unexpected error
  2  wrong usage, or an input line that is not right
  5  a snapshot is cut off, damaged, or none at all";

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a snapshot of JSON Lines: objects with a text member "key", in any order, each key once.
    #[command(after_help = EXIT_CODES)]
    Pack {
        /// File to read; - is standard input.
        #[arg(default_value = "-")]
        input: PathBuf,
        /// File to write; it appears when it is whole.
        #[arg(long, short)]
        output: PathBuf,
        /// Memory for sorting; what does not fit goes to temporary files beside the output.
        #[arg(long, value_name = "MIB", default_value = "64", value_parser = clap::value_parser!(u16).range(1..=1024))]
        memory: u16,
    },
    /// Print the documents as JSON Lines, in the order of their keys.
    #[command(after_help = EXIT_CODES)]
    Cat { file: PathBuf },
    /// Read a snapshot to the end and check everything, each document's hash too; print what it is.
    #[command(after_help = EXIT_CODES)]
    Verify { file: PathBuf },
    /// Compare two snapshots by key; print each change, before and after, as JSON Lines.
    #[command(after_help = EXIT_CODES)]
    Diff {
        before: PathBuf,
        after: PathBuf,
        /// Print only counts, as one JSON object.
        #[arg(long)]
        summary: bool,
    },
}

impl SnapshotCommand {
    pub fn run(self) -> anyhow::Result<Exit> {
        let done = match self.action {
            Action::Pack { input, output, memory } => pack(&input, &output, usize::from(memory) << 20),
            Action::Cat { file } => cat(&file),
            Action::Verify { file } => verify(&file),
            Action::Diff { before, after, summary } => compare(&before, &after, summary),
        };
        match done {
            Ok(()) => Ok(Exit::Done),
            Err(error) if error.chain().any(|cause| cause.downcast_ref().is_some_and(is_closed_pipe)) => Ok(Exit::Done),
            Err(error) => match error.downcast_ref::<snapshot::Error>() {
                Some(cause) if cause.is_damage() => {
                    eprintln!("error: {error:#}");
                    Ok(Exit::Failed)
                }
                _ => Err(error),
            },
        }
    }
}

fn open(path: &Path) -> anyhow::Result<Reader> {
    Reader::ahead(file(path)?).with_context(|| path.display().to_string())
}

fn file(path: &Path) -> anyhow::Result<File> {
    File::open(path).map_err(|error| UsageError(format!("{}: {error}", path.display())).into())
}

fn output() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

fn cat(path: &Path) -> anyhow::Result<()> {
    let (mut reader, mut output) = (open(path)?, output());
    while reader.advance().with_context(|| path.display().to_string())? {
        output.write_all(reader.record().expect("advance found one").document)?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

#[derive(Serialize)]
struct Verified {
    kind: &'static str,
    records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    file: String,
    bytes: u64,
}

fn verify(path: &Path) -> anyhow::Result<()> {
    let mut reader = Reader::thorough(file(path)?).with_context(|| path.display().to_string())?;
    while reader.advance().with_context(|| path.display().to_string())? {
        if !reader.record().expect("advance found one").is_sound() {
            let problem = format!("the hash of record {} is not that of its document", reader.number());
            return Err(snapshot::Error::Damaged(problem)).context(path.display().to_string());
        }
    }
    let Summary { kind, count, content, file, bytes } = reader.summary().expect("it was read to the end");
    let content = content.map(|content| content.to_string());
    let verified = Verified { kind: kind.name(), records: count, content, file: file.to_string(), bytes };
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string(&verified)?)?)
}

fn compare(before: &Path, after: &Path, summary: bool) -> anyhow::Result<()> {
    let (mut old, mut new) = (open(before)?, open(after)?);
    let context = || format!("{} and {}", before.display(), after.display());
    let mut output = output();
    let counts =
        diff(
            &mut old,
            &mut new,
            |difference| {
                if summary { Ok::<(), DiffError>(()) } else { Ok(print(&mut output, difference)?) }
            },
        );
    match counts {
        Ok(counts) if summary => serde_json::to_writer(&mut output, &counts)?,
        Ok(_) => return Ok(output.flush()?),
        Err(DiffError::Snapshot(error)) => return Err(error).with_context(context),
        Err(DiffError::Output(error)) => return Err(error.into()),
    }
    output.write_all(b"\n")?;
    Ok(output.flush()?)
}

#[derive(Debug, thiserror::Error)]
enum DiffError {
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    #[error(transparent)]
    Output(#[from] io::Error),
}

fn print(output: &mut impl Write, difference: Difference<'_>) -> io::Result<()> {
    let (change, before, after) = match difference {
        Difference::Added(after) => ("added", None, Some(after)),
        Difference::Removed(before) => ("removed", Some(before), None),
        Difference::Changed { before, after } => ("changed", Some(before), Some(after)),
    };
    let key = before.or(after).map_or(&b""[..], |record: Record<'_>| record.key);
    write!(output, "{{\"change\":\"{change}\",\"key\":")?;
    serde_json::to_writer(&mut *output, &String::from_utf8_lossy(key))?;
    for (name, record) in [("before", before), ("after", after)] {
        if let Some(record) = record {
            write!(output, ",\"{name}\":")?;
            output.write_all(record.document)?;
        }
    }
    output.write_all(b"}\n")
}

fn pack(input: &Path, output: &Path, memory: usize) -> anyhow::Result<()> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder)
        .map_err(|error| UsageError(format!("nothing can be written to {}: {error}", folder.display())))?;
    let mut sorter = Sorter::new(folder, memory);
    if input == Path::new("-") {
        read_lines(io::stdin().lock(), &mut sorter)?;
    } else {
        let file = File::open(input).map_err(|error| UsageError(format!("{}: {error}", input.display())))?;
        read_lines(BufReader::with_capacity(128 << 10, file), &mut sorter)?;
    }
    let mut sorted = sorter.finish()?;
    let mut writer = Writer::new(BufWriter::with_capacity(128 << 10, temporary.as_file()), Kind::Records)?;
    let mut last = 0;
    while sorted.advance()? {
        let (key, value) = sorted.record().expect("advance found one");
        let (number, document) = value.split_at(size_of::<u64>());
        let number = u64::from_be_bytes(number.try_into().expect("eight bytes"));
        match writer.append(key, document) {
            Err(snapshot::Error::DuplicateKey { .. }) => {
                return Err(UsageError(format!("lines {last} and {number} have the same key")).into());
            }
            done => done?,
        }
        last = number;
    }
    let (_, summary) = writer.finish()?;
    temporary.as_file().sync_all()?;
    temporary.persist(output).with_context(|| format!("{} cannot be written", output.display()))?;
    eprintln!("{} records, {} bytes", summary.count, summary.bytes);
    Ok(())
}

/// What a line can be at most: a document of a snapshot, not yet compact.
const MAX_LINE_BYTES: u64 = 32 << 20;

#[derive(Deserialize)]
struct Keyed<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

/// Each record's value is the line's number, by which to name it later, and the document.
fn read_lines(mut input: impl BufRead, sorter: &mut Sorter) -> anyhow::Result<()> {
    let (mut line, mut value) = (Vec::new(), Vec::new());
    for number in 1u64.. {
        line.clear();
        let read =
            (&mut input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).context("the input cannot be read")?;
        if read == 0 {
            break;
        }
        let bad = |problem: &str| UsageError(format!("line {number}: {problem}"));
        if read as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            return Err(bad("it is longer than 32 MiB").into());
        }
        let text = std::str::from_utf8(&line).map_err(|_| bad("it is not UTF-8"))?.trim();
        if text.is_empty() {
            continue;
        }
        if !text.starts_with('{') {
            return Err(bad("it is no JSON object").into());
        }
        let keyed: Keyed<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => bad("it has not exactly one member \"key\" with a text"),
            _ => bad(&format!("it is no JSON object, or it goes on after its end (column {})", error.column())),
        })?;
        value.clear();
        value.extend_from_slice(&number.to_be_bytes());
        compact(text.as_bytes(), &mut value);
        snapshot::check(keyed.key.as_bytes(), &value[size_of::<u64>()..]).map_err(|error| bad(&error.to_string()))?;
        sorter.push(keyed.key.as_bytes(), &value)?;
    }
    Ok(())
}

/// The JSON text without blanks between its parts; everything else stays as it was given.
fn compact(text: &[u8], output: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for &byte in text {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
        } else if byte == b'"' {
            in_string = true;
        } else if byte.is_ascii_whitespace() {
            continue;
        }
        output.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_texts_stay() {
        for (given, wanted) in [
            (r#" { "a" : [ 1 , 2 ] } "#, r#"{"a":[1,2]}"#),
            (r#"{"a": " \" b \\" , "c" : " " }"#, r#"{"a":" \" b \\","c":" "}"#),
            (r#"{"n": 1.0e400, "a": 1, "a": 2}"#, r#"{"n":1.0e400,"a":1,"a":2}"#),
        ] {
            let mut output = Vec::new();
            compact(given.as_bytes(), &mut output);
            assert_eq!(String::from_utf8(output).unwrap(), wanted);
        }
    }

    #[test]
    fn bad_lines_are_named_by_their_number() {
        let read = |text: &[u8]| {
            let error = read_lines(text, &mut Sorter::new("/tmp", 0)).unwrap_err();
            assert!(error.is::<UsageError>(), "{error}");
            error.to_string()
        };
        for (text, wanted) in [
            (&b"{\"key\":\"a\"}\n{\"key\":1}"[..], "line 2: it has not exactly one member"),
            (b"{\"key\":\"a\"}\n\n{}", "line 3: it has not exactly one member"),
            (b"{\"key\":\"a\",\"key\":\"b\"}", "line 1: it has not exactly one member"),
            (b"{\"key\":\"a\"", "line 1: it is no JSON object"),
            (b"{\"key\":\"a\"} {}", "line 1: it is no JSON object, or it goes on"),
            (b"[\"key\"]", "line 1: it is no JSON object"),
            (b"{\"key\":\"\xff\"}", "line 1: it is not UTF-8"),
            (b"{\"key\":\"\"}", "line 1: a key must be"),
            (b"{\"key\":\"a\\tb\"}", "line 1: a key must be"),
        ] {
            let found = read(text);
            assert!(found.starts_with(wanted), "{found}");
        }
    }
}
