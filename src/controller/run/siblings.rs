//! What other runs of the same schedule say about a target of this one. Pure.

use super::inputs::{Inputs, decisions};
use super::slots::age;
use super::{is_completed, is_manual, wire};
use crate::api::reasons::RunTargetResult;
use crate::api::run::{GalSyncRunStatus, OperationKind, OperationResult, RunAction, RunTarget};
use crate::api::{GalSyncConnector, GalSyncRun};
use crate::controller::context::{Known, each};
use crate::model::Digest;
use crate::pass;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Other runs of the same schedule that have a status. Those that remove contacts plan something else.
fn siblings<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = (&'a GalSyncRun, &'a GalSyncRunStatus)> + 'a {
    let own = inputs.run.uid();
    each(inputs.runs)
        .filter(move |run| run.uid() != own && run.spec.schedule_ref == inputs.run.spec.schedule_ref)
        .filter(|run| run.spec.action != RunAction::Remove)
        .filter_map(|run| Some((run, run.status.as_ref()?)))
}

fn shown<'a>(status: &'a GalSyncRunStatus, target: &str) -> Option<(&'a RunTarget, RunTargetResult)> {
    let shown = status.targets.iter().find(|shown| shown.connector.as_str() == target)?;
    Some((shown, shown.result?))
}

/// The plan of this target that another run left waiting; of several the newest.
pub fn pending(inputs: &Inputs<'_>, target: &str) -> Option<pass::PendingPlan> {
    let waiting = siblings(inputs).filter(|(run, _)| !is_completed(run)).filter_map(|(run, status)| {
        let (shown, result) = shown(status, target)?;
        let plan = shown.plan.as_ref()?;
        let digest = Digest::parse(plan.digest.as_str()).ok()?;
        let expires_at = match result {
            RunTargetResult::ApprovalRequired => Some(plan.expires_at.as_ref()?.0),
            RunTargetResult::WaitingForQuota | RunTargetResult::WaitingForFreezeEnd => None,
            _ => return None,
        };
        Some((age(run), pass::PendingPlan { digest, run: run.name_any(), expires_at }))
    });
    waiting.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, plan)| plan)
}

/// What a later run says about a target whose plan waits on this one.
pub fn successor(inputs: &Inputs<'_>, target: &str) -> Option<pass::Successor> {
    use RunTargetResult::{
        ApprovalRequired, InSync, PartiallySucceeded, Pushed, Pushing, QuotaExceeded, RemovalsHeld, Simulated,
        WaitingForFreezeEnd, WaitingForQuota,
    };
    let own = age(inputs.run);
    let (_, waiting) = inputs.run.status.as_ref().and_then(|status| shown(status, target))?;
    let digest = |target: &RunTarget| target.plan.as_ref().map(|plan| plan.digest.clone());
    let own_digest = inputs.run.status.as_ref().and_then(|status| digest(shown(status, target)?.0));
    if waiting != RunTargetResult::ApprovalRequired {
        return None;
    }
    let later = siblings(inputs).filter(|(run, _)| age(run) > own).filter_map(|(run, status)| {
        let (shown, result) = shown(status, target)?;
        let in_sync = match result {
            InSync | RemovalsHeld => true,
            ApprovalRequired | WaitingForQuota | WaitingForFreezeEnd | Pushing | Pushed | PartiallySucceeded
            | QuotaExceeded => false,
            // Only a person's simulation replaces what waits, and only where it shows something else.
            Simulated if is_manual(run) && digest(shown) != own_digest => false,
            _ => return None,
        };
        Some((age(run), pass::Successor { run: run.name_any(), in_sync }))
    });
    later.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, successor)| successor)
}

/// The connector's complete pulls that are known, by whichever run. Its own status may lag behind the runs.
pub fn pulls(connector: &GalSyncConnector, runs: &[Known<GalSyncRun>]) -> Vec<pass::LastPull> {
    let name = connector.name_any();
    let told = connector.status.as_ref().and_then(|status| wire::last_pull(status.last_pull.as_ref()?));
    let of_run = |run: &Known<GalSyncRun>| {
        let operations = &run.status.as_ref()?.operations;
        let pull = operations.iter().find(|o| o.kind == OperationKind::Pull && o.connector.as_str() == name)?;
        if pull.result != Some(OperationResult::Succeeded) {
            return None;
        }
        let outcome = wire::outcome(pull)?;
        wire::last_pull(&wire::last_pull_of(&run.name_any(), &outcome, outcome.source.as_ref()?))
    };
    runs.iter().filter_map(of_run).chain(told).collect()
}

/// The plans that people rejected on other runs of the schedule.
pub fn rejected(inputs: &Inputs<'_>) -> BTreeMap<Digest, String> {
    let of_run = |run: &GalSyncRun| {
        let name = run.name_any();
        decisions(run).into_iter().filter(|(_, verdict)| *verdict == pass::Verdict::Reject).map(move |(digest, _)| {
            let name = name.clone();
            (digest, name)
        })
    };
    siblings(inputs).flat_map(|(run, _)| of_run(run)).collect()
}

/// Those of the plans that another run shows, each with its target.
pub fn shown_plans(inputs: &Inputs<'_>, digests: &[Digest]) -> BTreeMap<Digest, (String, pass::KnownPlan)> {
    let shown = |digest: Digest| {
        siblings(inputs).find_map(|(run, status)| {
            let (connector, summary) = wire::plan_shown(status, digest)?;
            let approved = decisions(run).get(&digest) == Some(&pass::Verdict::Approve);
            Some((digest, (connector, pass::KnownPlan { summary, approved })))
        })
    };
    digests.iter().filter_map(|digest| shown(*digest)).collect()
}
