//! From manifests to a run: what the operator does with the objects of a namespace, for files.

use super::manifests::Manifests;
use crate::api::convert::{checked_connector, freezes, source_rules, target_rules};
use crate::api::schedule::Mode;
use crate::api::scope::read_scope;
use crate::api::{GalSyncSchedule, InvalidField};
use crate::cli::UsageError;
use crate::model::connector::{Connector, MemoryFile, System};
use crate::model::timing::frozen_until;
use crate::model::{Domain, OwnerId};
use crate::operation::RunReference;
use crate::pass::{Action, Approval, LastPull, Run, ScheduleSubject, SourceSubject, Subject, TargetSubject};
use crate::store::Store;
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
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
    let spec = &schedule.spec;
    let wrong = |error: InvalidField| UsageError(format!("schedule {name}: {error}"));
    let mut sources = Vec::new();
    for (index, source) in spec.sources.iter().enumerate() {
        let connector_name = source.connector_ref.name.as_str();
        let connector = connector(manifests, connector_name, &name, wishes)?;
        let manifest = manifests.connector(connector_name).expect("it was just found");
        let read = read_scope(manifest, &manifests.schedules, wishes.owner)
            .map_err(|error| UsageError(format!("connector {connector_name}: {error}")))?;
        let rules = source_rules(schedule, index).map_err(wrong)?;
        sources.push(SourceSubject { connector, rules, read, last_pull: None });
    }
    let mut targets = Vec::new();
    for (index, target) in spec.targets.iter().enumerate() {
        let connector = connector(manifests, target.connector_ref.name.as_str(), &name, wishes)?;
        let rules = target_rules(schedule, index, wishes.owner).map_err(wrong)?;
        targets.push(TargetSubject::new(connector, rules));
    }
    let action = wishes.action.unwrap_or(match spec.mode {
        Mode::Pull => Action::Pull,
        Mode::Simulate => Action::Simulate,
        Mode::Push => Action::Push,
    });
    let namespace = schedule.namespace().unwrap_or_else(|| "local".to_owned());
    let run_name = format!("{name}-{}", now.strftime("%Y%m%d-%H%M%S"));
    Ok(Run {
        reference: RunReference { namespace: namespace.clone(), name: run_name.clone(), uid: run_name },
        owner: wishes.owner.clone(),
        store_prefix: format!("{}/{namespace}", wishes.owner),
        created: now,
        action,
        manual: true,
        approval: approval(schedule)?,
        decisions: BTreeMap::new(),
        frozen_until: frozen_until(&freezes(schedule).map_err(wrong)?, now),
        subject: Subject::Schedule(Box::new(ScheduleSubject {
            claimed_elsewhere: claimed_elsewhere(manifests, schedule, wishes)?,
            name,
            sources,
            targets,
            pass_number: 1,
            pull_targets_every: u64::from(spec.pull_targets_every),
        })),
    })
}

fn connector(manifests: &Manifests, name: &str, schedule: &str, wishes: &Wishes<'_>) -> Result<Connector, UsageError> {
    let manifest = manifests
        .connector(name)
        .ok_or_else(|| UsageError(format!("schedule {schedule}: the manifests hold no GalSyncConnector {name}")))?;
    let mut connector =
        checked_connector(manifest).map_err(|error| UsageError(format!("connector {name}: {error}")))?;
    if let Some(path) = wishes.memories.get(name) {
        connector.system = System::Memory(MemoryFile { path: path.display().to_string() });
    } else if let System::Memory(file) = &mut connector.system {
        file.path = manifests.beside(name, &file.path).display().to_string();
    }
    Ok(connector)
}

fn approval(schedule: &GalSyncSchedule) -> Result<Approval, UsageError> {
    let written = &schedule.spec.approval;
    let expires_after_seconds = written.expires_after.seconds().ok_or_else(|| {
        UsageError(format!("schedule {}: spec.approval.expiresAfter is no time span", schedule.name_any()))
    })?;
    Ok(Approval { mode: written.mode.into(), expires_after_seconds })
}

/// Domains of connectors that are no source of this schedule.
fn claimed_elsewhere(
    manifests: &Manifests,
    schedule: &GalSyncSchedule,
    wishes: &Wishes<'_>,
) -> Result<BTreeSet<Domain>, UsageError> {
    let takes_part = |name: &str| {
        let sources = schedule.spec.sources.iter().map(|source| &source.connector_ref);
        sources.chain(schedule.spec.targets.iter().map(|target| &target.connector_ref)).any(|r| r.name.as_str() == name)
    };
    let mut domains = BTreeSet::new();
    for manifest in &manifests.connectors {
        let name = manifest.name_any();
        if !takes_part(&name) {
            domains.extend(connector(manifests, &name, &schedule.name_any(), wishes)?.authoritative_domains);
        }
    }
    Ok(domains)
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
