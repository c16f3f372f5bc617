//! `/sandbox/…`: what people and tests ask of the sandbox itself.

use super::call::{Call, Reply};
use super::faults::Fault;
use super::service::{Refused, System};
use super::settings::Span;
use super::state::State;
use axum::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A request that cannot be served, with the sentence that says why.
struct Wrong(u16, String);

impl From<Refused> for Wrong {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Malformed(_) => 400,
            Refused::UnknownTenant(_) => 404,
            Refused::Conflict(_) => 409,
        };
        Self(status, refused.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    by: Span,
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
            state.services().for_each(|service| service.reset_counters());
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
            state.replace_faults(&faults).map_err(|error| Wrong(400, error.to_string()))?;
            done()
        }
        (&Method::GET, ["tenants"]) => json(tenants(state)),
        (&Method::GET, ["tenants", tenant]) => json(keeper(state, tenant)?.tenants.dump(tenant, call)?),
        (&Method::POST, ["tenants", tenant, "changes"]) => {
            let applied = keeper(state, tenant)?.tenants.change(tenant, &call.body, state.clock.now())?;
            json(json!({ "applied": applied }))
        }
        _ => Err(Wrong(404, "the sandbox has no such path; see docs/sandbox.md".to_owned())),
    }
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Wrong> {
    serde_json::from_slice(&call.body).map_err(|error| Wrong(400, error.to_string()))
}

/// The system that has the tenant. One company may have the same domain in two of them.
fn keeper<'a>(state: &'a State, tenant: &str) -> Result<&'a System, Wrong> {
    let mut found = state.systems().iter().filter(|system| system.tenants.names(tenant).is_some());
    match (found.next(), found.next()) {
        (Some(system), None) => Ok(system),
        (Some(one), Some(other)) => Err(Wrong(
            409,
            format!(
                "{} and {} both have a tenant {tenant}; name the one that is meant by its id",
                one.name, other.name
            ),
        )),
        (None, _) => Err(Refused::UnknownTenant(tenant.to_owned()).into()),
    }
}

fn counters(state: &State) -> Value {
    let mut all = json!({"requests": state.counters.table()});
    for service in state.services() {
        if let Some(counted) = service.counters() {
            all[service.name()] = counted;
        }
    }
    all
}

fn tenants(state: &State) -> Value {
    let lines = state.systems().iter().flat_map(|system| {
        let line = |tenant: super::service::TenantSummary| {
            json!({"system": system.name, "id": tenant.id, "organization": tenant.organization, "objects": tenant.objects})
        };
        system.tenants.list().into_iter().map(line)
    });
    lines.collect()
}
