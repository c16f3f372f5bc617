//! What a target should hold, and the plan that leads there. Pure: iterators in, a plan out; what is larger than
//! memory goes through a [`Scratch`] that the caller gives.
//!
//! To understand a plan, read [`plan()`] (the order of the steps), then the folder of the step: `input` (what a plan is
//! made of), `filter` (what an entry is by itself), `map` (the contact that it is to be), `conflict` (what it is beside
//! all others and beside the target's own objects), `diff` (what becomes of its contact), `safety` (how far a plan may
//! go unasked) and `report` (what a plan tells). `approved.rs` is the push's: which changes of a plan still fit.

mod approved;
mod conflict;
mod diff;
mod error;
mod filter;
mod input;
mod map;
mod plan;
mod report;
mod safety;
mod scratch;

pub use approved::{ApprovedCounts, ApprovedSet, PlanChanged, ToWrite, phase};
pub use diff::match_keys::MatchKeys;
pub use error::{Failure, PlanError};
pub use filter::counter::{FilterCounter, FilterCounts};
pub use filter::entry_filter::Eligibility;
pub use input::history::{DaySum, History, PairHistory, Pushed, SourceHistory, key_hash};
pub use input::ledger::{Ledger, LedgerRecord};
pub use input::plan_input::{ContactLookup, LazyContact, PlanInput, SourceInput, TargetContent, TargetInput};
pub use plan::{plan, plan_part};
pub use report::result::{PlanHeader, PlanResult};
pub use report::sink::{Action, ReportLine, Sink};
pub use safety::finish::{PlanDigests, PlanFinisher};
pub use safety::totals::{PairCounts, Totals};
pub use scratch::{MemoryScratch, Scratch, Sorted, Sorter};
