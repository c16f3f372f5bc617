//! `/sandbox/…`: what people and tests ask of the sandbox itself.

use super::call::{Call, Reply};
use super::config::Span;
use super::faults::Fault;
use super::microsoft365::change::{self, Change};
use super::microsoft365::recipient::{Kind, Recipient};
use super::microsoft365::tenant::LostDelta;
use super::server::State;
use axum::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A request that cannot be served, with the sentence that says why.
struct Wrong(u16, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    by: Span,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Lose {
    tell: LostDelta,
}

pub fn answer(state: &State, call: &Call) -> Reply {
    serve(state, call).unwrap_or_else(|Wrong(status, sentence)| Reply::json(status, &json!({ "error": sentence })))
}

fn serve(state: &State, call: &Call) -> Result<Reply, Wrong> {
    let segments: Vec<&str> = call.path.trim_start_matches("/sandbox").trim_matches('/').split('/').collect();
    let done = || Ok(Reply::empty(204));
    let json = |value: Value| Ok(Reply::json(200, &value));
    match (&call.method, segments.as_slice()) {
        (&Method::GET, ["health"]) => json(json!({"ready": true})),
        (&Method::GET, ["clock"]) => json(json!({"now": state.clock.now()})),
        (&Method::POST, ["clock", "advance"]) => {
            state.clock.advance(body::<Advance>(call)?.by.0);
            json(json!({"now": state.clock.now()}))
        }
        (&Method::GET, ["counters"]) => json(counters(state)),
        (&Method::DELETE, ["counters"]) => {
            state.counters.reset();
            state.microsoft365.tenants().iter().for_each(|hosted| hosted.lock().cmdlets_answered.clear());
            done()
        }
        (&Method::GET, ["record"]) => Ok(Reply {
            status: 200,
            headers: vec![("content-type", "text/plain; charset=utf-8".to_owned())],
            body: state.record.lines().into_iter().flat_map(|line| (line + "\n").into_bytes()).collect(),
        }),
        (&Method::DELETE, ["record"]) => {
            state.record.clear();
            done()
        }
        (&Method::GET, ["faults"]) => {
            let rules = state.faults.tell();
            let rule =
                |(fault, seen, struck): &(Fault, u64, u64)| json!({"rule": fault, "seen": seen, "struck": struck});
            json(rules.iter().map(rule).collect())
        }
        (&Method::PUT, ["faults"]) => {
            let faults: Vec<Fault> = body(call)?;
            faults.iter().try_for_each(Fault::check).map_err(|error| Wrong(400, error.to_string()))?;
            state.faults.replace(&faults);
            done()
        }
        (&Method::GET, ["tenants"]) => json(tenants(state)),
        (&Method::GET, ["tenants", tenant]) => json(dump(state, tenant, call)?),
        (&Method::POST, ["tenants", tenant, "changes"]) => {
            let changes: Vec<Change> = body(call)?;
            let applied = apply(state, tenant, &changes)?;
            json(json!({ "applied": applied }))
        }
        (&Method::POST, ["tenants", tenant, "lose-delta"]) => {
            let tell = body::<Lose>(call)?.tell;
            let now = state.clock.now();
            hosted(state, tenant)?.lock().lost_delta = Some((now, tell));
            done()
        }
        _ => Err(Wrong(404, "the sandbox has no such path; see docs/sandbox.md".to_owned())),
    }
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Wrong> {
    serde_json::from_slice(&call.body).map_err(|error| Wrong(400, error.to_string()))
}

fn hosted<'a>(state: &'a State, tenant: &str) -> Result<&'a super::microsoft365::Hosted, Wrong> {
    state.microsoft365.tenant(tenant).ok_or_else(|| Wrong(404, format!("there is no tenant {tenant}")))
}

/// Changes are applied in order; the first that cannot be ends it, those before it stay.
fn apply(state: &State, tenant: &str, changes: &[Change]) -> Result<usize, Wrong> {
    let now = state.clock.now();
    let mut tenant = hosted(state, tenant)?.lock();
    tenant.catch_up(now);
    for (index, one) in changes.iter().enumerate() {
        change::apply(one, &mut tenant, now).map_err(|error| Wrong(409, format!("change {}: {error}", index + 1)))?;
    }
    Ok(changes.len())
}

fn counters(state: &State) -> Value {
    let cmdlets = |hosted: &super::microsoft365::Hosted| {
        let tenant = hosted.lock();
        let line = |((name, status), count): (&(&'static str, u16), &u64)| json!({"cmdlet": name, "status": status, "count": count});
        json!({
            "tenant": hosted.organization,
            "cmdlets": tenant.cmdlets_answered.iter().map(line).collect::<Vec<_>>(),
            "mostInFlight": hosted.in_flight.most(),
        })
    };
    let exchange: Vec<Value> = state.microsoft365.tenants().iter().map(cmdlets).collect();
    json!({"requests": state.counters.table(), "exchange": exchange})
}

fn tenants(state: &State) -> Value {
    let line = |hosted: &super::microsoft365::Hosted| {
        let tenant = hosted.lock();
        json!({"id": hosted.id, "organization": hosted.organization, "objects": tenant.directory.len()})
    };
    state.microsoft365.tenants().iter().map(line).collect()
}

/// All objects of a tenant in the order of creation; `?kind=MailContact` takes those only.
fn dump(state: &State, tenant: &str, call: &Call) -> Result<Value, Wrong> {
    let unknown = |_| Wrong(400, "kind is not one of those in docs/sandbox.md".to_owned());
    let kind: Option<Kind> =
        call.parameter("kind").map(|kind| serde_json::from_value(json!(kind))).transpose().map_err(unknown)?;
    let tenant = hosted(state, tenant)?.lock();
    let all = tenant.directory.after(None).map(|(_, recipient)| recipient.as_ref());
    let objects: Vec<&Recipient> = all.filter(|recipient| kind.is_none_or(|kind| recipient.kind == kind)).collect();
    Ok(json!({"id": tenant.id, "organization": tenant.organization, "objects": objects}))
}
