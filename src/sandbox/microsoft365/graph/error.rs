//! What Graph says when it does not serve a request.

use super::super::token::access::Invalid;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::call::{Call, Reply};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    #[error("Access token is empty.")]
    NoToken,
    #[error("IDX14100: JWT is not well formed, or its signature is not valid.")]
    TokenMalformed,
    #[error("Lifetime validation failed, the token is expired.")]
    TokenExpired,
    #[error("Access token validation failure. Invalid audience.")]
    TokenAudience,
    #[error("The tenant of the token is not known here.")]
    TokenTenant,
    #[error("Insufficient privileges to complete the operation.")]
    Forbidden,
    #[error("Resource not found for the segment '{0}'.")]
    NoSegment(String),
    #[error("The requested operation is read-only or not supported: {0}.")]
    Method(String),
    #[error("Resource '{0}' does not exist or one of its queried reference-property objects are not present.")]
    NotFound(String),
    #[error(
        "Parsing OData Select and Expand failed: Could not find a property named '{0}' on type 'microsoft.graph.{1}'."
    )]
    Select(String, &'static str),
    #[error("The query parameter '{0}' is not supported here.")]
    Unsupported(String),
    #[error("Invalid value '{1}' for the query parameter '{0}'.")]
    Value(&'static str, String),
    #[error("Badly formed token.")]
    BadToken,
    #[error("The delta token is expired or no longer known; start a full synchronization.")]
    SyncState,
    #[error("Resync required. Start anew at the given location.")]
    Resync(String),
    #[error("Too many requests.")]
    Throttled(Duration),
}

impl From<Invalid> for GraphError {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Malformed => Self::TokenMalformed,
            Invalid::Expired => Self::TokenExpired,
            Invalid::Audience => Self::TokenAudience,
        }
    }
}

impl GraphError {
    fn code(&self) -> (u16, &'static str) {
        match self {
            Self::NoToken | Self::TokenMalformed | Self::TokenExpired | Self::TokenAudience | Self::TokenTenant => {
                (401, "InvalidAuthenticationToken")
            }
            Self::Forbidden => (403, "Authorization_RequestDenied"),
            Self::NoSegment(_) => (400, "BadRequest"),
            Self::Method(_) => (405, "Request_BadRequest"),
            Self::NotFound(_) => (404, "Request_ResourceNotFound"),
            Self::Select(..) | Self::Value(..) => (400, "Request_BadRequest"),
            Self::Unsupported(_) => (400, "Request_UnsupportedQuery"),
            Self::BadToken => (400, "Request_BadRequest"),
            Self::SyncState => (400, "syncStateNotFound"),
            Self::Resync(_) => (410, "resyncRequired"),
            Self::Throttled(_) => (429, "TooManyRequests"),
        }
    }

    pub fn reply(&self, call: &Call, now: Timestamp, request: Guid) -> Reply {
        let (status, code) = self.code();
        let client = call.header("client-request-id").map_or_else(|| request.to_string(), str::to_owned);
        let body = json!({"error": {
            "code": code,
            "message": self.to_string(),
            "innerError": {
                "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": request,
                "client-request-id": client,
            },
        }});
        let reply = Reply::json(status, &body);
        match self {
            Self::Throttled(wait) => reply.retry_after(*wait),
            Self::Resync(location) => reply.with("location", location.clone()),
            _ if status == 401 => reply.with(
                "www-authenticate",
                "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"",
            ),
            _ => reply,
        }
    }
}
