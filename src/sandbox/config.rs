//! What a sandbox is asked to be: one YAML file, parsed strictly and checked before anything is served.

use super::faults::Fault;
use super::microsoft365::config::Tenant;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file cannot be used; the sentence says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Parse { path: PathBuf, source: serde_yaml::Error },
    #[error("{0}")]
    Invalid(String),
}

impl ConfigError {
    pub fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }
}

/// The whole configuration of a sandbox.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Decides all that is left to chance: seeded people, probabilities of faults.
    pub seed: u64,
    pub clock: ClockSettings,
    pub microsoft365: Microsoft365,
    /// Applied in order; the first rule that matches a request decides.
    pub faults: Vec<Fault>,
    /// Folder that relative file names start from; the folder of the file itself.
    #[serde(skip)]
    pub folder: PathBuf,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Microsoft365 {
    pub tenants: Vec<Tenant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClockSettings {
    /// When the sandbox's time begins; absent = now.
    pub start: Option<Timestamp>,
    /// Seconds of the sandbox per real second; 0 = stands still until it is moved on.
    pub speed: f64,
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self { start: None, speed: 1.0 }
    }
}

/// A length of time as people write it: `90s`, `1h 30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    pub const ZERO: Self = Self(Duration::ZERO);

    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no duration such as 90s, 1h30m or 7d");
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        if length < SignedDuration::ZERO {
            return Err(wrong());
        }
        Ok(Self(length.unsigned_abs()))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}ms", self.0.as_millis()))
    }
}

/// A text that stands in the file or in another one beside it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Text {
    Value(String),
    File(PathBuf),
}

impl Text {
    /// The text; of a file without the line end that editors add.
    pub fn load(&self, folder: &Path) -> Result<String, ConfigError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(name) => {
                let path = folder.join(name);
                let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path, source })?;
                Ok(text.trim_end_matches(['\n', '\r']).to_owned())
            }
        }
    }
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
        if !(self.clock.speed.is_finite() && self.clock.speed >= 0.0) {
            return Err(ConfigError::invalid("clock.speed must be 0 or more"));
        }
        if self.microsoft365.tenants.is_empty() {
            return Err(ConfigError::invalid("microsoft365.tenants is empty: a sandbox needs a tenant"));
        }
        let mut names = BTreeSet::new();
        for tenant in &self.microsoft365.tenants {
            tenant.check()?;
            for name in tenant.names() {
                if !names.insert(name.clone()) {
                    return Err(ConfigError::invalid(format!("{name} belongs to two tenants")));
                }
            }
        }
        self.faults.iter().try_for_each(Fault::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str =
        "microsoft365: {tenants: [{id: 11111111-2222-3333-4444-555555555555, organization: a.onmicrosoft.com}]}";

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5_400), ("1h 30m", 5_400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(Span::parse(text), Ok(Span::seconds(seconds)), "{text}");
        }
        for text in ["", "7", "-1s", "1 month", "soon"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        assert!(Config::parse(TENANT).is_ok());
        for (text, part) in [
            ("{}", "needs a tenant"),
            ("tenants: []", "unknown field `tenants`"),
            (&format!("{TENANT}\nclock: {{speed: -1}}"), "clock.speed"),
            (&TENANT.replace("organization: a.onmicrosoft.com", "organization: 'a b'"), "domain name"),
            (&TENANT.replace("organization: a.onmicrosoft.com", "organisation: a"), "unknown field `organisation`"),
            (&TENANT.replace("11111111-2222-3333-4444-555555555555", "x"), "'x' is no GUID"),
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
}
