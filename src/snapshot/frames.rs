//! The frames of a snapshot: where each begins and what it holds, so that single records are found, and what did
//! not change is copied and compared without being decompressed.

use super::Error;
use super::batch::Batch;
use super::format::{Kind, Record, parse_header};
use super::sealed::SEAL_BYTES;
use crate::model::Digest;
use std::fs::File;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::sync_channel;

/// A skippable zstd frame, as the seal is one: common tools pass over it.
const INDEX_START: [u8; 4] = [0x52, 0x2A, 0x4D, 0x18];
const HASH_BYTES: usize = 16;
/// A frame holds whole lines; one with a single very long line is larger than usual.
const MAX_FRAME_BYTES: usize = 32 << 20;
/// How many frames may wait to be looked at.
const FRAMES_AHEAD: usize = 8;
/// With fewer frames or keys a thread is not worth its start.
const WORTH_A_THREAD: usize = 16;

/// One frame of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub first_key: Box<[u8]>,
    pub compressed: u32,
    pub raw: u32,
    pub count: u32,
    /// Of the compressed bytes: equal for equal frames.
    pub hash: [u8; HASH_BYTES],
}

impl Frame {
    pub(super) fn hash(compressed: &[u8]) -> [u8; HASH_BYTES] {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&Digest::of(compressed).as_bytes()[..HASH_BYTES]);
        hash
    }
}

/// The index as it stands before the seal: frames, their number, the length of the first frame (which holds the
/// first line alone), and the length of all this.
pub(super) fn index(header: u32, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + frames.len() * 96);
    bytes.extend_from_slice(&INDEX_START);
    bytes.extend_from_slice(&[0; 4]);
    for Frame { first_key, compressed, raw, count, hash } in frames {
        for number in [first_key.len() as u32, *compressed, *raw, *count] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(hash);
        bytes.extend_from_slice(first_key);
    }
    for number in [frames.len() as u32, header, bytes.len() as u32 + 12] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let length = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn parse_frame(bytes: &mut &[u8]) -> Option<Frame> {
    let key = number(bytes, 0)? as usize;
    let [compressed, raw, count] = [number(bytes, 4)?, number(bytes, 8)?, number(bytes, 12)?];
    let hash = bytes.get(16..16 + HASH_BYTES)?.try_into().ok()?;
    let first_key = bytes.get(16 + HASH_BYTES..16 + HASH_BYTES + key)?.into();
    *bytes = &bytes[16 + HASH_BYTES + key..];
    Some(Frame { first_key, compressed, raw, count, hash })
}

/// A snapshot whose frames are read where they are wanted. It must be known to be whole, as a blob of the store is
/// that was opened: neither seal nor order are looked at here.
pub struct Frames {
    file: File,
    kind: Kind,
    frames: Vec<Frame>,
    /// Where each frame begins; one more for the end of the last.
    starts: Vec<u64>,
}

impl Frames {
    pub fn open(file: File, kind: Kind) -> Result<Self, Error> {
        let damaged = || Error::damaged("its index is none");
        let end = file.metadata()?.len().checked_sub(SEAL_BYTES as u64).ok_or(Error::Truncated)?;
        let mut tail = [0; 12];
        file.read_exact_at(&mut tail, end.checked_sub(12).ok_or(Error::Truncated)?)?;
        let [count, header, length] =
            [number(&tail, 0), number(&tail, 4), number(&tail, 8)].map(Option::unwrap_or_default);
        let start = end.checked_sub(u64::from(length)).filter(|_| length >= 20).ok_or_else(damaged)?;
        let mut index = vec![0; length as usize];
        file.read_exact_at(&mut index, start)?;
        let mut rest = index.strip_prefix(&INDEX_START).and_then(|rest| rest.get(4..)).ok_or_else(damaged)?;
        let (mut frames, mut starts) = (Vec::new(), vec![u64::from(header)]);
        for _ in 0..count {
            let frame = parse_frame(&mut rest).ok_or_else(damaged)?;
            starts.push(starts.last().copied().unwrap_or(0) + u64::from(frame.compressed));
            frames.push(frame);
        }
        if rest.len() != tail.len() || starts.last().is_none_or(|end| *end > start) {
            return Err(damaged());
        }
        let opened = Self { file, kind, frames, starts };
        let first = opened.decompress(0, u64::from(header), 4_096)?;
        let found = parse_header(first.strip_suffix(b"\n").unwrap_or(&first))?;
        if found == kind { Ok(opened) } else { Err(Error::Kind { found: found.name(), wanted: kind.name() }) }
    }

    fn decompress(&self, start: u64, length: u64, raw: usize) -> Result<Vec<u8>, Error> {
        let bytes = self.bytes(start, length)?;
        let raw = raw.min(MAX_FRAME_BYTES);
        zstd::bulk::decompress(&bytes, raw).map_err(|error| Error::damaged(error.to_string()))
    }

    fn bytes(&self, start: u64, length: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frame as it stands in the file.
    pub(super) fn compressed(&self, index: usize) -> Result<Vec<u8>, Error> {
        self.bytes(self.starts[index], u64::from(self.frames[index].compressed))
    }

    pub(super) fn read(&self, index: usize) -> Result<Batch, Error> {
        let Frame { compressed, raw, count, .. } = self.frames[index];
        let batch = Batch::of(self.decompress(self.starts[index], compressed.into(), raw as usize)?)?;
        if batch.len() == count as usize { Ok(batch) } else { Err(Error::damaged("its index is another's")) }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// All records in order; frames are decompressed ahead, on a thread of its own.
    pub fn for_each<E: From<Error>>(&self, mut read: impl FnMut(Record<'_>) -> Result<(), E>) -> Result<(), E> {
        let indices = 0..self.frames.len();
        if indices.len() < WORTH_A_THREAD {
            return indices.into_iter().try_for_each(|index| self.read(index)?.records().try_for_each(&mut read));
        }
        std::thread::scope(|scope| {
            let (send, batches) = sync_channel(FRAMES_AHEAD);
            scope.spawn(move || {
                for batch in indices.map(|index| self.read(index)) {
                    let is_last = batch.is_err();
                    // Nobody listens any more: what was wanted is found.
                    if send.send(batch).is_err() || is_last {
                        break;
                    }
                }
            });
            // If the thread dies, its panic is passed on when the scope ends.
            batches.into_iter().try_for_each(|batch| batch?.records().try_for_each(&mut read))
        })
    }

    /// What is found among all records, in their order. All processors take part, each with records that follow one
    /// another.
    pub fn search<T: Send, E: From<Error> + Send>(
        &self,
        look: impl Fn(Record<'_>, &mut Vec<T>) -> Result<(), E> + Sync,
    ) -> Result<Vec<T>, E> {
        let indices: Vec<usize> = (0..self.frames.len()).collect();
        in_parts(&indices, |indices| {
            let mut found = Vec::new();
            for index in indices {
                self.read(*index)?.records().try_for_each(|record| look(record, &mut found))?;
            }
            Ok(found)
        })
    }

    /// The documents of the records with these keys, where there are such; best in ascending order. All processors
    /// take part.
    pub fn documents(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        in_parts(keys, |keys| {
            let mut cursor = self.cursor();
            keys.iter().map(|key| Ok(cursor.find(key)?.map(|record| record.document.to_vec()))).collect()
        })
    }

    /// For looking up keys; best in ascending order.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { frames: self, current: None }
    }
}

/// The results of a piece of work on as many parts as there are processors, put together.
fn in_parts<I: Sync, T: Send, E: Send>(
    items: &[I],
    work: impl Fn(&[I]) -> Result<Vec<T>, E> + Sync,
) -> Result<Vec<T>, E> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len() / WORTH_A_THREAD + 1);
    if threads == 1 {
        return work(items);
    }
    std::thread::scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(threads));
        let parts: Vec<_> = parts.map(|items| scope.spawn(|| work(items))).collect();
        let mut results = Vec::new();
        for part in parts {
            results.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(results)
    })
}

/// Remembers the frame that it was in.
pub struct Cursor<'a> {
    frames: &'a Frames,
    current: Option<(usize, Batch)>,
}

impl Cursor<'_> {
    pub fn find(&mut self, key: &[u8]) -> Result<Option<Record<'_>>, Error> {
        let after = self.frames.frames.partition_point(|frame| *frame.first_key <= *key);
        let Some(index) = after.checked_sub(1) else { return Ok(None) };
        if self.current.as_ref().is_none_or(|(known, _)| *known != index) {
            self.current = Some((index, self.frames.read(index)?));
        }
        Ok(self.current.as_ref().and_then(|(_, batch)| batch.find(key)))
    }
}
