//! Situations of a run, as tables: what has been observed, and what comes next.

mod waiting;

use super::*;
use crate::model::connector::{Connector, MemoryFile, RateLimit, ReadScope, System};
use crate::model::filters::Filters;
use crate::model::mapping::Mapping;
use crate::model::reason::UnsafeReason;
use crate::model::safety::{ApprovalMode, Policy, Safety};
use crate::model::schedule::{Conflict, SourceRules, TargetRules};
use crate::model::{Digest, Domain, OwnerId, SyncId};
use crate::operation::samples::{plan, source_counts};
use crate::operation::{
    Operation, OperationType, Outcome, PlanSummary, Reason, RunReference, SourceCounts, Verdict as OperationVerdict,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const CREATED: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn after(seconds: i64) -> Timestamp {
    CREATED + SignedDuration::from_secs(seconds)
}

fn connector(name: &str) -> Connector {
    Connector {
        name: name.to_owned(),
        system: System::Memory(MemoryFile { path: name.to_owned() }),
        authoritative_domains: [Domain::parse(&format!("{name}.test")).unwrap()].into(),
        shared_domains: BTreeSet::new(),
        same_organization_as: None,
        filters: Filters::default(),
        owner_attribute: "mark".to_owned(),
        rate_limit: RateLimit::default(),
        full_pull_every_seconds: 604_800,
    }
}

fn source(name: &str) -> SourceSubject {
    SourceSubject {
        connector: connector(name),
        rules: SourceRules { filters: Filters::open() },
        read: ReadScope::default(),
        last_pull: None,
    }
}

fn last_pull(source: &SourceSubject, started: Timestamp) -> LastPull {
    let name = &source.connector.name;
    LastPull {
        started,
        fingerprint: source.connector.fingerprint(&source.read),
        snapshot: Digest::of(format!("old {name}").as_bytes()),
        identity: format!("id-{name}"),
        run: None,
    }
}

fn target(name: &str) -> TargetSubject {
    let rules = TargetRules {
        owner: OwnerId::new("test").unwrap(),
        sync: SyncId::new("sync").unwrap(),
        policy: Policy::Sync,
        mapping: Mapping::default(),
        safety: Safety::default(),
        hide_for_seconds: 0,
        conflict: Conflict::default(),
    };
    TargetSubject::new(connector(name), rules)
}

fn run(action: Action, sources: &[&str], targets: &[&str]) -> Run {
    Run {
        reference: RunReference { namespace: "ns".into(), name: "run".into(), uid: "uid".into() },
        owner: OwnerId::new("test").unwrap(),
        store_prefix: "test/ns".into(),
        created: CREATED,
        action,
        manual: false,
        subject: Subject::Schedule(Box::new(ScheduleSubject {
            name: "schedule".into(),
            sources: sources.iter().map(|name| source(name)).collect(),
            targets: targets.iter().map(|name| target(name)).collect(),
            pass_number: 3,
            pull_targets_every: 2,
            claimed_elsewhere: BTreeSet::new(),
        })),
        decisions: BTreeMap::new(),
        approval: Approval { mode: ApprovalMode::WhenUnsafe, expires_after_seconds: 3600 },
        frozen_until: None,
    }
}

fn schedule(run: &mut Run) -> &mut ScheduleSubject {
    match &mut run.subject {
        Subject::Schedule(schedule) => schedule,
        Subject::Connector(_) => panic!("the run is of a schedule"),
    }
}

fn observed(kind: OperationType, connector: &str, attempt: u32, state: State) -> Observed {
    Observed { kind, connector: connector.to_owned(), attempt, quota_pauses: 0, state }
}

fn outcome(verdict: OperationVerdict, reason: Reason) -> Outcome {
    Outcome::new(verdict, reason, "", after(1), after(2))
}

fn pulled(name: &str) -> Observed {
    pulled_as(name, &format!("id-{name}"))
}

fn pulled_as(name: &str, identity: &str) -> Observed {
    let mut outcome = outcome(OperationVerdict::Succeeded, Reason::Completed);
    outcome.source = Some(SourceCounts { identity: identity.to_owned(), ..source_counts(name) });
    observed(OperationType::Pull, name, 1, State::Finished(Box::new(outcome)))
}

fn simulated(name: &str, plan: PlanSummary) -> Observed {
    let mut outcome = outcome(OperationVerdict::Succeeded, Reason::Completed);
    outcome.plan = Some(plan);
    observed(OperationType::Simulate, name, 1, State::Finished(Box::new(outcome)))
}

fn ended(kind: OperationType, name: &str, verdict: OperationVerdict, reason: Reason) -> Observed {
    observed(kind, name, 1, State::Finished(Box::new(outcome(verdict, reason))))
}

/// The steps in short: `pull a`, `simulate b#2` for a second attempt, `wait b`, `approve b`, `share a`, or the
/// run's reason.
fn steps(run: &Run, operations: &[Observed], now: Timestamp) -> Vec<String> {
    let short = |step: Step| match step {
        Step::Start(request) => {
            let connector = request.operation.connector().map_or("", |c| c.name.as_str());
            let attempt = if request.attempt > 1 { format!("#{}", request.attempt) } else { String::new() };
            format!("{} {connector}{attempt}", request.operation.kind().name().to_lowercase())
        }
        Step::Share { connector, .. } => format!("share {connector}"),
        Step::Wait { connector, reason: WaitReason::OperationRunning, .. } => format!("wait {connector}"),
        Step::Wait { connector, reason: WaitReason::ApprovalRequired, .. } => format!("approve {connector}"),
        Step::Wait { connector, reason: WaitReason::WaitingForQuota, .. } => format!("wait for quota {connector}"),
        Step::Wait { connector, reason: WaitReason::Frozen, .. } => format!("frozen {connector}"),
        Step::Finish(finish) => finish.reason.label().to_owned(),
    };
    next(run, operations, now).steps.into_iter().map(short).collect()
}

fn reason(run: &Run, operations: &[Observed], now: Timestamp, name: &str) -> TargetReason {
    let next = next(run, operations, now);
    let state = next.targets.into_iter().find(|(target, _)| target == name).expect("a target of the run").1;
    match state {
        TargetState::Ended { reason, .. } => reason,
        other => panic!("{name} has not ended: {other:?}"),
    }
}

#[test]
fn a_pass_from_beginning_to_end() {
    let run = run(Action::Push, &["a", "b"], &["c"]);
    let mut operations = Vec::new();
    let mut check = |add: Option<Observed>, wanted: &[&str]| {
        if let Some(add) = add {
            operations.retain(|o: &Observed| o.kind != add.kind || o.connector != add.connector);
            operations.push(add);
        }
        assert_eq!(steps(&run, &operations, after(10)), wanted);
    };
    check(None, &["pull a", "pull b"]);
    check(Some(observed(OperationType::Pull, "a", 1, State::Running)), &["wait a", "pull b"]);
    check(Some(pulled("a")), &["pull b"]);
    check(Some(pulled("b")), &["simulate c"]);
    check(Some(observed(OperationType::Simulate, "c", 1, State::Running)), &["wait c"]);
    check(Some(simulated("c", plan(3, &[]))), &["push c"]);
    check(Some(observed(OperationType::Push, "c", 1, State::Running)), &["wait c"]);
    check(Some(ended(OperationType::Push, "c", OperationVerdict::Succeeded, Reason::Completed)), &["Succeeded"]);
}

#[test]
fn an_empty_plan_makes_no_push() {
    let run = run(Action::Push, &["a"], &["c"]);
    let operations = [pulled("a"), simulated("c", plan(0, &[]))];
    assert_eq!(steps(&run, &operations, after(10)), ["Succeeded"]);
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::InSync);
}

#[test]
fn an_action_is_how_far_the_pass_goes() {
    let simulate = run(Action::Simulate, &["a"], &["c"]);
    assert_eq!(steps(&simulate, &[pulled("a"), simulated("c", plan(1, &[]))], after(10)), ["Succeeded"]);
    let pull = run(Action::Pull, &["a"], &["c"]);
    assert_eq!(steps(&pull, &[], after(10)), ["pull a"]);
    assert_eq!(steps(&pull, &[pulled("a")], after(10)), ["Succeeded"]);
}

#[test]
fn an_unsafe_plan_waits_in_every_mode() {
    for mode in [ApprovalMode::WhenUnsafe, ApprovalMode::Always] {
        let mut run = run(Action::Push, &["a"], &["c"]);
        run.approval.mode = mode;
        let unsafe_plan = plan(3, &[UnsafeReason::FirstSync]);
        let digest = unsafe_plan.digest;
        let operations = [pulled("a"), simulated("c", unsafe_plan)];
        assert_eq!(steps(&run, &operations, after(10)), ["approve c"], "{mode:?}");
        assert_eq!(reason(&run, &operations, after(4000), "c"), TargetReason::ApprovalExpired);
        run.decisions.insert(Digest::of(b"another plan"), Verdict::Approve);
        assert_eq!(steps(&run, &operations, after(10)), ["approve c"], "a decision about another plan");
        run.decisions.insert(digest, Verdict::Approve);
        assert_eq!(steps(&run, &operations, after(10)), ["push c"]);
        run.decisions.insert(digest, Verdict::Reject);
        assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::Rejected);
    }
}

#[test]
fn only_always_asks_about_a_safe_plan() {
    for (mode, wanted) in [(ApprovalMode::WhenUnsafe, "push c"), (ApprovalMode::Always, "approve c")] {
        let mut run = run(Action::Push, &["a"], &["c"]);
        run.approval.mode = mode;
        assert_eq!(steps(&run, &[pulled("a"), simulated("c", plan(3, &[]))], after(10)), [wanted]);
    }
}

#[test]
fn targets_do_not_hold_each_other() {
    let run = run(Action::Push, &["a"], &["c", "d", "e"]);
    let failed = ended(OperationType::Simulate, "d", OperationVerdict::Failed, Reason::Unreachable);
    let mut operations =
        vec![pulled("a"), simulated("c", plan(3, &[UnsafeReason::FirstSync])), failed, simulated("e", plan(1, &[]))];
    assert_eq!(steps(&run, &operations, after(10)), ["approve c", "push e"]);
    operations.push(ended(OperationType::Push, "e", OperationVerdict::Succeeded, Reason::Completed));
    assert_eq!(steps(&run, &operations, after(10)), ["approve c"]);
    assert_eq!(steps(&run, &operations, after(4000)), ["PartiallySucceeded"]);
}

#[test]
fn a_killed_operation_is_tried_three_times() {
    let run = run(Action::Push, &["a"], &["c"]);
    let interrupted = |kind, name, attempt| observed(kind, name, attempt, State::Interrupted);
    assert_eq!(steps(&run, &[interrupted(OperationType::Pull, "a", 1)], after(10)), ["pull a#2"]);
    assert_eq!(steps(&run, &[interrupted(OperationType::Pull, "a", 3)], after(10)), ["Failed"]);
    let mut operations = vec![pulled("a"), simulated("c", plan(1, &[])), interrupted(OperationType::Push, "c", 2)];
    assert_eq!(steps(&run, &operations, after(10)), ["push c#3"]);
    operations[2].attempt = 3;
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::PushFailed);
}

#[test]
fn a_failed_source_is_served_by_its_last_snapshot_while_that_is_young() {
    let failed = ended(OperationType::Pull, "a", OperationVerdict::Failed, Reason::Unreachable);
    let mut run = run(Action::Push, &["a", "b"], &["c"]);
    let operations = [failed, pulled("b")];
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::SourceIncomplete);

    let pull = last_pull(&schedule(&mut run).sources[0], after(-3600));
    schedule(&mut run).sources[0].last_pull = Some(pull.clone());
    let Step::Start(request) = next(&run, &operations, after(10)).steps.remove(0) else { panic!("no start") };
    let Operation::Simulate(simulate) = request.operation else { panic!("no simulation") };
    assert_eq!((simulate.sources[0].snapshot, simulate.sources[0].fresh), (pull.snapshot, false));
    assert!(simulate.sources[1].fresh);
    // A plan that lacks a source is no full success, and says which.
    let mut done = operations.to_vec();
    done.push(simulated("c", plan(0, &[])));
    let Step::Finish(finish) = next(&run, &done, after(10)).steps.remove(0) else { panic!("not finished") };
    assert_eq!(finish.reason, RunReason::PartiallySucceeded);
    assert!(finish.message.contains("source a: Unreachable; its snapshot of 2023-"), "{}", finish.message);

    assert_eq!(reason(&run, &operations, after(73 * 3600), "c"), TargetReason::SourceIncomplete);
    schedule(&mut run).sources[0].last_pull = Some(LastPull { fingerprint: Digest::of(b"other"), ..pull });
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::SourceIncomplete, "other settings");
}

#[test]
fn a_pull_that_started_after_the_run_was_made_is_shared() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    for (started, wanted) in [(after(-1), "pull a"), (after(1), "share a")] {
        let pull = last_pull(&schedule(&mut run).sources[0], started);
        schedule(&mut run).sources[0].last_pull = Some(pull);
        assert_eq!(steps(&run, &[], after(10)), [wanted]);
    }
    let pull = last_pull(&schedule(&mut run).sources[0], after(1));
    let shared = observed(OperationType::Pull, "a", 1, State::Shared(pull));
    assert_eq!(steps(&run, &[shared], after(10)), ["simulate c"]);
    run.action = Action::Pull;
    run.manual = true;
    assert_eq!(steps(&run, &[], after(10)), ["pull a"], "a person who asks for a pull gets one");
}

#[test]
fn an_approved_plan_is_pushed_from_the_newest_snapshot() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    let pull = last_pull(&schedule(&mut run).sources[0], after(600));
    schedule(&mut run).sources[0].last_pull = Some(pull.clone());
    let Step::Start(request) = next(&run, &[pulled("a"), simulated("c", plan(1, &[]))], after(700)).steps.remove(0)
    else {
        panic!("no start")
    };
    let Operation::Push { simulate, .. } = request.operation else { panic!("no push") };
    assert_eq!(simulate.sources[0].snapshot, pull.snapshot);
}

#[test]
fn a_mesh_never_writes_back_to_where_it_reads() {
    let run = run(Action::Simulate, &["a", "b"], &["a", "b"]);
    let sources = |step: &Step| match step {
        Step::Start(request) => match &request.operation {
            Operation::Simulate(s) => s.sources.iter().map(|source| source.connector.name.clone()).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let next = next(&run, &[pulled("a"), pulled("b")], after(10));
    assert_eq!(next.steps.iter().map(sources).collect::<Vec<Vec<String>>>(), [["b"], ["a"]]);
}

#[test]
fn two_connectors_to_one_system_are_refused() {
    let run = run(Action::Push, &["a", "b"], &["c"]);
    let operations = [pulled_as("a", "same"), pulled_as("b", "same")];
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::SameIdentity);
}

#[test]
fn a_source_that_speaks_for_no_domain_has_no_plan() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    schedule(&mut run).sources[0].connector.authoritative_domains.clear();
    assert_eq!(reason(&run, &[pulled("a")], after(10), "c"), TargetReason::DomainsUnknown);
}

#[test]
fn known_plans_start_at_the_push() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    let pull = last_pull(&schedule(&mut run).sources[0], after(-600));
    schedule(&mut run).sources[0].last_pull = Some(pull);
    let known = KnownPlan { summary: plan(3, &[UnsafeReason::FirstSync]), approved: false };
    schedule(&mut run).targets[0].known = Some(known.clone());
    assert_eq!(steps(&run, &[], after(10)), ["approve c"]);
    schedule(&mut run).targets[0].known = Some(KnownPlan { approved: true, ..known });
    assert_eq!(steps(&run, &[], after(10)), ["push c"]);
    let missing = ended(OperationType::Push, "c", OperationVerdict::Failed, Reason::PlanMissing);
    assert_eq!(steps(&run, &[missing], after(10)), ["PlanMissing"]);
}

#[test]
fn runs_of_one_connector_are_one_operation() {
    for (action, kind, wanted) in [
        (Action::Verify, OperationType::Verify, "verify a"),
        (Action::EmptyCache, OperationType::EmptyCache, "emptycache a"),
        (Action::Pull, OperationType::Pull, "pull a"),
    ] {
        let run = Run { subject: Subject::Connector(Box::new(source("a"))), ..run(action, &[], &[]) };
        assert_eq!(steps(&run, &[], after(10)), [wanted]);
        assert_eq!(steps(&run, &[observed(kind, "a", 1, State::Running)], after(10)), ["wait a"]);
        let done = ended(kind, "a", OperationVerdict::Succeeded, Reason::Completed);
        assert_eq!(steps(&run, &[done], after(10)), ["Succeeded"]);
        let failed = ended(kind, "a", OperationVerdict::Failed, Reason::AuthenticationFailed);
        assert_eq!(steps(&run, &[failed], after(10)), ["Failed"]);
    }
}
