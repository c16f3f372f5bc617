//! Looking up single records of a snapshot, each once however often it is asked for.

use crate::snapshot::{Error, Frames};
use std::cell::RefCell;
use std::collections::HashMap;

/// A snapshot, and the documents that were looked up in it; absent ones too.
pub(super) struct Lookup {
    frames: Frames,
    known: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Lookup {
    pub(super) fn new(frames: Frames) -> Self {
        Self { frames, known: RefCell::default() }
    }

    pub(super) fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Hands on the records of those keys that are there, in the order of the keys, which should be ascending.
    pub(super) fn find<E: From<Error>>(
        &self,
        keys: &[Vec<u8>],
        mut found: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut known = self.known.borrow_mut();
        let missing: Vec<Vec<u8>> = keys.iter().filter(|key| !known.contains_key(*key)).cloned().collect();
        let documents = self.frames.documents(&missing)?;
        known.extend(missing.into_iter().zip(documents));
        keys.iter()
            .filter_map(|key| Some((key, known[key].as_ref()?)))
            .try_for_each(|(key, document)| found(key, document))
    }
}
