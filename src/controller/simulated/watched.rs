//! Two operators and whatever may happen to them.

use super::cluster::{Cluster, JOBS, UNSAFE};
use super::line::Fault;
use super::told::Told;
use crate::controller::run;
use crate::model::Digest;
use crate::operation::{Operation, Outcome, Reason, Request, Verdict};
use kube::ResourceExt;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

/// What can happen while the operators work.
#[derive(Debug, Clone, Copy)]
pub enum Happening {
    /// An operator looks at everything; its caches are as they were, or new.
    Look {
        operator: usize,
        fresh: bool,
    },
    /// It dies after so many requests of a look, and another process takes its place.
    Die {
        operator: usize,
        requests: usize,
    },
    /// The Job that is chosen ends: well, badly, or without a word.
    Succeed(usize),
    Fail(usize),
    Lose(usize),
    /// Somebody removes it.
    Remove(usize),
    Kubelet,
    Approve,
    /// The clock goes on, or jumps.
    Seconds(i64),
    Hours(i64),
    /// What the next simulations plan.
    Plan(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0_usize..2, any::<bool>()).prop_map(|(operator, fresh)| Happening::Look { operator, fresh }),
        2 => (0_usize..2, 0_usize..30).prop_map(|(operator, requests)| Happening::Die { operator, requests }),
        4 => (0_usize..4).prop_map(Happening::Succeed),
        1 => (0_usize..4).prop_map(Happening::Fail),
        1 => (0_usize..4).prop_map(Happening::Lose),
        1 => (0_usize..4).prop_map(Happening::Remove),
        3 => Just(Happening::Kubelet),
        1 => Just(Happening::Approve),
        3 => (1_i64..130).prop_map(Happening::Seconds),
        1 => (-30_i64..90).prop_map(Happening::Hours),
        1 => (0..=UNSAFE).prop_map(Happening::Plan),
    ]
}

/// The cluster with what must hold of it.
pub struct Watched {
    pub cluster: Cluster,
    told: Told,
    /// Plans that were carried out, by the UIDs of the Jobs.
    pub pushes: BTreeSet<String>,
}

impl Watched {
    /// Two operators that have seen what there is.
    pub async fn begin() -> Self {
        let mut cluster = Cluster::new(&["a", "b"], &["b", "c"], 2);
        cluster.creates = 2;
        let mut watched = Self { cluster, told: Told::default(), pushes: BTreeSet::new() };
        for operator in 0..2 {
            watched.happen(Happening::Look { operator, fresh: true }).await;
        }
        watched
    }

    fn chosen(&self, number: usize) -> Option<(String, Value)> {
        let running = self.cluster.running();
        running.get(number % running.len().max(1)).cloned()
    }

    fn end(&mut self, number: usize, outcome: impl FnOnce(&Cluster, &Request) -> Outcome) {
        let Some((path, job)) = self.chosen(number) else { return };
        let request = self.cluster.request(&job);
        let outcome = outcome(&self.cluster, &request);
        self.cluster.end(&path, Some(&outcome));
        let uid = job["metadata"]["uid"].as_str().unwrap();
        if matches!(request.operation, Operation::Push { .. }) && outcome.verdict == Verdict::Succeeded {
            self.pushes.insert(uid.to_owned());
        }
        self.told.tells(&self.cluster, &path, uid, request, outcome);
    }

    pub async fn happen(&mut self, happening: Happening) {
        let api = self.cluster.api.clone();
        match happening {
            Happening::Look { operator, fresh } => {
                let operator = &mut self.cluster.operators[operator];
                if fresh {
                    operator.refresh(&api);
                }
                operator.look().await;
            }
            Happening::Die { operator, requests } => {
                let dying = &self.cluster.operators[operator];
                dying.access.breaks(requests, Fault::Dies);
                dying.look().await;
                self.cluster.restart(operator);
                self.cluster.operators[operator].refresh(&api);
            }
            Happening::Succeed(number) => self.end(number, Cluster::good),
            Happening::Fail(number) => self.end(number, |cluster, _| {
                Outcome::new(Verdict::Failed, Reason::Unreachable, "no route", cluster.now(), cluster.now())
            }),
            Happening::Lose(number) => {
                self.chosen(number).into_iter().for_each(|(path, _)| self.cluster.end(&path, None));
            }
            Happening::Remove(number) => {
                if let Some((path, job)) = self.chosen(number) {
                    let mut objects = api.lock();
                    objects.by_path.remove(&path);
                    objects.by_path.remove(&super::api::pod_path(&job));
                }
            }
            Happening::Kubelet => self.cluster.kubelet(),
            Happening::Approve => self.cluster.approve(),
            Happening::Seconds(seconds) => self.cluster.pass_time(seconds),
            Happening::Hours(hours) => self.cluster.pass_time(hours * 3_600),
            Happening::Plan(creates) => self.cluster.creates = creates,
        }
        self.check(happening);
    }

    fn check(&mut self, happening: Happening) {
        self.told.check(&self.cluster);
        // Nothing unsafe is pushed that nobody approved.
        let runs = self.cluster.runs();
        let jobs = self.cluster.api.lock().by_path.clone();
        for (path, job) in jobs.iter().filter(|(path, _)| path.starts_with(JOBS)) {
            if job["metadata"]["labels"]["galsync.dev/operation"] == "Push" {
                let Operation::Push { plan, .. } = self.cluster.request(job).operation else { unreachable!("a push") };
                let owner = &job["metadata"]["labels"]["galsync.dev/run-uid"];
                let run = runs.iter().find(|run| run.uid().as_deref() == owner.as_str());
                let decided = run.is_none_or(|run| run.spec.decisions.is_some());
                let safe = plan != Digest::of(&UNSAFE.to_be_bytes());
                assert!(safe || decided, "{happening:?}: {path} pushes what nobody approved");
            }
        }
    }

    /// All goes well from now on.
    pub async fn settle(&mut self) {
        for _ in 0..80 {
            self.cluster.pass_time(130);
            for operator in 0..2 {
                self.happen(Happening::Look { operator, fresh: true }).await;
            }
            self.happen(Happening::Kubelet).await;
            for number in 0..self.cluster.running().len() {
                self.happen(Happening::Succeed(number)).await;
            }
            self.happen(Happening::Approve).await;
            if self.cluster.runs().iter().all(run::is_completed) && self.cluster.rests() {
                return;
            }
        }
        let open: Vec<_> = self.cluster.runs().into_iter().filter(|run| !run::is_completed(run)).collect();
        panic!("these runs do not end: {open:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    /// Two operators with stale caches, crashes between any two requests, lost and removed Jobs, clocks that jump: no
    /// slot holds two Jobs (the API server sees to it), no outcome is lost, nothing is pushed that nobody approved,
    /// and every run ends.
    #[test]
    fn whatever_happens_every_run_ends(happenings in proptest::collection::vec(happening(), 0..60)) {
        // Reconcilers are deep futures, and unoptimized ones want more stack than a test's thread has.
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || live_through(happenings));
        if let Err(panic) = thread.unwrap().join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn live_through(happenings: Vec<Happening>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut watched = Watched::begin().await;
        for happening in happenings {
            watched.happen(happening).await;
        }
        watched.settle().await;
    });
}

/// `GALSYNC_SOAK` times as many (tests/soak.sh).
fn cases() -> u32 {
    16 * std::env::var("GALSYNC_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
