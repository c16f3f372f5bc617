//! How far one target of a run has come. Targets are independent: one that is unsafe, busy or failed does not
//! hold the others.

use super::run::{
    Action, MAX_ATTEMPTS, MAX_QUOTA_PAUSES, Observed, Run, ScheduleSubject, State, TargetSubject, Verdict,
};
use super::source::SourceState;
use crate::model::reason::reasons;
use crate::model::safety::ApprovalMode;
use crate::operation::{
    Operation, OperationType, Outcome, PlanSummary, SimulateRequest, SourcePart, Verdict as OperationVerdict,
};
use jiff::{SignedDuration, Timestamp};

reasons! {
    /// How a target ended in this run.
    TargetReason {
        /// Everything that the plan asked for is done.
        Pushed,
        /// Nothing to do.
        InSync,
        /// Simulated, and that is all that was asked for.
        Simulated,
        PartiallySucceeded,
        /// A quota of the target stopped it too often; a later pass plans anew.
        QuotaExceeded,
        Rejected,
        ApprovalExpired,
        /// Another run's plan still waits, and this one says the same or may not replace it.
        PendingElsewhere,
        /// Nothing to do but hides and deletes that a limit holds.
        RemovalsHeld,
        /// A freeze window: nothing is pushed, a later pass plans anew.
        Frozen,
        /// A later run found nothing left to do, or has a plan in place of this one.
        Superseded,
        /// A source has no complete snapshot that is young enough.
        SourceIncomplete,
        /// A source does not say which domains it may speak for.
        DomainsUnknown,
        /// Two sources are one system.
        SameIdentity,
        /// No other source than the target itself.
        NoSource,
        /// Target, owner, syncId or policy are not those of the plan, or a source is not what it was.
        PlanChanged,
        /// The plan is gone from the store.
        PlanMissing,
        SimulateFailed,
        PushFailed,
    }
}

impl TargetReason {
    pub fn is_success(self) -> bool {
        matches!(self, Self::Pushed | Self::InSync | Self::Simulated) || self.is_put_off()
    }

    /// Nothing went wrong, but changes are not made that could have been.
    pub fn is_put_off(self) -> bool {
        matches!(self, Self::PendingElsewhere | Self::Frozen | Self::RemovalsHeld)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum TargetState {
    WaitingForSources,
    /// Not begun, or begun and interrupted: start this operation.
    ToStart {
        operation: Box<Operation>,
        attempt: u32,
    },
    Simulating,
    ApprovalRequired {
        plan: Box<PlanSummary>,
        expires_at: Timestamp,
    },
    Pushing {
        plan: Box<PlanSummary>,
    },
    /// A quota of the target stopped the push; the same set is gone on with.
    WaitingForQuota {
        plan: Box<PlanSummary>,
        until: Timestamp,
    },
    /// What may be pushed waits for the end of a freeze window.
    Frozen {
        plan: Box<PlanSummary>,
        until: Timestamp,
    },
    Ended {
        reason: TargetReason,
        message: String,
        plan: Option<Box<PlanSummary>>,
        retry_at: Option<Timestamp>,
    },
}

fn ended(reason: TargetReason, message: impl Into<String>, plan: Option<&PlanSummary>) -> TargetState {
    TargetState::Ended { reason, message: message.into(), plan: plan.cloned().map(Box::new), retry_at: None }
}

impl TargetState {
    pub(super) fn of(
        run: &Run,
        schedule: &ScheduleSubject,
        target: &TargetSubject,
        sources: &[SourceState],
        operations: &[Observed],
        now: Timestamp,
    ) -> Self {
        let found = |kind| operations.iter().find(|o| o.kind == kind && o.connector == target.connector.name);
        let simulate = match simulate_request(run, schedule, target, sources, now) {
            Ok(simulate) => simulate,
            Err(state) => return *state,
        };
        let (plan, simulated_at) = match (&target.known, found(OperationType::Simulate)) {
            (Some(known), _) => (known.summary.clone(), run.created),
            (None, None) => {
                return Self::ToStart { operation: Box::new(Operation::Simulate(simulate)), attempt: 1 };
            }
            (None, Some(observed)) => {
                match finished(observed, || Operation::Simulate(simulate.clone()), Self::Simulating) {
                    Err(state) => return *state,
                    Ok(outcome) => match (&outcome.plan, outcome.verdict) {
                        (Some(plan), OperationVerdict::Succeeded) => (plan.clone(), outcome.finished),
                        _ => return ended(TargetReason::SimulateFailed, sentence(outcome), None),
                    },
                }
            }
        };
        let held = plan.held;
        match plan.counts.total().changes().saturating_sub(held) {
            0 if held == 0 => return ended(TargetReason::InSync, "", Some(&plan)),
            // Nothing but removals that a limit holds: there is nothing to push.
            0 => return ended(TargetReason::RemovalsHeld, plan.unsafe_message.clone(), Some(&plan)),
            _ => {}
        }
        if run.action == Action::Simulate {
            return ended(TargetReason::Simulated, "", Some(&plan));
        }
        let push = || Operation::Push { simulate: simulate.clone(), plan: plan.digest };
        let Some(observed) = found(OperationType::Push) else {
            return match permission(run, target, &plan, simulated_at, now) {
                Permission::Push => Self::ToStart { operation: Box::new(push()), attempt: 1 },
                Permission::Frozen(until) => Self::Frozen { plan: Box::new(plan), until },
                Permission::Wait(expires_at) => Self::ApprovalRequired { plan: Box::new(plan), expires_at },
                Permission::No(reason, message) => ended(reason, message, Some(&plan)),
            };
        };
        let state = match finished(observed, push, Self::Pushing { plan: Box::new(plan.clone()) }) {
            Err(state) => *state,
            Ok(outcome) => match waiting_until(observed, outcome) {
                Some(until) if until > now => return Self::WaitingForQuota { plan: Box::new(plan), until },
                Some(_) => Self::ToStart { operation: Box::new(push()), attempt: observed.attempt + 1 },
                None => return pushed(outcome, &plan),
            },
        };
        match (state, frozen(run, now)) {
            (Self::ToStart { .. }, Some(until)) => Self::Frozen { plan: Box::new(plan), until },
            (state, _) => state,
        }
    }
}

/// When a push goes on that a quota stopped; `None` for every other outcome.
fn waiting_until(observed: &Observed, outcome: &Outcome) -> Option<Timestamp> {
    outcome
        .retry_at
        .filter(|_| outcome.verdict == OperationVerdict::QuotaExceeded && observed.quota_pauses < MAX_QUOTA_PAUSES)
}

fn frozen(run: &Run, now: Timestamp) -> Option<Timestamp> {
    run.frozen_until.filter(|until| *until > now)
}

fn sentence(outcome: &Outcome) -> String {
    if outcome.message.is_empty() { outcome.reason.to_string() } else { outcome.message.clone() }
}

fn pushed(outcome: &Outcome, planned: &PlanSummary) -> TargetState {
    use crate::operation::Reason;
    let reason = match (outcome.verdict, outcome.reason) {
        (OperationVerdict::Succeeded, _) => TargetReason::Pushed,
        (OperationVerdict::PartiallySucceeded, _) => TargetReason::PartiallySucceeded,
        (OperationVerdict::QuotaExceeded, _) => TargetReason::QuotaExceeded,
        (OperationVerdict::Failed, Reason::PlanChanged) => TargetReason::PlanChanged,
        (OperationVerdict::Failed, Reason::PlanMissing) => TargetReason::PlanMissing,
        (OperationVerdict::Failed, _) => TargetReason::PushFailed,
    };
    let message = if reason == TargetReason::Pushed { outcome.message.clone() } else { sentence(outcome) };
    let plan = Some(Box::new(outcome.plan.clone().unwrap_or_else(|| planned.clone())));
    TargetState::Ended { reason, message, plan, retry_at: outcome.retry_at }
}

/// The outcome of an operation that has one; otherwise the state that follows from its having none.
fn finished(
    observed: &Observed,
    operation: impl FnOnce() -> Operation,
    running: TargetState,
) -> Result<&Outcome, Box<TargetState>> {
    let attempt = observed.attempt;
    match &observed.state {
        State::Finished(outcome) => Ok(outcome),
        State::Running | State::Shared(_) => Err(Box::new(running)),
        State::Interrupted if attempt.saturating_sub(observed.quota_pauses) < MAX_ATTEMPTS => {
            Err(Box::new(TargetState::ToStart { operation: Box::new(operation()), attempt: attempt + 1 }))
        }
        State::Interrupted => {
            let push = observed.kind == OperationType::Push;
            let reason = if push { TargetReason::PushFailed } else { TargetReason::SimulateFailed };
            Err(Box::new(ended(reason, format!("the Job was interrupted {MAX_ATTEMPTS} times"), None)))
        }
    }
}

enum Permission {
    Push,
    /// Approved, but not before this time.
    Frozen(Timestamp),
    Wait(Timestamp),
    No(TargetReason, String),
}

/// Whether a plan may be pushed now (design §4, "Approval").
fn permission(
    run: &Run,
    target: &TargetSubject,
    plan: &PlanSummary,
    simulated_at: Timestamp,
    now: Timestamp,
) -> Permission {
    let known_approved = target.known.as_ref().is_some_and(|known| known.approved);
    match run.decisions.get(&plan.digest) {
        Some(Verdict::Reject) => return Permission::No(TargetReason::Rejected, "the plan was rejected".to_owned()),
        Some(Verdict::Approve) => return frozen(run, now).map_or(Permission::Push, Permission::Frozen),
        None if known_approved => return frozen(run, now).map_or(Permission::Push, Permission::Frozen),
        None => {}
    }
    let needed = match run.approval.mode {
        ApprovalMode::Always => true,
        ApprovalMode::WhenUnsafe => !plan.unsafe_reasons.is_empty(),
    };
    // What a person does by hand may replace what waits; a pass may not.
    if !run.manual {
        let alive = |at: Option<Timestamp>| at.is_none_or(|at| at > now);
        if let Some(pending) = target.pending.as_ref().filter(|pending| alive(pending.expires_at)) {
            let same = pending.digest == plan.digest;
            // The waiting set that needs nobody any more: its limits were raised.
            if needed || !same {
                let which = if same { "the same" } else { "another" };
                let message = format!("{which} plan waits on run {}", pending.run);
                return Permission::No(TargetReason::PendingElsewhere, message);
            }
        }
        if let Some(other) = target.rejected.get(&plan.digest).filter(|_| needed) {
            let message = format!("the same plan was rejected on run {other}; a run that you create asks again");
            return Permission::No(TargetReason::Rejected, message);
        }
    }
    if !needed {
        return match frozen(run, now) {
            None => Permission::Push,
            Some(until) => Permission::No(TargetReason::Frozen, format!("nothing is pushed before {until}")),
        };
    }
    if let Some(successor) = &target.successor {
        let what = if successor.in_sync { "found nothing left to do" } else { "has a newer plan" };
        return Permission::No(TargetReason::Superseded, format!("run {} {what}", successor.run));
    }
    let wait = SignedDuration::from_secs(i64::try_from(run.approval.expires_after_seconds).unwrap_or(i64::MAX));
    let expires_at = simulated_at.checked_add(wait).unwrap_or(Timestamp::MAX);
    if expires_at <= now {
        return Permission::No(TargetReason::ApprovalExpired, "nobody approved the plan in time".to_owned());
    }
    Permission::Wait(expires_at)
}

/// What simulate and push are asked, or why they cannot be asked yet or at all.
fn simulate_request(
    run: &Run,
    schedule: &ScheduleSubject,
    target: &TargetSubject,
    states: &[SourceState],
    now: Timestamp,
) -> Result<SimulateRequest, Box<TargetState>> {
    if !states.iter().all(SourceState::is_settled) {
        return Err(Box::new(TargetState::WaitingForSources));
    }
    let refuse = |reason, message: String| Err(Box::new(ended(reason, message, None)));
    let mut sources = Vec::new();
    let mut identities: Vec<(&str, &str)> = Vec::new();
    for (source, state) in schedule.sources.iter().zip(states) {
        // A mesh: nothing is written back to the connector that it comes from.
        let name = source.connector.name.as_str();
        if name == target.connector.name {
            continue;
        }
        if source.connector.authoritative_domains.is_empty() {
            let message = format!("connector {name} needs authoritativeDomains before it can be a source");
            return refuse(TargetReason::DomainsUnknown, message);
        }
        let Some((snapshot, fresh, identity)) = state.usable(target.rules.safety.max_snapshot_age_seconds, now) else {
            let problem = state.problem().unwrap_or_default();
            return refuse(TargetReason::SourceIncomplete, format!("source {name}: {problem}"));
        };
        if let Some((other, _)) = identities.iter().find(|(_, known)| *known == identity) {
            let message = format!("connectors {other} and {name} are one system; take one of them out");
            return refuse(TargetReason::SameIdentity, message);
        }
        identities.push((name, identity));
        sources.push(SourcePart {
            connector: source.connector.clone(),
            rules: source.rules.clone(),
            read: source.read.clone(),
            snapshot,
            fresh,
        });
    }
    if sources.is_empty() && run.action != Action::Remove {
        return refuse(TargetReason::NoSource, "the target is the schedule's only source".to_owned());
    }
    Ok(SimulateRequest {
        schedule: schedule.name.clone(),
        target: target.connector.clone(),
        rules: target.rules.clone(),
        sources,
        read_target: run.manual || schedule.pass_number.is_multiple_of(schedule.pull_targets_every.max(1)),
        pass_number: schedule.pass_number,
        claimed_elsewhere: schedule.claimed_elsewhere.clone(),
    })
}
