//! One sorted part of an external sort in a temporary file: lengths, key, value. The file has no name, so nothing
//! is left behind by a crash. Not compressed: many runs are read at once, and a decompressor each would take
//! more memory than a sort may have.

use super::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

const WRITE_BYTES: usize = 128 << 10;
const READ_BYTES: usize = 32 << 10;

pub(super) struct RunWriter {
    output: BufWriter<File>,
}

impl RunWriter {
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder).map_err(Error::Temporary)?;
        Ok(Self { output: BufWriter::with_capacity(WRITE_BYTES, file) })
    }

    pub(super) fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut lengths = [0; 8];
        lengths[..4].copy_from_slice(&(key.len() as u32).to_le_bytes());
        lengths[4..].copy_from_slice(&(value.len() as u32).to_le_bytes());
        [&lengths[..], key, value].iter().try_for_each(|part| self.output.write_all(part)).map_err(Error::Temporary)
    }

    pub(super) fn finish(self) -> Result<RunReader, Error> {
        let mut file = self.output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(Error::Temporary)?;
        Ok(RunReader { input: BufReader::with_capacity(READ_BYTES, file), key: Vec::new(), value: Vec::new() })
    }
}

/// A cursor over a run.
pub(super) struct RunReader {
    input: BufReader<File>,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl RunReader {
    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        let mut lengths = [0; 8];
        match self.input.read_exact(&mut lengths) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(Error::Temporary(error)),
        }
        let length = |at: usize| u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
        for (part, length) in [(&mut self.key, length(0)), (&mut self.value, length(4))] {
            part.resize(length as usize, 0);
            self.input.read_exact(part).map_err(Error::Temporary)?;
        }
        Ok(true)
    }
}
