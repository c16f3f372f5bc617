//! What is seen of the whole controller at work.

use super::cluster::{Cluster, JOBS};
use crate::controller::run;
use crate::model::reason::UnsafeReason;
use crate::operation::{Outcome, Reason, Request, Verdict};
use kube::ResourceExt;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lets a pass go by, second after second, each Job taking the time of its connector.
async fn pass(cluster: &mut Cluster, seconds: &BTreeMap<&str, i64>) {
    let mut begun: BTreeMap<String, i64> = BTreeMap::new();
    let known = cluster.pass_number();
    for second in 0..900 {
        cluster.pass_time(1);
        let api = cluster.api.clone();
        for operator in &mut cluster.operators {
            operator.refresh(&api);
            operator.look().await;
        }
        cluster.kubelet();
        for (path, job) in cluster.running() {
            let name = path.rsplit('/').next().unwrap().to_owned();
            let since = *begun.entry(job["metadata"]["uid"].as_str().unwrap().to_owned()).or_insert(second);
            let connector = name.rsplit_once('-').unwrap().0;
            if second - since >= seconds.get(connector).copied().unwrap_or(5) {
                let outcome = cluster.good(&cluster.request(&job));
                cluster.end(&path, Some(&outcome));
            }
        }
        let runs = cluster.runs();
        if cluster.pass_number() > known && runs.iter().all(run::is_completed) && cluster.rests() {
            return;
        }
    }
    panic!("the pass does not end: {:#?}", cluster.runs().last().and_then(|run| run.status.clone()));
}

#[tokio::test]
async fn a_pass_in_which_nothing_changed_writes_little() {
    let seconds: BTreeMap<&str, i64> = [("a", 15), ("b", 40), ("c", 20)].into();
    for (sources, targets) in [(&["a"][..], &["c"][..]), (&["a", "b"], &["a", "b"]), (&["a", "b"], &["c"])] {
        let mut cluster = Cluster::new(sources, targets, 1);
        // Until every slot holds a Job of an earlier pass, and runs are removed as new ones are made.
        for _ in 0..4 {
            pass(&mut cluster, &seconds).await;
            cluster.pass_time(2 * 86_400);
        }
        // Garbage collection is not the pass's.
        let garbage = |write: &String| write.contains("galsync-garbage") || write.contains("collectgarbage");
        cluster.api.lock().writes.clear();
        pass(&mut cluster, &seconds).await;
        let mut writes = cluster.api.lock().writes.clone();
        writes.retain(|write| !garbage(write));
        let operations = writes.iter().filter(|write| write.starts_with(&format!("POST {JOBS}/"))).count();
        assert_eq!(operations, sources.len() + targets.len());
        println!("{operations} operations: {} writes", writes.len());
        assert!(writes.len() <= 6 + 3 * operations, "{} writes:\n{}", writes.len(), writes.join("\n"));
        let last = cluster.runs().into_iter().next_back().unwrap();
        assert!(run::is_completed(&last), "{:?}", last.status);
    }
}

/// What can happen while the operators work.
#[derive(Debug, Clone, Copy)]
enum Happening {
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
        1 => (0_u64..3).prop_map(Happening::Plan),
    ]
}

/// The cluster with what must hold of it.
struct Watched {
    cluster: Cluster,
    /// Jobs that ended with an outcome and that nobody but an operator removes, by UID.
    ended: BTreeMap<String, (String, Request)>,
}

impl Watched {
    fn chosen(&self, number: usize) -> Option<(String, Value)> {
        let running = self.cluster.running();
        running.get(number % running.len().max(1)).cloned()
    }

    fn end(&mut self, number: usize, outcome: impl FnOnce(&Cluster, &Request) -> Outcome) {
        let Some((path, job)) = self.chosen(number) else { return };
        // Of a run that is gone nobody wants to know.
        let request = self.cluster.request(&job);
        let outcome = outcome(&self.cluster, &request);
        self.cluster.end(&path, Some(&outcome));
        self.ended.insert(job["metadata"]["uid"].as_str().unwrap().to_owned(), (path, request));
    }

    async fn happen(&mut self, happening: Happening) {
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
                dying.access.dies_after(Some(requests));
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
        let runs = self.cluster.runs();
        let objects = self.cluster.api.lock();
        // No outcome is lost: a Job that told one is there, or it stands in its run.
        self.ended.retain(|uid, (path, request)| {
            let there = objects.by_path.get(path).is_some_and(|job| job["metadata"]["uid"] == uid.as_str());
            if there {
                return true;
            }
            let Some(reference) = &request.run else { return false };
            let connector = request.operation.connector().map_or("", |connector| connector.name.as_str());
            let run = runs.iter().find(|run| run.uid().as_deref() == Some(reference.uid.as_str()));
            let told =
                run.is_none_or(|run| run::has_recorded(run, request.operation.kind(), connector, request.attempt));
            assert!(told, "{happening:?}: the outcome of {path} is lost: {:?}", run.and_then(|run| run.status.clone()));
            false
        });
        // Nothing unsafe is pushed that nobody approved.
        for (path, job) in objects.by_path.iter().filter(|(path, _)| path.starts_with(JOBS)) {
            if job["metadata"]["labels"]["galsync.dev/operation"] == "Push" {
                let owner = &job["metadata"]["labels"]["galsync.dev/run-uid"];
                let run = runs.iter().find(|run| run.uid().as_deref() == owner.as_str());
                let decided = run.is_none_or(|run| run.spec.decisions.is_some());
                assert!(decided, "{happening:?}: {path} pushes what nobody approved");
            }
        }
    }

    /// All goes well from now on.
    async fn settle(&mut self) {
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
        let mut cluster = Cluster::new(&["a", "b"], &["b", "c"], 2);
        cluster.creates = 2;
        cluster.unsafe_reasons = vec![UnsafeReason::TooManyDeletes];
        let mut watched = Watched { cluster, ended: BTreeMap::new() };
        for operator in 0..2 {
            watched.happen(Happening::Look { operator, fresh: true }).await;
        }
        for happening in happenings {
            watched.happen(happening).await;
        }
        watched.settle().await;
    });
}

/// `make soak` asks for more.
fn cases() -> u32 {
    std::env::var("GALSYNC_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}
