//! A snapshot with some of its records replaced; frames in which none is are taken over as they stand.

use super::format::Summary;
use super::writer::Writer;
use super::{Error, Frames};
use std::io::Write;

/// A key with its new document; without one the record is taken out. Removing what is not there is no mistake.
pub type Replacement = (Vec<u8>, Option<Vec<u8>>);

/// `changes` in order of their keys, each once.
pub fn replace<W: Write>(frames: &Frames, changes: &[Replacement], output: W) -> Result<(W, Summary), Error> {
    let mut writer = Writer::new(output, frames.kind())?.with_room();
    let mut changes = changes.iter().peekable();
    for index in 0..frames.frames().len() {
        let limit = frames.frames().get(index + 1).map(|next| &*next.first_key);
        let comes_before = |(key, _): &&Replacement| limit.is_none_or(|limit| key.as_slice() < limit);
        if !changes.peek().is_some_and(comes_before) && writer.can_copy_frame() {
            writer.copy_frame(frames, index)?;
            continue;
        }
        for old in frames.read(index)?.records() {
            while let Some(change) = changes.next_if(|(key, _)| key.as_slice() < old.key) {
                put(&mut writer, change)?;
            }
            match changes.next_if(|(key, _)| key == old.key) {
                Some(change) => put(&mut writer, change)?,
                None => writer.copy(old)?,
            }
        }
        while let Some(change) = changes.next_if(|change| comes_before(change)) {
            put(&mut writer, change)?;
        }
    }
    changes.try_for_each(|change| put(&mut writer, change))?;
    writer.finish()
}

fn put<W: Write>(writer: &mut Writer<W>, (key, document): &Replacement) -> Result<(), Error> {
    document.as_ref().map_or(Ok(()), |document| writer.append(key, document))
}
