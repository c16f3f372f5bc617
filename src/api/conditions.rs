//! Conditions and their reasons: the words that status, events and metrics use.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Types of conditions.
pub mod types {
    pub const READY: &str = "Ready";
    /// The controller acts on a new generation; present only while true.
    pub const RECONCILING: &str = "Reconciling";
    /// Nothing goes on without a person; present only while true.
    pub const STALLED: &str = "Stalled";
    pub const SYNCED: &str = "Synced";
    pub const APPROVAL_REQUIRED: &str = "ApprovalRequired";
    /// The schedules and connectors of the namespace do not contradict each other.
    pub const CONSISTENT: &str = "Consistent";
    /// Hides and deletes that are not made; present only while true.
    pub const REMOVALS_HELD: &str = "RemovalsHeld";
    pub const PLANNED: &str = "Planned";
    pub const APPROVED: &str = "Approved";
    pub const COMPLETED: &str = "Completed";
    pub const SUCCEEDED: &str = "Succeeded";
}

/// The most characters of a message.
pub const MAX_MESSAGE: usize = 1_024;

/// A condition as a decision makes it; times are filled in when it meets the one that stood there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub kind: &'static str,
    pub status: Option<bool>,
    pub reason: String,
    pub message: String,
}

impl Wanted {
    pub fn new(kind: &'static str, status: bool, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, status: Some(status), reason: reason.into(), message: message.into() }
    }

    /// Nothing is known yet.
    pub fn unknown(kind: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, status: None, reason: reason.into(), message: message.into() }
    }
}

/// The conditions of a status: the wanted ones, each with the time of its last change of status; others go.
pub fn merge(before: &[Condition], wanted: Vec<Wanted>, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    wanted
        .into_iter()
        .map(|Wanted { kind, status, reason, message }| {
            let status = status.map_or("Unknown", |status| if status { "True" } else { "False" }).to_owned();
            let since = before.iter().find(|old| old.type_ == kind && old.status == status);
            Condition {
                type_: kind.to_owned(),
                status,
                reason,
                message: message.chars().take(MAX_MESSAGE).collect(),
                observed_generation: generation,
                last_transition_time: since.map_or(Time(now), |old| old.last_transition_time.clone()),
            }
        })
        .collect()
}

/// Whether the condition stands there and is true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| truth(condition) == Some(true))
}

/// Whether the condition stands there and is false.
pub fn is_false(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| truth(condition) == Some(false))
}

/// The condition's status; `None` = Unknown.
pub fn truth(condition: &Condition) -> Option<bool> {
    match condition.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_time_moves_with_the_status_only() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = merge(&[], vec![Wanted::new(types::READY, true, "Verified", "a")], Some(1), at(1));
        let second = merge(&first, vec![Wanted::new(types::READY, true, "Verified", "b")], Some(2), at(2));
        assert_eq!((second[0].last_transition_time.0, second[0].message.as_str()), (at(1), "b"));
        let third = merge(&second, vec![Wanted::new(types::READY, false, "Unreachable", "c")], Some(2), at(3));
        assert_eq!(third[0].last_transition_time.0, at(3));
        assert!(merge(&third, Vec::new(), Some(2), at(4)).is_empty());
        let unknown = merge(&third, vec![Wanted::unknown(types::READY, "Verifying", "d")], Some(2), at(5));
        assert_eq!((unknown[0].status.as_str(), unknown[0].last_transition_time.0), ("Unknown", at(5)));
    }
}
