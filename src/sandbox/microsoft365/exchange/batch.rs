//! `$batch`: up to ten requests in one, each answered for itself and in any order.

use super::{Endpoint, Refusal, invoke};
use crate::sandbox::call::{Call, Reply};
use crate::sandbox::microsoft365::tenant::Tenant;
use crate::sandbox::microsoft365::token::access::Claims;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most requests of one batch.
const MAX_REQUESTS: usize = 10;

#[derive(Debug, Deserialize)]
struct Batch {
    requests: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct Request {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

pub(super) fn answer(call: &Call, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Reply {
    let Ok(batch) = serde_json::from_slice::<Batch>(&call.body) else {
        return Refusal::Bad("The body is not {\"requests\":[{\"id\",\"method\",\"url\",\"headers\",\"body\"}]}.")
            .reply();
    };
    let ids: BTreeSet<&str> = batch.requests.iter().map(|request| request.id.as_str()).collect();
    if batch.requests.is_empty() || batch.requests.len() > MAX_REQUESTS {
        return Refusal::Bad("A batch holds from 1 to 10 requests.").reply();
    }
    if ids.len() != batch.requests.len() {
        return Refusal::Bad("The ids of a batch must differ.").reply();
    }
    let mut responses = Vec::new();
    for request in &batch.requests {
        let reply = match inner(call, request, tenant) {
            Ok(inner) => invoke(&inner, tenant, claims, now),
            Err(refusal) => refusal.reply(),
        };
        responses.push(response(&request.id, &reply));
    }
    tenant.random.shuffle(&mut responses);
    Reply::json(200, &json!({ "responses": responses })).with("content-type", super::CONTENT_TYPE)
}

/// One request of the batch as if it had come alone; it takes over what the whole has in its headers.
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
    let mut headers: HeaderMap = call.headers.clone();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            headers.insert(name, value);
        }
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

fn response(id: &str, reply: &Reply) -> Value {
    let headers: Map<String, Value> =
        reply.headers.iter().map(|(name, value)| ((*name).to_owned(), Value::String(value.clone()))).collect();
    let mut response = json!({"id": id, "status": reply.status, "headers": headers});
    // What is not JSON (zeros for a missing role) has no place here.
    if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
        response["body"] = body;
    }
    response
}
