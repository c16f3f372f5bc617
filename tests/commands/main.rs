//! The built program as a script uses it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod local_mode;
mod snapshot;
