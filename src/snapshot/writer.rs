//! Writes a snapshot from records that come in order.

use super::Error;
use super::format::{self, Kind, Record};
use super::sealed::SealedOutput;
use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Write;
use zstd::stream::write::Encoder;

/// Fast to write and hardly larger than the next levels.
const LEVEL: i32 = 1;
/// One mebibyte: what a reader needs to keep of the past, and what fits into a processor's cache.
const WINDOW_LOG: u32 = 20;

/// What a finished snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub kind: Kind,
    pub count: u64,
    /// Over keys and hashes: equal for snapshots with the same records, however they are compressed.
    pub content: Digest,
    /// SHA-256 of the file: its name as a blob.
    pub file: Digest,
    pub bytes: u64,
}

/// Nothing that was written counts before [`Writer::finish`] has returned.
pub struct Writer<W: Write> {
    output: Encoder<'static, SealedOutput<W>>,
    kind: Kind,
    last: Vec<u8>,
    count: u64,
    content: Sha256,
}

impl<W: Write> Writer<W> {
    pub fn new(output: W, kind: Kind) -> Result<Self, Error> {
        let mut output = Encoder::new(SealedOutput::new(output), LEVEL)?;
        output.window_log(WINDOW_LOG)?;
        output.include_checksum(true)?;
        output.write_all(format::header(kind).as_bytes())?;
        Ok(Self { output, kind, last: Vec::new(), count: 0, content: Sha256::new() })
    }

    /// `document` is one line of JSON; it is kept byte for byte.
    pub fn append(&mut self, key: &[u8], document: &[u8]) -> Result<(), Error> {
        format::check(key, document)?;
        self.write(Record { key, hash: &format::hash(document), document })
    }

    /// Takes a record over from another snapshot, with the hash that it has there.
    pub fn copy(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.write(record)
    }

    fn write(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.count += 1;
        match record.key.cmp(&self.last) {
            std::cmp::Ordering::Greater => {}
            std::cmp::Ordering::Equal => return Err(Error::DuplicateKey { record: self.count }),
            std::cmp::Ordering::Less => return Err(Error::OutOfOrder { record: self.count }),
        }
        self.last.clear();
        self.last.extend_from_slice(record.key);
        for part in [record.key, b"\t", record.hash] {
            self.content.update(part);
            self.output.write_all(part)?;
        }
        self.content.update(b"\n");
        for part in [b"\t", record.document, b"\n"] {
            self.output.write_all(part)?;
        }
        Ok(())
    }

    /// Writes the last line and the seal, and flushes; the caller makes the file durable.
    pub fn finish(mut self) -> Result<(W, Summary), Error> {
        let content = Digest::from_bytes(self.content.finalize().into());
        self.output.write_all(format::trailer(self.count, &content).as_bytes())?;
        let (output, file, bytes) = self.output.finish()?.finish()?;
        Ok((output, Summary { kind: self.kind, count: self.count, content, file, bytes }))
    }
}
