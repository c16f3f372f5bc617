//! Plans that wait: for a person, behind another run's plan, for a quota, for the end of a freeze window.

use super::*;

fn unsafe_plan() -> PlanSummary {
    plan(3, &[UnsafeReason::TooManyDeletes])
}

fn planned(plan: PlanSummary) -> [Observed; 2] {
    [pulled("a"), simulated("c", plan)]
}

/// How the target ended, or the step that comes next.
type Came = Result<TargetReason, &'static str>;

#[test]
fn while_a_plan_waits_later_passes_leave_it_in_peace() {
    use TargetReason::{InSync, PendingElsewhere};
    let another = Digest::of(b"another");
    let (same, safe) = (unsafe_plan().digest, plan(3, &[]));
    // The digest that waits, this pass's plan, whether a person made the run, and what comes of it before and
    // after the waiting plan expires.
    let cases: [(Digest, PlanSummary, bool, Came, Came); 7] = [
        (same, unsafe_plan(), false, Ok(PendingElsewhere), Err("approve c")),
        (another, unsafe_plan(), false, Ok(PendingElsewhere), Err("approve c")),
        (another, unsafe_plan(), true, Err("approve c"), Err("approve c")),
        // Even a safe one: later passes of that target only simulate.
        (another, safe.clone(), false, Ok(PendingElsewhere), Err("push c")),
        // The very set that waits needs nobody any more: its limits were raised.
        (same, safe.clone(), false, Err("push c"), Err("push c")),
        (another, safe, true, Err("push c"), Err("push c")),
        (another, plan(0, &[]), false, Ok(InSync), Ok(InSync)),
    ];
    for (number, (digest, plan, manual, before, later)) in cases.into_iter().enumerate() {
        let mut run = run(Action::Push, &["a"], &["c"]);
        run.manual = manual;
        let pending = PendingPlan { digest, run: "earlier".into(), expires_at: Some(after(100)) };
        schedule(&mut run).targets[0].pending = Some(pending);
        let operations = planned(plan);
        for (time, wanted) in [(10, before), (200, later)] {
            match wanted {
                Ok(wanted) => assert_eq!(reason(&run, &operations, after(time), "c"), wanted, "case {number}"),
                Err(step) => assert_eq!(steps(&run, &operations, after(time)), [step], "case {number}"),
            }
        }
    }
}

#[test]
fn what_is_approved_and_only_waits_for_a_time_does_not_expire() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    let pending = PendingPlan { digest: Digest::of(b"another"), run: "earlier".into(), expires_at: None };
    schedule(&mut run).targets[0].pending = Some(pending);
    let operations = planned(unsafe_plan());
    assert_eq!(reason(&run, &operations, after(1_000_000), "c"), TargetReason::PendingElsewhere);
    assert_eq!(steps(&run, &operations, after(1_000_000)), ["Succeeded"]);
}

#[test]
fn a_later_run_makes_a_waiting_plan_needless() {
    for (in_sync, words) in [(true, "found nothing left to do"), (false, "has a newer plan")] {
        let mut run = run(Action::Push, &["a"], &["c"]);
        schedule(&mut run).targets[0].successor = Some(Successor { run: "later".into(), in_sync });
        let operations = planned(unsafe_plan());
        let Step::Finish(finish) = next(&run, &operations, after(10)).steps.remove(0) else { panic!("not finished") };
        assert_eq!(finish.reason, RunReason::Superseded);
        assert!(finish.message.contains(words), "{}", finish.message);
        // Too late: what a person approved is pushed.
        run.decisions.insert(unsafe_plan().digest, Verdict::Approve);
        assert_eq!(steps(&run, &operations, after(10)), ["push c"]);
    }
}

#[test]
fn what_was_superseded_does_not_spoil_the_others() {
    let mut run = run(Action::Push, &["a"], &["c", "d"]);
    schedule(&mut run).targets[0].successor = Some(Successor { run: "later".into(), in_sync: true });
    let operations = [pulled("a"), simulated("c", unsafe_plan()), simulated("d", plan(0, &[]))];
    assert_eq!(steps(&run, &operations, after(10)), ["Succeeded"]);
}

#[test]
fn a_rejected_plan_is_not_asked_for_again_by_passes() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    schedule(&mut run).targets[0].rejected = [(unsafe_plan().digest, "earlier".to_owned())].into();
    let operations = planned(unsafe_plan());
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::Rejected);
    assert_eq!(steps(&run, &planned(plan(4, &[UnsafeReason::TooManyDeletes])), after(10)), ["approve c"]);
    assert_eq!(steps(&run, &planned(plan(3, &[])), after(10)), ["push c"], "its limits were raised");
    run.manual = true;
    assert_eq!(steps(&run, &operations, after(10)), ["approve c"]);
    run.manual = false;
    run.decisions.insert(unsafe_plan().digest, Verdict::Approve);
    assert_eq!(steps(&run, &operations, after(10)), ["push c"], "a decision on the run itself holds");
}

fn paused(retry_at: Option<Timestamp>) -> Observed {
    let mut outcome = outcome(OperationVerdict::QuotaExceeded, Reason::QuotaExceeded);
    outcome.retry_at = retry_at;
    observed(OperationType::Push, "c", 1, State::Finished(Box::new(outcome)))
}

#[test]
fn a_quota_parks_the_push_which_goes_on_with_the_same_set() {
    let mut run = run(Action::Push, &["a"], &["c", "d"]);
    run.decisions.insert(unsafe_plan().digest, Verdict::Approve);
    let mut operations =
        [&planned(unsafe_plan())[..], &[paused(Some(after(9_000))), simulated("d", plan(0, &[]))]].concat();
    assert_eq!(steps(&run, &operations, after(10)), ["wait for quota c"]);
    // Long after the approval would have expired.
    assert_eq!(steps(&run, &operations, after(9_000)), ["push c#2"]);
    let Step::Start(request) = next(&run, &operations, after(9_000)).steps.remove(0) else { panic!("no start") };
    assert!(matches!(request.operation, Operation::Push { plan, .. } if plan == unsafe_plan().digest));
    // Parkings do not use up the attempts of a push that is killed.
    operations[2] = Observed { quota_pauses: 5, attempt: 7, ..paused(None) };
    operations[2].state = State::Interrupted;
    assert_eq!(steps(&run, &operations, after(10)), ["push c#8"]);
    operations[2].attempt = 8;
    assert_eq!(reason(&run, &operations, after(10), "c"), TargetReason::PushFailed);
    // It ends some day, and at once where the target does not say when.
    for observed in [Observed { quota_pauses: MAX_QUOTA_PAUSES, ..paused(Some(after(1))) }, paused(None)] {
        operations[2] = observed;
        assert_eq!(steps(&run, &operations, after(10)), ["QuotaExceeded"]);
    }
}

#[test]
fn removals_that_are_held_alone_make_no_push() {
    let run = run(Action::Push, &["a"], &["c"]);
    let held = |creates, hides| {
        let mut plan = plan(creates, &[]);
        (plan.counts.users.hide, plan.held) = (hides, hides);
        plan
    };
    assert_eq!(reason(&run, &planned(held(0, 8)), after(10), "c"), TargetReason::RemovalsHeld);
    assert_eq!(steps(&run, &planned(held(0, 8)), after(10)), ["Succeeded"]);
    assert_eq!(steps(&run, &planned(held(1, 8)), after(10)), ["push c"]);
}

#[test]
fn nothing_is_pushed_in_a_freeze_window() {
    let mut run = run(Action::Push, &["a"], &["c"]);
    run.frozen_until = Some(after(500));
    let safe = planned(plan(3, &[]));
    assert_eq!(reason(&run, &safe, after(10), "c"), TargetReason::Frozen, "a later pass plans anew");
    assert_eq!(steps(&run, &safe, after(10)), ["Succeeded"]);
    assert_eq!(steps(&run, &planned(plan(0, &[])), after(10)), ["Succeeded"]);
    let operations = planned(unsafe_plan());
    assert_eq!(steps(&run, &operations, after(10)), ["approve c"], "a decision can be made meanwhile");
    run.decisions.insert(unsafe_plan().digest, Verdict::Approve);
    assert_eq!(steps(&run, &operations, after(10)), ["frozen c"], "and is not lost");
    assert_eq!(steps(&run, &operations, after(500)), ["push c"]);
    // A push that was killed or waits for a quota does not go on within the window either; one that runs does.
    let push = |attempt, state| observed(OperationType::Push, "c", attempt, state);
    for (observed, wanted) in [
        (push(1, State::Interrupted), "frozen c"),
        (paused(Some(after(5))), "frozen c"),
        (push(1, State::Running), "wait c"),
    ] {
        let operations = [&planned(unsafe_plan())[..], &[observed]].concat();
        assert_eq!(steps(&run, &operations, after(10)), [wanted]);
    }
}
