//! Snapshots: files of records sorted by the bytes of their keys, compressed, sealed, and readable with common
//! tools. `zstd -dc FILE` prints them:
//!
//! ```text
//! galsync-snapshot<TAB>1<TAB>entries
//! <key><TAB><first 32 hex digits of the document's SHA-256><TAB><JSON document>
//! …
//! <TAB>end<TAB><number of records><TAB>sha256:<SHA-256 of the first two columns of all records>
//! ```
//!
//! The digest in the last line is that of `zstd -dc FILE | sed '1d;$d' | cut -f1,2 | sha256sum`; `-` in its place
//! says that parts were taken over from an earlier snapshot unread. Equal hashes mean equal documents, so a diff
//! parses only what differs.
//!
//! The lines stand in many small zstd frames; a skippable frame after them has an index of their first keys. So the
//! next snapshot takes over the frames in which nothing changed, two snapshots are compared past those that both
//! have, and single records are found. The last, skippable frame is the *seal*, the SHA-256 of all bytes before it:
//! with it, no cut and no flipped bit goes unnoticed, at the price of hashing compressed bytes only. A reader hands
//! records out before it has seen the end: what is made of them counts only when the reader came to the end without
//! an error.

mod ahead;
mod batch;
mod compare;
mod diff;
mod error;
mod format;
mod frames;
mod merge;
mod reader;
mod replace;
mod runs;
mod scratch;
mod sealed;
mod sort;
mod statistics;
#[cfg(test)]
mod tests;
mod writer;

pub use ahead::ahead;
pub use compare::compare;
pub use diff::{DiffCounts, Difference, diff};
pub use error::Error;
pub use format::{Kind, Record, Summary, check};
pub use frames::{Cursor, Frames};
pub use merge::{Changed, EntryMerge, MergeCounts, Merged};
pub use reader::{Documents, Reader};
pub use replace::{Replacement, replace};
pub use scratch::FileScratch;
pub use sort::{Sorted, Sorter};
pub use statistics::Statistics;
pub use writer::Writer;
