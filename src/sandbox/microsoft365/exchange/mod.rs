//! Exchange Online's cmdlet endpoint, the one that the official PowerShell module uses:
//! `/adminapi/beta/{tenant}/InvokeCommand` and `$batch`.

mod addresses;
pub mod batch;
mod cmdlet;
mod contacts;
pub mod country;
mod error;
mod filter;
mod output;
mod properties;
mod reads;
mod run_batch;
mod service;
#[cfg(test)]
mod tests;

pub use error::{CmdletError, Transient};
pub use service::ExchangeService;

use super::tenant::Tenant;
use super::token::access::{Claims, Invalid};
use crate::sandbox::microsoft365::odata;
use crate::sandbox::server::call::{Call, Reply};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cmdlet::Cmdlet;
use jiff::Timestamp;
use output::{Cursor, Output};
use reads::Wanted;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Objects per page without a wish, and the most that a wish gets.
const PAGE_SIZE: usize = 1000;

/// What the headers about the budget are about: the time from now.
const BUDGET_WINDOW: Duration = Duration::from_secs(60);

const CONTENT_TYPE: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// What goes wrong before a cmdlet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No token, a bad one, one for another service or tenant.
    Unauthorized(&'static str),
    /// The body is zeros: the app has no role that matters here.
    NoRole,
    Method,
    MediaType,
    Bad(&'static str),
    Throttled(Duration),
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Unauthorized(match invalid {
            Invalid::Malformed => "The token is not well formed or its signature is not valid.",
            Invalid::Expired => "The token has expired.",
            Invalid::Audience => "The audience of the token is not this service.",
        })
    }
}

impl Refusal {
    pub fn reply(self) -> Reply {
        let error = |status, code: &str, message: &str| {
            Reply::json(status, &json!({"error": {"code": code, "message": message, "details": []}}))
        };
        match self {
            Self::Unauthorized(sentence) => error(401, "Unauthorized", sentence).with(
                "www-authenticate",
                "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", error=\"invalid_token\"",
            ),
            Self::NoRole => Reply { status: 403, headers: Vec::new(), body: vec![0; 64] },
            Self::Method => error(405, "MethodNotAllowed", "The endpoint takes POST only."),
            Self::MediaType => error(415, "UnsupportedMediaType", "The content type must be application/json."),
            Self::Bad(sentence) => error(400, "BadRequest", sentence),
            Self::Throttled(wait) => {
                error(429, "TooManyRequests", "Too many requests; wait as long as Retry-After says.").retry_after(wait)
            }
        }
    }
}

/// Which of the two endpoints a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Invoke,
    Batch,
}

impl Endpoint {
    /// From `/adminapi/beta/{tenant}/InvokeCommand`: the endpoint and how the tenant is called.
    pub fn parse(path: &str) -> Option<(Self, &str)> {
        let mut segments = path.strip_prefix("/adminapi/")?.split('/');
        let (version, tenant, endpoint) = (segments.next()?, segments.next()?, segments.next()?);
        let known = ["beta", "v1.0"].contains(&version) && segments.next().is_none();
        match endpoint {
            "InvokeCommand" if known => Some((Self::Invoke, tenant)),
            "$batch" if known => Some((Self::Batch, tenant)),
            _ => None,
        }
    }
}

/// A body of `InvokeCommand`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    cmdlet_input: CmdletInput,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CmdletInput {
    cmdlet_name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// What a next link carries; it goes with the same body only.
#[derive(Debug, Serialize, Deserialize)]
struct SkipToken {
    tenant: crate::sandbox::microsoft365::guid::Guid,
    body: String,
    cursor: Cursor,
}

/// Name of the cmdlet in a body, for labels.
pub fn cmdlet_name(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Body>(body).ok().map(|body| body.cmdlet_input.cmdlet_name)
}

/// Answers a request whose token is good and names this tenant.
pub fn answer(call: &Call, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Reply {
    tenant.catch_up(now);
    if let Err(refusal) = check(call, tenant, claims) {
        return refusal.reply();
    }
    let reply = invoke(call, tenant, claims, now);
    with_budget(reply, tenant, now)
}

/// The requests of a batch whose token is good and names this tenant.
pub fn unpack(call: &Call, tenant: &Tenant, claims: &Claims) -> Result<Vec<batch::Item>, Refusal> {
    check(call, tenant, claims)?;
    batch::unpack(call, tenant)
}

/// The answer to a batch of what its requests were answered.
pub fn pack(answers: &[(String, Reply)], tenant: &mut Tenant, now: Timestamp) -> Reply {
    let reply = batch::pack(answers, tenant);
    with_budget(reply, tenant, now)
}

/// With the headers that every answer has.
fn with_budget(reply: Reply, tenant: &mut Tenant, now: Timestamp) -> Reply {
    let request = tenant.new_id().to_string();
    let reply = match &tenant.cmdlets {
        Some(bucket) => {
            let reset =
                crate::sandbox::server::clock::after(now, crate::sandbox::server::settings::Span(BUDGET_WINDOW));
            reply
                .with("rate-limit-limit", bucket.most_within(BUDGET_WINDOW).to_string())
                .with("rate-limit-remaining", bucket.left_within(BUDGET_WINDOW).to_string())
                .with("rate-limit-reset", reset.to_string())
        }
        None => reply.with("rate-limit-limit", "30000").with("rate-limit-remaining", "29999"),
    };
    reply.with("request-id", request).with("odata-version", "4.0")
}

fn check(call: &Call, tenant: &Tenant, claims: &Claims) -> Result<(), Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::Method);
    }
    if !call.header("content-type").is_some_and(|value| value.to_ascii_lowercase().starts_with("application/json")) {
        return Err(Refusal::MediaType);
    }
    let anchor = call.header("x-anchormailbox").ok_or(Refusal::Bad("The header X-AnchorMailbox is missing."))?;
    let home = anchor
        .rsplit_once('@')
        .map(|(_, home)| home)
        .ok_or(Refusal::Bad("The header X-AnchorMailbox is malformed."))?;
    if !tenant.is_called(home) {
        return Err(Refusal::Bad("The header X-AnchorMailbox names another organization."));
    }
    let has_role = cmdlet::roles(tenant, claims).is_some_and(|roles| !roles.is_empty());
    if has_role && claims.roles.contains(&super::config::AppRole::ExchangeManageAsApp) {
        Ok(())
    } else {
        Err(Refusal::NoRole)
    }
}

/// Takes one cmdlet from what the tenant permits.
fn admit(tenant: &mut Tenant, now: Timestamp) -> Result<(), Refusal> {
    let retry_after = tenant.exchange.retry_after;
    match tenant.cmdlets.as_mut() {
        Some(bucket) => {
            bucket.take(1.0, now).map_err(|wait| Refusal::Throttled(retry_after.map_or(wait, |span| span.0)))
        }
        None => Ok(()),
    }
}

/// Carries out one cmdlet and counts it, alone or in a batch.
fn invoke(call: &Call, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Reply {
    let reply = invoke_uncounted(call, tenant, claims, now);
    let name = cmdlet_name(&call.body).and_then(|name| Cmdlet::find(&name)).map_or("unknown", Cmdlet::name);
    *tenant.cmdlets_answered.entry((name, reply.status)).or_default() += 1;
    reply
}

fn invoke_uncounted(call: &Call, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Reply {
    if let Err(refusal) = admit(tenant, now) {
        return refusal.reply();
    }
    let Ok(body) = serde_json::from_slice::<Body>(&call.body) else {
        return Refusal::Bad("The body is not {\"CmdletInput\":{\"CmdletName\":…,\"Parameters\":{…}}}.").reply();
    };
    let name = body.cmdlet_input.cmdlet_name.clone();
    match run(call, &body.cmdlet_input, tenant, claims, now) {
        Ok((mut output, next)) => {
            if Cmdlet::find(&name).is_some_and(Cmdlet::writes) {
                tenant.writes_done += 1;
                let every = u64::from(tenant.exchange.warn_every);
                if every > 0 && tenant.writes_done.is_multiple_of(every) {
                    output.warnings.push("Micro delay applied. Actual delayed: 0 msecs.".to_owned());
                }
            }
            let body = output.body(tenant.organization.as_str(), &call.base_url, next);
            Reply::json(200, &body).with("content-type", CONTENT_TYPE)
        }
        Err(error) => {
            tenant.errors_told += 1;
            error.reply(tenant.errors_told - 1, &name)
        }
    }
}

fn run(
    call: &Call,
    input: &CmdletInput,
    tenant: &mut Tenant,
    claims: &Claims,
    now: Timestamp,
) -> Result<(Output, Option<String>), CmdletError> {
    let unknown = || CmdletError::CommandNotFound(input.cmdlet_name.clone());
    let cmdlet = Cmdlet::find(&input.cmdlet_name).ok_or_else(unknown)?;
    let granted = cmdlet::roles(tenant, claims).is_some_and(|roles| cmdlet.is_granted(roles));
    if !granted {
        return Err(unknown());
    }
    let bound = cmdlet.bind(&input.parameters)?;
    if cmdlet.writes() {
        return Ok((contacts::write(cmdlet, &bound, tenant, now)?, None));
    }
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let digest = crate::model::Digest::of(body.to_string().as_bytes()).hex();
    let wanted = Wanted {
        select: odata::option(call, "$select").map(|names| names.split(',').collect()),
        page_size: page_size(call)?,
        cursor: cursor(call, tenant, &digest)?,
    };
    let output = reads::read(cmdlet, &bound, &wanted, tenant, now)?;
    let next = output.next.map(|cursor| next_link(call, SkipToken { tenant: tenant.id, body: digest, cursor }));
    Ok((output, next))
}

fn page_size(call: &Call) -> Result<usize, CmdletError> {
    let wish =
        call.preference("odata.maxpagesize").or_else(|| call.header("x-prefer")?.strip_prefix("odata.maxpagesize="));
    let Some(wish) = wish else { return Ok(PAGE_SIZE) };
    let size = wish.parse::<usize>().ok().filter(|size| *size > 0);
    size.map(|size| size.min(PAGE_SIZE))
        .ok_or_else(|| CmdletError::BadRequest("odata.maxpagesize is no number.".to_owned()))
}

fn cursor(call: &Call, tenant: &Tenant, digest: &str) -> Result<Cursor, CmdletError> {
    let Some(text) = odata::option(call, "$skiptoken") else { return Ok(Cursor::default()) };
    let token = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice::<SkipToken>(&bytes).ok());
    let token = token.filter(|token| token.tenant == tenant.id && token.body == digest);
    let wrong =
        || CmdletError::BadRequest("The next link is not one of this request, or its body has changed.".to_owned());
    token.map(|token| token.cursor).ok_or_else(wrong)
}

fn next_link(call: &Call, token: SkipToken) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(select) = odata::option(call, "$select") {
        query.append_pair("$select", select);
    }
    let token = serde_json::to_vec(&token).expect("a token is plain data");
    query.append_pair("$skiptoken", &URL_SAFE_NO_PAD.encode(token));
    format!("{}{}?{}", call.base_url, call.path, query.finish())
}
