//! The engine's external sorts over temporary files.

use super::sort;
use crate::engine;
use crate::engine::Failure;
use std::path::PathBuf;

/// Sorts of a plan are few but several at a time, and a plan has 128 MiB for all it does.
const MEMORY: usize = 8 << 20;

/// Sorts in bounded memory over files in a folder.
#[derive(Debug, Clone)]
pub struct FileScratch {
    folder: PathBuf,
    memory: usize,
}

impl FileScratch {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), memory: MEMORY }
    }

    /// `memory` is what each sort keeps before it goes to a file.
    pub fn with_memory(self, memory: usize) -> Self {
        Self { memory, ..self }
    }
}

impl engine::Scratch for FileScratch {
    fn sorter(&self) -> Result<Box<dyn engine::Sorter>, Failure> {
        Ok(Box::new(sort::Sorter::new(&self.folder, self.memory)))
    }
}

impl engine::Sorter for sort::Sorter {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        Ok(sort::Sorter::push(self, key, value)?)
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn engine::Sorted>, Failure> {
        Ok(Box::new(sort::Sorter::finish(*self)?))
    }
}

impl engine::Sorted for sort::Sorted {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, Failure> {
        Ok(if self.advance()? { self.record() } else { None })
    }
}
