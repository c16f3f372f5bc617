//! Schedules: make a run when one is due, and tell how things stand.

mod act;
mod decide;
mod observe;
mod removal;
mod report;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::samples;

use decide::requested;

use super::context::{Context, Guarded};
use super::error::Error;
use crate::api::GalSyncSchedule;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::sync::Arc;
use tracing::Instrument;

pub async fn reconcile(schedule: Arc<Guarded<GalSyncSchedule>>, context: Arc<Context>) -> Result<Action, Error> {
    let (namespace, name) = (schedule.namespace().ok_or(Error::Incomplete("namespace"))?, schedule.name_any());
    if let Err(invalid) = &schedule.0 {
        return super::invalid::report::<GalSyncSchedule>(&context, &namespace, &name, invalid).await;
    }
    let span = tracing::info_span!("schedule", namespace, schedule = name);
    let work = async {
        context.wait_for_caches().await?;
        let _timer = context.metrics.time("schedule");
        let mut sooner = None;
        if schedule.0.as_ref().is_ok_and(removal::concerns) {
            match removal::reconcile(&context, &namespace, &name).await? {
                removal::Turn::Ends(action) => return Ok(action),
                removal::Turn::GoesOn(seconds) => sooner = seconds,
            }
        }
        let Some(observation) = observe::observe(&context, &namespace, &name).await? else {
            return Ok(Action::await_change());
        };
        let mut decision = decide::decide(&observation);
        decision.again_seconds = decision.again_seconds.into_iter().chain(sooner).min();
        act::act(&context, &observation, decision).await
    };
    work.instrument(span).await
}
