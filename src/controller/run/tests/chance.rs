//! Whatever happens in whatever order.

use super::*;

/// What can happen to a run between two looks.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Look,
    /// The operator dies after so many acts.
    Die(usize),
    /// The Job that is chosen ends: well, badly, or without a word.
    Succeed(usize),
    Fail(usize),
    Lose(usize),
    /// Somebody removes it.
    Remove(usize),
    Approve,
    Hours(i64),
}

fn happening() -> impl proptest::strategy::Strategy<Value = Happening> {
    use proptest::prelude::*;
    prop_oneof![
        4 => Just(Happening::Look),
        1 => (0_usize..3).prop_map(Happening::Die),
        3 => (0_usize..4).prop_map(Happening::Succeed),
        1 => (0_usize..4).prop_map(Happening::Fail),
        1 => (0_usize..4).prop_map(Happening::Lose),
        1 => (0_usize..4).prop_map(Happening::Remove),
        1 => Just(Happening::Approve),
        1 => (0_i64..30).prop_map(Happening::Hours),
    ]
}

impl Cluster {
    fn happen(&mut self, happening: Happening) {
        let running: Vec<(String, Slot)> =
            self.jobs.iter().filter(|(_, job)| !job.finished).map(|(place, _)| place.clone()).collect();
        let choose = |number: usize| running.get(number % running.len().max(1)).cloned();
        match happening {
            Happening::Look => {
                self.look();
            }
            Happening::Die(acts) => self.look_and_die_after(acts),
            Happening::Succeed(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                match self.jobs[&(connector.clone(), slot)].operation {
                    OperationType::Pull => self.pulled(&connector),
                    _ => drop(self.planned(2, &[UnsafeReason::FirstSync])),
                }
            }
            Happening::Fail(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                let outcome = Outcome::new(Verdict::Failed, Reason::Unreachable, "no route", self.now, self.now);
                self.end(&connector, slot, JobState::Ended(End::Outcome(Box::new(outcome))));
            }
            Happening::Lose(number) => {
                let Some((connector, slot)) = choose(number) else { return };
                self.end(&connector, slot, JobState::Ended(End::Lost(Loss::interrupted("its pod is gone"))));
            }
            Happening::Remove(number) => {
                choose(number).map(|place| self.jobs.remove(&place));
            }
            Happening::Approve => {
                let targets = self.run.status.iter().flat_map(|status| &status.targets);
                let digest = targets.filter_map(|target| target.plan.as_ref()).map(|plan| plan.digest.clone()).next();
                let Some(digest) = digest.filter(|_| self.run.spec.decisions.is_none()) else { return };
                self.answer(&digest, "Approve");
            }
            Happening::Hours(hours) => self.now += SignedDuration::from_hours(hours),
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Whatever happens in whatever order: no slot ever holds two Jobs (`carry_out` insists), no outcome that was
    /// seen is lost, nothing is pushed that nobody approved, and the run ends.
    #[test]
    fn every_run_ends(happenings in proptest::collection::vec(happening(), 0..60)) {
        let mut cluster = Cluster::push();
        let mut recorded = 0;
        let finished = |cluster: &Cluster| cluster.run.status.iter().flat_map(|status| &status.operations)
            .filter(|operation| operation.outcome.is_some()).count();
        for happening in happenings {
            if is_completed(&cluster.run) {
                break;
            }
            cluster.happen(happening);
            let pushed = cluster.jobs.values().any(|job| job.operation == OperationType::Push);
            proptest::prop_assert!(!pushed || cluster.run.spec.decisions.is_some(), "pushed without a decision");
            proptest::prop_assert!(finished(&cluster) >= recorded, "an outcome was lost");
            recorded = finished(&cluster);
        }
        for _ in 0..60 {
            if is_completed(&cluster.run) {
                break;
            }
            cluster.look();
            let places: Vec<(String, Slot)> = cluster.jobs.keys().cloned().collect();
            for (number, _) in places.iter().enumerate() {
                cluster.happen(Happening::Succeed(number));
            }
            cluster.now += SignedDuration::from_hours(10);
        }
        proptest::prop_assert!(is_completed(&cluster.run), "{:?}", cluster.run.status);
    }
}
