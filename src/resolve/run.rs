//! From the manifests to the input of [`crate::pass::next`].

use super::namespace::{Namespace, checked, connector_name, schedule_name, sources, targets};
use super::{NotRunnable, read_scope};
use crate::api::convert::{approval_expiry, freezes, removal_rules, source_rules, target_rules};
use crate::api::run::RunAction;
use crate::api::{GalSyncConnector, GalSyncSchedule};
use crate::model::filters::Filters;
use crate::model::safety::ApprovalMode;
use crate::model::schedule::SourceRules;
use crate::model::timing::frozen_until;
use crate::model::{Digest, Domain, OwnerId};
use crate::operation::RunReference;
use crate::pass::{self, Action};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a run is made of, beside the manifests.
pub struct RunInputs<'a> {
    pub reference: RunReference,
    pub owner: &'a OwnerId,
    pub created: Timestamp,
    pub now: Timestamp,
    pub action: Action,
    /// Asked for by a person, not by the schedule.
    pub manual: bool,
    /// A run that has started goes on to its end, also where a connector has been suspended meanwhile.
    pub started: bool,
    pub subject: SubjectName<'a>,
    /// Absent = the schedule's newest.
    pub pass_number: Option<u64>,
    /// What was decided on the run itself; it holds against what the schedule approves beforehand.
    pub decisions: BTreeMap<Digest, pass::Verdict>,
    pub others: OtherRuns,
}

/// What the run is about.
#[derive(Debug, Clone)]
pub enum SubjectName<'a> {
    Schedule {
        name: &'a str,
        /// Absent = all.
        targets: Option<Vec<&'a str>>,
        /// Plans of other runs to push, in place of new ones.
        plans: Vec<Digest>,
    },
    Connector(&'a str),
}

/// What other runs say; nothing where there are none.
#[derive(Debug, Clone, Default)]
pub struct OtherRuns {
    /// Complete pulls, by connector.
    pub pulls: BTreeMap<String, Vec<pass::LastPull>>,
    /// Plans that wait on another run, by target.
    pub pending: BTreeMap<String, pass::PendingPlan>,
    /// By target.
    pub successors: BTreeMap<String, pass::Successor>,
    pub rejected: BTreeMap<Digest, String>,
    /// Plans that other runs show, each with its target.
    pub plans: BTreeMap<Digest, (String, pass::KnownPlan)>,
}

/// How far a run goes, as its manifest says.
pub fn action(written: RunAction) -> Action {
    match written {
        RunAction::Verify => Action::Verify,
        RunAction::Pull => Action::Pull,
        RunAction::Simulate => Action::Simulate,
        RunAction::Push => Action::Push,
        RunAction::EmptyCache => Action::EmptyCache,
        RunAction::Remove => Action::Remove,
    }
}

/// The run, or what a person must put right before there can be one.
pub fn run(namespace: &Namespace<'_>, inputs: RunInputs<'_>) -> Result<pass::Run, NotRunnable> {
    let of_run = OfRun { namespace, inputs: &inputs };
    let (subject, schedule) = match inputs.subject {
        SubjectName::Connector(name) => {
            let rules = SourceRules { filters: Filters::open() };
            let source = of_run.source(of_run.connector(name)?, rules)?;
            (pass::Subject::Connector(Box::new(source)), None)
        }
        SubjectName::Schedule { name, .. } => {
            let schedule = namespace.schedule(name).ok_or_else(|| NotRunnable::NoSchedule(name.to_owned()))?;
            let subject = match inputs.action {
                Action::Remove => of_run.removal(schedule)?,
                _ if schedule.metadata.deletion_timestamp.is_some() => {
                    return Err(NotRunnable::ScheduleDeleted(name.to_owned()));
                }
                _ => of_run.schedule(schedule)?,
            };
            (pass::Subject::Schedule(Box::new(subject)), Some(schedule))
        }
    };
    let mut decisions = inputs.decisions;
    let mut approval = pass::Approval { mode: ApprovalMode::default(), expires_after_seconds: 0 };
    let mut frozen = None;
    if let Some(schedule) = schedule {
        let invalid = |error| NotRunnable::schedule(schedule_name(schedule), error);
        let written = &schedule.spec.approval;
        for digest in &written.approved_plan_digests {
            if let Ok(digest) = Digest::parse(digest.as_str()) {
                decisions.entry(digest).or_insert(pass::Verdict::Approve);
            }
        }
        let expires_after_seconds = approval_expiry(schedule).map_err(invalid)?;
        approval = pass::Approval { mode: written.mode.into(), expires_after_seconds };
        frozen = frozen_until(&freezes(schedule).map_err(invalid)?, inputs.now);
    }
    Ok(pass::Run {
        owner: inputs.owner.clone(),
        store_prefix: format!("{}/{}", inputs.owner, inputs.reference.namespace),
        reference: inputs.reference,
        created: inputs.created,
        action: inputs.action,
        manual: inputs.manual,
        subject,
        decisions,
        frozen_until: frozen,
        approval,
    })
}

struct OfRun<'a> {
    namespace: &'a Namespace<'a>,
    inputs: &'a RunInputs<'a>,
}

impl OfRun<'_> {
    fn connector(&self, name: &str) -> Result<&GalSyncConnector, NotRunnable> {
        match self.namespace.connector(name).filter(|_| self.inputs.started) {
            Some(connector) => Ok(connector),
            None => self.namespace.usable_connector(name),
        }
    }

    fn source(&self, connector: &GalSyncConnector, rules: SourceRules) -> Result<pass::SourceSubject, NotRunnable> {
        let name = connector_name(connector);
        let read = read_scope(connector, self.namespace.schedules(), self.inputs.owner)
            .map_err(|error| NotRunnable::connector(name, error))?;
        let connector = checked(connector)?;
        let fingerprint = connector.fingerprint(&read);
        let pulls = self.inputs.others.pulls.get(name).into_iter().flatten();
        let last_pull = pulls.filter(|pull| pull.fingerprint == fingerprint).max_by_key(|pull| pull.started).cloned();
        Ok(pass::SourceSubject { connector, rules, read, last_pull })
    }

    fn schedule(&self, schedule: &GalSyncSchedule) -> Result<pass::ScheduleSubject, NotRunnable> {
        let OtherRuns { pending, successors, rejected, .. } = &self.inputs.others;
        let name = schedule_name(schedule);
        let invalid = |error| NotRunnable::schedule(name, error);
        let mut read = Vec::new();
        for (index, source) in sources(schedule).enumerate() {
            let connector = self.connector(source)?;
            read.push(self.source(connector, source_rules(schedule, index).map_err(invalid)?)?);
        }
        let only = self.only_targets();
        if let Some(unknown) = only.into_iter().flatten().find(|only| targets(schedule).all(|target| target != **only))
        {
            return Err(NotRunnable::NoTarget(name.to_owned(), (*unknown).to_owned()));
        }
        let known = self.known_plans()?;
        let mut written = Vec::new();
        for (index, target) in targets(schedule).enumerate() {
            let is_meant = only.is_none_or(|only| only.contains(&target));
            if !is_meant || (!known.is_empty() && !known.contains_key(target)) {
                continue;
            }
            written.push(pass::TargetSubject {
                connector: checked(self.connector(target)?)?,
                rules: target_rules(schedule, index, self.inputs.owner).map_err(invalid)?,
                pending: pending.get(target).cloned(),
                successor: successors.get(target).cloned(),
                rejected: rejected.clone(),
                known: known.get(target).map(|plan| (*plan).clone()),
            });
        }
        Ok(pass::ScheduleSubject {
            name: name.to_owned(),
            sources: read,
            targets: written,
            pass_number: self.pass_number(schedule),
            pull_targets_every: u64::from(schedule.spec.pull_targets_every),
            claimed_elsewhere: self.claimed_elsewhere(schedule),
        })
    }

    /// No sources, so that no contact is wanted; also in targets that the schedule no longer names.
    fn removal(&self, schedule: &GalSyncSchedule) -> Result<pass::ScheduleSubject, NotRunnable> {
        let name = schedule_name(schedule);
        let rules = removal_rules(schedule, self.inputs.owner).map_err(|error| NotRunnable::schedule(name, error))?;
        let names: Vec<&str> = self.only_targets().cloned().unwrap_or_else(|| targets(schedule).collect());
        let target = |name: &&str| Ok(pass::TargetSubject::new(checked(self.connector(name)?)?, rules.clone()));
        Ok(pass::ScheduleSubject {
            name: name.to_owned(),
            sources: Vec::new(),
            targets: names.iter().map(target).collect::<Result<_, NotRunnable>>()?,
            pass_number: self.pass_number(schedule),
            pull_targets_every: 1,
            claimed_elsewhere: BTreeSet::new(),
        })
    }

    fn only_targets(&self) -> Option<&Vec<&str>> {
        match &self.inputs.subject {
            SubjectName::Schedule { targets, .. } => targets.as_ref(),
            SubjectName::Connector(_) => None,
        }
    }

    fn pass_number(&self, schedule: &GalSyncSchedule) -> u64 {
        let newest = schedule.status.as_ref().map(|status| status.pass_number);
        self.inputs.pass_number.or(newest).unwrap_or(0)
    }

    /// The plans that the run is to push, by target.
    fn known_plans(&self) -> Result<BTreeMap<&str, &pass::KnownPlan>, NotRunnable> {
        let SubjectName::Schedule { plans, .. } = &self.inputs.subject else { return Ok(BTreeMap::new()) };
        let known = plans.iter().map(|digest| {
            let (target, plan) = self.inputs.others.plans.get(digest).ok_or(NotRunnable::NoPlan(*digest))?;
            Ok((target.as_str(), plan))
        });
        known.collect()
    }

    /// Domains of connectors that take no part in the schedule.
    fn claimed_elsewhere(&self, schedule: &GalSyncSchedule) -> BTreeSet<Domain> {
        let inside: BTreeSet<&str> = sources(schedule).chain(targets(schedule)).collect();
        let elsewhere = self.namespace.connectors().filter(|connector| !inside.contains(connector_name(connector)));
        let claims = elsewhere.flat_map(|connector| connector.spec.authoritative_domains.iter().flatten());
        claims.filter_map(|domain| Domain::parse(domain.as_str()).ok()).collect()
    }
}
