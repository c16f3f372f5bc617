//! The decision itself.

use super::run::{Action, LastPull, MAX_ATTEMPTS, Observed, Run, SourceSubject, State, Subject};
use super::source::SourceState;
use super::target::{TargetReason, TargetState};
use crate::model::reason::reasons;
use crate::operation::{FORMAT, Operation, Request, Verdict};
use jiff::Timestamp;

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Start this operation, as soon as its connector's slot is free.
    Start(Box<Request>),
    /// Record that another run's pull serves this run.
    Share {
        connector: String,
        pull: LastPull,
    },
    Wait {
        connector: String,
        reason: WaitReason,
        until: Option<Timestamp>,
    },
    Finish(Finish),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    OperationRunning,
    /// Until a decision, at the longest until the time given.
    ApprovalRequired,
    /// Until a quota of the target is there again.
    WaitingForQuota,
    /// Until a freeze window ends.
    Frozen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    pub reason: RunReason,
    pub message: String,
}

reasons! {
    /// How a run ended.
    RunReason {
        Succeeded,
        PartiallySucceeded,
        QuotaExceeded,
        /// Later runs made its plans needless.
        Superseded,
        PlanChanged,
        PlanMissing,
        Failed,
    }
}

/// Steps to take now, and how far each target has come, in the order of the run's targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    pub steps: Vec<Step>,
    pub targets: Vec<(String, TargetState)>,
}

/// What happens next. The same input always gives the same answer; a step that was taken and stands among
/// `operations` does not come again.
pub fn next(run: &Run, operations: &[Observed], now: Timestamp) -> Next {
    let schedule = match &run.subject {
        Subject::Connector(source) => {
            return Next { steps: vec![connector_step(run, source, operations)], targets: Vec::new() };
        }
        Subject::Schedule(schedule) => schedule,
    };
    // A push of known plans starts at the push: the newest snapshots serve, nothing is pulled.
    let known = !schedule.targets.is_empty() && schedule.targets.iter().all(|target| target.known.is_some());
    let state = |source| match SourceState::of(run, source, operations) {
        SourceState::ToPull { .. } | SourceState::ToShare(_) if known => SourceState::newest(source),
        state => state,
    };
    let states: Vec<SourceState> = schedule.sources.iter().map(state).collect();
    let mut steps: Vec<Step> =
        schedule.sources.iter().zip(&states).filter_map(|(source, state)| source_step(run, source, state)).collect();
    let mut targets = Vec::new();
    if run.action != Action::Pull {
        for target in &schedule.targets {
            let state = TargetState::of(run, schedule, target, &states, operations, now);
            steps.extend(target_step(run, &target.connector.name, &state));
            targets.push((target.connector.name.clone(), state));
        }
    }
    if steps.is_empty() {
        let finish = if run.action == Action::Pull {
            pulls_finished(&states)
        } else {
            let sources = schedule.sources.iter().zip(&states);
            let problems = sources.filter_map(|(source, state)| state.shortfall(&source.connector.name)).collect();
            targets_finished(&targets, problems)
        };
        steps.push(Step::Finish(finish));
    }
    Next { steps, targets }
}

fn start(run: &Run, operation: Operation, attempt: u32) -> Step {
    Step::Start(Box::new(Request {
        format: FORMAT,
        owner: run.owner.clone(),
        run: Some(run.reference.clone()),
        attempt,
        store_prefix: run.store_prefix.clone(),
        operation,
    }))
}

fn running(connector: &str) -> Step {
    Step::Wait { connector: connector.to_owned(), reason: WaitReason::OperationRunning, until: None }
}

/// A run on one connector is one operation.
fn connector_step(run: &Run, source: &SourceSubject, operations: &[Observed]) -> Step {
    let name = &source.connector.name;
    let connector = source.connector.clone();
    let read = source.read.clone();
    let operation = match run.action {
        Action::Verify => Operation::Verify { connector, read },
        Action::EmptyCache => Operation::EmptyCache { connector },
        Action::Pull => Operation::Pull { connector, read, full: false },
        // Refused by the resource's validation already.
        Action::Simulate | Action::Push | Action::Remove => {
            let message = format!("{:?} acts on a schedule, not on a connector", run.action);
            return Step::Finish(Finish { reason: RunReason::Failed, message });
        }
    };
    let observed = operations.iter().find(|o| o.kind == operation.kind() && o.connector == *name);
    let Some(observed) = observed else { return start(run, operation, 1) };
    let finish = |reason, message: String| Step::Finish(Finish { reason, message });
    match &observed.state {
        State::Running => running(name),
        State::Interrupted if observed.attempt < MAX_ATTEMPTS => start(run, operation, observed.attempt + 1),
        State::Interrupted => finish(RunReason::Failed, format!("the Job was interrupted {MAX_ATTEMPTS} times")),
        State::Shared(_) => finish(RunReason::Succeeded, String::new()),
        State::Finished(outcome) => {
            let reason = match outcome.verdict {
                Verdict::Succeeded => RunReason::Succeeded,
                Verdict::PartiallySucceeded => RunReason::PartiallySucceeded,
                Verdict::QuotaExceeded => RunReason::QuotaExceeded,
                Verdict::Failed => RunReason::Failed,
            };
            finish(reason, outcome.message.clone())
        }
    }
}

fn source_step(run: &Run, source: &SourceSubject, state: &SourceState) -> Option<Step> {
    let name = &source.connector.name;
    match state {
        SourceState::ToPull { attempt } => {
            let (connector, read) = (source.connector.clone(), source.read.clone());
            Some(start(run, Operation::Pull { connector, read, full: false }, *attempt))
        }
        SourceState::ToShare(pull) => Some(Step::Share { connector: name.clone(), pull: pull.clone() }),
        SourceState::Pulling => Some(running(name)),
        SourceState::Fresh { .. } | SourceState::NotPulled { .. } | SourceState::Failed { .. } => None,
    }
}

fn target_step(run: &Run, name: &str, state: &TargetState) -> Option<Step> {
    let wait = |reason, until| Some(Step::Wait { connector: name.to_owned(), reason, until: Some(until) });
    match state {
        TargetState::ToStart { operation, attempt } => Some(start(run, (**operation).clone(), *attempt)),
        TargetState::Simulating | TargetState::Pushing { .. } => Some(running(name)),
        TargetState::ApprovalRequired { expires_at, .. } => wait(WaitReason::ApprovalRequired, *expires_at),
        TargetState::WaitingForQuota { until, .. } => wait(WaitReason::WaitingForQuota, *until),
        TargetState::Frozen { until, .. } => wait(WaitReason::Frozen, *until),
        // The sources' own steps say what is waited for.
        TargetState::WaitingForSources | TargetState::Ended { .. } => None,
    }
}

fn pulls_finished(states: &[SourceState]) -> Finish {
    let problems: Vec<String> = states.iter().filter_map(SourceState::problem).collect();
    let reason = match problems.len() {
        0 => RunReason::Succeeded,
        n if n < states.len() => RunReason::PartiallySucceeded,
        _ => RunReason::Failed,
    };
    Finish { reason, message: problems.join("; ") }
}

/// `problems` are those of sources that took part with an older snapshot, or not at all.
fn targets_finished(targets: &[(String, TargetState)], problems: Vec<String>) -> Finish {
    let ended = targets.iter().filter_map(|(_, state)| match state {
        TargetState::Ended { reason, .. } => Some(*reason),
        _ => None,
    });
    let reasons: Vec<TargetReason> = ended.filter(|reason| *reason != TargetReason::Superseded).collect();
    let all = |wanted: &dyn Fn(TargetReason) -> bool| reasons.iter().all(|reason| wanted(*reason));
    let reason = if reasons.is_empty() && !targets.is_empty() {
        RunReason::Superseded
    } else if all(&TargetReason::is_success) {
        if problems.is_empty() { RunReason::Succeeded } else { RunReason::PartiallySucceeded }
    } else if all(&|r| r.is_success() || r == TargetReason::QuotaExceeded) {
        RunReason::QuotaExceeded
    } else if reasons.iter().any(|r| r.is_success() || *r == TargetReason::PartiallySucceeded) {
        RunReason::PartiallySucceeded
    } else if all(&|r| r == TargetReason::PlanChanged) {
        RunReason::PlanChanged
    } else if all(&|r| r == TargetReason::PlanMissing) {
        RunReason::PlanMissing
    } else {
        RunReason::Failed
    };
    let sentence = |(name, state): &(String, TargetState)| match state {
        TargetState::Ended { reason, message, .. } if !reason.is_success() || reason.is_put_off() => {
            Some(format!("{name}: {}{}{message}", reason.label(), if message.is_empty() { "" } else { ": " }))
        }
        _ => None,
    };
    let sentences: Vec<String> = problems.into_iter().chain(targets.iter().filter_map(sentence)).collect();
    Finish { reason, message: sentences.join("; ") }
}
