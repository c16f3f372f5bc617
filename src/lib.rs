//! GalSync keeps the Global Address Lists of several mail systems in step.
//!
//! The folders are the layers; data flows from top to bottom of this list and each module uses only those named.
//!
//! - [`model`]: entries, contacts, marks, settings that have been checked. Pure.
//! - [`engine`]: what a target should hold, and the plan that leads there. Pure; uses `model`.
//! - [`operation`]: what a Job is asked and what it answers. Pure; uses `model`.
//! - [`pass`]: what happens next in a run. Pure; uses `operation`.
//! - [`snapshot`]: sorted, checksummed files. Files only; uses `model`.
//! - [`store`]: heads, blobs, ledger and history in a folder or an object store.
//! - [`directory`]: the mail systems; uses `model` and [`http`].
//! - [`api`]: the custom resources as types with their validation.
//! - [`job`]: runs one operation.
//! - [`controller`]: reconciles the resources.
//! - [`sandbox`]: mail systems to try things on; uses `model` and `http`.
//! - [`cli`] and [`telemetry`]: the face towards people, and the logs.

pub mod api;
pub mod cli;
pub mod controller;
pub mod directory;
pub mod engine;
pub mod http;
pub mod job;
pub mod model;
pub mod operation;
pub mod pass;
pub mod sandbox;
pub mod snapshot;
pub mod store;
pub mod telemetry;
