//! What happens next in a run: the only thing that decides. Pure; the controller turns a [`Step::Start`] into a
//! Job, the local mode calls the operation in its own process.
//!
//! A pass pulls its sources, then simulates and pushes each target by itself. To understand it, read [`next()`],
//! then `source.rs` (what a source is worth to the plans) and `target.rs` (how far a target has come).

mod next;
mod run;
mod source;
mod target;
#[cfg(test)]
mod tests;

pub use next::{Finish, Next, RunReason, Step, WaitReason, next};
pub use run::{
    Action, Approval, KnownPlan, LastPull, MAX_ATTEMPTS, MAX_QUOTA_PAUSES, Observed, PendingPlan, Run, ScheduleSubject,
    SourceSubject, State, Subject, Successor, TargetSubject, Verdict,
};
pub use source::SourceState;
pub use target::{TargetReason, TargetState};
