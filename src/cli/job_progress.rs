//! How far an operation has come, in a pod's log: a line when a phase begins, and then one now and again.

use crate::job::{Phase, Progress};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(15);

#[derive(Default)]
pub struct JobProgress {
    told: Mutex<Option<(Phase, Instant)>>,
}

impl JobProgress {
    /// Whether to tell now.
    fn is_due(&self, phase: Phase, now: Instant) -> bool {
        let mut told = self.told.lock().expect("no holder of the lock panics");
        if told.is_some_and(|(known, at)| known == phase && now.duration_since(at) < EVERY) {
            return false;
        }
        *told = Some((phase, now));
        true
    }
}

impl Progress for JobProgress {
    fn at(&self, phase: Phase, done: u64, total: Option<u64>) {
        if self.is_due(phase, Instant::now()) {
            tracing::info!(phase = phase.label(), done, total, "progress");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_told_of_when_it_begins_and_then_now_and_again() {
        let progress = JobProgress::default();
        let start = Instant::now();
        assert!(progress.is_due(Phase::Planning, start));
        assert!(!progress.is_due(Phase::Planning, start + Duration::from_secs(14)));
        assert!(progress.is_due(Phase::Planning, start + Duration::from_secs(15)));
        assert!(progress.is_due(Phase::Writing, start + Duration::from_secs(16)));
    }
}
