//! `deletionPolicy: Delete`: the contacts of a schedule, or of a target that has left it, go by a run of their own
//! with the limits and the approval of every plan. A finalizer keeps the schedule until then, with three ways out:
//! the contacts are gone, the policy is switched to Orphan, or a person lets it go by an annotation.

mod decide;

#[cfg(test)]
mod tests;

pub use decide::{concerns, forget};

use crate::api::reasons::EventReason;
use crate::api::reference::LocalReference;
use crate::api::run::{GalSyncRunSpec, RunAction};
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Context, FIELD_MANAGER, Guarded, Known};
use crate::controller::error::Error;
use crate::controller::events::{self, Event};
use crate::controller::names::schedule_label;
use decide::{Decision, Observation, Removal, Step, decide};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use serde_json::json;
use std::time::Duration;

pub const FINALIZER: &str = "galsync.dev/remove-contacts";
/// Set to `true` on a schedule that is being deleted: it goes, and the contacts that are left stay.
pub const ORPHAN_CONTACTS: &str = "galsync.dev/orphan-contacts";

/// What is to be done next about the schedule.
pub enum Turn {
    /// The schedule is being deleted: this is all.
    Ends(Action),
    /// It lives; look again after so many seconds at the latest.
    GoesOn(Option<u64>),
}

pub async fn reconcile(context: &Context, namespace: &str, name: &str) -> Result<Turn, Error> {
    let api: Api<Guarded<GalSyncSchedule>> = Api::namespaced(context.client.clone(), namespace);
    let Some(Guarded { 0: Ok(schedule) }) = api.get_opt(name).await? else {
        return Ok(Turn::Ends(Action::await_change()));
    };
    let mut runs = context.runs_of(namespace, name);
    runs.sort_by_key(|run| (run.creation_timestamp().map(|time| time.0), run.name_any()));
    let observation = Observation { schedule: &schedule, runs: &runs, now: context.now() };
    let Decision { step, status, again_seconds } = decide(&observation);
    match step {
        Step::Nothing => {}
        Step::AddFinalizer => finalizer(&api, &schedule, true).await?,
        Step::RemoveFinalizer(event) => {
            events::publish(context, &schedule.object_ref(&()), event.into_iter().collect()).await;
            finalizer(&api, &schedule, false).await?;
        }
        Step::Remove(removal) => {
            if !make_run(context, namespace, &schedule, &removal).await? {
                let note =
                    "the namespace goes, and no run can be made in it: contacts that are left stay where they are";
                tracing::warn!(namespace, schedule = name, "{note}");
                events::publish(
                    context,
                    &schedule.object_ref(&()),
                    vec![Event::warning(EventReason::ContactsStay, note)],
                )
                .await;
                finalizer(&api, &schedule, false).await?;
                return Ok(Turn::Ends(Action::await_change()));
            }
        }
    }
    if schedule.metadata.deletion_timestamp.is_none() {
        return Ok(Turn::GoesOn(again_seconds));
    }
    if let Some(status) = status {
        context.write_status(&schedule, &schedule.status.clone().unwrap_or_default(), &status).await?;
    }
    let again = again_seconds.map(Duration::from_secs);
    Ok(Turn::Ends(again.map_or_else(Action::await_change, Action::requeue)))
}

/// Puts our finalizer on or takes it off; a conflict when the schedule has changed since it was read.
async fn finalizer(api: &Api<Guarded<GalSyncSchedule>>, schedule: &GalSyncSchedule, wanted: bool) -> Result<(), Error> {
    let mut finalizers: Vec<&str> =
        schedule.finalizers().iter().map(String::as_str).filter(|name| *name != FINALIZER).collect();
    if wanted {
        finalizers.push(FINALIZER);
    }
    let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": schedule.resource_version() } });
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch_metadata(&schedule.name_any(), &parameters, &Patch::Merge(&patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `false` when the namespace is being deleted, so that nothing can be made in it. The run is owned by the
/// connectors, not by the schedule: a schedule that is deleted in the foreground would take it along.
async fn make_run(
    context: &Context,
    namespace: &str,
    schedule: &GalSyncSchedule,
    removal: &Removal,
) -> Result<bool, Error> {
    let Removal { name, targets } = removal;
    let spec = GalSyncRunSpec {
        schedule_ref: Some(LocalReference::new(&schedule.name_any())),
        connector_ref: None,
        action: RunAction::Remove,
        targets: Some(targets.iter().map(|target| target.as_str().into()).collect()),
        plan_digests: None,
        decisions: None,
    };
    let mut run = GalSyncRun::new(name, spec);
    run.metadata.namespace = Some(namespace.to_owned());
    let connectors: Vec<Known<GalSyncConnector>> = context.connectors(namespace);
    let owners = connectors.iter().filter(|connector| targets.contains(&connector.name_any()));
    let owners: Vec<_> = owners.filter_map(|connector| connector.owner_ref(&())).collect();
    run.metadata.owner_references = Some(owners).filter(|owners| !owners.is_empty());
    run.labels_mut().extend([schedule_label(&schedule.name_any())]);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match Api::<GalSyncRun>::namespaced(context.client.clone(), namespace).create(&parameters, &run).await {
        Ok(_) => {
            tracing::info!(run = name, "made a run that removes contacts");
            Ok(true)
        }
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(true),
        Err(kube::Error::Api(status)) if is_terminating(&status) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The API server's cause for a refusal in a namespace that is being deleted.
fn is_terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}
