//! Requests and answers as HTTP carries them.

use super::admin;
use super::call::{Call, Reply};
use super::service::Answer;
use super::state::State;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::json;
use std::io;
use std::sync::Arc;

/// Larger bodies are refused.
const MAX_BODY: usize = 8 << 20;

/// Answers one request, to the sandbox itself or to one of its services.
pub async fn handle(state: Arc<State>, request: Request) -> Response<Body> {
    let Some(call) = read(request, state.is_tls()).await else {
        return respond(Answer::Whole(Reply::json(413, &json!({"error": {"code": "PayloadTooLarge"}}))));
    };
    if call.path.starts_with("/sandbox") {
        return respond(Answer::Whole(admin::answer(&state, &call)));
    }
    respond(state.serve(&call).await)
}

async fn read(request: Request, tls: bool) -> Option<Call> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.ok()?;
    let host = parts.headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    let base_url = format!("{}://{host}", if tls { "https" } else { "http" });
    // The parser of URLs decodes; a path that is no text matches nothing.
    let path = percent_decoded(parts.uri.path());
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    Some(Call { method: parts.method, path, query, headers: parts.headers, body, base_url })
}

fn percent_decoded(path: &str) -> String {
    // A plus sign means itself in a path, other than in a form.
    let pair = format!("={}", path.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.unwrap_or_default()
}

fn respond(answer: Answer) -> Response<Body> {
    let (reply, kept) = match answer {
        Answer::Whole(reply) => (reply, None),
        Answer::Cut(reply, kept) => (reply, Some(kept)),
        Answer::Lost => (Reply::empty(200), Some(0)),
    };
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK));
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let body = match kept {
        None => Body::from(reply.body),
        Some(kept) => {
            let start = Bytes::copy_from_slice(&reply.body[..kept.min(reply.body.len())]);
            let cut = io::Error::new(io::ErrorKind::ConnectionReset, "cut by a rule");
            response = response.header("content-length", reply.body.len().max(kept + 1));
            Body::from_stream(futures::stream::iter([Ok(start), Err(cut)]))
        }
    };
    response.body(body).unwrap_or_else(|_| Response::new(Body::empty()))
}
