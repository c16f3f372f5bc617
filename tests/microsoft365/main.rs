//! The Microsoft 365 directory against our own sandbox: the suite that every directory passes, what goes wrong on the
//! wire, and every request that is sent.

#![allow(clippy::unwrap_used)] // whatever is not as it should be fails the test

mod batches;
mod conformance;
#[path = "../directory_support/mod.rs"]
mod directory_support;
mod faults;
mod passes;
mod process;
mod pushing;
mod reading;
mod requests;
mod sign_in;
mod verifying;
mod world;
