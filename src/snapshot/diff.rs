//! Lock-step walk over two snapshots.

use super::format::Record;
use super::{Error, Reader};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference<'a> {
    Added(Record<'a>),
    Removed(Record<'a>),
    Changed { before: Record<'a>, after: Record<'a> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiffCounts {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub unchanged: u64,
}

/// Calls `found` for every difference, in the order of keys. Counts come only when both snapshots proved whole;
/// an error of `found` ends the walk.
pub fn diff<E: From<Error>>(
    before: &mut Reader,
    after: &mut Reader,
    mut found: impl FnMut(Difference<'_>) -> Result<(), E>,
) -> Result<DiffCounts, E> {
    let mut counts = DiffCounts::default();
    before.advance()?;
    after.advance()?;
    loop {
        match (before.record(), after.record()) {
            (None, None) => return Ok(counts),
            (Some(old), Some(new)) if old.key == new.key => {
                if old.hash == new.hash {
                    counts.unchanged += 1;
                } else {
                    counts.changed += 1;
                    found(Difference::Changed { before: old, after: new })?;
                }
                before.advance()?;
                after.advance()?;
            }
            (Some(old), new) if new.is_none_or(|new| old.key < new.key) => {
                counts.removed += 1;
                found(Difference::Removed(old))?;
                before.advance()?;
            }
            (_, Some(new)) => {
                counts.added += 1;
                found(Difference::Added(new))?;
                after.advance()?;
            }
            (Some(_), None) => unreachable!("the arm of removed records took it"),
        }
    }
}
