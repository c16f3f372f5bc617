//! One place for what every mail system's HTTP interface needs: pacing, retrying, tokens. Nothing above it retries.
//!
//! A directory makes one [`Client`] per connector, so that all its requests share one budget.

mod client;
mod error;
mod pacing;
mod retry;
mod token;

pub use client::{Answer, Client, Observer, Patience, Place, Settings};
pub use error::{Error, TransportProblem};
pub use pacing::{Feedback, PaceSettings, Pacer, Permit};
pub use retry::{Backoff, Retry, retry_after};
pub use token::{Token, TokenCache};
