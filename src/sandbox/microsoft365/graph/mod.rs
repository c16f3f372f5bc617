//! Microsoft Graph, as far as a directory synchronization reads it.

mod delta;
mod error;
mod lists;
mod properties;
mod query;
pub mod route;
mod service;
#[cfg(test)]
mod tests;
pub mod view;

pub use error::GraphError;
pub use service::GraphService;

use super::tenant::Tenant;
use super::token::access::Claims;
use crate::sandbox::microsoft365::odata;
use crate::sandbox::server::call::{Call, Reply};
use axum::http::Method;
use jiff::Timestamp;
use route::Route;

/// Answers a request whose token is good for `tenant`.
pub fn answer(call: &Call, path: &str, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Reply {
    tenant.catch_up(now);
    let request = tenant.new_id();
    let result = serve(call, path, tenant, claims, now);
    let reply = result.unwrap_or_else(|error| error.reply(call, now, request));
    reply.with("request-id", request.to_string()).with("odata-version", "4.0")
}

fn serve(call: &Call, path: &str, tenant: &mut Tenant, claims: &Claims, now: Timestamp) -> Result<Reply, GraphError> {
    let route = Route::parse(path)?;
    if call.method != Method::GET {
        return Err(GraphError::Method(call.method.to_string()));
    }
    if !route.permissions().iter().any(|role| claims.roles.contains(role)) {
        return Err(GraphError::Forbidden);
    }
    let (units, used) = pay(call, &route, tenant, now)?;
    let reply = match &route {
        Route::Delta(resource) => delta::delta(call, tenant, *resource, now),
        Route::List(resource) => lists::list(call, tenant, *resource),
        Route::One(resource, id) => lists::one(call, tenant, *resource, id),
        Route::Members { group, transitive } => lists::members(call, tenant, group, *transitive),
        Route::Organization => Ok(lists::organization(tenant)),
        Route::Domains => Ok(lists::domains(tenant)),
    }?;
    let reply = reply.with("x-ms-resource-unit", units.to_string());
    Ok(match used {
        Some(used) if used >= 0.8 => reply.with("x-ms-throttle-limit-percentage", format!("{used:.2}")),
        _ => reply,
    })
}

/// Takes the resource units of a request; tells them and the share of the limit that is used.
fn pay(call: &Call, route: &Route, tenant: &mut Tenant, now: Timestamp) -> Result<(i32, Option<f64>), GraphError> {
    let small = odata::option(call, "$top").and_then(|top| top.parse::<usize>().ok()).is_some_and(|top| top < 20);
    let units = (route.cost() - i32::from(odata::option(call, "$select").is_some()) - i32::from(small)).max(1);
    let retry_after = tenant.graph.retry_after;
    let Some(bucket) = tenant.resource_units.as_mut() else { return Ok((units, None)) };
    bucket
        .take(f64::from(units), now)
        .map_err(|wait| GraphError::Throttled(retry_after.map_or(wait, |span| span.0)))?;
    Ok((units, Some(bucket.taken())))
}
