//! Reads what a connector's next step depends on: the connector itself, the Job in its source slot, and what
//! runs have pulled and verified.

use crate::api::conditions::{self, types};
use crate::api::convert::{InvalidField, checked_connector};
use crate::api::run::OperationKind;
use crate::api::{GalSyncConnector, GalSyncRun};
use crate::controller::context::{Context, Guarded, Known, each};
use crate::controller::error::Error;
use crate::controller::job_state::{self, JobState, Owner};
use crate::controller::names::Slot;
use crate::controller::run;
use crate::model::OwnerId;
use crate::model::connector::{Connector, ReadScope};
use crate::operation::{OperationType, Outcome, Verdict};
use crate::resolve::read_scope;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::Api;

pub struct Observation {
    pub connector: GalSyncConnector,
    pub checked: Result<(Connector, ReadScope), InvalidField>,
    pub slot: SourceSlot,
    pub pulled: Option<Pulled>,
    /// The newest verification that a run records.
    pub verified: Option<Outcome>,
    pub owner: OwnerId,
    pub now: Timestamp,
}

/// The newest complete pull that a run records.
#[derive(Debug, Clone)]
pub struct Pulled {
    pub run: String,
    pub outcome: Outcome,
    /// The run is there until another has pulled. A schedule keeps the newest of its passes that ended well; one that
    /// failed makes room for the next that fails, which may not have come to pull, and of those that a person makes
    /// not all pull.
    pub stays: bool,
}

/// What the connector's source slot holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceSlot {
    Free,
    /// This connector's own periodic Verify.
    Verification {
        uid: String,
        generation: i64,
        created: Timestamp,
        state: JobState,
        finished: bool,
    },
    /// An ended Job of somebody else whose outcome is known.
    Releasable {
        uid: String,
    },
    Busy,
}

pub async fn observe(context: &Context, namespace: &str, name: &str) -> Result<Option<Observation>, Error> {
    let api: Api<Guarded<GalSyncConnector>> = Api::namespaced(context.client.clone(), namespace);
    let Some(Guarded { 0: Ok(connector) }) = api.get_opt(name).await? else { return Ok(None) };
    if connector.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let schedules = context.schedules(namespace);
    let owner = context.settings.owner.clone();
    let checked = checked_connector(&connector)
        .and_then(|checked| Ok((checked, read_scope(&connector, each(&schedules), &owner)?)));
    let runs = context.runs(namespace);
    let jobs: Api<Job> = Api::namespaced(context.client.clone(), namespace);
    let slot = match jobs.get_opt(&Slot::Source.job(name)).await? {
        None => SourceSlot::Free,
        Some(job) => source_slot(context, namespace, &connector, &runs, &job).await?,
    };
    Ok(Some(Observation {
        checked,
        slot,
        pulled: newest_pull(&runs, name),
        verified: newest(&runs, name, OperationKind::Verify).map(|(_, outcome)| outcome),
        owner,
        now: context.now(),
        connector,
    }))
}

async fn source_slot(
    context: &Context,
    namespace: &str,
    connector: &GalSyncConnector,
    runs: &[Known<GalSyncRun>],
    job: &Job,
) -> Result<SourceSlot, Error> {
    if job.metadata.deletion_timestamp.is_some() {
        return Ok(SourceSlot::Busy);
    }
    let uid = job.uid().unwrap_or_default();
    let finished = job_state::is_finished(job);
    match job_state::owner(job) {
        Owner::Connector { uid: owner, generation } if Some(&owner) == connector.uid().as_ref() => {
            Ok(SourceSlot::Verification {
                uid,
                generation,
                created: job.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
                state: run::read_state(context, namespace, job).await?,
                finished,
            })
        }
        // Of a connector of the same name that is gone.
        Owner::Connector { .. } if finished => Ok(SourceSlot::Releasable { uid }),
        Owner::Run { uid: owner, operation, connector, attempt, .. } if finished => {
            let holder = runs.iter().find(|run| run.uid().as_ref() == Some(&owner));
            let recorded = holder.is_none_or(|run| run::has_recorded(run, operation, &connector, attempt));
            Ok(if recorded { SourceSlot::Releasable { uid } } else { SourceSlot::Busy })
        }
        Owner::Connector { .. } | Owner::Run { .. } | Owner::Stranger => Ok(SourceSlot::Busy),
    }
}

pub fn newest_pull(runs: &[Known<GalSyncRun>], connector: &str) -> Option<Pulled> {
    let (run, outcome) = newest(runs, connector, OperationKind::Pull)?;
    let ended_well =
        run.status.as_ref().is_some_and(|status| conditions::is_true(&status.conditions, types::SUCCEEDED));
    let stays = !run::is_completed(run) || ended_well && !run::is_manual(run);
    Some(Pulled { run: run.name_any(), outcome, stays })
}

/// The newest outcome of this kind that the runs record for the connector; of pulls only those that read all.
fn newest<'a>(
    runs: &'a [Known<GalSyncRun>],
    connector: &str,
    kind: OperationKind,
) -> Option<(&'a GalSyncRun, Outcome)> {
    let of_run = |run: &'a GalSyncRun| {
        let operations = run.status.iter().flat_map(|status| &status.operations);
        let outcomes = operations.filter(|o| o.kind == kind && o.connector.as_str() == connector);
        let complete = outcomes.filter_map(run::wire::outcome).filter(|outcome| match run::wire::operation(kind) {
            OperationType::Pull => outcome.verdict == Verdict::Succeeded && outcome.source.is_some(),
            _ => true,
        });
        complete.map(|outcome| (run, outcome)).max_by_key(|(_, outcome)| outcome.started)
    };
    each(runs).filter_map(of_run).max_by_key(|(_, outcome)| outcome.started)
}
