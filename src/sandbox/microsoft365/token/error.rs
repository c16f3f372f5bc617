//! What the token endpoint says when it gives no token.

use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::call::Reply;
use jiff::Timestamp;
use serde_json::json;

/// A refusal with the number that administrators look up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(
        "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
    )]
    TenantNotFound(String),
    #[error(
        "Application with identifier '{0}' was not found in the directory '{1}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
    )]
    AppNotFound(String, String),
    #[error("Application '{0}' is disabled.")]
    AppDisabled(String),
    #[error(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'."
    )]
    WrongSecret(String),
    #[error("The provided client secret keys for app '{0}' are expired.")]
    SecretExpired(String),
    #[error("The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")]
    NoCredential,
    #[error("The request body must contain the following parameter: '{0}'.")]
    Missing(&'static str),
    #[error("The app requested an unsupported grant type '{0}'.")]
    Grant(String),
    #[error(
        "The provided value for the input parameter 'scope' is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
    )]
    Scope,
    #[error(
        "The resource principal named {0} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant."
    )]
    Resource(String),
    #[error("JWT token is invalid or malformed.")]
    AssertionMalformed,
    #[error("Client assertion is not within its valid time range.")]
    AssertionTime,
    #[error("Client assertion audience claim does not match Realm issuer.")]
    AssertionAudience,
    #[error("The client assertion's 'iss' and 'sub' claims must both be the client id.")]
    AssertionIssuer,
    #[error("The certificate with identifier used to sign the client assertion is not registered on application.")]
    UnknownCertificate,
    #[error("The certificate used to sign the client assertion has expired.")]
    CertificateExpired,
    #[error("Client assertion failed signature validation.")]
    AssertionSignature,
    #[error("No matching federated identity record found for presented assertion issuer '{0}'.")]
    FederatedIssuer(String),
    #[error("No matching federated identity record found for presented assertion audience.")]
    FederatedAudience,
    #[error("No matching federated identity record found for presented assertion subject '{0}'.")]
    FederatedSubject(String),
}

impl TokenError {
    /// Number after `AADSTS`.
    pub fn code(&self) -> u32 {
        match self {
            Self::TenantNotFound(_) => 90002,
            Self::AppNotFound(..) => 700016,
            Self::AppDisabled(_) => 7000112,
            Self::WrongSecret(_) => 7000215,
            Self::SecretExpired(_) => 7000222,
            Self::NoCredential => 7000218,
            Self::Missing(_) => 900144,
            Self::Grant(_) => 70003,
            Self::Scope => 1002012,
            Self::Resource(_) => 500011,
            Self::AssertionMalformed => 50027,
            Self::AssertionTime => 700024,
            Self::AssertionAudience => 700023,
            Self::AssertionIssuer => 700021,
            Self::UnknownCertificate | Self::CertificateExpired | Self::AssertionSignature => 700027,
            Self::FederatedIssuer(_) => 700211,
            Self::FederatedAudience => 700212,
            Self::FederatedSubject(_) => 700213,
        }
    }

    fn kind(&self) -> (&'static str, u16) {
        match self {
            Self::TenantNotFound(_) | Self::Missing(_) | Self::AssertionMalformed => ("invalid_request", 400),
            Self::AppNotFound(..) | Self::AppDisabled(_) => ("unauthorized_client", 400),
            Self::Grant(_) => ("unsupported_grant_type", 400),
            Self::Scope => ("invalid_scope", 400),
            Self::Resource(_) => ("invalid_resource", 400),
            _ => ("invalid_client", 401),
        }
    }

    pub fn reply(&self, now: Timestamp, trace: Guid) -> Reply {
        let (error, status) = self.kind();
        let code = self.code();
        let time = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!("AADSTS{code}: {self} Trace ID: {trace} Correlation ID: {trace} Timestamp: {time}");
        let body = json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        Reply::json(status, &body).with("cache-control", "no-store, no-cache")
    }
}
