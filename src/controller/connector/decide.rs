//! What a connector needs next, and what its status says. Pure.

use super::observe::{Observation, Pulled, SourceSlot};
use crate::api::conditions::{self, Wanted, types};
use crate::api::connector::{Capabilities, GalSyncConnectorStatus, LastPull, VerificationStatus};
use crate::api::reasons::{ConnectorReason, EventReason};
use crate::controller::events::Event;
use crate::controller::job_state::{End, JobState};
use crate::controller::run::wire;
use crate::operation::{FORMAT, Operation, Outcome, Reason, Request, Verdict};
use crate::pass::MAX_ATTEMPTS;
use crate::resolve::DOMAINS_UNKNOWN;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub status: GalSyncConnectorStatus,
    /// Removes the Job with this UID from the source slot.
    pub release: Option<String>,
    /// Starts a verification.
    pub verify: Option<Box<Request>>,
    pub events: Vec<Event>,
    pub again_seconds: Option<u64>,
}

/// A verification that failed is tried again after this time, or after its interval where that is shorter.
const RETRY_SECONDS: u64 = 600;

pub fn decide(observation: &Observation, start_deadline_seconds: u64) -> Decision {
    let Observation { connector, checked, slot, pulled, verified, owner, now } = observation;
    let before = connector.status.clone().unwrap_or_default();
    let generation = connector.metadata.generation.unwrap_or_default();
    let mut status = GalSyncConnectorStatus { observed_generation: Some(generation), ..before.clone() };
    let mut decision =
        Decision { status: before.clone(), release: None, verify: None, events: Vec::new(), again_seconds: None };

    let running = absorb_verification(&mut status, slot, start_deadline_seconds, *now, &mut decision);
    if let Some(outcome) = verified
        && status.last_verified_time.as_ref().is_none_or(|last| outcome.finished.as_second() > last.0.as_second())
    {
        // A person's Verify looked at the connector as it was then; a change since then is looked at again.
        let generation = status.verification.as_ref().map_or(generation, |verification| verification.generation);
        record(&mut status, outcome, generation, None);
    }
    if let Some(Pulled { run, outcome, .. }) = pulled
        && let Some(source) = &outcome.source
        && status.last_pull.as_ref().is_none_or(|last| outcome.started.as_second() > last.start_time.0.as_second())
    {
        status.last_pull = Some(wire::last_pull_of(run, outcome, source));
    }

    let interval = connector.spec.verify.interval.seconds().unwrap_or(86_400).max(60);
    if let Ok((settings, read)) = checked
        && !connector.spec.suspend
        && !running
    {
        let wait = due_in(&status, generation, interval, *now);
        if wait > 0 {
            decision.again_seconds = Some(wait);
        } else {
            match slot {
                SourceSlot::Free => {
                    let attempt = status.verification.as_ref().map_or(0, |verification| verification.attempts) + 1;
                    let namespace = connector.namespace().unwrap_or_default();
                    decision.verify = Some(Box::new(Request {
                        format: FORMAT,
                        owner: owner.clone(),
                        run: None,
                        attempt,
                        store_prefix: format!("{owner}/{namespace}"),
                        operation: Operation::Verify { connector: settings.clone(), read: read.clone() },
                    }));
                    decision.again_seconds = Some(15);
                }
                SourceSlot::Releasable { uid } => {
                    decision.release = Some(uid.clone());
                    decision.again_seconds = Some(5);
                }
                // Its outcome has just been taken over.
                SourceSlot::Verification { uid, .. } => {
                    decision.release = Some(uid.clone());
                    decision.again_seconds = Some(5);
                }
                SourceSlot::Busy => decision.again_seconds = Some(60),
            }
        }
    }

    let wanted = wanted(observation, &status, generation);
    status.conditions = conditions::merge(&before.conditions, wanted, Some(generation), *now);
    if pulled.as_ref().is_none_or(|pulled| pulled.stays) {
        keep_old_times(&before, &mut status);
    }
    decision.events.extend(events(&before, &status));
    decision.status = status;
    decision
}

/// A pull that found nothing new is not worth a write of its own: its times are told with the next change, at the
/// latest with the next verification. Who needs them exactly finds them in the run, which is there until then.
fn keep_old_times(before: &GalSyncConnectorStatus, status: &mut GalSyncConnectorStatus) {
    let (Some(old), Some(new)) = (&before.last_pull, &status.last_pull) else { return };
    let LastPull { time, start_time, run_ref, full, .. } = old.clone();
    let same_times = LastPull { time, start_time, run_ref, full, ..new.clone() };
    let without = GalSyncConnectorStatus { last_pull: before.last_pull.clone(), ..status.clone() };
    if same_times == *old && without == *before {
        *status = without;
    }
}

/// Takes over what the periodic verification says; whether it is still under way.
fn absorb_verification(
    status: &mut GalSyncConnectorStatus,
    slot: &SourceSlot,
    start_deadline_seconds: u64,
    now: Timestamp,
    decision: &mut Decision,
) -> bool {
    let SourceSlot::Verification { uid, generation, created, state, finished } = slot else { return false };
    if status.verification.as_ref().and_then(|v| v.job_uid.as_ref()).is_some_and(|known| known.as_str() == uid) {
        // It is written down; a Job that could still begin must not.
        if !finished {
            decision.release = Some(uid.clone());
        }
        return false;
    }
    let failed = |reason, message: String| Outcome::new(Verdict::Failed, reason, message, *created, now);
    let deadline = SignedDuration::from_secs(i64::try_from(start_deadline_seconds).unwrap_or(i64::MAX));
    let outcome = match state {
        JobState::Running | JobState::OutOfReach(_) => {
            decision.again_seconds = Some(300);
            return true;
        }
        JobState::Starting { since, .. } if now.duration_since(*since) < deadline => {
            decision.again_seconds = Some(15);
            return true;
        }
        JobState::Starting { trouble, .. } => {
            decision.release = Some(uid.clone());
            let (reason, why) = trouble.as_ref().map_or((Reason::PodNotStarted, String::new()), |trouble| {
                (trouble.reason, format!(": {}: {}", trouble.word, trouble.message))
            });
            failed(reason, format!("the pod did not start within {} s{why}", deadline.as_secs()))
        }
        JobState::Ended(End::Outcome(outcome)) => (**outcome).clone(),
        JobState::Ended(End::DeadlineExceeded) => {
            failed(Reason::DeadlineExceeded, "the verification took longer than its deadline".to_owned())
        }
        JobState::Ended(End::Lost(loss)) => {
            let attempts = status.verification.as_ref().map_or(0, |verification| verification.attempts) + 1;
            if attempts < MAX_ATTEMPTS && !loss.is_final() {
                let verification = status.verification.get_or_insert_default();
                verification.attempts = attempts;
                // Not this generation's: it is due at once.
                verification.generation = 0;
                verification.job_uid = Some(uid.as_str().into());
                return false;
            }
            failed(loss.reason, loss.how.clone())
        }
    };
    record(status, &outcome, *generation, Some(uid));
    false
}

fn record(status: &mut GalSyncConnectorStatus, outcome: &Outcome, generation: i64, job: Option<&str>) {
    let job_uid = match job {
        Some(uid) => Some(uid.into()),
        None => status.verification.as_ref().and_then(|verification| verification.job_uid.clone()),
    };
    status.verification = Some(VerificationStatus {
        generation,
        attempts: 0,
        reason: Some(outcome.reason.label().into()),
        message: (!outcome.message.is_empty()).then(|| wire::sentence(&outcome.message)),
        start_time: Some(wire::time(outcome.started)),
        completion_time: Some(wire::time(outcome.finished)),
        job_uid,
    });
    let (Some(found), Verdict::Succeeded) = (&outcome.verification, outcome.verdict) else { return };
    status.last_verified_time = Some(wire::time(outcome.finished));
    status.capabilities = Some(match (found.can_read, found.can_write) {
        (true, true) => Capabilities::ReadWrite,
        (true, false) => Capabilities::ReadOnly,
        (false, true) => Capabilities::WriteOnly,
        (false, false) => Capabilities::None,
    });
    status.identity = (!found.identity.is_empty()).then(|| found.identity.as_str().into());
    status.domains = found.domains.iter().take(256).map(|domain| domain.as_str().into()).collect();
    status.warnings = found.warnings.iter().take(16).map(|warning| wire::sentence(warning)).collect();
    status.credential_expires = found.credential_expires.map(wire::time);
}

/// Seconds until the next verification; 0 = now.
fn due_in(status: &GalSyncConnectorStatus, generation: i64, interval: u64, now: Timestamp) -> u64 {
    let Some(verification) = &status.verification else { return 0 };
    let Some(completed) = verification.completion_time.as_ref().filter(|_| verification.generation == generation)
    else {
        return 0;
    };
    let good = ended(verification) == Some(Reason::Completed);
    let wait = if good { interval } else { interval.min(RETRY_SECONDS) };
    let passed = u64::try_from(now.duration_since(completed.0).as_secs()).unwrap_or(0);
    wait.saturating_sub(passed)
}

/// How a verification ended; what another release wrote is no success.
fn ended(verification: &VerificationStatus) -> Option<Reason> {
    let reason = verification.reason.as_ref()?;
    Some(Reason::parse(reason.as_str()).unwrap_or(Reason::Internal))
}

fn wanted(observation: &Observation, status: &GalSyncConnectorStatus, generation: i64) -> Vec<Wanted> {
    let spec = &observation.connector.spec;
    let new = |status, reason: &str, message: String| Wanted::new(types::READY, status, reason, message);
    let verification = status.verification.as_ref();
    let message = verification.and_then(|v| v.message.as_ref()).map(ToString::to_string).unwrap_or_default();
    let mut stalled = None;
    let ready = match (&observation.checked, verification.and_then(ended)) {
        (Err(invalid), _) => {
            let reason = ConnectorReason::InvalidSpec.label();
            stalled = Some((reason, invalid.to_string()));
            new(false, reason, invalid.to_string())
        }
        (Ok(_), _) if spec.suspend => {
            new(true, ConnectorReason::Suspended.label(), "suspended: no new operations begin".to_owned())
        }
        (Ok(_), None) => Wanted::unknown(types::READY, ConnectorReason::Verifying, "the account is being verified"),
        (Ok(_), Some(Reason::Completed)) if spec.authoritative_domains.as_ref().is_none_or(Vec::is_empty) => {
            let found: Vec<&str> = status.domains.iter().map(|domain| domain.as_str()).collect();
            let proposal = if found.is_empty() {
                String::new()
            } else {
                format!("; the system says that it is authoritative for {}", found.join(", "))
            };
            let message = format!("{DOMAINS_UNKNOWN}{proposal}");
            let reason = ConnectorReason::DomainsUnknown.label();
            stalled = Some((reason, message.clone()));
            new(false, reason, message)
        }
        (Ok(_), Some(Reason::Completed)) => {
            let warnings = status.warnings.len();
            let note = if warnings == 0 { String::new() } else { format!("{warnings} warnings, see status.warnings") };
            new(true, ConnectorReason::Verified.label(), note)
        }
        (Ok(_), Some(reason)) => {
            if !reason.is_transient() {
                stalled = Some((reason.label(), message.clone()));
            }
            new(false, reason.label(), message)
        }
    };
    let mut wanted = vec![ready];
    let current = status.verification.as_ref().is_some_and(|verification| verification.generation == generation);
    if observation.checked.is_ok() && !current && !spec.suspend {
        wanted.push(Wanted::new(types::RECONCILING, true, ConnectorReason::Verifying, "the account is being verified"));
    } else if let Some((reason, message)) = stalled {
        wanted.push(Wanted::new(types::STALLED, true, reason, message));
    }
    wanted
}

fn events(before: &GalSyncConnectorStatus, after: &GalSyncConnectorStatus) -> Vec<Event> {
    let ready = |status: &GalSyncConnectorStatus| conditions::find(&status.conditions, types::READY).cloned();
    match (ready(before), ready(after)) {
        (old, Some(new)) if old.as_ref().is_none_or(|old| old.status != new.status || old.reason != new.reason) => {
            match conditions::truth(&new) {
                Some(true) => vec![Event::normal(new.reason, new.message)],
                Some(false) => {
                    vec![Event::warning(EventReason::VerificationFailed, format!("{}: {}", new.reason, new.message))]
                }
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
