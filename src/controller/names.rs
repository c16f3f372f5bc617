//! Names that Kubernetes takes: at most 63 characters, cut with a hash where they would be longer.

use super::jobs::keys;
use crate::model::digest::short_hash;
use crate::operation::OperationType;

/// The most characters of a label's value, and of a Job's name, which becomes one.
pub const MAX_NAME: usize = 63;

/// The text itself, or its beginning and eight digits of its hash. It never ends in `-`, `.` or `_`.
pub fn bounded(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let keep = most.saturating_sub(9);
    let end = (0..=keep).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let head = text[..end].trim_end_matches(['-', '.', '_']);
    format!("{head}-{}", short_hash(text))
}

/// The label of a schedule's runs, by which they can be listed.
pub fn schedule_label(schedule: &str) -> (String, String) {
    (keys::SCHEDULE.to_owned(), bounded(schedule, MAX_NAME))
}

/// The two places of a connector in which an operation can run. Each is one Job name, so that the API server
/// is the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Pull and Verify; EmptyCache beside the other.
    Source,
    /// Simulate and Push; EmptyCache beside the other.
    Target,
}

impl Slot {
    pub const ALL: [Slot; 2] = [Slot::Source, Slot::Target];

    /// The slot that the operation's Job takes.
    pub fn of(operation: OperationType) -> Self {
        match operation {
            OperationType::Simulate | OperationType::Push => Self::Target,
            OperationType::Verify | OperationType::Pull | OperationType::EmptyCache | OperationType::CollectGarbage => {
                Self::Source
            }
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// The name of the Job that fills this slot of the connector.
    pub fn job(self, connector: &str) -> String {
        let suffix = self.name();
        format!("{}-{suffix}", bounded(connector, MAX_NAME - suffix.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "a".repeat(253);
        let other = format!("{}b", "a".repeat(252));
        assert_eq!(Slot::Source.job("corp"), "corp-source");
        for slot in Slot::ALL {
            assert!(slot.job(&long).len() <= MAX_NAME);
            assert_ne!(slot.job(&long), slot.job(&other));
        }
        assert_eq!(bounded("short", 63), "short");
        let cut = bounded(&format!("{}--------{}", "a".repeat(50), "b".repeat(50)), 63);
        assert!(cut.len() <= 63 && cut.starts_with(&"a".repeat(50)) && !cut.contains("--"), "{cut}");
        assert_eq!(bounded(&"ü".repeat(40), 63).chars().filter(|c| *c == 'ü').count(), 27);
    }
}
