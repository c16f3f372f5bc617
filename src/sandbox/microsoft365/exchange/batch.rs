//! `$batch`: up to ten requests in one, each treated as if it had come alone, and answered in any order.

use super::{Endpoint, Refusal};
use crate::sandbox::microsoft365::tenant::Tenant;
use crate::sandbox::server::call::{Call, Reply};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most requests of one batch.
const MAX_REQUESTS: usize = 10;

/// What an item takes over from the whole where it does not say so itself.
const INHERITED: &[&str] = &["authorization", "x-responseformat", "accept-language"];

/// One request of a batch, or what is wrong with it.
#[derive(Debug)]
pub struct Item {
    pub id: String,
    pub call: Result<Call, Refusal>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    id: Option<String>,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

/// The requests of a batch, or why none of them is looked at.
pub(super) fn unpack(call: &Call, tenant: &Tenant) -> Result<Vec<Item>, Refusal> {
    let batch: Batch = serde_json::from_slice(&call.body).map_err(|_| {
        Refusal::Bad("The body is not {\"requests\":[{\"id\",\"method\",\"url\",\"headers\",\"body\"}]}.")
    })?;
    if batch.requests.is_empty() || batch.requests.len() > MAX_REQUESTS {
        return Err(Refusal::Bad("A batch holds from 1 to 10 requests."));
    }
    if batch.requests.iter().any(|request| request.id.as_ref().is_none_or(String::is_empty)) {
        return Err(Refusal::Bad("A request of the batch has no id."));
    }
    let ids: BTreeSet<&String> = batch.requests.iter().filter_map(|request| request.id.as_ref()).collect();
    if ids.len() != batch.requests.len() {
        return Err(Refusal::Bad("The ids of a batch must differ."));
    }
    let item = |request: Request| Item { call: inner(call, &request, tenant), id: request.id.unwrap_or_default() };
    Ok(batch.requests.into_iter().map(item).collect())
}

/// Without this preference the first request that fails ends the batch.
pub fn goes_on(call: &Call) -> bool {
    call.preference("odata.continue-on-error").is_some_and(|value| !value.eq_ignore_ascii_case("false"))
}

/// One request of the batch as if it had come alone.
fn inner(call: &Call, request: &Request, tenant: &Tenant) -> Result<Call, Refusal> {
    if !request.method.eq_ignore_ascii_case("POST") {
        return Err(Refusal::Method);
    }
    let relative = || url::Url::parse(&call.base_url).ok()?.join(&request.url).ok();
    let url = url::Url::parse(&request.url)
        .ok()
        .or_else(relative)
        .ok_or(Refusal::Bad("The url of a request is malformed."))?;
    match Endpoint::parse(url.path()) {
        Some((Endpoint::Invoke, called)) if tenant.is_called(called) => {}
        _ => return Err(Refusal::Bad("The url of a request is not InvokeCommand of this organization.")),
    }
    // A body that is an object, which stands here without quotation marks, is JSON.
    let mut headers =
        HeaderMap::from_iter([(axum::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for name in INHERITED {
        if let Some(value) = call.headers.get(*name) {
            headers.insert(*name, value.clone());
        }
    }
    for (name, value) in &request.headers {
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) else {
            return Err(Refusal::Bad("A header of a request is malformed."));
        };
        headers.insert(name, value);
    }
    Ok(Call {
        method: Method::POST,
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        headers,
        body: Bytes::from(request.body.to_string()),
        base_url: call.base_url.clone(),
    })
}

/// The answer to the whole, in no order.
pub(super) fn pack(answers: &[(String, Reply)], tenant: &mut Tenant) -> Reply {
    let mut responses: Vec<Value> = answers.iter().map(|(id, reply)| response(id, reply)).collect();
    tenant.random.shuffle(&mut responses);
    Reply::json(200, &json!({ "responses": responses })).with("content-type", super::CONTENT_TYPE)
}

fn response(id: &str, reply: &Reply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::String(value.clone()))).collect();
    let mut response = json!({"id": id, "status": reply.status, "headers": headers});
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(body) => response["body"] = body,
        // Zeros for a missing role have no place here; what something in between made of it is a text.
        Err(_) if reply.body.iter().all(|byte| *byte == 0) => {}
        Err(_) => response["body"] = String::from_utf8_lossy(&reply.body).into(),
    }
    response
}
