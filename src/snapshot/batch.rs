//! Decompresses a snapshot into batches of whole lines, and checks everything that does not need a document's
//! content: seal, order, count, and on demand the digest over keys and hashes.

use super::Error;
use super::format::Summary;
use super::format::{self, HASH_CHARS, Kind, MAX_DOCUMENT_BYTES, MAX_KEY_BYTES, Record};
use super::sealed::SealedInput;
use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Read;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::DParameter;

/// What the processor's second-level cache holds, so that lines are split while they are warm.
const BATCH_BYTES: usize = 256 << 10;
const MAX_LINE_BYTES: usize = MAX_KEY_BYTES + HASH_CHARS + MAX_DOCUMENT_BYTES + 3;
/// Eight mebibytes; bounds memory whatever the file asks for.
const MAX_WINDOW_LOG: u32 = 23;

/// Whole lines and where they begin and end.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy)]
struct Line {
    start: u32,
    key_end: u32,
    end: u32,
}

impl Batch {
    /// Whole lines of records, of which only the shape is checked.
    pub(super) fn of(bytes: Vec<u8>) -> Result<Self, Error> {
        let mut lines = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &bytes) {
            let key_end = start + key_length(&bytes[start..end])?;
            lines.push(Line { start: start as u32, key_end: key_end as u32, end: end as u32 });
            start = end + 1;
        }
        if start == bytes.len() { Ok(Self { bytes, lines }) } else { Err(Error::damaged("its last line has no end")) }
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<Record<'_>> {
        let of = |line: &Line| &self.bytes[line.start as usize..line.key_end as usize];
        self.record(self.lines.binary_search_by(|line| of(line).cmp(key)).ok()?)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).filter_map(|index| self.record(index))
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn record(&self, index: usize) -> Option<Record<'_>> {
        let Line { start, key_end, end } = *self.lines.get(index)?;
        let (start, key_end, end) = (start as usize, key_end as usize, end as usize);
        Some(Record {
            key: &self.bytes[start..key_end],
            hash: &self.bytes[key_end + 1..key_end + 1 + HASH_CHARS],
            document: &self.bytes[key_end + HASH_CHARS + 2..end],
        })
    }
}

fn key_length(line: &[u8]) -> Result<usize, Error> {
    let shape = || Error::damaged("a line is not key, hash and document");
    let key_end = memchr::memchr(b'\t', line).ok_or_else(shape)?;
    if line.get(key_end + 1 + HASH_CHARS) == Some(&b'\t') { Ok(key_end) } else { Err(shape()) }
}

pub(super) struct BatchReader {
    input: SealedInput<Box<dyn Read + Send>>,
    decoder: Decoder<'static>,
    /// Between two frames, and after the last one.
    frame_ended: bool,
    ended: bool,
    /// The beginning of a line whose end is not read yet.
    rest: Vec<u8>,
    last_key: Vec<u8>,
    count: u64,
    /// Absent where the seal is enough: it costs as much again as splitting the lines.
    content: Option<Sha256>,
    kind: Option<Kind>,
    trailer: Option<(u64, Option<Digest>)>,
}

impl BatchReader {
    /// `thorough` also checks the digest in the last line, which only a program with a mistake gets wrong. Reads
    /// the first batch, since what the snapshot holds stands in its first line.
    pub(super) fn open(input: Box<dyn Read + Send>, thorough: bool) -> Result<(Self, Kind, Batch), Error> {
        let mut input = SealedInput::new(input);
        input.expect_zstd()?;
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        let mut reader = Self {
            input,
            decoder,
            frame_ended: false,
            ended: false,
            rest: Vec::new(),
            last_key: Vec::new(),
            count: 0,
            content: thorough.then(Sha256::new),
            kind: None,
            trailer: None,
        };
        let mut batch = Batch::default();
        reader.fill(&mut batch)?;
        let kind = reader.kind.ok_or(Error::Truncated)?;
        Ok((reader, kind, batch))
    }

    /// Puts the next records into `batch`; without any, the snapshot came to its end.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> Result<(), Error> {
        batch.lines.clear();
        batch.bytes.clear();
        batch.bytes.reserve(BATCH_BYTES);
        batch.bytes.extend_from_slice(&self.rest);
        let mut searched = 0;
        while batch.lines.is_empty() && !(self.ended && searched == batch.bytes.len()) {
            if batch.bytes.len() == batch.bytes.capacity() {
                if batch.bytes.len() > MAX_LINE_BYTES {
                    return Err(Error::damaged("a line is too long"));
                }
                batch.bytes.reserve(batch.bytes.len());
            }
            self.decompress(&mut batch.bytes)?;
            let used = self.split(batch, searched)?;
            if batch.lines.is_empty() {
                batch.bytes.drain(..used);
                searched = batch.bytes.len();
            } else {
                searched = used;
            }
        }
        self.rest.clear();
        if batch.lines.is_empty() && !batch.bytes.is_empty() {
            return Err(Error::damaged("its last line has no end"));
        }
        self.rest.extend_from_slice(&batch.bytes[searched..]);
        Ok(())
    }

    /// Fills the free capacity of `bytes`, or comes to the end of the last frame.
    fn decompress(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        while bytes.len() < bytes.capacity() && !self.ended {
            let input = self.input.fill()?;
            if input.is_empty() {
                self.input.finish()?;
                if self.frame_ended {
                    self.ended = true;
                    break;
                }
                return Err(Error::damaged("its zstd frame has no end"));
            }
            let mut input = InBuffer::around(input);
            let written = bytes.len();
            let mut output = OutBuffer::around_pos(bytes, written);
            let more = self.decoder.run(&mut input, &mut output).map_err(|error| Error::damaged(error.to_string()))?;
            let consumed = input.pos();
            self.input.consume(consumed);
            self.frame_ended = more == 0;
        }
        Ok(())
    }

    /// Notes the whole lines of `batch`, the first of which may begin before `searched`, and where the last ends.
    fn split(&mut self, batch: &mut Batch, searched: usize) -> Result<usize, Error> {
        let Batch { bytes, lines } = batch;
        let mut start = 0;
        let mut searched = searched;
        while let Some(length) = memchr::memchr(b'\n', &bytes[searched..]) {
            let end = searched + length;
            let line = &bytes[start..end];
            if self.trailer.is_some() {
                return Err(Error::damaged("lines follow its last one"));
            } else if self.kind.is_none() {
                self.kind = Some(format::parse_header(line)?);
            } else if line.first() == Some(&format::TRAILER_START) {
                let trailer = format::parse_trailer(line);
                self.trailer = Some(trailer.ok_or_else(|| Error::damaged("its last line is none"))?);
            } else {
                let key_end = self.check(line)?;
                lines.push(Line { start: start as u32, key_end: (start + key_end) as u32, end: end as u32 });
            }
            start = end + 1;
            searched = start;
        }
        Ok(start)
    }

    /// The length of the line's key.
    fn check(&mut self, line: &[u8]) -> Result<usize, Error> {
        self.count += 1;
        let key_end = key_length(line)?;
        let key = &line[..key_end];
        match key.cmp(self.last_key.as_slice()) {
            std::cmp::Ordering::Greater => {}
            std::cmp::Ordering::Equal => return Err(Error::DuplicateKey { record: self.count }),
            std::cmp::Ordering::Less => return Err(Error::OutOfOrder { record: self.count }),
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        if let Some(content) = &mut self.content {
            content.update(&line[..key_end + 1 + HASH_CHARS]);
            content.update(b"\n");
        }
        Ok(key_end)
    }

    /// Call when [`Self::fill`] found no more records.
    pub(super) fn finish(&mut self) -> Result<Summary, Error> {
        let (file, bytes) = self.input.finish()?;
        let (Some(kind), Some((count, content))) = (self.kind, self.trailer) else { return Err(Error::Truncated) };
        let found = self.content.clone().map(|found| Digest::from_bytes(found.finalize().into()));
        if count != self.count || found.zip(content).is_some_and(|(found, content)| found != content) {
            return Err(Error::damaged("count or checksum in its last line are not those of its records"));
        }
        Ok(Summary { kind, count, content, file, bytes })
    }
}
