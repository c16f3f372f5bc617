//! GalSync keeps the Global Address Lists of several mail systems in step.
//!
//! The folders are the layers: the table in ARCHITECTURE.md says what each is and which others it may use, and a test
//! holds the code against it. The way of data is [`directory`] (reads) → [`snapshot`] → [`engine`] (plans) →
//! [`directory`] (writes); [`job`] carries one such step out, [`pass`] says which comes next, [`controller`] and [`cli`]
//! do as it says.

pub mod api;
pub mod cli;
pub mod controller;
pub mod directory;
pub mod engine;
pub mod expression;
pub mod http;
pub mod job;
pub mod model;
pub mod operation;
pub mod pass;
pub mod report;
pub mod resolve;
pub mod sandbox;
pub mod snapshot;
pub mod store;
pub mod telemetry;
