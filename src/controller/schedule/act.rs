//! Carries a decision about a schedule out: makes the run, then writes the status. In this order a crash in
//! between makes the same run again, which is the one that is there.

use super::decide::{Decision, Pass};
use super::observe::Observation;
use crate::api::reference::LocalReference;
use crate::api::run::GalSyncRunSpec;
use crate::api::{GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Context, FIELD_MANAGER};
use crate::controller::error::Error;
use crate::controller::names::schedule_label;
use crate::controller::run::{PASS_NUMBER, SCHEDULED_FOR};
use crate::controller::{events, history};
use kube::api::{Api, PostParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::time::Duration;

pub async fn act(context: &Context, observation: &Observation, decision: Decision) -> Result<Action, Error> {
    let Decision { status, start, events, again_seconds } = decision;
    let schedule = &observation.schedule;
    if let Some(pass) = start {
        make_run(context, schedule, &pass).await?;
    }
    context.write_status(schedule, &schedule.status.clone().unwrap_or_default(), &status).await?;
    events::publish(context, &schedule.object_ref(&()), events).await;
    let namespace = schedule.namespace().ok_or(Error::Incomplete("namespace"))?;
    let name = schedule.name_any();
    let (whole, archived) = (context.runs_of(&namespace, &name), context.ended_well(&namespace, &name));
    history::prune(context, &namespace, &schedule.spec.history, &whole, archived).await?;
    Ok(again_seconds.map_or_else(Action::await_change, |seconds| Action::requeue(Duration::from_secs(seconds))))
}

async fn make_run(context: &Context, schedule: &GalSyncSchedule, pass: &Pass) -> Result<(), Error> {
    let namespace = schedule.namespace().ok_or(Error::Incomplete("namespace"))?;
    let spec = GalSyncRunSpec {
        schedule_ref: Some(LocalReference::new(&schedule.name_any())),
        connector_ref: None,
        action: schedule.spec.mode.action(),
        targets: None,
        plan_digests: None,
        decisions: None,
    };
    let mut run = GalSyncRun::new(&pass.name, spec);
    run.metadata.namespace = Some(namespace.clone());
    run.metadata.owner_references = Some(vec![schedule.controller_owner_ref(&()).ok_or(Error::Incomplete("UID"))?]);
    run.annotations_mut()
        .extend([(PASS_NUMBER.to_owned(), pass.number.to_string()), (SCHEDULED_FOR.to_owned(), pass.due.to_string())]);
    run.labels_mut().extend([schedule_label(&schedule.name_any())]);
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match Api::<GalSyncRun>::namespaced(context.client.clone(), &namespace).create(&parameters, &run).await {
        Ok(_) => {
            tracing::info!(run = pass.name, pass = pass.number, "made a run");
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
