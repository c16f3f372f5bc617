//! The operator: three reconcilers over one cluster, each observe → decide → act. Nothing but `act` writes to the
//! cluster, `decide` knows neither client nor clock, and what happens next in a run is [`crate::pass`]'s to say.

pub mod settings;

mod active_jobs;
mod archive;
mod connector;
mod context;
mod credentials;
mod error;
mod events;
mod garbage;
mod health;
mod history;
mod informer;
mod invalid;
mod job_state;
mod jobs;
mod lease;
pub mod metrics;
mod names;
mod namespace;
mod pod_trouble;
mod run;
mod schedule;
#[cfg(test)]
mod simulated;

#[cfg(test)]
mod gitops;

pub use error::Error;
pub use settings::{ClaimSettings, JobSettings, LeaseSettings, Retention, Settings};

use crate::api::reference::LocalReference;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use context::{Caches, Context, Guarded, incomplete_runs};
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::{Stream, StreamExt};
use health::Readiness;
use informer::Informer;
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use kube::api::Api;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// One future that ends everything, for all controllers and the server.
pub type Shutdown = Shared<BoxFuture<'static, ()>>;

/// Serves metrics and health at once, and works as soon as it holds the Lease. Ends when `shutdown` ends, a started
/// reconciliation carried to its end; fails when the Lease is lost.
pub async fn run(client: Client, settings: Settings, listener: TcpListener, shutdown: Shutdown) -> anyhow::Result<()> {
    let page = metrics::Exposition::default();
    let metrics = metrics::Metrics::register(&page.registry)?;
    let (readiness, ready) = watch::channel(Readiness::Starting);
    let server = health::serve(listener, page.clone(), ready, shutdown.clone());
    let mut candidate = lease::Candidate::new(&client, &settings.lease);
    let turn = async {
        let mut held = tokio::select! {
            () = shutdown.clone() => return Ok(()),
            held = candidate.acquire(|| _ = readiness.send_replace(Readiness::StandingBy)) => held,
        };
        metrics.leads.set(1);
        // In a task of its own: however much there is to do, the Lease is renewed and probes are answered.
        let (page, metrics, readiness) = (page.clone(), metrics.clone(), readiness.clone());
        let mut working = tokio::spawn(work(client.clone(), settings, page, metrics, readiness, shutdown.clone()));
        let lost = tokio::select! {
            lost = held.keep() => Some(lost),
            result = &mut working => {
                result??;
                None
            }
        };
        if let Some(lost) = lost {
            working.abort();
            return Err(anyhow::Error::new(lost));
        }
        held.release().await;
        Ok(())
    };
    tokio::try_join!(async { server.await.map_err(anyhow::Error::new) }, turn)?;
    tracing::info!("stopped");
    Ok(())
}

/// The work of the operator that holds the Lease, until `shutdown` ends.
async fn work(
    client: Client,
    settings: Settings,
    page: metrics::Exposition,
    metrics: metrics::Metrics,
    readiness: watch::Sender<Readiness>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    readiness.send_replace(Readiness::Filling);
    let scopes: Vec<Option<&str>> = if settings.namespaces.is_empty() {
        vec![None]
    } else {
        settings.namespaces.iter().map(|namespace| Some(namespace.as_str())).collect()
    };
    let active_jobs = active_jobs::ActiveJobs::new(settings.max_jobs);
    let controllers: Vec<Controllers> =
        scopes.iter().map(|scope| Controllers::new(&client, &metrics, *scope, &active_jobs)).collect();
    let caches: Vec<Caches> = controllers.iter().map(Controllers::caches).collect();
    page.show(metrics::StateMetrics::new(caches.clone(), metrics.clone()));
    let (now_filled, filled) = watch::channel(false);
    let context = Arc::new(Context {
        client: client.clone(),
        settings,
        metrics: metrics.clone(),
        caches: caches.clone(),
        active_jobs,
        clock: Arc::new(Timestamp::now),
        filled,
    });
    let filled = async {
        for cache in &caches {
            let waits = (
                cache.connectors.wait_until_ready(),
                cache.schedules.wait_until_ready(),
                cache.runs.wait_until_ready(),
            );
            if let (Err(_), _, _) | (_, Err(_), _) | (_, _, Err(_)) = futures::join!(waits.0, waits.1, waits.2) {
                return;
            }
        }
        tracing::info!("ready");
        now_filled.send_replace(true);
        readiness.send_replace(Readiness::Leading);
    };
    let mut all = futures::future::join_all(controllers.into_iter().map(|all| all.run(&context, &shutdown)));
    tokio::select! {
        () = filled => { all.await; }
        // Told to stop before the caches were filled.
        _ = &mut all => {}
    }
    Ok(())
}

/// The three controllers of one scope, and the watches that feed them.
struct Controllers {
    connectors: Controller<Guarded<GalSyncConnector>>,
    schedules: Controller<Guarded<GalSyncSchedule>>,
    runs: Controller<Guarded<GalSyncRun>>,
    caches: Caches,
    watches: BoxFuture<'static, ()>,
}

fn scoped<K>(client: &Client, scope: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match scope {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

impl Controllers {
    /// Everything that can change what one object needs wakes its reconciler; there is no polling but for pods
    /// that do not start.
    fn new(
        client: &Client,
        metrics: &metrics::Metrics,
        scope: Option<&str>,
        active_jobs: &active_jobs::ActiveJobs,
    ) -> Self {
        let our_jobs = || watcher::Config::default().labels(&format!("{}={}", jobs::MANAGED_BY, jobs::MANAGER));
        let mut connectors = Informer::<GalSyncConnector>::new();
        let mut schedules = Informer::<GalSyncSchedule>::new();
        let archive = archive::Archive::default();
        let mut runs = Informer::archiving(&archive);
        let (of_connectors, of_schedules, of_runs) = (connectors.cache(), schedules.cache(), runs.cache());
        let caches = Caches { connectors: of_connectors, schedules: of_schedules, runs: of_runs, archive };

        let of_connectors = Controller::for_shared_stream(connectors.listen(), caches.connectors.clone())
            .watches(scoped::<Job>(client, scope), our_jobs(), |job| {
                let name = job.annotations().get(jobs::keys::CONNECTOR).cloned();
                named(name, job.namespace())
            })
            .watches_shared_stream(runs.listen(), |run| {
                let Ok(run) = &run.0 else { return Vec::new() };
                let ended = run.status.iter().flat_map(|status| &status.operations);
                let ended = ended.filter(|operation| operation.completion_time.is_some());
                ended.flat_map(|o| named(Some(o.connector.to_string()), run.namespace())).collect()
            });
        let (schedule_cache, naming) = (caches.schedules.clone(), caches.schedules.clone());
        let of_schedules = Controller::for_shared_stream(schedules.listen(), caches.schedules.clone())
            .watches_shared_stream(runs.listen(), |run| {
                let reference = run.0.as_ref().ok().and_then(|run| run.spec.schedule_ref.clone());
                named(reference.map(|reference| reference.name.to_string()), run.namespace())
            })
            .watches_shared_stream(schedules.listen(), neighbours(caches.schedules.clone()))
            .watches_shared_stream(connectors.listen(), move |connector| schedules_of(&schedule_cache, &connector));
        let (run_cache, waiting, affected) = (caches.runs.clone(), caches.runs.clone(), caches.runs.clone());
        let active_jobs = active_jobs.clone();
        let of_runs = Controller::for_shared_stream(runs.listen(), caches.runs.clone())
            .watches(scoped::<Job>(client, scope), our_jobs(), move |job| {
                active_jobs.note(&job);
                let own = named(run::run_of(&job), job.namespace());
                // The Job's slot may be what another run waits for.
                let connector = job.annotations().get(jobs::keys::CONNECTOR).cloned().unwrap_or_default();
                let others = incomplete_runs(&waiting, &job.namespace().unwrap_or_default(), |run| {
                    let operations = run.status.iter().flat_map(|status| &status.operations);
                    operations.into_iter().any(|o| o.connector.as_str() == connector && o.result.is_none())
                });
                own.into_iter().chain(others).collect::<Vec<_>>()
            })
            .watches_shared_stream(connectors.listen(), move |connector| {
                let schedules = schedules_of(&naming, &connector);
                let name = connector.name_any();
                incomplete_runs(&affected, &connector.namespace().unwrap_or_default(), |run| {
                    let of = |reference: &LocalReference| schedules.iter().any(|of| of.name == reference.name.as_str());
                    let mut operations = run.status.iter().flat_map(|status| &status.operations);
                    run.spec.schedule_ref.as_ref().is_some_and(of)
                        || run.spec.connector_ref.as_ref().is_some_and(|reference| reference.name.as_str() == name)
                        || operations.any(|operation| operation.connector.as_str() == name)
                })
            })
            // Its approvals and windows, and what its later runs came to, which its status tells.
            .watches_shared_stream(schedules.listen(), move |schedule| {
                let name = schedule.name_any();
                incomplete_runs(&run_cache, &schedule.namespace().unwrap_or_default(), |run| {
                    context::names_schedule(run, &name)
                })
            });
        let watches = futures::future::join3(
            connectors.run(scoped(client, scope), metrics.clone()),
            schedules.run(scoped(client, scope), metrics.clone()),
            runs.run(scoped(client, scope), metrics.clone()),
        );
        let watches = watches.map(|_| ()).boxed();
        Self { connectors: of_connectors, schedules: of_schedules, runs: of_runs, caches, watches }
    }

    fn caches(&self) -> Caches {
        self.caches.clone()
    }

    async fn run(self, context: &Arc<Context>, shutdown: &Shutdown) {
        let Self { connectors, schedules, runs, caches: _, watches } = self;
        let config = || controller::Config::default().concurrency(16);
        let error = |controller: &'static str| {
            move |error: &Error, context: &Context| {
                context.metrics.failed(controller, error);
                Action::requeue(Duration::from_secs(error.retry_after_seconds()))
            }
        };
        let (of_connector, of_schedule, of_run) = (error("connector"), error("schedule"), error("run"));
        let connectors = connectors.with_config(config()).graceful_shutdown_on(shutdown.clone()).run(
            connector::reconcile,
            move |_, error, context| of_connector(error, &context),
            Arc::clone(context),
        );
        let schedules = schedules.with_config(config()).graceful_shutdown_on(shutdown.clone()).run(
            schedule::reconcile,
            move |_, error, context| of_schedule(error, &context),
            Arc::clone(context),
        );
        let runs = runs.with_config(config()).graceful_shutdown_on(shutdown.clone()).run(
            run::reconcile,
            move |_, error, context| of_run(error, &context),
            Arc::clone(context),
        );
        let broke_off = || context.metrics.watch_broke_off("Job");
        let work =
            futures::future::join3(drain(connectors, broke_off), drain(schedules, broke_off), drain(runs, broke_off));
        // The watches have no end of their own.
        futures::future::select(std::pin::pin!(work), watches).await;
    }
}

/// A reference to the object of this name, if there is one.
fn named<K>(name: Option<String>, namespace: Option<String>) -> Vec<ObjectRef<K>>
where
    K: Resource<DynamicType = ()>,
{
    match (name, namespace) {
        (Some(name), Some(namespace)) => vec![ObjectRef::new(&name).within(&namespace)],
        _ => Vec::new(),
    }
}

/// A schedule whose spec is another one now, and the others of its namespace, whose condition Consistent may change.
fn neighbours(
    schedules: Store<Guarded<GalSyncSchedule>>,
) -> impl Fn(Arc<Guarded<GalSyncSchedule>>) -> Vec<ObjectRef<Guarded<GalSyncSchedule>>> + Send + Sync + 'static {
    let known: Mutex<HashMap<String, i64>> = Mutex::default();
    move |schedule| {
        let generation = schedule.meta().generation.unwrap_or_default();
        let before =
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(schedule.uid().unwrap_or_default(), generation);
        // What was there before this process has been compared before.
        let age =
            schedule.creation_timestamp().map_or(i64::MAX, |time| Timestamp::now().duration_since(time.0).as_secs());
        if before == Some(generation) || before.is_none() && age > 60 {
            return Vec::new();
        }
        let namespace = schedule.namespace();
        let others = schedules.state_filter(|other| other.namespace() == namespace && other.uid() != schedule.uid());
        others.iter().map(|other| ObjectRef::from_obj(other.as_ref())).collect()
    }
}

/// The schedules that name the connector.
fn schedules_of(
    schedules: &Store<Guarded<GalSyncSchedule>>,
    connector: &Guarded<GalSyncConnector>,
) -> Vec<ObjectRef<Guarded<GalSyncSchedule>>> {
    let (name, namespace) = (connector.name_any(), connector.namespace());
    let is_named = |reference: &LocalReference| reference.name.as_str() == name;
    let found = schedules.state_filter(|schedule| {
        schedule.namespace() == namespace
            && schedule.0.as_ref().is_ok_and(|schedule| {
                schedule.spec.sources.iter().any(|source| is_named(&source.connector_ref))
                    || schedule.spec.targets.iter().any(|target| is_named(&target.connector_ref))
            })
    });
    found.iter().map(|schedule| ObjectRef::from_obj(schedule.as_ref())).collect()
}

/// Polls a controller to its end. What failed was counted, and comes again.
async fn drain<K>(
    stream: impl Stream<Item = Result<(ObjectRef<K>, Action), controller::Error<Error, watcher::Error>>>,
    broke_off: impl Fn(),
) where
    K: Resource<DynamicType = ()> + Debug + DeserializeOwned,
{
    futures::pin_mut!(stream);
    while let Some(result) = stream.next().await {
        match result {
            Ok(_) => {}
            Err(controller::Error::ObjectNotFound(object)) => tracing::debug!(%object, "gone before it was looked at"),
            Err(controller::Error::ReconcilerFailed(error @ Error::Conflict(_), object)) => {
                tracing::debug!(%object, "{error}");
            }
            Err(controller::Error::ReconcilerFailed(error, object)) => {
                tracing::warn!(%object, "{}", error.sentence());
            }
            // A watch that starts anew, after the API server was away or had forgotten the version.
            Err(error) => {
                broke_off();
                tracing::info!("{error}");
            }
        }
    }
}

/// Ends when the process is asked to.
pub fn shutdown_on_signal() -> std::io::Result<Shutdown> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let wait = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    Ok(wait.boxed().shared())
}
