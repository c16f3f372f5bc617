//! What can go wrong before a directory has an answer to interpret.

use std::time::Duration;

/// A request that got no answer a directory could interpret, after all tries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{problem}")]
    Transport { problem: TransportProblem },
    /// The server asked for patience more often than we have it.
    #[error("the server keeps asking to wait")]
    Throttled { retry_after: Option<Duration> },
    #[error("the server answered {status} {tries} times")]
    Unavailable { status: u16, tries: u32 },
    /// The machine's store of trusted authorities is missing or damaged.
    #[error("the authorities that this system trusts cannot be read")]
    NoAuthorities,
}

/// By what an administrator looks at next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportProblem {
    #[error("the name {host} does not resolve, or nothing answers there")]
    Connect { host: String },
    #[error("the certificate of {host} is not trusted: {hint}")]
    Certificate { host: String, hint: String },
    #[error("{host} did not answer in time")]
    Timeout { host: String },
    #[error("the connection to {host} broke")]
    Broken { host: String },
}

impl TransportProblem {
    /// Sorts a reqwest error; the URL itself, which can hold addresses, is left out.
    pub fn of(error: &reqwest::Error) -> Self {
        let host = error.url().and_then(|url| url.host_str()).unwrap_or("the server").to_owned();
        let mut texts = Vec::new();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(inner) = cause {
            texts.push(inner.to_string());
            cause = inner.source();
        }
        let certificate = texts.iter().find(|text| text.contains("certificate") || text.contains("UnknownIssuer"));
        match certificate {
            Some(text) => Self::Certificate { host, hint: text.clone() },
            None if error.is_timeout() => Self::Timeout { host },
            None if error.is_connect() => Self::Connect { host },
            None => Self::Broken { host },
        }
    }

    /// A broken certificate does not mend itself while we wait.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Certificate { .. })
    }
}
