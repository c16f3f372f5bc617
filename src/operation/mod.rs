//! What a Job is asked ([`Request`]) and what it answers ([`Outcome`]). Versioned, because the two ends can be
//! of different releases during an upgrade.

mod outcome;
mod request;
#[cfg(test)]
pub mod samples;

pub use outcome::{MAX_OUTCOME_BYTES, Outcome, PlanSummary, Reason, SourceCounts, Verdict};
pub use request::{FORMAT, FormatError, Operation, OperationType, Request, RunReference, SimulateRequest, SourcePart};

/// Where a Job finds the projected token of its service account, for connectors with workload identity.
pub const WORKLOAD_TOKENS: &str = "/run/galsync/tokens";
/// The file in [`WORKLOAD_TOKENS`] that Microsoft Entra takes.
pub const MICROSOFT365_TOKEN: &str = "microsoft365";
