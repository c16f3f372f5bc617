//! What the run's Jobs say, taken over into its status.

use super::{Release, Turn};
use crate::api::reasons::ProgressReason;
use crate::api::run::OperationStatus;
use crate::controller::job_state::{End, JobState};
use crate::controller::pod_trouble::Loss;
use crate::controller::run::observe::{Observation, OwnJob};
use crate::controller::run::wire;
use crate::operation::{Outcome, Reason, Verdict};
use crate::pass;
use jiff::{SignedDuration, Timestamp};

impl Turn<'_> {
    /// Takes over what one of the run's Jobs says.
    pub(super) fn absorb(&mut self, job: &OwnJob) {
        let now = self.observation.now;
        let deadline = SignedDuration::from_secs(i64::try_from(self.rules.start_deadline_seconds).unwrap_or(i64::MAX));
        let release = || Release { job: job.name.clone(), uid: job.uid.clone() };
        let Some(kind) = wire::kind(job.operation) else { return };
        let entry = self.entry(kind, &job.connector);
        if entry.attempts > job.attempt || (entry.attempts == job.attempt && entry.completion_time.is_some()) {
            // It is written down. A Job that could still begin must not: its run has gone on without it.
            if !job.finished {
                self.releases.push(release());
            }
            return;
        }
        if entry.attempts < job.attempt {
            wire::begin_attempt(entry, job.attempt);
        }
        entry.job_name = Some(job.name.as_str().into());
        entry.start_time = Some(wire::time(job.created));
        entry.completion_time = None;
        match &job.state {
            JobState::Running => {
                // That its program runs is not worth a write of its own.
                entry.reason = Some(ProgressReason::Started.into());
                entry.message = None;
                self.again(300);
            }
            JobState::OutOfReach(trouble) => {
                entry.reason = Some(trouble.word.as_str().into());
                entry.message = Some(wire::sentence(&trouble.message));
                self.again(60);
            }
            JobState::Starting { since, trouble } if now.duration_since(*since) < deadline => {
                // Told only once it has lasted a while: every pod waits for a moment.
                let trouble = trouble.as_ref().filter(|_| now.duration_since(*since).as_secs() >= 30);
                entry.reason = Some(
                    trouble.map_or_else(|| ProgressReason::Started.into(), |trouble| trouble.word.as_str().into()),
                );
                entry.message = trouble.map(|trouble| wire::sentence(&trouble.message));
                self.again(15);
            }
            JobState::Starting { trouble, .. } => {
                let (reason, why) = trouble.as_ref().map_or((Reason::PodNotStarted, String::new()), |trouble| {
                    (trouble.reason, format!(": {}: {}", trouble.word, trouble.message))
                });
                let message = format!("the pod did not start within {} s{why}", deadline.as_secs());
                let outcome = Outcome::new(Verdict::Failed, reason, message, job.created, now);
                wire::record(entry, &outcome);
                self.releases.push(release());
            }
            // Asked to stop by an eviction or a drained node: to be done again.
            JobState::Ended(End::Outcome(outcome)) if outcome.reason == Reason::Interrupted => {
                interrupted(entry, &Loss::interrupted(outcome.message.as_str()), now);
            }
            JobState::Ended(End::Outcome(outcome)) => wire::record(entry, outcome),
            JobState::Ended(End::DeadlineExceeded) => {
                let message = format!("the {} took longer than its deadline", job.operation.name());
                let outcome = Outcome::new(Verdict::Failed, Reason::DeadlineExceeded, message, job.created, now);
                wire::record(entry, &outcome);
            }
            JobState::Ended(End::Lost(loss)) => interrupted(entry, loss, now),
        }
    }

    /// A Job that should be there and is not was removed by somebody.
    pub(super) fn miss_lost_jobs(&mut self) {
        let Observation { jobs, now, .. } = self.observation;
        for entry in &mut self.status.operations {
            let there = jobs.iter().any(|job| {
                wire::kind(job.operation) == Some(entry.kind)
                    && job.connector == entry.connector.as_str()
                    && job.attempt == entry.attempts
            });
            if entry.attempts > 0 && entry.completion_time.is_none() && !there {
                interrupted(entry, &Loss::interrupted("its Job was removed"), *now);
            }
        }
    }
}

/// The attempt ended without an outcome. It is made again, unless it was the last or would end in the same way.
fn interrupted(entry: &mut OperationStatus, loss: &Loss, now: Timestamp) {
    let attempts = entry.attempts;
    if attempts.saturating_sub(entry.quota_pauses) >= pass::MAX_ATTEMPTS || loss.is_final() {
        let times = if attempts > 1 { format!(", at the attempt {attempts}") } else { String::new() };
        let started = entry.start_time.as_ref().map_or(now, |time| time.0);
        let message = format!("{}{times}", loss.how);
        wire::record(entry, &Outcome::new(Verdict::Failed, loss.reason, message, started, now));
        return;
    }
    entry.completion_time = Some(wire::time(now));
    entry.reason = Some(ProgressReason::Interrupted.into());
    entry.message = Some(wire::sentence(&loss.how));
}
