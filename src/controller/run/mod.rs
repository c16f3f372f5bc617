//! Runs: one pass, or one manual action. To understand a run, read `observe`, `decide`, `act` in this order;
//! what happens next is [`crate::pass::next`]'s to say.

mod act;
mod conclude;
mod decide;
mod inputs;
mod observe;
mod siblings;
pub mod slots;
pub mod wire;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::samples;

pub use act::{create, release};
pub use observe::{read_state, run_of};

use super::context::{Context, Guarded};
use super::error::Error;
use crate::api::conditions::{self, types};
use crate::api::reasons::RunReason;
use crate::api::run::GalSyncRunStatus;
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::operation::OperationType;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tracing::Instrument;

/// On a run that a schedule made: the number of its pass.
pub const PASS_NUMBER: &str = "galsync.dev/pass-number";
/// On a run that a schedule made: the time that it was due.
pub const SCHEDULED_FOR: &str = "galsync.dev/scheduled-for";

pub async fn reconcile(run: Arc<Guarded<GalSyncRun>>, context: Arc<Context>) -> Result<Action, Error> {
    let (namespace, name) = (run.namespace().ok_or(Error::Incomplete("namespace"))?, run.name_any());
    let run = match &run.0 {
        Ok(run) => run,
        Err(invalid) => return super::invalid::report::<GalSyncRun>(&context, &namespace, &name, invalid).await,
    };
    if is_completed(run) {
        // A decision about a plan of an ended run is a generation that nothing else would call seen.
        let before = run.status.clone().unwrap_or_default();
        let after = GalSyncRunStatus { observed_generation: run.metadata.generation, ..before.clone() };
        context.write_status(run, &before, &after).await?;
        return Ok(Action::await_change());
    }
    let span = tracing::info_span!("run", namespace, run = name);
    let work = async {
        context.wait_for_caches().await?;
        let _timer = context.metrics.time("run");
        let Some(observation) = observe::observe(&context, &namespace, &name).await? else {
            return Ok(Action::await_change());
        };
        let rules = decide::Rules {
            owner: &context.settings.owner,
            start_deadline_seconds: context.settings.start_deadline_seconds,
        };
        let decision = decide::decide(&observation, &rules);
        act::act(&context, &observation, decision).await
    };
    work.instrument(span).await
}

pub fn is_completed(run: &GalSyncRun) -> bool {
    run.status.as_ref().is_some_and(|status| conditions::is_true(&status.conditions, types::COMPLETED))
}

/// Only a person, a quota or the end of a freeze window is waited for: a later pass may begin.
pub fn rests(run: &GalSyncRun) -> bool {
    let completed = run.status.as_ref().and_then(|status| conditions::find(&status.conditions, types::COMPLETED));
    completed
        .filter(|completed| conditions::truth(completed) == Some(false))
        .is_some_and(|completed| RunReason::parse(&completed.reason).is_some_and(RunReason::is_waiting))
}

/// Made by a person, not by its schedule.
pub fn is_manual(run: &GalSyncRun) -> bool {
    !run.owner_references().iter().any(|owner| owner.kind == GalSyncSchedule::kind(&()))
}

pub fn pass_number(run: &GalSyncRun) -> Option<u64> {
    run.annotations().get(PASS_NUMBER)?.parse().ok()
}

/// Whether the end of this attempt stands in the run's status.
pub fn has_recorded(run: &GalSyncRun, operation: OperationType, connector: &str, attempt: u32) -> bool {
    is_completed(run) || run.status.as_ref().is_some_and(|status| recorded(status, operation, connector, attempt))
}

fn recorded(status: &GalSyncRunStatus, operation: OperationType, connector: &str, attempt: u32) -> bool {
    status.operations.iter().any(|entry| {
        Some(entry.kind) == wire::kind(operation)
            && entry.connector.as_str() == connector
            && (entry.attempts > attempt || (entry.attempts == attempt && entry.completion_time.is_some()))
    })
}
