//! From the manifests of a namespace to a run, and what cannot be right about them together. Whoever has manifests
//! asks here: the operator for the objects of its caches, `galsync run` for files.
//!
//! - [`ready`] says what a person must put right before passes of a schedule begin.
//! - [`inconsistencies`] are what will go wrong although it can run.
//! - [`run`] makes the input of [`crate::pass::next`].
//! - [`read_scope`] says what a pull must read, over all schedules that use a connector.
//!
//! Nothing here needs a cluster. What only a cluster knows, as what other runs say, is an argument.

mod consistency;
mod error;
mod namespace;
mod read_scope;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

pub use consistency::{Inconsistency, inconsistencies};
pub use error::{DOMAINS_UNKNOWN, NotRunnable};
pub use namespace::Namespace;
pub use read_scope::read_scope;
pub use run::{OtherRuns, RunInputs, SubjectName, action, run};
pub use schedule::{Times, checked_times, ready};
