//! The shelf and the cache: snapshots, plans, reports, logs and journals, the address ledger and the history, in a
//! folder or in S3, Google Cloud Storage or Azure Blob Storage.
//!
//! Every key begins with `<owner.id>/<namespace>/`. Below it:
//!
//! | key | content | EmptyCache | retention |
//! |---|---|---|---|
//! | `blobs/<64 hex>` | named by the SHA-256 of the content | with its head | when no head names it |
//! | `snapshots/<connector>/heads/<20 digits>.json` | a pull's result | removed | the last n |
//! | `contents/<connector>/heads/<20 digits>.json` | what a target held at its last full read | removed | the last n |
//! | `checkpoints/<connector>/heads/<20 digits>.json` | what a target's last plan was made from | removed | the last two |
//! | `plans/<64 hex>.zst` | a plan by its digest | stays | by age |
//! | `reports/<run>/…`, `logs/<run>/…` | JSON Lines in zstd | stay | by age |
//! | `journals/<run>/…` | JSON Lines, an object for each batch of a push | stay | by age |
//! | `ledger/<target>/heads/<20 digits>.json` | the address ledger | stays | the last two |
//! | `history/<target>/<syncId>/heads/<20 digits>.json` | the pairs' history | stays | the last two |
//!
//! A *head* is a small object with the next higher number, made only if it does not exist yet; the highest that
//! reads well is valid. What a head names is written before the head, so a crash leaves garbage, never a head
//! that names nothing. `object_store` has no conditional update on folders, so nothing else is needed.

mod blobs;
mod checkpoints;
mod connect;
mod contents;
mod error;
mod files;
mod garbage;
mod heads;
mod history;
mod ledger;
mod objects;
mod snapshots;
#[cfg(test)]
mod tests;

pub use checkpoints::Checkpoint;
pub use connect::environment_options;
pub use contents::{
    ContentsHead, ContentsWriter, address_key, contact_key, find_contact, parse_contents, read_contents,
};
pub use error::Error;
pub use files::{JsonLines, Lines, RunFile, RunFileKind};
pub use garbage::{Collected, Retention};
pub use heads::Numbered;
pub use ledger::{Ledger, LedgerAdditions, LedgerLine};
pub use objects::{Object, Store};
pub use snapshots::{Filtered, SnapshotHead};
