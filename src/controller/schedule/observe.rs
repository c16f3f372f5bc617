//! Reads what a schedule's next step depends on: the schedule, its runs, its connectors.

use crate::api::convert::InvalidField;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Context, Guarded, Known};
use crate::controller::error::Error;
use crate::resolve::{Times, checked_times};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::Api;

pub struct Observation {
    pub schedule: GalSyncSchedule,
    pub checked: Result<Times, InvalidField>,
    pub connectors: Vec<Known<GalSyncConnector>>,
    /// All of the namespace.
    pub schedules: Vec<Known<GalSyncSchedule>>,
    /// Those that name this schedule, the oldest first.
    pub runs: Vec<Known<GalSyncRun>>,
    pub now: Timestamp,
}

pub async fn observe(context: &Context, namespace: &str, name: &str) -> Result<Option<Observation>, Error> {
    let api: Api<Guarded<GalSyncSchedule>> = Api::namespaced(context.client.clone(), namespace);
    let Some(Guarded { 0: Ok(schedule) }) = api.get_opt(name).await? else { return Ok(None) };
    if schedule.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let mut runs = context.runs_of(namespace, name);
    // The cache may not have the run yet that was made a moment ago.
    let active = schedule.status.as_ref().and_then(|status| status.active_run_ref.as_ref());
    if let Some(active) = active.map(|reference| reference.name.as_str())
        && !runs.iter().any(|run| run.name_any() == active)
    {
        let run_api: Api<Guarded<GalSyncRun>> = Api::namespaced(context.client.clone(), namespace);
        runs.extend(run_api.get_opt(active).await?.and_then(|run| run.0.ok()).map(Known::from));
    }
    runs.sort_by_key(|run| (run.creation_timestamp().map(|time| time.0), run.name_any()));
    Ok(Some(Observation {
        checked: checked_times(&schedule, &context.settings.owner),
        connectors: context.connectors(namespace),
        schedules: context.schedules(namespace),
        runs,
        now: context.now(),
        schedule,
    }))
}
