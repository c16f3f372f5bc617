//! What settings of a sandbox are made of, whatever they are settings of.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration cannot be used; the sentence says where, what is wrong and what to write.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    /// The parser's sentence names setting, line and column.
    #[error("{path}: {source}")]
    Parse { path: PathBuf, source: serde_yaml::Error },
    #[error("{setting}: {wrong}")]
    Setting {
        /// Where it stands: `microsoft365.tenants[0].exchange.burst`.
        setting: String,
        /// What is wrong, and what to write.
        wrong: String,
    },
}

impl ConfigError {
    pub fn at(setting: impl Into<String>, wrong: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), wrong: wrong.into() }
    }
}

/// When the sandbox's time begins, and how fast it runs.
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

impl ClockSettings {
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.speed.is_finite() && self.speed >= 0.0 {
            return Ok(());
        }
        Err(ConfigError::at("clock.speed", format!("{} is not a speed; write 0 or more", self.speed)))
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
        let wrong = || format!("'{text}' is not a length of time; write one such as 90s, 1h30m or 7d");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("1h30m", 5_400), ("1h 30m", 5_400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(Span::parse(text), Ok(Span::seconds(seconds)), "{text}");
        }
        for text in ["", "7", "-1s", "1 month", "soon"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
