//! One place for what every mail system's HTTP interface needs: connections, endpoints, pacing, retrying, tokens, signed
//! statements, pages of JSON. Nothing above it retries.
//!
//! A directory makes one [`SignedClient`] per interface, so that all requests to it share one budget and one token.

mod client;
mod connect;
mod endpoint;
mod error;
mod id;
mod json;
pub mod jwt;
pub mod lazy_list;
mod pacing;
mod retry;
mod signed;
mod token;

pub use client::{Answer, Client, InFlight, Observer, RetryState, Settings};
pub use connect::{AGENT, connect, sum};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Error, TransportProblem};
pub use id::new_id;
pub use json::{READINGS, WholeJson, looks_whole};
pub use lazy_list::LazyList;
pub use pacing::{Feedback, PaceSettings, Pacer, Permit};
pub use retry::{Backoff, Retry, retry_after};
pub use signed::{SignedClient, SignedError, TokenSource, bearer};
pub use token::{Token, TokenCache};
