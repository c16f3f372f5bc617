//! The server: reads a request, lets faults strike, asks the service, counts, and answers.

use super::admin;
use super::call::{Call, Label, Reply, Service};
use super::clock::Clock;
use super::config::{Config, ConfigError};
use super::counters::Counters;
use super::faults::{Effect, Faults};
use super::microsoft365::{Microsoft365, Target};
use super::record::Record;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Larger bodies are refused.
const MAX_BODY: usize = 8 << 20;

/// All that a sandbox is, behind its port.
#[derive(Debug)]
pub struct State {
    pub clock: Clock,
    pub microsoft365: Microsoft365,
    pub faults: Faults,
    pub counters: Counters,
    pub record: Record,
    /// Clients reach it by `https`.
    tls: bool,
}

/// An answer, and whether it arrives.
pub(super) enum Answer {
    Whole(Reply),
    /// Cut off after so many bytes of the body.
    Cut(Reply, usize),
    /// Nothing of it arrives.
    Lost,
}

impl State {
    pub fn new(config: &Config, tls: bool) -> Result<Self, ConfigError> {
        let clock = Clock::new(&config.clock);
        let microsoft365 = Microsoft365::new(config, clock.now())?;
        let faults = Faults::new(&config.faults, config.seed);
        Ok(Self { clock, microsoft365, faults, counters: Counters::default(), record: Record::default(), tls })
    }

    pub async fn handle(self: Arc<Self>, request: Request) -> Response<Body> {
        let Some(call) = read(request, self.tls).await else {
            return respond(Answer::Whole(Reply::json(413, &json!({"error": {"code": "PayloadTooLarge"}}))));
        };
        if call.path.starts_with("/sandbox") {
            return respond(Answer::Whole(admin::answer(&self, &call)));
        }
        respond(self.serve(&call).await)
    }

    async fn serve(&self, call: &Call) -> Answer {
        let Some(target) = Target::parse(&call.path) else {
            let label = Label { service: Service::Other, tenant: None, call: format!("{} unknown", call.method) };
            self.counters.count(&label, 404);
            return Answer::Whole(Reply::json(
                404,
                &json!({"error": {"code": "NotFound", "message": "No service has this path."}}),
            ));
        };
        let label = self.microsoft365.label(call, &target);
        self.record.add(call, self.microsoft365.names(label.tenant.as_deref()));
        let answer = self.answer(call, &target, &label).await;
        self.counters.count(&label, answer.status());
        answer
    }

    /// Lets a rule strike, or carries the request out.
    pub(super) async fn answer(&self, call: &Call, target: &Target, label: &Label) -> Answer {
        let effect = self.faults.decide(label);
        let now = || self.clock.now();
        match &effect {
            Some(Effect::Status { status, retry_after }) => {
                return Answer::Whole(refusal(*status, retry_after.map(|span| span.0)));
            }
            Some(Effect::CutRequest) => return Answer::Cut(Reply::empty(200), 0),
            Some(Effect::Slow { by }) => tokio::time::sleep(by.0).await,
            Some(Effect::ExpiredToken | Effect::Transient | Effect::Zeros) => {
                let told = effect.as_ref().expect("it was matched above");
                return Answer::Whole(self.microsoft365.failure(told, call, label, now()));
            }
            Some(Effect::LoseDelta { tell }) => self.microsoft365.lose_delta(label, *tell, now()),
            Some(Effect::Repeat) => drop(self.carry_out(call, target, label).await),
            _ => {}
        }
        let reply = match self.carry_out(call, target, label).await {
            Answer::Whole(reply) => reply,
            // What happened to one of a batch happened to all of it.
            broken => return broken,
        };
        match effect {
            Some(Effect::CutAnswer) => {
                let half = reply.body.len() / 2;
                Answer::Cut(reply, half)
            }
            Some(Effect::ShortBody) => {
                let half = reply.body.len() / 2;
                Answer::Whole(Reply { body: reply.body[..half].to_vec(), ..reply })
            }
            Some(Effect::WrongBody) => Answer::Whole(Reply {
                status: 200,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body><h1>Please sign in to the network</h1></body></html>".to_vec(),
            }),
            Some(Effect::NoAnswer) => Answer::Lost,
            Some(Effect::WithoutList) => Answer::Whole(without_list(reply)),
            _ => Answer::Whole(reply),
        }
    }

    /// The request in its place, for as long as it takes.
    async fn carry_out(&self, call: &Call, target: &Target, label: &Label) -> Answer {
        if let Target::Batch { called } = target {
            return self.batch(call, called).await;
        }
        match self.microsoft365.admit(label) {
            // The place is given back when the answer is there.
            Ok((latency, _place)) => {
                if !latency.is_zero() {
                    tokio::time::sleep(latency).await;
                }
                Answer::Whole(self.microsoft365.answer(call, target, self.clock.now()))
            }
            Err(reply) => Answer::Whole(reply),
        }
    }
}

impl Answer {
    /// 0 = the connection was cut.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Whole(reply) => reply.status,
            Self::Cut(..) | Self::Lost => 0,
        }
    }
}

/// Of a body that is a JSON object; another stays as it is.
fn without_list(reply: Reply) -> Reply {
    let Ok(serde_json::Value::Object(mut body)) = serde_json::from_slice(&reply.body) else { return reply };
    body.remove("value");
    Reply { body: serde_json::Value::Object(body).to_string().into_bytes(), ..reply }
}

fn refusal(status: u16, retry_after: Option<Duration>) -> Reply {
    let code = match status {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "UnknownError",
    };
    let reply = Reply::json(status, &json!({"error": {"code": code, "message": "A fault of the sandbox's rules."}}));
    match retry_after {
        Some(wait) => reply.with("retry-after", super::microsoft365::graph::whole_seconds(wait).to_string()),
        None => reply,
    }
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
