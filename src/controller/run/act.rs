//! Carries a decision out: creates ConfigMaps and Jobs, writes the status, removes Jobs. In this order a crash at any
//! point is found again by the labels of the Jobs, and no Job goes whose outcome is not written down.

use super::decide::{Decision, Release, Start};
use super::observe::Observation;
use crate::api::conditions::{self, types};
use crate::controller::context::{Context, FIELD_MANAGER};
use crate::controller::error::Error;
use crate::controller::jobs::{self, Manifests, Placement};
use crate::controller::{events, job_state, namespace};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::time::Duration;

pub async fn act(context: &Context, observation: &Observation, decision: Decision) -> Result<Action, Error> {
    let run = &observation.run;
    let namespace = run.namespace().ok_or(Error::Incomplete("namespace"))?;
    let mut decision = decision;
    for start in std::mem::take(&mut decision.starts) {
        if !begin(context, &namespace, observation, &start).await? {
            decision.did_not_start(&start, run);
        }
    }
    let Decision { status, write, releases, events, again_seconds, starts: _ } = decision;
    if write {
        let before = run.status.clone().unwrap_or_default();
        context.write_status(run, &before, &status).await?;
        context.metrics.run_status_written(run, &before, &status);
        let completed = conditions::find(&status.conditions, types::COMPLETED);
        if let Some(completed) = completed.filter(|completed| conditions::truth(completed) == Some(true)) {
            tracing::info!(reason = completed.reason, "ended");
        }
        events::publish(context, &run.object_ref(&()), events).await;
    }
    for Release { job, uid } in releases {
        release(context, &namespace, &job, &uid).await?;
    }
    Ok(again_seconds.map_or_else(Action::await_change, |seconds| Action::requeue(Duration::from_secs(seconds))))
}

/// Removes a Job in the foreground: it is gone only when its pod is.
pub async fn release(context: &Context, namespace: &str, job: &str, uid: &str) -> Result<(), Error> {
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::foreground() };
    match Api::<Job>::namespaced(context.client.clone(), namespace).delete(job, &parameters).await {
        Ok(_) => {
            tracing::debug!(namespace, job, "removed a Job");
            Ok(())
        }
        // Gone, or another one under the same name: either way not this one any more.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the operation's Job is there now, and ours.
async fn begin(context: &Context, namespace: &str, observation: &Observation, start: &Start) -> Result<bool, Error> {
    let Start { request, connector, template, deadline_seconds } = start;
    let object = observation.connectors.iter().find(|object| object.name_any() == *connector);
    let Some(owner) = object.and_then(|object| object.owner_ref(&())) else { return Ok(false) };
    namespace::prepare(context, namespace).await?;
    let placement = Placement {
        settings: &context.settings.job,
        namespace,
        connector: owner,
        generation: object.and_then(|object| object.metadata.generation).unwrap_or_default(),
        run: observation.run.controller_owner_ref(&()),
        template: template.clone(),
        deadline_seconds: *deadline_seconds,
    };
    let manifests = jobs::manifests(request, connector, &placement);
    // Between the look and this moment another run may have taken the last place.
    if !context.active_jobs.take(&manifests.job) {
        return Ok(false);
    }
    let started = create(context, namespace, manifests).await?;
    if started {
        tracing::info!(operation = request.operation.kind().name(), connector, attempt = request.attempt, "started");
    }
    Ok(started)
}

/// Creates what carries an operation out; `false` when a slot is taken by somebody else.
pub async fn create(context: &Context, namespace: &str, manifests: Manifests) -> Result<bool, Error> {
    let Manifests { request, job, placeholder } = manifests;
    let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let job_api: Api<Job> = Api::namespaced(context.client.clone(), namespace);
    create_request(context, namespace, &request, &parameters).await?;
    if let Some(placeholder) = &placeholder
        && !create_job(&job_api, placeholder, &parameters).await?
    {
        return Ok(false);
    }
    let created = create_job(&job_api, &job, &parameters).await?;
    if let (false, Some(placeholder)) = (created, placeholder)
        && let Some(there) = job_api.get_opt(&placeholder.name_any()).await?
        && job_state::owner(&there) == job_state::owner(&placeholder)
    {
        release(context, namespace, &there.name_any(), &there.uid().unwrap_or_default()).await?;
    }
    Ok(created)
}

/// Whether the Job is there with the same owner; the API server is the lock.
async fn create_job(api: &Api<Job>, job: &Job, parameters: &PostParams) -> Result<bool, Error> {
    match api.create(parameters, job).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            let there = api.get_opt(&job.name_any()).await?;
            Ok(there.is_some_and(|there| job_state::owner(&there) == job_state::owner(job)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A Request that stands there already is of an attempt whose Job was never made: it is replaced, since the
/// manifests may have changed since.
async fn create_request(
    context: &Context,
    namespace: &str,
    request: &ConfigMap,
    parameters: &PostParams,
) -> Result<(), Error> {
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    match api.create(parameters, request).await {
        Ok(_) => return Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(error.into()),
    }
    let name = request.name_any();
    match api.get_opt(&name).await? {
        Some(there) if there.data == request.data && there.owner_references() == request.owner_references() => {
            return Ok(());
        }
        Some(_) => {
            api.delete(&name, &DeleteParams::default()).await?;
        }
        None => {}
    }
    api.create(parameters, request).await?;
    Ok(())
}
