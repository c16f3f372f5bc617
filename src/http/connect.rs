//! The connections that all requests of one connector share.

use super::client::Client;
use super::error::Error;
use crate::model::observed::Counters;
use std::time::Duration;

/// How GalSync names itself. A service that wants more of its clients is told so in a header of the request.
pub const AGENT: &str = concat!("GalSync/", env!("CARGO_PKG_VERSION"));

/// `is_local`: all requests stay on this machine, so that no proxy has a say.
///
/// # Errors
/// [`Error::NoAuthorities`].
pub fn connect(is_local: bool) -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .user_agent(AGENT)
        // A token must not follow a redirection to wherever it points.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(30));
    let builder = if is_local { builder.no_proxy() } else { builder };
    builder.build().map_err(|_| Error::NoAuthorities)
}

/// The work of all clients of one connector together.
pub fn sum<'a>(clients: impl IntoIterator<Item = &'a Client>) -> Counters {
    clients.into_iter().fold(Counters::default(), |sum, client| {
        let Counters { requests, throttled, retries, bytes_read, .. } = client.counters();
        Counters {
            requests: sum.requests + requests,
            throttled: sum.throttled + throttled,
            retries: sum.retries + retries,
            bytes_read: sum.bytes_read + bytes_read,
            ..sum
        }
    })
}
