//! Mail systems to try things on: `galsync sandbox` serves the protocols of Microsoft 365 (the token endpoint,
//! Graph, Exchange's cmdlet endpoint) from memory, as strictly as the real services and with their oddities:
//! delays, quotas, throttling, odd errors, and faults by rule. `docs/sandbox.md` is for its users.
//!
//! To read it: [`server`] takes a request through faults and limits to the service that it is for and knows no mail
//! system; each of these has a folder beside it. In [`microsoft365`], `token`, `graph` and `exchange` answer from a
//! `tenant`. [`people`] are the invented ones whom all systems give accounts.
//!
//! Tests use it as a library: [`Sandbox::start`] serves on a free port of the loopback until the handle is dropped.

pub mod config;
pub mod microsoft365;
pub mod people;
mod people_names;
pub mod server;

use axum::serve::ListenerExt;
use config::Config;
use microsoft365::Microsoft365;
use server::clock::Clock;
use server::settings::ConfigError;
use server::{State, tls};
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
    microsoft365: Arc<Microsoft365>,
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
        let clock = Clock::new(&config.clock);
        let microsoft365 = Microsoft365::new(&config.microsoft365, config.seed, &config.folder, clock.now())?;
        let systems = vec![microsoft365::system(&microsoft365)];
        let state = Arc::new(State::new(clock, systems, &config.faults, config.seed, identity.is_some())?);
        let failed = |source| SandboxError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { state, microsoft365, listener, identity, address })
    }

    /// Serves on a free port of the loopback, without TLS, until the handle is dropped.
    pub async fn start(config: &Config) -> Result<Handle, SandboxError> {
        let sandbox = Self::bind(config, SocketAddr::from(([127, 0, 0, 1], 0)), None).await?;
        let (state, microsoft365) = (sandbox.state.clone(), sandbox.microsoft365.clone());
        let base_url = format!("http://{}", sandbox.address);
        let task = tokio::spawn(sandbox.serve());
        Ok(Handle { base_url, state, microsoft365, task })
    }

    pub fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Serves until the task is stopped.
    pub async fn serve(self) -> Result<(), SandboxError> {
        let state = self.state;
        let router = axum::Router::new().fallback(move |request| server::handle(state.clone(), request));
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
    /// `http://127.0.0.1:<port>`: all services alike.
    pub base_url: String,
    pub state: Arc<State>,
    /// Its tenants; there may be none.
    pub microsoft365: Arc<Microsoft365>,
    task: JoinHandle<Result<(), SandboxError>>,
}

impl Handle {
    pub fn advance(&self, by: Duration) {
        self.state.clock.advance(by);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}
