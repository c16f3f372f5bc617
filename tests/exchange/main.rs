//! The Exchange directory against a fake domain controller, for what a real one in the lab does not do: page and
//! range limits, busy answers, another controller, a connection that breaks.

#![allow(clippy::unwrap_used)] // whatever is not as it should be fails the test

#[path = "../directory_support/mod.rs"]
mod directory_support;
mod fake;
mod filter;
mod reading;
mod writing;
