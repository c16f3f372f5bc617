//! The address ledger of a target: every X500 address that people had, who may be gone by now (mail-rules §5).
//! Not a cache, so neither EmptyCache nor retention take it; it can be exported and imported.

use super::heads::Heads;
use super::objects::{blocking, name, segment};
use super::{Error, Store};
use crate::engine::{self, LedgerRecord};
use crate::model::{Digest, Key, SmtpAddress, SystemIdentity};
use crate::snapshot::{self, Kind, Reader, Sorter, Summary, Writer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

pub(super) const FOLDER: &str = "ledger";
const MEMORY: usize = 8 << 20;
const ATTEMPTS: usize = 20;

/// What is known of one entry; one line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerLine {
    pub key: Key,
    /// Every primary address that its contact had.
    #[serde(default)]
    pub primaries: BTreeSet<SmtpAddress>,
    /// Without the prefix.
    #[serde(default)]
    pub x500: BTreeSet<String>,
}

impl From<LedgerRecord> for LedgerLine {
    fn from(record: LedgerRecord) -> Self {
        Self { key: record.key, primaries: [record.primary].into(), x500: record.x500 }
    }
}

impl LedgerLine {
    fn add(&mut self, other: LedgerLine) {
        self.primaries.extend(other.primaries);
        self.x500.extend(other.x500);
    }

    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a line is plain data")
    }
}

#[derive(Serialize, Deserialize)]
struct LedgerHead {
    /// The blob.
    ledger: Digest,
    count: u64,
}

/// Lines to add, in any number and order.
pub struct LedgerAdditions {
    sorter: Sorter,
    empty: bool,
}

impl LedgerAdditions {
    pub fn push(&mut self, line: &LedgerLine) -> Result<(), Error> {
        self.empty = false;
        Ok(self.sorter.push(line.key.as_str().as_bytes(), &line.json())?)
    }

    /// One line a key.
    fn finish(self, file: File) -> Result<File, Error> {
        let mut sorted = self.sorter.finish()?;
        let mut writer = Writer::new(BufWriter::new(file), Kind::Ledger)?;
        let mut line: Option<LedgerLine> = None;
        while sorted.advance()? {
            let (_, value) = sorted.record().expect("advance found one");
            let next: LedgerLine = serde_json::from_slice(value).expect("push wrote it");
            match &mut line {
                Some(line) if line.key == next.key => line.add(next),
                _ => {
                    if let Some(line) = line.replace(next) {
                        writer.append(line.key.as_str().as_bytes(), &line.json())?;
                    }
                }
            }
        }
        if let Some(line) = line {
            writer.append(line.key.as_str().as_bytes(), &line.json())?;
        }
        Ok(into_file(writer)?.0)
    }
}

fn into_file(writer: Writer<BufWriter<File>>) -> Result<(File, Summary), Error> {
    let (output, summary) = writer.finish()?;
    Ok((output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?, summary))
}

impl Store {
    fn ledger_heads(&self, target: &SystemIdentity) -> Heads<LedgerHead> {
        Heads::new(self, format!("{FOLDER}/{}/heads", segment(target.as_str())))
    }

    pub fn ledger_additions(&self) -> LedgerAdditions {
        LedgerAdditions { sorter: Sorter::new(self.scratch(), MEMORY), empty: true }
    }

    /// Adds what is not there yet. When it returns, it stands in the ledger; a race with another writer is
    /// repeated.
    pub async fn add_to_ledger(&self, target: &SystemIdentity, additions: LedgerAdditions) -> Result<(), Error> {
        if additions.empty {
            return Ok(());
        }
        let scratch = self.temporary_file()?;
        let additions = blocking(move || Ok(additions.finish(scratch))).await??;
        let heads = self.ledger_heads(target);
        for _ in 0..ATTEMPTS {
            let head = heads.latest().await?;
            let previous = match &head {
                Some(head) => Some(self.open(&head.value.ledger, Kind::Ledger).await?),
                None => None,
            };
            let (additions, output) = (reopen(&additions)?, self.temporary_file()?);
            let Some((file, summary)) = blocking(move || Ok(union(previous, additions, output))).await?? else {
                return Ok(());
            };
            self.put_blob(&summary.file, file).await?;
            let next = LedgerHead { ledger: summary.file, count: summary.count };
            match heads.replace(head.map(|head| head.number), &next).await {
                Ok(_) => {
                    heads.keep_last(2).await?;
                    return Ok(());
                }
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict { key: format!("{FOLDER}/{target}") })
    }

    /// All lines in order of their keys.
    pub async fn ledger_lines(
        &self,
        target: &SystemIdentity,
    ) -> Result<impl Iterator<Item = Result<LedgerLine, Error>> + Send + use<>, Error> {
        let lines = match self.ledger_heads(target).latest().await? {
            Some(head) => Some(self.open(&head.value.ledger, Kind::Ledger).await?.documents()),
            None => None,
        };
        Ok(lines.into_iter().flatten().map(|line: Result<LedgerLine, snapshot::Error>| Ok(line?)))
    }

    /// Targets that have a ledger.
    pub async fn ledger_targets(&self) -> Result<BTreeSet<SystemIdentity>, Error> {
        let objects = self.list(FOLDER).await?;
        let names = objects.iter().filter_map(|object| object.key.split('/').nth(1));
        Ok(names.filter_map(|segment| SystemIdentity::new(name(segment)?).ok()).collect())
    }

    /// The blob of the ledger, which says whether it is still the same; absent where there is none.
    pub async fn ledger_blob(&self, target: &SystemIdentity) -> Result<Option<Digest>, Error> {
        Ok(self.ledger_heads(target).latest().await?.map(|head| head.value.ledger))
    }

    /// The ledger for looking up; empty where there is none.
    pub async fn ledger(&self, target: &SystemIdentity) -> Result<Ledger, Error> {
        let lines = match self.ledger_heads(target).latest().await? {
            Some(head) => Some(self.open(&head.value.ledger, Kind::Ledger).await?),
            None => None,
        };
        let file = self.temporary_file()?;
        blocking(move || Ok(Ledger::load(lines, file))).await?
    }
}

/// A second handle whose position is its own business: snapshots are read from the start.
fn reopen(file: &File) -> Result<Reader, Error> {
    let bytes = file.metadata().map_err(Error::Temporary)?.len();
    let file = file.try_clone().map_err(Error::Temporary)?;
    Ok(Reader::new(FromStart { file, position: 0, bytes })?)
}

struct FromStart {
    file: File,
    position: u64,
    bytes: u64,
}

impl std::io::Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.position >= self.bytes {
            return Ok(0);
        }
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// The ledger with the additions; nothing if it has them all already.
fn union(previous: Option<Reader>, mut additions: Reader, output: File) -> Result<Option<(File, Summary)>, Error> {
    let parse = |record: snapshot::Record<'_>| -> Result<LedgerLine, Error> {
        serde_json::from_slice(record.document)
            .map_err(|_| Error::Damaged { key: FOLDER.into(), problem: "a line is not key, primaries and x500".into() })
    };
    let mut writer = Writer::new(BufWriter::new(output), Kind::Ledger)?;
    let mut changed = false;
    let mut previous = previous;
    let advance = |reader: &mut Option<Reader>| reader.as_mut().map_or(Ok(false), Reader::advance);
    let mut more = advance(&mut previous)?;
    additions.advance()?;
    loop {
        let old = previous.as_ref().filter(|_| more).and_then(Reader::record);
        match (old, additions.record()) {
            (None, None) => break,
            (Some(old), Some(new)) if old.key == new.key => {
                let known = parse(old)?;
                let mut line = known.clone();
                line.add(parse(new)?);
                changed |= line != known;
                writer.append(old.key, &line.json())?;
                more = advance(&mut previous)?;
                additions.advance()?;
            }
            (Some(old), new) if new.is_none_or(|new| old.key < new.key) => {
                writer.copy(old)?;
                more = advance(&mut previous)?;
            }
            (_, Some(new)) => {
                changed = true;
                writer.copy(new)?;
                additions.advance()?;
            }
            (Some(_), None) => unreachable!("the arm of known lines took it"),
        }
    }
    if changed { Ok(Some(into_file(writer)?)) } else { Ok(None) }
}

/// The ledger of a target, for looking up: its lines in a temporary file, and in memory 16 bytes for each key and
/// each address.
pub struct Ledger {
    lines: File,
    /// Hash of a key or address, and where its line begins.
    index: Vec<(u64, u64)>,
    failure: Mutex<Option<std::io::Error>>,
}

const LENGTH_BYTES: usize = 4;

impl Ledger {
    fn load(lines: Option<Reader>, file: File) -> Result<Self, Error> {
        let mut index = Vec::new();
        let mut output = BufWriter::new(file);
        let mut start = 0;
        if let Some(mut reader) = lines {
            while reader.advance()? {
                let document = reader.record().expect("advance found one").document;
                let line: LedgerLine = serde_json::from_slice(document).map_err(|_| Error::Damaged {
                    key: FOLDER.into(),
                    problem: format!("line {} is not key, primaries and x500", reader.number()),
                })?;
                index.push((hash("key", line.key.as_str()), start));
                index.extend(line.primaries.iter().map(|primary| (hash("smtp", primary.as_str()), start)));
                let length = (document.len() as u32).to_le_bytes();
                [&length[..], document].iter().try_for_each(|part| output.write_all(part)).map_err(Error::Temporary)?;
                start += (LENGTH_BYTES + document.len()) as u64;
            }
        }
        index.sort_unstable();
        let lines = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
        Ok(Self { lines, index, failure: Mutex::new(None) })
    }

    /// Whether a look-up failed to read; then what it said is not to be used. Ask after a plan was computed.
    pub fn check(&self) -> Result<(), Error> {
        let failure = self.failure.lock().expect("no holder panics").take();
        failure.map_or(Ok(()), |error| Err(Error::Temporary(error)))
    }

    fn find(&self, hash: u64) -> impl Iterator<Item = LedgerLine> + '_ {
        let first = self.index.partition_point(|(other, _)| *other < hash);
        let found = self.index[first..].iter().take_while(move |(other, _)| *other == hash);
        found.filter_map(|(_, start)| {
            self.line(*start).map_err(|error| *self.failure.lock().expect("no holder panics") = Some(error)).ok()
        })
    }

    fn line(&self, start: u64) -> std::io::Result<LedgerLine> {
        let mut length = [0; LENGTH_BYTES];
        self.lines.read_exact_at(&mut length, start)?;
        let mut line = vec![0; u32::from_le_bytes(length) as usize];
        self.lines.read_exact_at(&mut line, start + LENGTH_BYTES as u64)?;
        Ok(serde_json::from_slice(&line)?)
    }
}

fn hash(kind: &str, text: &str) -> u64 {
    let digest = Digest::of(format!("{kind}\0{text}").as_bytes());
    digest.as_bytes()[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

impl engine::Ledger for Ledger {
    fn x500(&self, key: &Key, primary: &SmtpAddress) -> BTreeSet<String> {
        let by_key = self.find(hash("key", key.as_str())).filter(|line| line.key == *key);
        let by_primary = self.find(hash("smtp", primary.as_str())).filter(|line| line.primaries.contains(primary));
        by_key.chain(by_primary).flat_map(|line| line.x500).collect()
    }

    fn knows(&self, key: &Key) -> bool {
        self.find(hash("key", key.as_str())).any(|line| line.key == *key)
    }
}
