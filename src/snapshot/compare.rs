//! Lock-step walk over the frames of two snapshots, past those that both have.

use super::batch::Batch;
use super::diff::Difference;
use super::format::Record;
use super::{Error, Frames};

/// Where one side is. No batch = at the beginning of a frame that was not read yet.
struct Walk<'a> {
    frames: &'a Frames,
    index: usize,
    batch: Option<Batch>,
    position: usize,
}

impl<'a> Walk<'a> {
    fn new(frames: &'a Frames) -> Self {
        Self { frames, index: 0, batch: None, position: 0 }
    }

    fn hash(&self) -> Option<&[u8]> {
        let at_start = self.batch.is_none();
        self.frames.frames().get(self.index).filter(|_| at_start).map(|frame| frame.hash.as_slice())
    }

    fn skip_frame(&mut self) {
        (self.index, self.batch, self.position) = (self.index + 1, None, 0);
    }

    fn load(&mut self) -> Result<(), Error> {
        if self.batch.is_none() && self.index < self.frames.frames().len() {
            self.batch = Some(self.frames.read(self.index)?);
        }
        Ok(())
    }

    fn record(&self) -> Option<Record<'_>> {
        self.batch.as_ref().and_then(|batch| batch.record(self.position))
    }

    fn advance(&mut self) {
        self.position += 1;
        if self.record().is_none() {
            self.skip_frame();
        }
    }
}

/// Calls `found` for every difference, in the order of keys; an error of it ends the walk.
pub fn compare<E: From<Error>>(
    before: &Frames,
    after: &Frames,
    mut found: impl FnMut(Difference<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut before, mut after) = (Walk::new(before), Walk::new(after));
    loop {
        if before.hash().is_some() && before.hash() == after.hash() {
            before.skip_frame();
            after.skip_frame();
            continue;
        }
        before.load()?;
        after.load()?;
        match (before.record(), after.record()) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) if old.key == new.key => {
                if old.hash != new.hash {
                    found(Difference::Changed { before: old, after: new })?;
                }
                before.advance();
                after.advance();
            }
            (Some(old), new) if new.is_none_or(|new| old.key < new.key) => {
                found(Difference::Removed(old))?;
                before.advance();
            }
            (_, Some(new)) => {
                found(Difference::Added(new))?;
                after.advance();
            }
            (Some(_), None) => unreachable!("the arm of removed records took it"),
        }
    }
}
