//! One sorted part of an external sort in a temporary file: lengths, key, value; compressed. The file has no
//! name, so nothing is left behind by a crash.

use super::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use zstd::stream::{read::Decoder, write::Encoder};

const LEVEL: i32 = 1;
/// Small, since many runs are read at once.
const WINDOW_LOG: u32 = 17;
const BUFFER_BYTES: usize = 64 << 10;

pub(super) struct RunWriter {
    output: Encoder<'static, BufWriter<File>>,
}

impl RunWriter {
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder).map_err(Error::Temporary)?;
        let mut output = Encoder::new(BufWriter::with_capacity(BUFFER_BYTES, file), LEVEL).map_err(Error::Temporary)?;
        output.window_log(WINDOW_LOG).map_err(Error::Temporary)?;
        output.include_checksum(true).map_err(Error::Temporary)?;
        Ok(Self { output })
    }

    pub(super) fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut lengths = [0; 8];
        lengths[..4].copy_from_slice(&(key.len() as u32).to_le_bytes());
        lengths[4..].copy_from_slice(&(value.len() as u32).to_le_bytes());
        [&lengths[..], key, value].iter().try_for_each(|part| self.output.write_all(part)).map_err(Error::Temporary)
    }

    pub(super) fn finish(self) -> Result<RunReader, Error> {
        let finish = || {
            let mut file = self.output.finish()?.into_inner().map_err(|error| error.into_error())?;
            file.seek(SeekFrom::Start(0))?;
            Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, file))
        };
        let input = BufReader::with_capacity(BUFFER_BYTES, finish().map_err(Error::Temporary)?);
        Ok(RunReader { input, key: Vec::new(), value: Vec::new() })
    }
}

/// A cursor over a run.
pub(super) struct RunReader {
    input: BufReader<Decoder<'static, BufReader<File>>>,
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
