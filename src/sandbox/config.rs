//! What a sandbox is asked to be: one YAML file, parsed strictly and checked before anything is served.

use super::microsoft365::config::Microsoft365;
use super::server::faults::Fault;
use super::server::settings::{ClockSettings, ConfigError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The whole configuration of a sandbox. Each mail system has a section; one of them has a tenant at least.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Decides all that is left to chance: seeded people, probabilities of faults.
    pub seed: u64,
    pub clock: ClockSettings,
    pub microsoft365: Microsoft365,
    /// Applied in order; the first rule that matches a request decides. They are checked with the services that are
    /// there.
    pub faults: Vec<Fault>,
    /// Folder that relative file names start from; the folder of the file itself.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Config {
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config: Self =
            serde_yaml::from_str(&text).map_err(|source| ConfigError::Parse { path: path.to_owned(), source })?;
        config.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        config.check()?;
        Ok(config)
    }

    /// Parses a configuration without a file; relative names start from the working directory.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = serde_yaml::from_str(text)
            .map_err(|source| ConfigError::Parse { path: PathBuf::from("configuration"), source })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.clock.check()?;
        self.microsoft365.check()?;
        if self.microsoft365.tenants.is_empty() {
            return Err(ConfigError::at(
                "microsoft365.tenants",
                "there is no tenant, so the sandbox would serve nothing; write at least one",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Sandbox, SandboxError};

    const TENANT: &str =
        "microsoft365: {tenants: [{id: 11111111-2222-3333-4444-555555555555, organization: a.onmicrosoft.com}]}";

    /// What the tenant has beside its names.
    fn with(more: &str) -> String {
        TENANT.replace("a.onmicrosoft.com}", &format!("a.onmicrosoft.com, {more}}}"))
    }

    #[test]
    fn mistakes_are_told() {
        assert!(Config::parse(TENANT).is_ok());
        for (text, part) in [
            ("{}", "microsoft365.tenants: there is no tenant, so the sandbox would serve nothing; write at least one"),
            ("microsoft365: {}", "write at least one"),
            ("tenants: []", "unknown field `tenants`"),
            (&format!("{TENANT}\nclock: {{speed: -1}}"), "clock.speed: -1 is not a speed; write 0 or more"),
            (&TENANT.replace("organization: a.onmicrosoft.com", "organization: 'a b'"), "domain name"),
            (&TENANT.replace("organization: a.onmicrosoft.com", "organisation: a"), "unknown field `organisation`"),
            (&TENANT.replace("11111111-2222-3333-4444-555555555555", "x"), "'x' is not a GUID; write one such as"),
            (&with("exchange: {latency: soon}"), "'soon' is not a length of time; write one such as"),
            (&with("exchange: {burst: 0}"), "microsoft365.tenants[0].exchange.burst: 0 is too few; write 1 or more"),
            (&with("graph: {emptyPageEvery: 1}"), "microsoft365.tenants[0].graph.emptyPageEvery: with 1"),
            (&with("people: 3000000"), "microsoft365.tenants[0].people: 3000000 are too many; write 2000000 or less"),
            (&with("domains: [b.example, b.example]"), "this tenant is called b.example already; write every id"),
            (
                &with("apps: [{clientId: 66666666-7777-8888-9999-000000000000}]"),
                "microsoft365.tenants[0].apps[0]: app 66666666-7777-8888-9999-000000000000 has nothing to sign in with",
            ),
        ] {
            let error = Config::parse(text).map(|_| ()).unwrap_err();
            let mut sentence = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                sentence.push_str(&inner.to_string());
                cause = inner.source();
            }
            assert!(sentence.contains(part), "{sentence}");
        }
    }

    #[tokio::test]
    async fn mistakes_that_show_when_the_sandbox_is_made_are_told() {
        for (text, part) in [
            (
                format!("{TENANT}\nfaults: [{{then: repeat}}, {{on: {{service: grahp}}, then: repeat}}]"),
                "faults[1].on.service: there is no service 'grahp'; write one of exchange, graph, token",
            ),
            (
                format!("{TENANT}\nfaults: [{{on: {{service: graph}}, then: transient}}]"),
                "faults[0].then: graph does not have the effect 'transient'; write an effect that all services have, or \
                 one of accessDenied, expiredToken, resyncRequired, syncStateNotFound",
            ),
            (
                with("objects: [{kind: MailContact, displayName: Eve}]"),
                "microsoft365.tenants[0].objects[0]: Eve: this kind needs externalAddress; write it",
            ),
            (
                with("apps: [{clientId: 66666666-7777-8888-9999-000000000000, certificates: [{pem: {value: x}}]}]"),
                "microsoft365.tenants[0].apps[0].certificates[0].pem: this is not PEM; write the certificate",
            ),
        ] {
            let config = Config::parse(&text).unwrap();
            let Err(SandboxError::Config(error)) = Sandbox::start(&config).await.map(|_| ()) else {
                panic!("{text} was taken")
            };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
