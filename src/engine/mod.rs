//! What a target should hold, and the plan that leads there. Pure: iterators in, a plan out; what is larger than
//! memory goes through a [`Scratch`] that the caller gives.
//!
//! To understand a plan, read [`plan()`] (the order of the steps), then `judge.rs` (what an entry is by itself),
//! `contest.rs` and `fate.rs` (what it is beside all others and beside the target's own objects), `outcome.rs`
//! (what becomes of its contact), and `safety.rs` (how far a plan may go unasked).

mod approved;
mod claim;
mod codec;
mod conclude;
mod contest;
mod domains;
mod error;
mod fate;
mod gather;
mod history;
mod input;
mod judge;
mod ledger;
mod links;
mod mapping;
mod outcome;
mod owned;
mod plan;
mod report;
mod result;
mod row;
mod safety;
mod scope;
mod scratch;
mod shape;
mod sources;
mod sums;
mod tally;
mod value;

pub use approved::{ApprovedCounts, ApprovedSet, PlanChanged, ToWrite, phase};
pub use conclude::{Conclusion, PlanDigests};
pub use error::{Failure, PlanError};
pub use history::{DaySum, History, PairHistory, Pushed, SourceHistory, key_hash};
pub use input::{FindAgain, FoldedContact, PlanInput, SourceInput, TargetContent, TargetInput};
pub use judge::State;
pub use ledger::{Ledger, LedgerRecord};
pub use links::Links;
pub use plan::{plan, plan_part};
pub use report::{Action, ReportLine, Sink};
pub use result::{PairCounts, PlanHeader, PlanResult};
pub use scope::{FilterCounter, FilterCounts};
pub use scratch::{MemoryScratch, Scratch, Sorted, Sorter};
pub use sums::Sums;
