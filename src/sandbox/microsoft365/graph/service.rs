//! Graph as one of the sandbox's services.

use super::error::GraphError;
use super::route::Route;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::hosted::{Microsoft365, refuse};
use crate::sandbox::microsoft365::record::SHAPE;
use crate::sandbox::microsoft365::tenant::LostDelta;
use crate::sandbox::microsoft365::token::access::Audience;
use crate::sandbox::server::call::{Call, Label, Reply};
use crate::sandbox::server::limits::Admission;
use crate::sandbox::server::record::Shape;
use crate::sandbox::server::service::{Answer, Server, Service};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;

/// `/v1.0/…` and `/beta/…`.
#[derive(Debug)]
pub struct GraphService(pub Arc<Microsoft365>);

fn path(call: &Call) -> Option<&str> {
    call.path.strip_prefix("/v1.0/").or_else(|| call.path.strip_prefix("/beta/"))
}

impl GraphService {
    fn serve(&self, call: &Call, now: Timestamp) -> Reply {
        let refuse = |error: GraphError| error.reply(call, now, Guid::NIL);
        let Some(token) = call.bearer() else { return refuse(GraphError::NoToken) };
        let claims = match self.0.mint.check(token, Audience::Graph, now) {
            Ok(claims) => claims,
            Err(invalid) => return refuse(invalid.into()),
        };
        match self.0.tenants.iter().find(|hosted| hosted.id == claims.tid) {
            Some(hosted) => super::answer(call, path(call).unwrap_or_default(), &mut hosted.lock(), &claims, now),
            None => refuse(GraphError::TokenTenant),
        }
    }
}

#[async_trait]
impl Service for GraphService {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn route(&self, call: &Call) -> Option<Label> {
        let route = Route::parse(path(call)?).map_or_else(|_| "unknown".to_owned(), |route| route.label());
        let claims = call.bearer().and_then(|token| self.0.mint.check(token, Audience::Graph, Timestamp::MIN).ok());
        let tenant = claims.and_then(|claims| self.0.organization(&claims.tid.to_string()));
        Some(Label { service: self.name(), tenant, operation: format!("{} {route}", call.method) })
    }

    fn admit(&self, label: &Label, _now: Timestamp) -> Result<Admission, Reply> {
        let hosted = label.tenant.as_deref().and_then(|tenant| self.0.tenant(tenant));
        let latency = hosted.map(|hosted| hosted.graph_latency).unwrap_or_default();
        Ok(Admission { latency, place: None })
    }

    async fn answer(&self, call: &Call, _label: &Label, server: &dyn Server) -> Answer {
        Answer::Whole(self.serve(call, server.now()))
    }

    fn effects(&self) -> &'static [&'static str] {
        &["expiredToken", "accessDenied", "syncStateNotFound", "resyncRequired"]
    }

    fn fail(&self, effect: &str, call: &Call, label: &Label, now: Timestamp) -> Option<Reply> {
        let lost = match effect {
            "expiredToken" => return Some(GraphError::TokenExpired.reply(call, now, Guid::NIL)),
            "accessDenied" => return Some(GraphError::Forbidden.reply(call, now, Guid::NIL)),
            "resyncRequired" => LostDelta::ResyncRequired,
            _ => LostDelta::SyncStateNotFound,
        };
        if let Some(hosted) = label.tenant.as_deref().and_then(|tenant| self.0.tenant(tenant)) {
            hosted.lock().lost_delta = Some((now, lost));
        }
        None
    }

    fn refuse(&self, status: u16) -> Reply {
        refuse(status)
    }

    fn shape(&self) -> &'static Shape {
        &SHAPE
    }
}
