//! The tenants as the services share them.

use super::change::{self, Change};
use super::config;
use super::guid::Guid;
use super::objects::{self, ObjectError};
use super::recipient::Recipient;
use super::seed::Inventor;
use super::tenant::Tenant;
use super::token::access::Mint;
use super::token::credentials::Application;
use crate::sandbox::people::People;
use crate::sandbox::server::call::Reply;
use crate::sandbox::server::limits::InFlight;
use crate::sandbox::server::settings::ConfigError;
use jiff::Timestamp;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// One tenant as the server holds it.
#[derive(Debug)]
pub struct Hosted {
    pub id: Guid,
    pub organization: String,
    /// Id, organization and domains in lower case.
    pub(super) names: Vec<String>,
    state: Mutex<Tenant>,
    pub in_flight: Arc<InFlight>,
    pub(super) max_concurrent: Option<u32>,
    pub(super) exchange_latency: Duration,
    pub(super) graph_latency: Duration,
    pub(super) side_by_side: usize,
}

impl Hosted {
    pub fn lock(&self) -> MutexGuard<'_, Tenant> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

/// All tenants, which the services share.
#[derive(Debug)]
pub struct Microsoft365 {
    pub(super) tenants: Vec<Hosted>,
    pub(super) mint: Mint,
}

impl Microsoft365 {
    /// `seed` and `folder` are the whole configuration's.
    pub fn new(
        settings: &config::Microsoft365,
        seed: u64,
        folder: &Path,
        now: Timestamp,
    ) -> Result<Arc<Self>, ConfigError> {
        let hosted = |(index, tenant)| Hosted::new(tenant, &config::Microsoft365::path(index), seed, folder, now);
        let tenants = settings.tenants.iter().enumerate().map(hosted).collect::<Result<_, _>>()?;
        let mut secret = [0; 32];
        fastrand::Rng::new().fill(&mut secret);
        Ok(Arc::new(Self { tenants, mint: Mint::new(&secret) }))
    }

    pub fn tenants(&self) -> &[Hosted] {
        &self.tenants
    }

    /// The tenant of that id, organization or domain.
    pub fn tenant(&self, called: &str) -> Option<&Hosted> {
        self.tenants.iter().find(|hosted| hosted.names.iter().any(|name| name.eq_ignore_ascii_case(called)))
    }

    /// As labels have it: the organization of the tenant that a request calls so.
    pub(super) fn organization(&self, called: &str) -> Option<String> {
        self.tenant(called).map(|hosted| hosted.organization.clone())
    }

    /// Carries out a change in a tenant, named by id, organization or domain.
    pub fn change(&self, called: &str, change: &Change, now: Timestamp) -> Result<(), ObjectError> {
        let hosted = self.tenant(called).ok_or_else(|| ObjectError::Unknown(called.to_owned()))?;
        let mut tenant = hosted.lock();
        tenant.catch_up(now);
        change::apply(change, &mut tenant, now)
    }

    /// All objects of a tenant, in the order of creation.
    pub fn objects(&self, called: &str) -> Vec<Arc<Recipient>> {
        let all = |hosted: &Hosted| hosted.lock().directory.after(None).map(|(_, found)| found.clone()).collect();
        self.tenant(called).map(all).unwrap_or_default()
    }
}

impl Hosted {
    /// `at` is where the tenant stands in the configuration.
    fn new(settings: &config::Tenant, at: &str, seed: u64, folder: &Path, now: Timestamp) -> Result<Self, ConfigError> {
        let seed = settings.seed.unwrap_or(seed ^ settings.id.number() as u64);
        let mut apps = HashMap::new();
        for (index, app) in settings.apps.iter().enumerate() {
            apps.insert(app.client_id, Application::load(app, &format!("{at}.apps[{index}]"), folder)?);
        }
        let mut tenant = Tenant::new(settings, apps, seed);
        let mut domains: Vec<String> = settings.domains.iter().map(ToString::to_string).collect();
        if domains.is_empty() {
            domains.push(settings.organization.to_string());
        }
        let company = domains[0].split('.').next().unwrap_or_default().to_owned();
        let invented = Inventor::new(People::new(seed, domains, company)).organization(settings.people);
        let written = settings.objects.iter().enumerate().map(|(index, spec)| (format!("{at}.objects[{index}]"), spec));
        let invented = invented.iter().map(|spec| (format!("{at}.people"), spec));
        for (at, spec) in written.chain(invented) {
            let wrong = |error: ObjectError| ConfigError::at(&at, error.to_string());
            let made = objects::build(spec, &mut tenant, now).map_err(wrong)?;
            tenant.seed(made).map_err(|_| wrong(ObjectError::Taken(spec.display_name.clone())))?;
        }
        Ok(Self {
            id: settings.id,
            organization: settings.organization.to_string(),
            names: settings.names().collect(),
            state: Mutex::new(tenant),
            in_flight: Arc::default(),
            max_concurrent: settings.exchange.max_concurrent_requests,
            exchange_latency: settings.exchange.latency.0,
            graph_latency: settings.graph.latency.0,
            side_by_side: settings.exchange.batch_side_by_side as usize,
        })
    }
}

/// A failure that a rule asks for by its status. All three services are alike in this.
pub(super) fn refuse(status: u16) -> Reply {
    let code = match status {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "UnknownError",
    };
    Reply::json(status, &json!({"error": {"code": code, "message": "A fault of the sandbox's rules."}}))
}
