//! From the manifests to the input of [`crate::pass::next`]: the run, its schedule, its connectors. Pure.

use super::siblings;
use crate::api::convert::{InvalidField, checked_connector, freezes, removal_rules, source_rules, target_rules};
use crate::api::run::{DecisionVerdict, RunAction};
use crate::api::scope::read_scope;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Known, each};
use crate::model::connector::Connector;
use crate::model::schedule::SourceRules;
use crate::model::timing::frozen_until;
use crate::model::{Digest, Domain, OwnerId};
use crate::operation::RunReference;
use crate::pass;
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a run is built from: all objects of its namespace.
pub struct Inputs<'a> {
    pub run: &'a GalSyncRun,
    pub connectors: &'a [Known<GalSyncConnector>],
    pub schedules: &'a [Known<GalSyncSchedule>],
    pub runs: &'a [Known<GalSyncRun>],
    pub owner: &'a OwnerId,
    pub now: Timestamp,
}

/// Why a run cannot even begin, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unable {
    #[error("there is no schedule {0} in this namespace")]
    NoSchedule(String),
    #[error("schedule {0} is being deleted")]
    Deleted(String),
    #[error("there is no connector {0} in this namespace")]
    NoConnector(String),
    #[error("schedule {0} has no target {1}")]
    NoTarget(String, String),
    #[error("connector {0} is suspended")]
    Suspended(String),
    #[error("no run of the schedule shows the plan {0}")]
    NoPlan(Digest),
    #[error("{0}: {1}")]
    Invalid(String, InvalidField),
}

impl Unable {
    /// The reason of the run's conditions.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoSchedule(_) => "ScheduleNotFound",
            Self::Deleted(_) => "ScheduleDeleted",
            Self::NoConnector(_) => "ConnectorNotFound",
            Self::NoTarget(..) => "TargetNotFound",
            Self::Suspended(_) => "Suspended",
            Self::NoPlan(_) => "PlanMissing",
            Self::Invalid(..) => "InvalidSpec",
        }
    }
}

/// The run as the pass sees it.
pub fn pass_run(inputs: &Inputs<'_>) -> Result<pass::Run, Unable> {
    let Inputs { run, owner, .. } = inputs;
    let namespace = run.namespace().unwrap_or_default();
    let schedule = schedule_of(inputs)?;
    let removes = run.spec.action == RunAction::Remove;
    if let Some(schedule) = schedule.filter(|schedule| schedule.metadata.deletion_timestamp.is_some() && !removes) {
        return Err(Unable::Deleted(schedule.name_any()));
    }
    let subject = match (schedule, &run.spec.connector_ref) {
        (Some(schedule), _) if removes => pass::Subject::Schedule(Box::new(removal_subject(inputs, schedule)?)),
        (Some(schedule), _) => pass::Subject::Schedule(Box::new(schedule_subject(inputs, schedule)?)),
        (None, Some(reference)) => {
            let connector = find(inputs, reference.name.as_str())?;
            let rules = SourceRules { filters: crate::model::filters::Filters::open() };
            pass::Subject::Connector(Box::new(source(inputs, connector, rules)?))
        }
        (None, None) => return Err(Unable::NoSchedule(String::new())),
    };
    let approval = schedule.map(|schedule| &schedule.spec.approval);
    let windows = schedule.map(freezes).transpose();
    let windows = windows.map_err(|error| Unable::Invalid("the run's schedule".to_owned(), error))?;
    let mut decisions = decisions(run);
    for digest in approval.iter().flat_map(|approval| &approval.approved_plan_digests) {
        // What was decided on the run itself holds.
        if let Ok(digest) = Digest::parse(digest.as_str()) {
            decisions.entry(digest).or_insert(pass::Verdict::Approve);
        }
    }
    Ok(pass::Run {
        reference: RunReference {
            name: run.name_any(),
            uid: run.uid().unwrap_or_default(),
            namespace: namespace.clone(),
        },
        owner: (*owner).clone(),
        store_prefix: format!("{owner}/{namespace}"),
        created: run.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        action: match run.spec.action {
            RunAction::Verify => pass::Action::Verify,
            RunAction::Pull => pass::Action::Pull,
            RunAction::Simulate => pass::Action::Simulate,
            RunAction::Push => pass::Action::Push,
            RunAction::EmptyCache => pass::Action::EmptyCache,
            RunAction::Remove => pass::Action::Remove,
        },
        manual: super::is_manual(run),
        subject,
        decisions,
        frozen_until: frozen_until(&windows.unwrap_or_default(), inputs.now),
        approval: pass::Approval {
            mode: approval.map(|approval| approval.mode).unwrap_or_default().into(),
            expires_after_seconds: approval.and_then(|approval| approval.expires_after.seconds()).unwrap_or(0),
        },
    })
}

/// The schedule that the run names, if it names one.
pub fn schedule_of<'a>(inputs: &Inputs<'a>) -> Result<Option<&'a GalSyncSchedule>, Unable> {
    let Some(reference) = &inputs.run.spec.schedule_ref else { return Ok(None) };
    let name = reference.name.as_str();
    let schedule = each(inputs.schedules).find(|schedule| schedule.name_any() == name);
    schedule.map(Some).ok_or_else(|| Unable::NoSchedule(name.to_owned()))
}

/// What was decided on a run.
pub fn decisions(run: &GalSyncRun) -> BTreeMap<Digest, pass::Verdict> {
    let decisions = run.spec.decisions.as_deref().unwrap_or_default();
    let one = |decision: &crate::api::run::Decision| {
        let verdict = match decision.verdict {
            DecisionVerdict::Approve => pass::Verdict::Approve,
            DecisionVerdict::Reject => pass::Verdict::Reject,
        };
        Some((Digest::parse(decision.plan_digest.as_str()).ok()?, verdict))
    };
    decisions.iter().filter_map(one).collect()
}

fn find<'a>(inputs: &Inputs<'a>, name: &str) -> Result<&'a GalSyncConnector, Unable> {
    let connector = each(inputs.connectors).find(|connector| connector.name_any() == name);
    let connector = connector.ok_or_else(|| Unable::NoConnector(name.to_owned()))?;
    // A run that has started goes on to its end.
    let started = inputs.run.status.as_ref().is_some_and(|status| status.operations.iter().any(|o| o.attempts > 0));
    if connector.spec.suspend && !started {
        return Err(Unable::Suspended(name.to_owned()));
    }
    Ok(connector)
}

fn checked(connector: &GalSyncConnector) -> Result<Connector, Unable> {
    checked_connector(connector).map_err(|error| Unable::Invalid(format!("connector {}", connector.name_any()), error))
}

fn source(
    inputs: &Inputs<'_>,
    connector: &GalSyncConnector,
    rules: SourceRules,
) -> Result<pass::SourceSubject, Unable> {
    let read = read_scope(connector, each(inputs.schedules), inputs.owner)
        .map_err(|error| Unable::Invalid(format!("connector {}", connector.name_any()), error))?;
    let checked = checked(connector)?;
    Ok(pass::SourceSubject {
        last_pull: siblings::last_pull(connector, checked.fingerprint(&read), inputs.runs),
        connector: checked,
        rules,
        read,
    })
}

fn schedule_subject(inputs: &Inputs<'_>, schedule: &GalSyncSchedule) -> Result<pass::ScheduleSubject, Unable> {
    let Inputs { run, owner, connectors, .. } = inputs;
    let name = schedule.name_any();
    let invalid = |error| Unable::Invalid(format!("schedule {name}"), error);
    let mut sources = Vec::new();
    for (index, written) in schedule.spec.sources.iter().enumerate() {
        let connector = find(inputs, written.connector_ref.name.as_str())?;
        sources.push(source(inputs, connector, source_rules(schedule, index).map_err(invalid)?)?);
    }
    if let Some(unknown) = run
        .spec
        .targets
        .iter()
        .flatten()
        .find(|wanted| !schedule.spec.targets.iter().any(|target| target.connector_ref.name == **wanted))
    {
        return Err(Unable::NoTarget(name, unknown.to_string()));
    }
    let known = siblings::known_plans(inputs)?;
    let mut targets = Vec::new();
    for (index, written) in schedule.spec.targets.iter().enumerate() {
        let target = written.connector_ref.name.as_str();
        let wanted = run.spec.targets.as_ref().is_none_or(|wanted| wanted.iter().any(|name| name.as_str() == target));
        if !wanted || (!known.is_empty() && !known.contains_key(target)) {
            continue;
        }
        targets.push(pass::TargetSubject {
            connector: checked(find(inputs, target)?)?,
            rules: target_rules(schedule, index, owner).map_err(invalid)?,
            pending: siblings::pending(inputs, target),
            successor: siblings::successor(inputs, target),
            rejected: siblings::rejected(inputs),
            known: known.get(target).cloned(),
        });
    }
    let inside: BTreeSet<&str> = schedule
        .spec
        .sources
        .iter()
        .map(|source| source.connector_ref.name.as_str())
        .chain(schedule.spec.targets.iter().map(|target| target.connector_ref.name.as_str()))
        .collect();
    let elsewhere = connectors.iter().filter(|connector| !inside.contains(connector.name_any().as_str()));
    let claims = elsewhere.flat_map(|connector| connector.spec.authoritative_domains.iter().flatten());
    Ok(pass::ScheduleSubject {
        sources,
        targets,
        pass_number: super::pass_number(run)
            .or_else(|| schedule.status.as_ref().map(|status| status.pass_number))
            .unwrap_or(0),
        pull_targets_every: u64::from(schedule.spec.pull_targets_every),
        claimed_elsewhere: claims.filter_map(|domain| Domain::parse(domain.as_str()).ok()).collect(),
        name,
    })
}

/// No sources, so that no contact is wanted; also in targets that the schedule no longer names.
fn removal_subject(inputs: &Inputs<'_>, schedule: &GalSyncSchedule) -> Result<pass::ScheduleSubject, Unable> {
    let name = schedule.name_any();
    let rules =
        removal_rules(schedule, inputs.owner).map_err(|error| Unable::Invalid(format!("schedule {name}"), error))?;
    let all = || schedule.spec.targets.iter().map(|target| target.connector_ref.name.to_string()).collect();
    let wanted = inputs.run.spec.targets.as_ref();
    let wanted: Vec<String> = wanted.map_or_else(all, |names| names.iter().map(ToString::to_string).collect());
    let target = |name: &String| {
        let connector = checked(find(inputs, name)?)?;
        Ok(pass::TargetSubject::new(connector, rules.clone()))
    };
    Ok(pass::ScheduleSubject {
        sources: Vec::new(),
        targets: wanted.iter().map(target).collect::<Result<_, Unable>>()?,
        pass_number: schedule.status.as_ref().map_or(0, |status| status.pass_number),
        pull_targets_every: 1,
        claimed_elsewhere: BTreeSet::new(),
        name,
    })
}
