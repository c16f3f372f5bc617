//! The seal: a skippable zstd frame (RFC 8878 §3.1.2) with the SHA-256 of all bytes before it. zstd's own
//! checksum has 32 bits and leaves some bits of the file unchecked (paddings, the header's unused bit).

use super::Error;
use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};

const SEAL_START: [u8; 8] = [0x53, 0x2A, 0x4D, 0x18, 32, 0, 0, 0];
const ZSTD_START: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
pub(super) const SEAL_BYTES: usize = SEAL_START.len() + 32;
const BUFFER_BYTES: usize = 128 << 10;

/// Hashes what passes through, and closes it with the seal.
pub(super) struct SealedOutput<W: Write> {
    output: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> SealedOutput<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, hash: Sha256::new(), bytes: 0 }
    }

    /// The output, the digest of the whole file with the seal, and its length.
    pub(super) fn finish(mut self) -> io::Result<(W, Digest, u64)> {
        let seal = self.hash.clone().finalize();
        self.write_all(&SEAL_START)?;
        self.write_all(&seal)?;
        self.output.flush()?;
        Ok((self.output, Digest::from_bytes(self.hash.finalize().into()), self.bytes))
    }
}

impl<W: Write> Write for SealedOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Hands out all bytes before the seal and checks the seal at the end.
pub(super) struct SealedInput<R: Read> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> SealedInput<R> {
    pub(super) fn new(input: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES];
        Self { input, buffer, start: 0, end: 0, at_end: false, hash: Sha256::new(), bytes: 0 }
    }

    /// Tells another kind of file from a cut-off snapshot.
    pub(super) fn expect_zstd(&mut self) -> Result<(), Error> {
        self.fill()?;
        let begin = &self.buffer[self.start..self.end.min(self.start + ZSTD_START.len())];
        if begin.is_empty() {
            Err(Error::Truncated)
        } else if ZSTD_START.starts_with(begin) {
            Ok(())
        } else {
            Err(Error::Foreign)
        }
    }

    /// The next bytes before the seal; empty at the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.end - self.start <= SEAL_BYTES && !self.at_end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < self.buffer.len() {
                match self.input.read(&mut self.buffer[self.end..]) {
                    Ok(0) => {
                        self.at_end = true;
                        break;
                    }
                    Ok(read) => self.end += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(&self.buffer[self.start..self.end.saturating_sub(SEAL_BYTES).max(self.start)])
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.hash.update(&self.buffer[self.start..self.start + bytes]);
        self.start += bytes;
        self.bytes += bytes as u64;
    }

    /// Call when [`Self::fill`] came to the end. The digest and the length of the whole file.
    pub(super) fn finish(&mut self) -> Result<(Digest, u64), Error> {
        let seal = &self.buffer[self.start..self.end];
        let Some(wanted) = seal.strip_prefix(&SEAL_START).filter(|_| seal.len() == SEAL_BYTES) else {
            return Err(Error::Truncated);
        };
        if self.hash.clone().finalize().as_slice() != wanted {
            return Err(Error::damaged("its checksum is not that of its content"));
        }
        let file = self.hash.clone().chain_update(seal).finalize();
        Ok((Digest::from_bytes(file.into()), self.bytes + SEAL_BYTES as u64))
    }
}
