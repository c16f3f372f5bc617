//! Carries a decision about a connector out.

use super::decide::Decision;
use super::observe::Observation;
use crate::api::GalSyncRun;
use crate::api::schedule::History;
use crate::controller::context::Context;
use crate::controller::error::Error;
use crate::controller::jobs::{self, Placement};
use crate::controller::names::Slot;
use crate::controller::{events, garbage, history, namespace, run};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::time::Duration;

pub async fn act(context: &Context, observation: &Observation, decision: Decision) -> Result<Action, Error> {
    let Decision { status, release, verify, events, mut again_seconds } = decision;
    let connector = &observation.connector;
    let namespace = connector.namespace().ok_or(Error::Incomplete("namespace"))?;
    let name = connector.name_any();
    // First: a Job whose outcome is not written down yet must not go.
    let before = connector.status.clone().unwrap_or_default();
    context.write_status(connector, &before, &status).await?;
    context.metrics.connector_status_written(connector, &before, &status);
    if let Some(uid) = release {
        run::release(context, &namespace, &Slot::Source.job(&name), &uid).await?;
    }
    if let Some(request) = verify {
        namespace::prepare(context, &namespace).await?;
        let placement = Placement {
            settings: &context.settings.job,
            namespace: &namespace,
            connector: connector.controller_owner_ref(&()).ok_or(Error::Incomplete("UID"))?,
            generation: connector.metadata.generation.unwrap_or_default(),
            run: None,
            template: connector.spec.job_template.clone().unwrap_or_default(),
            deadline_seconds: 900,
        };
        let manifests = jobs::manifests(&request, &name, &placement);
        // The slot is free, so nobody reads the Request of the verification before.
        let requests: Api<ConfigMap> = Api::namespaced(context.client.clone(), &namespace);
        match requests.delete(&manifests.request.name_any(), &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        if !context.active_jobs.take(&manifests.job) {
            again_seconds = Some(15);
        } else if run::create(context, &namespace, manifests).await? {
            tracing::info!("verification started");
        }
    }
    events::publish(context, &connector.object_ref(&()), events).await;
    let own = |run: &GalSyncRun| run.spec.connector_ref.as_ref().is_some_and(|of| of.name.as_str() == name);
    let runs = context.runs_that(&namespace, own);
    history::prune(context, &namespace, &History::default(), &runs, Vec::new()).await?;
    let collected = garbage::look(context, connector).await?;
    again_seconds = again_seconds.into_iter().chain(collected).min();
    Ok(again_seconds.map_or_else(Action::await_change, |seconds| Action::requeue(Duration::from_secs(seconds))))
}
