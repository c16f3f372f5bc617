//! From the manifests of a namespace to a run, and what cannot be right about them together. Whoever has manifests
//! asks here: the operator for the objects of its caches, `galsync run` for files.
//!
//! - [`run`] makes the input of [`crate::pass::next`].
//! - [`read_scope`] says what a pull must read, over all schedules that use a connector.
//!
//! Nothing here needs a cluster. What only a cluster knows, as what other runs say, is an argument.

mod error;
mod namespace;
mod read_scope;
mod run;

pub use error::{NotRunnable, NotRunnableReason};
pub use namespace::Namespace;
pub use read_scope::read_scope;
pub use run::{OtherRuns, RunInputs, SubjectName, action, run};
