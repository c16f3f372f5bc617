//! The token endpoint of the Microsoft identity platform: client credentials with a secret, with a certificate
//! (RFC 7523) and with an assertion of a trusted issuer at `POST /{tenant}/oauth2/v2.0/token`.

pub mod access;
pub mod credentials;
mod error;
mod jwt;
mod service;
#[cfg(test)]
mod tests;

pub use error::TokenError;
pub use service::TokenService;

use super::tenant::Tenant;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::call::{Call, Reply};
use access::{Audience, Claims, Mint};
use jiff::Timestamp;
use serde_json::json;

/// Seconds that an access token lives.
const LIFE_SECONDS: i64 = 3_599;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers a request for a token of `tenant`; `called` is how the request names it.
pub fn token(call: &Call, called: &str, tenant: Option<&mut Tenant>, mint: &Mint, now: Timestamp) -> Reply {
    let Some(tenant) = tenant else {
        return TokenError::TenantNotFound(called.to_owned()).reply(now, Guid::NIL);
    };
    let trace = tenant.new_id();
    match issue(call, called, tenant, now, trace) {
        Ok(claims) => {
            let body = json!({
                "token_type": "Bearer",
                "expires_in": LIFE_SECONDS,
                "ext_expires_in": LIFE_SECONDS,
                "access_token": mint.issue(&claims),
            });
            Reply::json(200, &body).with("cache-control", "no-store, no-cache")
        }
        Err(error) => error.reply(now, trace),
    }
}

fn issue(call: &Call, called: &str, tenant: &Tenant, now: Timestamp, trace: Guid) -> Result<Claims, TokenError> {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&call.body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let needed = |name: &'static str| field(name).ok_or(TokenError::Missing(name));
    let grant = needed("grant_type")?;
    if grant != "client_credentials" {
        return Err(TokenError::Grant(grant.to_owned()));
    }
    let client = needed("client_id")?;
    let scope = needed("scope")?;
    let app = Guid::parse(client).ok().and_then(|id| tenant.apps.get(&id));
    let app = app.ok_or_else(|| TokenError::AppNotFound(client.to_owned(), tenant.organization.to_string()))?;
    if app.disabled {
        return Err(TokenError::AppDisabled(client.to_owned()));
    }
    match (field("client_secret"), field("client_assertion")) {
        (_, Some(assertion)) => {
            if field("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(TokenError::Missing("client_assertion_type"));
            }
            app.check_assertion(assertion, &audiences(call, called, tenant), now)?;
        }
        (Some(secret), None) => app.check_secret(secret, now)?,
        (None, None) => return Err(TokenError::NoCredential),
    }
    let audience = resource(scope)?;
    let issued = now.as_second();
    Ok(Claims {
        aud: audience,
        iss: format!("https://sts.windows.net/{}/", tenant.id),
        iat: issued,
        nbf: issued,
        exp: issued + LIFE_SECONDS,
        appid: app.client_id,
        tid: tenant.id,
        roles: app.roles.iter().copied().filter(|role| audience.grants(*role)).collect(),
        uti: trace,
    })
}

/// `https://graph.microsoft.com/.default` → Graph. `openid` and the like may stand beside it.
fn resource(scope: &str) -> Result<Audience, TokenError> {
    let own = ["openid", "profile", "offline_access", "email"];
    let mut scopes = scope.split_whitespace().filter(|scope| !own.contains(scope));
    let (Some(scope), None) = (scopes.next(), scopes.next()) else { return Err(TokenError::Scope) };
    let resource = scope.strip_suffix("/.default").ok_or(TokenError::Scope)?;
    Audience::of_resource(resource).ok_or_else(|| TokenError::Resource(resource.to_owned()))
}

/// The token endpoint under the names by which an assertion may address it.
fn audiences(call: &Call, called: &str, tenant: &Tenant) -> Vec<String> {
    let bases = [call.base_url.as_str(), "https://login.microsoftonline.com"];
    let tenants = [called.to_owned(), tenant.id.to_string()];
    let mut all = Vec::new();
    for (base, tenant) in bases.iter().flat_map(|base| tenants.iter().map(move |tenant| (base, tenant))) {
        all.extend(["oauth2/v2.0/token", "v2.0", "oauth2/token"].map(|end| format!("{base}/{tenant}/{end}")));
    }
    all
}

/// OpenID configuration, as clients such as MSAL ask for it before the first token.
pub fn openid_configuration(call: &Call, tenant: &Tenant) -> Reply {
    let (base, id) = (&call.base_url, tenant.id);
    Reply::json(
        200,
        &json!({
            "issuer": format!("{base}/{id}/v2.0"),
            "authorization_endpoint": format!("{base}/{id}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/{id}/oauth2/v2.0/token"),
            "device_authorization_endpoint": format!("{base}/{id}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("{base}/{id}/discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code", "id_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        }),
    )
}
