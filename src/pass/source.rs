//! What a source is worth to the plans of a run: read in this pass, served by an older snapshot, or missing.

use super::run::{Action, LastPull, MAX_ATTEMPTS, Observed, Run, SourceSubject, State};
use crate::model::Digest;
use crate::operation::{OperationType, Reason, Verdict};
use jiff::{SignedDuration, Timestamp};

#[derive(Debug, Clone, PartialEq)]
pub enum SourceState {
    /// Not begun: pull, as this attempt.
    ToPull {
        attempt: u32,
    },
    /// Another run's pull that started after this run was made can serve.
    ToShare(LastPull),
    Pulling,
    /// A complete snapshot of this pass.
    Fresh {
        snapshot: Digest,
        identity: String,
    },
    /// The run pulls nothing: the newest complete snapshot with the present settings serves.
    NotPulled {
        newest: Option<LastPull>,
    },
    /// The pull failed. `stand_in` is the last complete snapshot with the same fingerprint; whether it is young
    /// enough, each target says for itself.
    Failed {
        reason: Reason,
        message: String,
        stand_in: Option<LastPull>,
    },
}

impl SourceState {
    pub(super) fn of(run: &Run, source: &SourceSubject, operations: &[Observed]) -> Self {
        let name = &source.connector.name;
        let observed = operations.iter().find(|o| o.kind == OperationType::Pull && o.connector == *name);
        let Some(observed) = observed else {
            // A manual Pull means: now. Everything else takes what is new enough.
            let now = run.action == Action::Pull && run.manual;
            return match stand_in(source) {
                Some(pull) if pull.started >= run.created && !now => Self::ToShare(pull),
                _ => Self::ToPull { attempt: 1 },
            };
        };
        match &observed.state {
            State::Running => Self::Pulling,
            State::Shared(pull) => newer(source, pull.started, pull.snapshot, &pull.identity),
            State::Interrupted if observed.attempt < MAX_ATTEMPTS => Self::ToPull { attempt: observed.attempt + 1 },
            State::Interrupted => Self::Failed {
                reason: Reason::Interrupted,
                message: format!("the Job was interrupted {MAX_ATTEMPTS} times"),
                stand_in: stand_in(source),
            },
            State::Finished(outcome) => match (&outcome.source, outcome.verdict) {
                (Some(counts), Verdict::Succeeded) => newer(source, outcome.started, counts.snapshot, &counts.identity),
                _ => Self::Failed {
                    reason: outcome.reason,
                    message: outcome.message.clone(),
                    stand_in: stand_in(source),
                },
            },
        }
    }

    /// Without pulling: the newest snapshot with the present settings serves.
    pub(super) fn newest(source: &SourceSubject) -> Self {
        Self::NotPulled { newest: stand_in(source) }
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::Fresh { .. } | Self::NotPulled { .. } | Self::Failed { .. })
    }

    /// The snapshot to plan from, whether it is of this pass, and the identity it is of.
    pub(super) fn usable(&self, max_age_seconds: u64, now: Timestamp) -> Option<(Digest, bool, &str)> {
        match self {
            Self::Fresh { snapshot, identity } => Some((*snapshot, true, identity)),
            Self::Failed { stand_in: Some(pull), .. } | Self::NotPulled { newest: Some(pull) } => {
                let limit = SignedDuration::from_secs(i64::try_from(max_age_seconds).unwrap_or(i64::MAX));
                (now.duration_since(pull.started) <= limit).then_some((pull.snapshot, false, pull.identity.as_str()))
            }
            _ => None,
        }
    }

    /// What a plan lacked of this source, in a sentence. Where nothing was pulled, nothing could have failed.
    pub(super) fn shortfall(&self, name: &str) -> Option<String> {
        let problem = self.problem()?;
        match self {
            Self::NotPulled { .. } => None,
            Self::Failed { stand_in: Some(pull), .. } => {
                Some(format!("source {name}: {problem}; its snapshot of {} stands in", pull.started))
            }
            _ => Some(format!("source {name}: {problem}")),
        }
    }

    /// Why there is nothing of this pass, in a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Failed { reason, message, .. } if message.is_empty() => Some(reason.to_string()),
            Self::Failed { message, .. } => Some(message.clone()),
            Self::NotPulled { .. } => Some("no complete snapshot with the present settings; pull first".to_owned()),
            _ => None,
        }
    }
}

fn stand_in(source: &SourceSubject) -> Option<LastPull> {
    let fingerprint = source.connector.fingerprint(&source.read);
    source.last_pull.clone().filter(|pull| pull.fingerprint == fingerprint)
}

/// A plan can wait for days: what another run pulled since then is nearer to the truth.
fn newer(source: &SourceSubject, started: Timestamp, snapshot: Digest, identity: &str) -> SourceState {
    match stand_in(source) {
        Some(pull) if pull.started > started => SourceState::Fresh { snapshot: pull.snapshot, identity: pull.identity },
        _ => SourceState::Fresh { snapshot, identity: identity.to_owned() },
    }
}
