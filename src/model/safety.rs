//! Limits beyond which a plan is unsafe, and what happens then (mail-rules §7).

use super::SmtpAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far a push may go. There is no default: a wrong guess deletes, or never deletes, in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    CreateOnly,
    /// Creates and updates, never hides or deletes.
    Upsert,
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum ApprovalMode {
    #[default]
    WhenUnsafe,
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum OnExceeded {
    /// The whole plan waits for approval.
    #[default]
    Block,
    /// Hides and deletes wait; creates and updates within their own limits go on.
    HoldDeletes,
}

/// A protected address: exact, or `*@domain`, or with `*` anywhere.
pub type AddressPattern = String;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Safety {
    pub max_deletes: u64,
    pub max_delete_percent: u64,
    pub always_allowed_deletes: u64,
    pub max_strict_update_percent: u64,
    pub max_update_percent: u64,
    pub max_creates: u64,
    pub max_create_percent: u64,
    pub max_undecided_percent: u64,
    pub max_source_shrink_percent: u64,
    /// An empty source fails the plan; `true` turns it into an unsafe reason.
    pub allow_empty_source: bool,
    pub max_snapshot_age_seconds: u64,
    pub on_exceeded: OnExceeded,
    #[serde(default)]
    pub protected: BTreeSet<AddressPattern>,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            max_deletes: 500,
            max_delete_percent: 10,
            always_allowed_deletes: 5,
            max_strict_update_percent: 20,
            max_update_percent: 50,
            max_creates: 500,
            max_create_percent: 20,
            max_undecided_percent: 5,
            max_source_shrink_percent: 30,
            allow_empty_source: false,
            max_snapshot_age_seconds: 72 * 3600,
            on_exceeded: OnExceeded::Block,
            protected: BTreeSet::new(),
        }
    }
}

impl Safety {
    pub fn protects(&self, address: &SmtpAddress) -> bool {
        self.protected.iter().any(|pattern| matches(&pattern.to_lowercase(), address.as_str()))
    }
}

/// `*` stands for any run of characters, also none.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    (0..=text.len()).filter(|&at| text.is_char_boundary(at)).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_patterns() {
        let safety = Safety {
            protected: ["CEO@b.test".into(), "*@board.test".into(), "svc-*@b.test".into()].into(),
            ..Safety::default()
        };
        for (address, wanted) in [
            ("ceo@b.test", true),
            ("x@board.test", true),
            ("svc-1@b.test", true),
            ("svc@b.test", false),
            ("x@b.test", false),
        ] {
            assert_eq!(safety.protects(&SmtpAddress::parse(address).unwrap()), wanted, "{address}");
        }
    }
}
