//! Sorting more than fits memory, as the engine wants it from its caller.

use super::error::Failure;

/// Makes external sorts. The implementation over temporary files is the caller's; [`MemoryScratch`] is for tests
/// and for little things.
pub trait Scratch {
    fn sorter(&self) -> Result<Box<dyn Sorter>, Failure>;
}

pub trait Sorter {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure>;
    fn finish(self: Box<Self>) -> Result<Box<dyn Sorted>, Failure>;
}

/// The records in order of the bytes of their keys, each once. The engine's keys are unique, so that the order
/// of arrival never shows.
pub trait Sorted {
    /// Key and value of the next record; they live until the next call.
    #[expect(clippy::type_complexity, reason = "a pair of slices is clearer than a name for it")]
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, Failure>;
}

/// Sorts in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryScratch;

type Record = (Box<[u8]>, Box<[u8]>);

#[derive(Default)]
struct MemorySorter(Vec<Record>);

struct MemorySorted {
    records: std::vec::IntoIter<Record>,
    current: Option<Record>,
}

impl Scratch for MemoryScratch {
    fn sorter(&self) -> Result<Box<dyn Sorter>, Failure> {
        Ok(Box::<MemorySorter>::default())
    }
}

impl Sorter for MemorySorter {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.0.push((key.into(), value.into()));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Box<dyn Sorted>, Failure> {
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Box::new(MemorySorted { records: self.0.into_iter(), current: None }))
    }
}

impl Sorted for MemorySorted {
    fn next(&mut self) -> Result<Option<(&[u8], &[u8])>, Failure> {
        self.current = self.records.next();
        Ok(self.current.as_ref().map(|(key, value)| (&**key, &**value)))
    }
}
