//! Reads what a run's next step depends on: the run itself, the Jobs in the slots of its connectors, their pods.
//! All of it from the API server, not from a cache: a stale Job would be started twice.

use super::is_completed;
use super::slots::{SlotState, Slots};
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Context, Guarded, Known};
use crate::controller::error::Error;
use crate::controller::job_state::{self, JobState, Owner};
use crate::controller::jobs::keys;
use crate::controller::names::{Slot, schedule_label};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Debug;

/// Everything that [`super::decide`] looks at.
pub struct Observation {
    pub run: GalSyncRun,
    pub connectors: Vec<Known<GalSyncConnector>>,
    pub schedules: Vec<Known<GalSyncSchedule>>,
    pub runs: Vec<Known<GalSyncRun>>,
    pub slots: Slots,
    /// This run's own Jobs.
    pub jobs: Vec<OwnJob>,
    /// How many more Jobs may run.
    pub free_jobs: usize,
    pub now: Timestamp,
}

/// A Job of this run, wherever it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnJob {
    pub name: String,
    pub uid: String,
    pub operation: crate::operation::OperationType,
    pub connector: String,
    pub attempt: u32,
    pub created: Timestamp,
    pub state: JobState,
    pub finished: bool,
    pub placeholder: bool,
}

/// `None` for a run that is gone or has nothing more to do.
pub async fn observe(context: &Context, namespace: &str, name: &str) -> Result<Option<Observation>, Error> {
    let api: Api<Guarded<GalSyncRun>> = Api::namespaced(context.client.clone(), namespace);
    let Some(Guarded { 0: Ok(run) }) = api.get_opt(name).await? else { return Ok(None) };
    if is_completed(&run) || run.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let mut connectors = context.connectors(namespace);
    let mut schedules = context.schedules(namespace);
    let mut runs = context.runs(namespace);
    if run.spec.plan_digests.is_some() {
        add_archived(&api, &run, &mut runs).await?;
    }
    // A run ends for good when what it names is missing, so a cache that lags is not believed.
    let named = run.spec.schedule_ref.iter().map(|reference| reference.name.to_string());
    add_missing(context, namespace, &mut schedules, named).await?;
    let names = connector_names(&run, &schedules);
    add_missing(context, namespace, &mut connectors, names.iter().cloned()).await?;
    let mut slots = BTreeMap::new();
    let mut jobs = Vec::new();
    let job_api: Api<Job> = Api::namespaced(context.client.clone(), namespace);
    for connector in names {
        for slot in Slot::ALL {
            let state = match job_api.get_opt(&slot.job(&connector)).await? {
                None => {
                    context.active_jobs.forget(namespace, &slot.job(&connector));
                    SlotState::Free
                }
                Some(job) => {
                    if let Some(own) = own_job(context, namespace, &run, &job).await? {
                        jobs.push(own);
                    }
                    slot_state(context, namespace, &run, &connectors, &job).await?
                }
            };
            slots.insert((connector.clone(), slot), state);
        }
    }
    let now = context.now();
    let free_jobs = context.active_jobs.free();
    Ok(Some(Observation { run, connectors, schedules, runs, slots: Slots(slots), jobs, free_jobs, now }))
}

/// The plans that a run names may be those of old runs, which the cache does not have.
async fn add_archived(
    api: &Api<Guarded<GalSyncRun>>,
    run: &GalSyncRun,
    runs: &mut Vec<Known<GalSyncRun>>,
) -> Result<(), Error> {
    let Some(schedule) = &run.spec.schedule_ref else { return Ok(()) };
    let (key, value) = schedule_label(schedule.name.as_str());
    let all = api.list(&ListParams::default().labels(&format!("{key}={value}"))).await?.items;
    let known: HashSet<Option<String>> = runs.iter().map(|run| run.uid()).collect();
    runs.extend(
        all.into_iter().filter_map(|run| run.0.ok()).filter(|run| !known.contains(&run.uid())).map(Known::from),
    );
    Ok(())
}

/// Asks the API server for those objects that the cache does not have.
async fn add_missing<K>(
    context: &Context,
    namespace: &str,
    known: &mut Vec<Known<K>>,
    names: impl Iterator<Item = String>,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<Guarded<K>> = Api::namespaced(context.client.clone(), namespace);
    for name in names {
        if known.iter().any(|object| object.name_any() == name) {
            continue;
        }
        known.extend(api.get_opt(&name).await?.and_then(|object| object.0.ok()).map(Known::from));
    }
    Ok(())
}

/// The connectors whose slots the run may want.
pub fn connector_names(run: &GalSyncRun, schedules: &[Known<GalSyncSchedule>]) -> BTreeSet<String> {
    let schedule = run.spec.schedule_ref.as_ref().and_then(|reference| {
        schedules.iter().find(|schedule| schedule.metadata.name.as_deref() == Some(reference.name.as_str()))
    });
    let of_schedule = schedule.into_iter().flat_map(|schedule| {
        let sources = schedule.spec.sources.iter().map(|source| &source.connector_ref);
        sources.chain(schedule.spec.targets.iter().map(|target| &target.connector_ref))
    });
    let named = run.spec.targets.iter().flatten().map(ToString::to_string);
    // Operations that run although their connector has left the schedule are still this run's.
    let begun = run.status.iter().flat_map(|status| status.operations.iter().map(|o| o.connector.to_string()));
    of_schedule
        .chain(run.spec.connector_ref.as_ref())
        .map(|reference| reference.name.to_string())
        .chain(named)
        .chain(begun)
        .collect()
}

async fn own_job(context: &Context, namespace: &str, run: &GalSyncRun, job: &Job) -> Result<Option<OwnJob>, Error> {
    let Owner::Run { uid, operation, connector, attempt, .. } = job_state::owner(job) else { return Ok(None) };
    if Some(uid) != run.uid() {
        return Ok(None);
    }
    Ok(Some(OwnJob {
        name: job.name_any(),
        uid: job.uid().unwrap_or_default(),
        operation,
        connector,
        attempt,
        created: job.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        state: read_state(context, namespace, job).await?,
        finished: job_state::is_finished(job),
        placeholder: job_state::is_placeholder(job),
    }))
}

/// The state of a Job with its pods, and where a pod does not start, the cluster's last warning about it.
pub async fn read_state(context: &Context, namespace: &str, job: &Job) -> Result<JobState, Error> {
    let uid = job.uid().unwrap_or_default();
    let selector = format!("batch.kubernetes.io/controller-uid={uid}");
    let pods = Api::<Pod>::namespaced(context.client.clone(), namespace)
        .list(&ListParams::default().labels(&selector))
        .await?
        .items;
    let state = job_state::state(job, &pods, None);
    let JobState::Starting { since, .. } = &state else { return Ok(state) };
    if context.now().duration_since(*since).as_secs() < 10 {
        return Ok(state);
    }
    let about = pods.last().and_then(ResourceExt::uid).unwrap_or(uid);
    let note = last_warning(context, namespace, &about).await?;
    Ok(job_state::state(job, &pods, note.as_deref()))
}

async fn last_warning(context: &Context, namespace: &str, uid: &str) -> Result<Option<String>, Error> {
    let parameters = ListParams::default().fields(&format!("involvedObject.uid={uid},type=Warning"));
    let events = match Api::<Event>::namespaced(context.client.clone(), namespace).list(&parameters).await {
        Ok(events) => events.items,
        // Without this right the reason is told in fewer words.
        Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let newest = events.into_iter().max_by_key(|event| {
        let last = event.last_timestamp.as_ref().map(|time| time.0);
        last.or(event.event_time.as_ref().map(|time| time.0))
    });
    Ok(newest.and_then(|event| event.message))
}

/// What the Job in a slot means for this run.
async fn slot_state(
    context: &Context,
    namespace: &str,
    run: &GalSyncRun,
    connectors: &[Known<GalSyncConnector>],
    job: &Job,
) -> Result<SlotState, Error> {
    let busy = |holder: String| SlotState::Busy { holder };
    let uid = job.uid().unwrap_or_default();
    if job.metadata.deletion_timestamp.is_some() {
        return Ok(busy("a Job that is being removed".to_owned()));
    }
    let ended = job_state::is_finished(job) || job_state::is_placeholder(job);
    match job_state::owner(job) {
        Owner::Stranger => Ok(busy(format!("Job {}, which is not GalSync's", job.name_any()))),
        Owner::Connector { uid: owner, .. } => {
            let connector = connectors.iter().find(|connector| connector.uid().as_deref() == Some(owner.as_str()));
            let recorded = match connector {
                None => true,
                Some(connector) => {
                    // The cached status may lag; then the slot is taken a moment later.
                    let verification = connector.status.as_ref().and_then(|status| status.verification.as_ref());
                    let recorded = verification.and_then(|verification| verification.job_uid.as_ref());
                    recorded.is_some_and(|recorded| recorded.as_str() == uid)
                }
            };
            Ok(if ended && recorded { SlotState::Releasable { uid } } else { busy("a verification".to_owned()) })
        }
        Owner::Run { uid: owner, name, operation, connector, attempt } => {
            if Some(&owner) == run.uid().as_ref() {
                return Ok(SlotState::Own { uid, operation, attempt });
            }
            let api: Api<Guarded<GalSyncRun>> = Api::namespaced(context.client.clone(), namespace);
            let holder = api.get_opt(&name).await?.and_then(|run| run.0.ok()).filter(|run| run.uid() == Some(owner));
            let releasable = match &holder {
                None if ended => true,
                // Its Request went with the run: what has not begun never will, and what has is left to its end.
                None => matches!(read_state(context, namespace, job).await?, JobState::Starting { .. }),
                Some(holder) => super::has_recorded(holder, operation, &connector, attempt),
            };
            Ok(if releasable { SlotState::Releasable { uid } } else { busy(format!("run {name}")) })
        }
    }
}

/// The run to which a Job belongs, for the watch.
pub fn run_of(job: &Job) -> Option<String> {
    job.annotations().get(keys::RUN).cloned()
}
