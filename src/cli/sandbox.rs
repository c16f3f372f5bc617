//! `galsync sandbox`: mail systems to try manifests and pipelines on.

use super::{Exit, Shared, UsageError};
use crate::sandbox::config::Config;
use crate::sandbox::server::tls::Identity;
use crate::sandbox::{Sandbox as Server, SandboxError};
use anyhow::Context;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serves tenants of mail systems from memory, for trying things out.
///
/// All services answer on one address, as strictly as the real ones and with their limits and oddities; for Microsoft
/// 365 these are the token endpoint, Graph and Exchange's cmdlet endpoint. docs/sandbox.md has the configuration.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Tenants, limits and faults, in YAML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8365")]
    listen: SocketAddr,
    /// Serve TLS with this certificate (PEM, with its chain).
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls_self_signed")]
    tls_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve TLS with a certificate made for these names and addresses.
    #[arg(long, value_name = "NAME", num_args = 0.., default_missing_values = ["localhost", "127.0.0.1"])]
    tls_self_signed: Option<Vec<String>>,
    /// Write that certificate here (PEM), so that clients can trust it.
    #[arg(long, value_name = "FILE", requires = "tls_self_signed")]
    tls_ca_out: Option<PathBuf>,
    /// Write the shapes of all requests here when the sandbox ends.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Sandbox {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let usage = |error: &dyn std::fmt::Display| UsageError(error.to_string());
        let config = Config::load(&self.config).map_err(|error| usage(&error))?;
        let identity = match (&self.tls_cert, &self.tls_key, &self.tls_self_signed) {
            (Some(certificate), Some(key), _) => Some(Identity::load(certificate, key).map_err(|error| usage(&error))?),
            (_, _, Some(names)) => Some(Identity::self_signed(names.clone())?),
            _ => None,
        };
        if let (Some(path), Some(identity)) = (&self.tls_ca_out, &identity) {
            std::fs::write(path, identity.certificate_pem()).with_context(|| path.display().to_string())?;
        }
        shared.runtime.block_on(self.serve(&config, identity))
    }

    async fn serve(&self, config: &Config, identity: Option<Identity>) -> anyhow::Result<Exit> {
        let scheme = if identity.is_some() { "https" } else { "http" };
        let sandbox = match Server::bind(config, self.listen, identity).await {
            Err(SandboxError::Config(error)) => return Err(UsageError(error.to_string()).into()),
            bound => bound?,
        };
        let state = sandbox.state();
        for system in state.systems() {
            for tenant in system.tenants.list() {
                let (id, organization, objects) = (tenant.id, tenant.organization, tenant.objects);
                tracing::info!(system = system.name, tenant = id, organization, objects, "tenant is ready");
            }
        }
        // Scripts wait for this line, and learn the port from it.
        println!("listening on {scheme}://{}", sandbox.address);
        tokio::select! {
            ended = sandbox.serve() => ended?,
            signal = stopped() => signal?,
        }
        if let Some(path) = &self.record {
            let mut text = state.record.lines().join("\n");
            text.push('\n');
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
        Ok(Exit::Done)
    }
}

/// SIGINT or SIGTERM.
async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
