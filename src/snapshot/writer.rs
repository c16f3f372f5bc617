//! Writes a snapshot from records that come in order.

use super::Error;
use super::format::{self, Kind, Record, Summary};
use super::frames::{Frame, Frames, index};
use super::sealed::SealedOutput;
use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::io::Write;
use zstd::bulk::Compressor;

/// Fast to write and hardly larger than the next levels.
const LEVEL: i32 = 1;
/// Bytes of lines in a frame. In larger ones a change would touch more neighbours, smaller ones compress worse.
const FRAME_BYTES: usize = 64 << 10;

/// Nothing that was written counts before [`Writer::finish`] has returned.
pub struct Writer<W: Write> {
    output: SealedOutput<W>,
    compressor: Compressor<'static>,
    kind: Kind,
    last: Vec<u8>,
    count: u64,
    content: Option<Sha256>,
    /// Lines of the frame that is not written yet, and how many bytes of them are enough.
    lines: Vec<u8>,
    enough: usize,
    first_key: Vec<u8>,
    /// Records in it.
    pending: u32,
    header: u32,
    frames: Vec<Frame>,
}

impl<W: Write> Writer<W> {
    pub fn new(output: W, kind: Kind) -> Result<Self, Error> {
        let mut writer = Self {
            output: SealedOutput::new(output),
            compressor: Compressor::new(LEVEL)?,
            kind,
            last: Vec::new(),
            count: 0,
            content: Some(Sha256::new()),
            lines: Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 4),
            enough: FRAME_BYTES,
            first_key: Vec::new(),
            pending: 0,
            header: 0,
            frames: Vec::new(),
        };
        let header = writer.compressor.compress(format::header(kind).as_bytes())?;
        writer.header = header.len() as u32;
        writer.output.write_all(&header)?;
        Ok(writer)
    }

    /// For copying frames: one into which something is put stays one, or all after it would have to be cut anew.
    pub(super) fn with_room(mut self) -> Self {
        self.enough = 2 * FRAME_BYTES;
        self
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

    /// Whether a frame may be copied now: not where that would leave a small one before it.
    pub(super) fn can_copy_frame(&self) -> bool {
        self.lines.is_empty() || self.lines.len() >= FRAME_BYTES / 4
    }

    /// Takes a whole frame over as it stands.
    pub(super) fn copy_frame(&mut self, frames: &Frames, index: usize) -> Result<(), Error> {
        self.end_frame()?;
        let frame = &frames.frames()[index];
        self.in_order(&frame.first_key)?;
        self.output.write_all(&frames.compressed(index)?)?;
        self.content = None;
        self.count += u64::from(frame.count) - 1;
        self.frames.push(frame.clone());
        Ok(())
    }

    fn in_order(&mut self, key: &[u8]) -> Result<(), Error> {
        self.count += 1;
        match key.cmp(&self.last) {
            std::cmp::Ordering::Greater => {}
            std::cmp::Ordering::Equal => return Err(Error::DuplicateKey { record: self.count }),
            std::cmp::Ordering::Less => return Err(Error::OutOfOrder { record: self.count }),
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        Ok(())
    }

    fn write(&mut self, record: Record<'_>) -> Result<(), Error> {
        self.in_order(record.key)?;
        if self.pending == 0 {
            self.first_key.clear();
            self.first_key.extend_from_slice(record.key);
        }
        let start = self.lines.len();
        for part in [record.key, b"\t", record.hash, b"\t", record.document, b"\n"] {
            self.lines.extend_from_slice(part);
        }
        if let Some(content) = &mut self.content {
            content.update(&self.lines[start..start + record.key.len() + 1 + record.hash.len()]);
            content.update(b"\n");
        }
        self.pending += 1;
        if self.lines.len() >= self.enough { self.end_frame() } else { Ok(()) }
    }

    fn end_frame(&mut self) -> Result<(), Error> {
        if self.pending == 0 {
            return Ok(());
        }
        let compressed = self.compressor.compress(&self.lines)?;
        self.output.write_all(&compressed)?;
        self.frames.push(Frame {
            first_key: self.first_key.as_slice().into(),
            compressed: compressed.len() as u32,
            raw: self.lines.len() as u32,
            count: self.pending,
            hash: Frame::hash(&compressed),
        });
        self.lines.clear();
        self.pending = 0;
        Ok(())
    }

    /// Writes the last line, the index and the seal, and flushes; the caller makes the file durable.
    pub fn finish(mut self) -> Result<(W, Summary), Error> {
        self.end_frame()?;
        let content = self.content.map(|content| Digest::from_bytes(content.finalize().into()));
        let trailer = format::trailer(self.count, content.as_ref());
        self.output.write_all(&self.compressor.compress(trailer.as_bytes())?)?;
        self.output.write_all(&index(self.header, &self.frames))?;
        let (output, file, bytes) = self.output.finish()?;
        Ok((output, Summary { kind: self.kind, count: self.count, content, file, bytes }))
    }
}
