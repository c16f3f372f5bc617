//! The general half of the sandbox: `http` reads a request and writes the answer, [`State`] takes it through faults and
//! limits to the service that it is for and counts it, [`admin`] is for those who look after the sandbox. What a service
//! is stands in [`service`]; no mail system is named here.

pub mod admin;
pub mod call;
pub mod clock;
pub mod counters;
pub mod faults;
mod http;
pub mod limits;
pub mod record;
pub mod service;
pub mod settings;
mod state;
#[cfg(test)]
mod tests;
pub mod tls;

pub use http::handle;
pub use state::State;
