//! Schedules: make a run when one is due, and tell how things stand.

mod act;
mod decide;
mod observe;
mod report;

#[cfg(test)]
mod tests;

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
        let Some(observation) = observe::observe(&context, &namespace, &name).await? else {
            return Ok(Action::await_change());
        };
        act::act(&context, &observation, decide::decide(&observation)).await
    };
    work.instrument(span).await
}
