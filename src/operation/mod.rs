//! What a Job is asked ([`Request`]) and what it answers ([`Outcome`]). Versioned, because the two ends can be
//! of different releases during an upgrade.

mod outcome;
mod request;
#[cfg(test)]
pub mod samples;

pub use outcome::{MAX_OUTCOME_BYTES, Outcome, PlanSummary, Reason, SourceCounts, Verdict};
pub use request::{FORMAT, FormatError, Operation, OperationType, Request, RunReference, SimulateRequest, SourcePart};
