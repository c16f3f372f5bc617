//! The mail systems. A [`Source`] reads entries, a [`Target`] holds contacts; each kind of system has a folder.
//! Sorting, diffing, batching, retrying, counting and safety live outside, once.

pub mod certificate;
pub mod conformance;
mod decide;
mod error;
pub mod exchange;
pub mod memory;
pub mod microsoft365;
mod normalizer;
mod recipient;
pub mod registry;
pub mod secrets;
mod source;
mod stream;
mod target;
#[cfg(test)]
mod travels;

pub use error::{Error, SystemName};
pub use normalizer::Normalizer;
pub use source::{Completion, Source, SourceEvent, Token};
pub use target::{ChangeOutcome, ChangeResult, ContentsCompletion, Target, TargetEvent};
