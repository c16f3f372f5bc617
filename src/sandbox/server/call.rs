//! One request and one answer, apart from the server that carries them.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use serde_json::Value;
use std::time::Duration;

/// A request whose body was read.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// Without the query, percent signs decoded.
    pub path: String,
    /// Decoded, in the order of the request.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Scheme and authority as the client sees them: `https://127.0.0.1:8443`.
    pub base_url: String,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    }

    /// The value of one preference of `Prefer` (RFC 7240), such as `return`; an empty text where it has none.
    pub fn preference(&self, name: &str) -> Option<&str> {
        let values = self.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split([',', ';'])).find_map(|preference| {
            let (key, value) = preference.split_once('=').unwrap_or((preference, ""));
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header, in place of one of the same name.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Says when to come again: in whole seconds, at least one.
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with("retry-after", seconds.max(1).to_string())
    }
}

/// What a request was, for counting, faults and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Name of the service.
    pub service: &'static str,
    /// Organization of the tenant, where it is known.
    pub tenant: Option<String>,
    /// What it asks for: a cmdlet, or method and path without ids.
    pub operation: String,
}
