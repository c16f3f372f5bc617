//! What a target should hold, and the plan that leads there. Pure: iterators in, a plan out; what is larger than
//! memory goes through a [`Scratch`] that the caller gives.
//!
//! To understand a plan, read [`plan()`] (the order of the steps), then `judge.rs` (what an entry is by itself),
//! `contest.rs` (what it is beside all others and beside the target's own objects), `outcome.rs` (what becomes
//! of its contact), and `safety.rs` (how far a plan may go unasked).

mod error;
pub mod expression;
mod history;
mod input;
mod ledger;
mod report;
mod result;
mod scratch;

pub use error::{Failure, PlanError};
pub use history::{DaySum, History, PairHistory, Pushed, SourceHistory};
pub use input::{PlanInput, SourceInput, TargetContent, TargetInput};
pub use ledger::{Ledger, LedgerRecord};
pub use report::{Action, ReportLine, Sink};
pub use result::{PairCounts, PlanHeader, PlanResult};
pub use scratch::{MemoryScratch, Scratch, Sorted, Sorter};

/// Computes the plan of one target: what its contacts are to become, given what the sources have.
///
/// The sink gets every change in order of its key, and a line for all that is not simply as it should be.
pub fn plan(_input: PlanInput<'_>, _scratch: &dyn Scratch, _sink: &mut dyn Sink) -> Result<PlanResult, PlanError> {
    Err(PlanError::Scratch("the engine is not there yet".into()))
}
