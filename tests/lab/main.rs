//! Against real servers of the lab (docs/lab.md). Runs where `GALSYNC_LAB` names the lab's folder and it is up;
//! says so and passes otherwise, but fails on a machine with `CI=true`.

#![allow(clippy::unwrap_used)] // whatever is not as it should be fails the test

mod administrator;
#[path = "../directory_support/mod.rs"]
mod directory_support;
mod exchange_conformance;
mod exchange_connection;
mod exchange_source;
mod exchange_target;
mod forest;
