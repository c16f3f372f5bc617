//! Mail systems to try things on: `galsync sandbox` serves the protocols of Microsoft 365 (the token endpoint,
//! Graph, Exchange's cmdlet endpoint) from memory, as strictly as the real services and with their oddities:
//! delays, quotas, throttling, odd errors, and faults by rule. `docs/sandbox.md` is for its users.
//!
//! To read it: [`server`] takes a request through faults and limits to [`microsoft365`], where `token`, `graph`
//! and `exchange` answer from a `tenant`. Exchange is where changes happen; Graph's `view` learns of them later.
//!
//! Tests use it as a library: [`Sandbox::start`] serves on a free port of the loopback until the handle is dropped.

pub mod admin;
mod batch;
pub mod call;
pub mod clock;
pub mod config;
pub mod counters;
pub mod faults;
pub mod guid;
pub mod limits;
pub mod microsoft365;
pub mod record;
pub mod seed;
pub mod server;
pub mod tls;

use axum::serve::ListenerExt;
use config::{Config, ConfigError};
use microsoft365::change::{self, Change};
use microsoft365::objects::ObjectError;
use microsoft365::recipient::Recipient;
use server::State;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error("the server ended: {0}")]
    Serve(io::Error),
}

/// A sandbox that is bound to its port and not yet serving.
pub struct Sandbox {
    state: Arc<State>,
    listener: TcpListener,
    identity: Option<tls::Identity>,
    pub address: SocketAddr,
}

impl Sandbox {
    pub async fn bind(
        config: &Config,
        address: SocketAddr,
        identity: Option<tls::Identity>,
    ) -> Result<Self, SandboxError> {
        let state = Arc::new(State::new(config, identity.is_some())?);
        let failed = |source| SandboxError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { state, listener, identity, address })
    }

    /// Serves on a free port of the loopback, without TLS, until the handle is dropped.
    pub async fn start(config: &Config) -> Result<Handle, SandboxError> {
        let sandbox = Self::bind(config, SocketAddr::from(([127, 0, 0, 1], 0)), None).await?;
        let (state, address) = (sandbox.state.clone(), sandbox.address);
        let task = tokio::spawn(sandbox.serve());
        Ok(Handle { base_url: format!("http://{address}"), state, task })
    }

    pub fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Serves until the task is stopped.
    pub async fn serve(self) -> Result<(), SandboxError> {
        let state = self.state;
        let router = axum::Router::new().fallback(move |request| State::handle(state.clone(), request));
        match self.identity {
            Some(identity) => axum::serve(tls::TlsListener::start(self.listener, identity)?, router).await,
            // Answers are small; waiting to fill a packet only costs time.
            None => axum::serve(self.listener.tap_io(|stream| drop(stream.set_nodelay(true))), router).await,
        }
        .map_err(SandboxError::Serve)
    }
}

/// A sandbox that serves in the background; it ends when this is dropped.
pub struct Handle {
    /// `http://127.0.0.1:<port>`: token endpoint, Graph and Exchange alike.
    pub base_url: String,
    pub state: Arc<State>,
    task: JoinHandle<Result<(), SandboxError>>,
}

impl Handle {
    /// Carries out a change in a tenant, named by id, organization or domain.
    pub fn change(&self, tenant: &str, change: &Change) -> Result<(), ObjectError> {
        let now = self.state.clock.now();
        let hosted = self.state.microsoft365.tenant(tenant).ok_or_else(|| ObjectError::Unknown(tenant.to_owned()))?;
        let mut tenant = hosted.lock();
        tenant.catch_up(now);
        change::apply(change, &mut tenant, now)
    }

    /// All objects of a tenant, in the order of creation.
    pub fn objects(&self, tenant: &str) -> Vec<Arc<Recipient>> {
        let hosted = self.state.microsoft365.tenant(tenant);
        hosted
            .map(|hosted| hosted.lock().directory.after(None).map(|(_, found)| found.clone()).collect())
            .unwrap_or_default()
    }

    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
