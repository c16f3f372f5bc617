//! What a run is made of: its manifest, those of its namespace, and what the other runs there say. Pure.

use super::siblings;
use crate::api::run::DecisionVerdict;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::context::{Known, each};
use crate::model::{Digest, OwnerId};
use crate::operation::RunReference;
use crate::pass;
use crate::resolve::{self, Namespace, NotRunnable, OtherRuns, RunInputs, SubjectName};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Everything that a run is built from: all objects of its namespace.
pub struct Inputs<'a> {
    pub run: &'a GalSyncRun,
    pub connectors: &'a [Known<GalSyncConnector>],
    pub schedules: &'a [Known<GalSyncSchedule>],
    pub runs: &'a [Known<GalSyncRun>],
    pub owner: &'a OwnerId,
    pub now: Timestamp,
}

/// The input of [`crate::pass::next`].
pub fn pass_run(inputs: &Inputs<'_>) -> Result<pass::Run, NotRunnable> {
    let Inputs { run, owner, now, .. } = inputs;
    let namespace = Namespace::new(each(inputs.connectors), each(inputs.schedules));
    let subject = match (&run.spec.schedule_ref, &run.spec.connector_ref) {
        (Some(schedule), _) => SubjectName::Schedule {
            name: schedule.name.as_str(),
            targets: run.spec.targets.as_ref().map(|names| names.iter().map(|name| name.as_str()).collect()),
            plans: plan_digests(run),
        },
        (None, Some(connector)) => SubjectName::Connector(connector.name.as_str()),
        (None, None) => return Err(NotRunnable::NoSchedule(String::new())),
    };
    let others = other_runs(inputs, &namespace, &subject);
    let run_inputs = RunInputs {
        reference: RunReference {
            name: run.name_any(),
            uid: run.uid().unwrap_or_default(),
            namespace: run.namespace().unwrap_or_default(),
        },
        owner,
        created: run.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        now: *now,
        action: resolve::action(run.spec.action),
        manual: super::is_manual(run),
        started: run.status.as_ref().is_some_and(|status| status.operations.iter().any(|o| o.attempts > 0)),
        subject,
        pass_number: super::pass_number(run),
        decisions: decisions(run),
        others,
    };
    resolve::run(&namespace, run_inputs)
}

fn plan_digests(run: &GalSyncRun) -> Vec<Digest> {
    run.spec.plan_digests.iter().flatten().filter_map(|text| Digest::parse(text.as_str()).ok()).collect()
}

/// What the other runs say about the connectors that this one is about.
fn other_runs(inputs: &Inputs<'_>, namespace: &Namespace<'_>, subject: &SubjectName<'_>) -> OtherRuns {
    let mut others = OtherRuns::default();
    let mut add_pulls = |name: &str| {
        if let Some(connector) = namespace.connector(name) {
            others.pulls.insert(name.to_owned(), siblings::pulls(connector, inputs.runs));
        }
    };
    match subject {
        SubjectName::Connector(name) => add_pulls(name),
        SubjectName::Schedule { name, plans, .. } => {
            let Some(spec) = namespace.schedule(name).map(|schedule| &schedule.spec) else { return others };
            spec.sources.iter().for_each(|source| add_pulls(source.connector_ref.name.as_str()));
            for target in spec.targets.iter().map(|target| target.connector_ref.name.as_str()) {
                let named = |name: &str| name.to_owned();
                others.pending.extend(siblings::pending(inputs, target).map(|plan| (named(target), plan)));
                others.successors.extend(siblings::successor(inputs, target).map(|run| (named(target), run)));
            }
            others.rejected = siblings::rejected(inputs);
            others.plans = siblings::shown_plans(inputs, plans);
        }
    }
    others
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
