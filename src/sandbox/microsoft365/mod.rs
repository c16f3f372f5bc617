//! Tenants of Microsoft 365: the token endpoint, Graph and Exchange's cmdlet endpoint behind one address.

pub mod attributes;
pub mod change;
pub mod config;
pub mod directory;
pub mod exchange;
pub mod graph;
pub mod objects;
pub mod recipient;
pub mod tenant;
pub mod token;

use super::call::{Call, Label, Reply, Service};
use super::config::{Config, ConfigError};
use super::faults::Effect;
use super::limits::{InFlight, Permit};
use super::seed::Inventor;
use crate::sandbox::guid::Guid;
use exchange::batch::Item;
use exchange::{CmdletError, Endpoint, Refusal, Transient};
use graph::GraphError;
use graph::route::Route;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tenant::{LostDelta, Tenant};
use token::access::{Audience, Claims, Mint};
use token::credentials::Application;

/// One tenant as the server holds it.
#[derive(Debug)]
pub struct Hosted {
    pub id: Guid,
    pub organization: String,
    /// Id, organization and domains in lower case.
    names: Vec<String>,
    state: Mutex<Tenant>,
    pub in_flight: Arc<InFlight>,
    max_concurrent: Option<u32>,
    exchange_latency: Duration,
    graph_latency: Duration,
    side_by_side: usize,
}

impl Hosted {
    pub fn lock(&self) -> MutexGuard<'_, Tenant> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

/// All tenants.
#[derive(Debug)]
pub struct Microsoft365 {
    tenants: Vec<Hosted>,
    mint: Mint,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Token {
        called: String,
    },
    OpenId {
        called: String,
    },
    Graph {
        path: String,
    },
    Exchange {
        called: String,
    },
    /// Several requests to Exchange in one; the server takes them apart.
    Batch {
        called: String,
    },
}

impl Target {
    pub fn parse(path: &str) -> Option<Self> {
        if let Some((endpoint, called)) = Endpoint::parse(path) {
            let called = called.to_owned();
            return Some(match endpoint {
                Endpoint::Invoke => Self::Exchange { called },
                Endpoint::Batch => Self::Batch { called },
            });
        }
        if let Some(path) = path.strip_prefix("/v1.0/").or_else(|| path.strip_prefix("/beta/")) {
            return Some(Self::Graph { path: path.to_owned() });
        }
        let (called, rest) = path.strip_prefix('/')?.split_once('/')?;
        match rest {
            "oauth2/v2.0/token" => Some(Self::Token { called: called.to_owned() }),
            "v2.0/.well-known/openid-configuration" => Some(Self::OpenId { called: called.to_owned() }),
            _ => None,
        }
    }
}

impl Microsoft365 {
    pub fn new(config: &Config, now: Timestamp) -> Result<Self, ConfigError> {
        let mut tenants = Vec::new();
        for settings in &config.microsoft365.tenants {
            let seed = settings.seed.unwrap_or(config.seed ^ settings.id.number() as u64);
            let mut apps = HashMap::new();
            for app in &settings.apps {
                apps.insert(app.client_id, Application::load(app, &config.folder)?);
            }
            let mut tenant = Tenant::new(settings, apps, seed);
            let mut domains: Vec<String> = settings.domains.iter().map(ToString::to_string).collect();
            if domains.is_empty() {
                domains.push(settings.organization.to_string());
            }
            let company = domains[0].split('.').next().unwrap_or_default().to_owned();
            let invented = Inventor::new(seed, domains, company).organization(settings.people);
            for spec in settings.objects.iter().chain(&invented) {
                let wrong = |error: objects::ObjectError| {
                    ConfigError::invalid(format!("tenant {}: {error}", settings.organization))
                };
                let made = objects::build(spec, &mut tenant, now).map_err(wrong)?;
                tenant.seed(made).map_err(|_| wrong(objects::ObjectError::Taken(spec.display_name.clone())))?;
            }
            tenants.push(Hosted {
                id: settings.id,
                organization: settings.organization.to_string(),
                names: settings.names().collect(),
                state: Mutex::new(tenant),
                in_flight: Arc::default(),
                max_concurrent: settings.exchange.max_concurrent_requests,
                exchange_latency: settings.exchange.latency.0,
                graph_latency: settings.graph.latency.0,
                side_by_side: settings.exchange.batch_side_by_side as usize,
            });
        }
        let mut secret = [0; 32];
        fastrand::Rng::new().fill(&mut secret);
        Ok(Self { tenants, mint: Mint::new(&secret) })
    }

    pub fn tenants(&self) -> &[Hosted] {
        &self.tenants
    }

    /// The tenant of that id, organization or domain.
    pub fn tenant(&self, called: &str) -> Option<&Hosted> {
        self.tenants.iter().find(|hosted| hosted.names.iter().any(|name| name.eq_ignore_ascii_case(called)))
    }

    /// All names of a tenant.
    pub fn names(&self, tenant: Option<&str>) -> &[String] {
        tenant.and_then(|tenant| self.tenant(tenant)).map(|hosted| hosted.names.as_slice()).unwrap_or_default()
    }

    /// Forgets every delta token of the tenant that was issued until now.
    pub fn lose_delta(&self, label: &Label, tell: LostDelta, now: Timestamp) {
        if let Some(hosted) = label.tenant.as_deref().and_then(|tenant| self.tenant(tenant)) {
            hosted.lock().lost_delta = Some((now, tell));
        }
    }

    /// The answer to a request that a rule lets fail in the service's own words.
    pub fn failure(&self, effect: &Effect, call: &Call, label: &Label, now: Timestamp) -> Reply {
        match (label.service, effect) {
            (Service::Graph, Effect::ExpiredToken) => GraphError::TokenExpired.reply(call, now, Guid::NIL),
            (Service::Graph, Effect::Zeros) => GraphError::Forbidden.reply(call, now, Guid::NIL),
            (Service::Exchange, Effect::ExpiredToken) => Refusal::from(token::access::Invalid::Expired).reply(),
            (Service::Exchange, Effect::Transient) => {
                let hosted = label.tenant.as_deref().and_then(|tenant| self.tenant(tenant));
                let told = hosted.map_or(0, |hosted| {
                    let mut tenant = hosted.lock();
                    tenant.errors_told += 1;
                    tenant.errors_told
                });
                let kind = Transient::ALL[told as usize % Transient::ALL.len()];
                CmdletError::Transient(kind).reply(told, &label.call)
            }
            (_, Effect::Zeros) => Refusal::NoRole.reply(),
            _ => GraphError::Throttled(Duration::from_secs(1)).reply(call, now, Guid::NIL),
        }
    }

    /// What the request is, before anything in it is believed.
    pub fn label(&self, call: &Call, target: &Target) -> Label {
        let tenant = |called: &str| self.tenant(called).map(|hosted| hosted.organization.clone());
        match target {
            Target::Token { called } => {
                Label { service: Service::Token, tenant: tenant(called), call: "POST token".to_owned() }
            }
            Target::OpenId { called } => {
                Label { service: Service::Token, tenant: tenant(called), call: "GET openid-configuration".to_owned() }
            }
            Target::Graph { path } => {
                let route = Route::parse(path).map_or_else(|_| "unknown".to_owned(), |route| route.label());
                let claims =
                    call.bearer().and_then(|token| self.mint.check(token, Audience::Graph, Timestamp::MIN).ok());
                let tenant = claims.and_then(|claims| tenant(&claims.tid.to_string()));
                Label { service: Service::Graph, tenant, call: format!("{} {route}", call.method) }
            }
            Target::Exchange { called } => {
                let cmdlet = exchange::cmdlet_name(&call.body).unwrap_or_else(|| "unknown".to_owned());
                Label { service: Service::Exchange, tenant: tenant(called), call: cmdlet }
            }
            Target::Batch { called } => {
                Label { service: Service::Exchange, tenant: tenant(called), call: "$batch".to_owned() }
            }
        }
    }

    /// How long the request takes in the real world, and the place it holds meanwhile; none = too many are there.
    pub fn admit(&self, label: &Label) -> Result<(Duration, Option<Permit>), Reply> {
        let Some(hosted) = label.tenant.as_deref().and_then(|tenant| self.tenant(tenant)) else {
            return Ok((Duration::ZERO, None));
        };
        match label.service {
            Service::Exchange => match hosted.in_flight.enter(hosted.max_concurrent) {
                Some(permit) => Ok((hosted.exchange_latency, Some(permit))),
                None => Err(Refusal::Throttled(Duration::from_secs(1)).reply()),
            },
            Service::Graph => Ok((hosted.graph_latency, None)),
            _ => Ok((Duration::ZERO, None)),
        }
    }

    pub fn answer(&self, call: &Call, target: &Target, now: Timestamp) -> Reply {
        match target {
            Target::Token { called } => {
                let mut tenant = self.tenant(called).map(Hosted::lock);
                token::token(call, called, tenant.as_deref_mut(), &self.mint, now)
            }
            Target::OpenId { called } => match self.tenant(called) {
                Some(hosted) => token::openid_configuration(call, &hosted.lock()),
                None => token::TokenError::TenantNotFound(called.clone()).reply(now, Guid::NIL),
            },
            Target::Graph { path } => self.graph(call, path, now),
            Target::Exchange { called } => self.exchange(call, called, now),
            // The server carries out what is in it; here it is no more than looked at.
            Target::Batch { called } => {
                self.unpack(call, called, now).map_or_else(|reply| reply, |_| Reply::empty(200))
            }
        }
    }

    fn graph(&self, call: &Call, path: &str, now: Timestamp) -> Reply {
        let refuse = |error: GraphError| error.reply(call, now, Guid::NIL);
        let Some(token) = call.bearer() else { return refuse(GraphError::NoToken) };
        let claims = match self.mint.check(token, Audience::Graph, now) {
            Ok(claims) => claims,
            Err(invalid) => return refuse(invalid.into()),
        };
        match self.tenants.iter().find(|hosted| hosted.id == claims.tid) {
            Some(hosted) => graph::answer(call, path, &mut hosted.lock(), &claims, now),
            None => refuse(GraphError::TokenTenant),
        }
    }

    /// The tenant that the path names, if the token is for it.
    fn signed_in(&self, call: &Call, called: &str, now: Timestamp) -> Result<(&Hosted, Claims), Refusal> {
        let token = call.bearer().ok_or(Refusal::Unauthorized("The header Authorization is missing."))?;
        let claims = self.mint.check(token, Audience::Exchange, now)?;
        match self.tenant(called) {
            Some(hosted) if hosted.id == claims.tid => Ok((hosted, claims)),
            _ => Err(Refusal::Unauthorized("The token is for another tenant than the path.")),
        }
    }

    fn exchange(&self, call: &Call, called: &str, now: Timestamp) -> Reply {
        match self.signed_in(call, called, now) {
            Ok((hosted, claims)) => exchange::answer(call, &mut hosted.lock(), &claims, now),
            Err(refusal) => refusal.reply(),
        }
    }

    /// The requests of a batch, or the answer to one that is not looked at.
    pub fn unpack(&self, call: &Call, called: &str, now: Timestamp) -> Result<Vec<Item>, Reply> {
        let unpacked = self
            .signed_in(call, called, now)
            .and_then(|(hosted, claims)| exchange::unpack(call, &hosted.lock(), &claims));
        unpacked.map_err(Refusal::reply)
    }

    /// The answer to a batch of what its requests were answered.
    pub fn pack(&self, called: &str, answers: &[(String, Reply)], now: Timestamp) -> Reply {
        match self.tenant(called) {
            Some(hosted) => exchange::pack(answers, &mut hosted.lock(), now),
            None => Reply::empty(404),
        }
    }

    /// How many requests of one batch are carried out side by side.
    pub fn side_by_side(&self, called: &str) -> usize {
        self.tenant(called).map_or(1, |hosted| hosted.side_by_side)
    }
}
