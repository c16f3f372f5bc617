//! From manifests in files to a run: what the operator does with the objects of a namespace.

use super::manifests::Manifests;
use crate::api::GalSyncSchedule;
use crate::cli::UsageError;
use crate::model::OwnerId;
use crate::model::connector::{Connector, MemoryFile, System};
use crate::operation::RunReference;
use crate::pass::{Action, LastPull, Run, Subject};
use crate::resolve::{self, Namespace, NotRunnable, OtherRuns, RunInputs, SubjectName};
use crate::store::Store;
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the command line adds to the manifests.
pub(super) struct Wishes<'a> {
    pub owner: &'a OwnerId,
    /// Absent = the schedule's mode.
    pub action: Option<Action>,
    /// Connectors whose system is a reference directory for this run.
    pub memories: &'a BTreeMap<String, PathBuf>,
}

/// The schedule's run, without anything that stands in a store.
pub(super) fn run(
    manifests: &Manifests,
    schedule: &GalSyncSchedule,
    wishes: &Wishes<'_>,
    now: Timestamp,
) -> Result<Run, UsageError> {
    let name = schedule.name_any();
    let namespace = manifests.namespace_of(schedule);
    let run_name = format!("{name}-{}", now.strftime("%Y%m%d-%H%M%S"));
    let inputs = RunInputs {
        reference: RunReference {
            namespace: schedule.namespace().unwrap_or_else(|| "local".to_owned()),
            name: run_name.clone(),
            uid: run_name,
        },
        owner: wishes.owner,
        created: now,
        now,
        action: wishes.action.unwrap_or_else(|| resolve::action(schedule.spec.mode.action())),
        manual: true,
        started: false,
        subject: SubjectName::Schedule { name: &name, targets: None, plans: Vec::new() },
        pass_number: Some(1),
        decisions: BTreeMap::new(),
        others: OtherRuns::default(),
    };
    let ready = resolve::ready(&namespace, schedule, wishes.owner);
    let mut run = ready.and_then(|()| resolve::run(&namespace, inputs)).map_err(|error| match error {
        NotRunnable::NoConnector(connector) => {
            UsageError(format!("schedule {name}: the manifests hold no GalSyncConnector {connector}"))
        }
        error => UsageError(error.to_string()),
    })?;
    place_memories(&mut run, manifests, &namespace, wishes);
    Ok(run)
}

/// Reference directories lie beside the manifest that names them, or where the command line says.
fn place_memories(run: &mut Run, manifests: &Manifests, namespace: &Namespace<'_>, wishes: &Wishes<'_>) {
    let place = |connector: &mut Connector| {
        if let Some(path) = wishes.memories.get(&connector.name) {
            connector.system = System::Memory(MemoryFile { path: path.display().to_string() });
        } else if let System::Memory(file) = &mut connector.system
            && let Some(manifest) = namespace.connector(&connector.name)
        {
            file.path = manifests.path_beside(manifest, &file.path).display().to_string();
        }
    };
    let Subject::Schedule(schedule) = &mut run.subject else { return };
    schedule.sources.iter_mut().for_each(|source| place(&mut source.connector));
    schedule.targets.iter_mut().for_each(|target| place(&mut target.connector));
}

/// What earlier runs left in the store: it stands in for a source that cannot be read now.
pub(super) async fn add_last_pulls(run: &mut Run, store: &Store) -> Result<(), crate::store::Error> {
    let Subject::Schedule(schedule) = &mut run.subject else { return Ok(()) };
    for source in &mut schedule.sources {
        let fingerprint = source.connector.fingerprint(&source.read);
        let head = store.latest_snapshot(&source.connector.name, &fingerprint).await?;
        source.last_pull = head.map(|head| LastPull {
            started: head.value.started,
            fingerprint,
            snapshot: head.value.snapshot,
            identity: head.value.identity.to_string(),
            run: None,
        });
    }
    Ok(())
}
