//! Operations over the reference directory: what goes well, and what each kind of trouble becomes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod incremental;
mod killed;
mod log;
mod passes;
mod pulls;
mod pushes;
mod reports;
mod world;
