//! The custom resources as types: their wire form, their validation, and the way from there to checked settings.
//!
//! One file a kind. What a user reads in `kubectl explain` are the doc comments of the fields here. The types
//! know no client; whoever needs checked settings converts ([`convert`]) and gets the path of a wrong field.

pub mod any_object;
pub mod conditions;
pub mod connector;
pub mod convert;
pub mod filters;
pub mod job_template;
pub mod mapping;
pub mod reasons;
pub mod reference;
pub mod run;
pub mod safety;
pub mod schedule;
pub mod schema;
pub mod text;

pub use connector::{GalSyncConnector, GalSyncConnectorSpec, GalSyncConnectorStatus};
pub use convert::InvalidField;
pub use run::{GalSyncRun, GalSyncRunSpec, GalSyncRunStatus};
pub use schedule::{GalSyncSchedule, GalSyncScheduleSpec, GalSyncScheduleStatus};
pub use schema::{crds, validate};

pub const GROUP: &str = "galsync.dev";
pub const VERSION: &str = "v1alpha1";
pub const API_VERSION: &str = "galsync.dev/v1alpha1";

/// Any new value asks a schedule for a pass at once; the answer is `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "galsync.dev/requestedAt";
