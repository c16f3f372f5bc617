//! `galsync crds`: the definitions of the custom resources, as YAML documents for `kubectl apply -f -`.

use super::Exit;
use crate::api;
use std::io::Write;

/// Prints the definitions of the custom resources.
#[derive(Debug, clap::Args)]
pub struct Crds {}

impl Crds {
    pub fn run(self) -> anyhow::Result<Exit> {
        let mut out = std::io::stdout().lock();
        for crd in api::crds() {
            writeln!(out, "---")?;
            out.write_all(serde_yaml::to_string(&crd)?.as_bytes())?;
        }
        Ok(Exit::Done)
    }
}
