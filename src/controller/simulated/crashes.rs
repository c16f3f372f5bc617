//! An operator that fails at one of its requests, at each in turn, and another one that goes on in its place: whatever
//! it was doing, the pass ends as if nothing had happened.

use super::cluster::{Cluster, Operator, UNSAFE};
use super::line::Fault;
use super::told::Told;
use crate::api::GalSyncRun;
use crate::api::run::OperationResult;
use crate::controller::run;
use kube::ResourceExt;
use serde_json::Value;

/// Rounds that a successor's caches lag behind, and that an operator stands still.
const LAG: usize = 3;

/// What goes wrong in a trial.
#[derive(Debug, Clone, Copy)]
struct Failure {
    /// The number of the request.
    request: usize,
    fault: Fault,
    /// The successor knows what was known before the last look of the one before.
    stale: bool,
}

/// One pass over a cluster in which earlier ones have left their Jobs.
struct Trial {
    cluster: Cluster,
    told: Told,
    passes: u64,
    earlier_jobs: usize,
}

impl Trial {
    fn new(begin: &Cluster) -> Self {
        let cluster = begin.copy();
        let earlier_jobs = cluster.api.lock().jobs.len();
        Self { told: Told::default(), passes: cluster.pass_number(), earlier_jobs, cluster }
    }

    /// Jobs run and end well, and a person approves what waits.
    fn world_turns(&mut self) {
        self.told.check(&self.cluster);
        self.cluster.kubelet();
        for (path, job) in self.cluster.running() {
            let request = self.cluster.request(&job);
            let outcome = self.cluster.good(&request);
            self.cluster.end(&path, Some(&outcome));
            let uid = job["metadata"]["uid"].as_str().unwrap();
            self.told.tells(&self.cluster, &path, uid, request, outcome);
        }
        self.cluster.approve();
    }

    /// Returns the requests of the first operator.
    async fn run(&mut self, failure: Option<Failure>) -> Vec<String> {
        let api = self.cluster.api.clone();
        let mut operator = Operator::new(&api);
        let first = operator.access.clone();
        if let Some(Failure { request, fault, .. }) = failure {
            first.breaks(request, fault);
        }
        let is_stale = failure.is_some_and(|failure| failure.stale);
        let mut lag = 0;
        for _ in 0..60 {
            self.cluster.pass_time(20);
            if lag == 0 {
                operator.refresh(&api);
            } else {
                lag -= 1;
            }
            let before = api.lock().clone();
            let mut successor = None;
            {
                let look = operator.look();
                tokio::pin!(look);
                let stands_still = tokio::select! { biased; () = &mut look => false, () = first.stalled() => true };
                if stands_still {
                    let other = successor.insert(Operator::new(&api));
                    for round in 0..LAG {
                        match is_stale && round == 0 {
                            true => other.refresh_from(&before),
                            false => other.refresh(&api),
                        }
                        self.cluster.pass_time(20);
                        other.look().await;
                        self.world_turns();
                    }
                    first.goes_on();
                    look.await;
                    first.stops();
                }
            }
            if operator.access.is_dead() {
                operator = successor.unwrap_or_else(|| Operator::new(&api));
                if is_stale {
                    operator.refresh_from(&before);
                    lag = LAG;
                }
            }
            self.world_turns();
            if self.is_over() {
                return first.requests();
            }
        }
        panic!("the pass does not end: {:#?}", self.new_runs());
    }

    fn is_over(&self) -> bool {
        self.cluster.pass_number() > self.passes
            && self.cluster.rests()
            && self.cluster.runs().iter().all(run::is_completed)
    }

    fn new_runs(&self) -> Vec<GalSyncRun> {
        let number = |run: &GalSyncRun| run::pass_number(run).unwrap_or_default();
        self.cluster.runs().into_iter().filter(|run| number(run) > self.passes).collect()
    }

    /// What must be true however the pass went.
    fn judge(&self, two_worked: bool) {
        let runs = self.new_runs();
        assert_eq!(runs.len(), 1, "one run a pass");
        let status = runs[0].status.clone().unwrap();
        let kinds = |kind| status.operations.iter().filter(|operation| operation.kind == kind).count();
        use crate::api::run::OperationKind::{Pull, Push, Simulate};
        assert_eq!([kinds(Pull), kinds(Simulate), kinds(Push)], [2, 2, 2], "{status:#?}");
        for operation in &status.operations {
            assert_eq!(operation.result, Some(OperationResult::Succeeded), "{operation:#?}");
            assert_eq!(operation.attempts, 1, "a Job that runs is found again: {operation:#?}");
        }
        let objects = self.cluster.api.lock();
        let uid = runs[0].uid().unwrap();
        let own = |job: &&Value| job["metadata"]["labels"]["galsync.dev/run-uid"] == uid.as_str();
        let jobs: Vec<&Value> = objects.jobs[self.earlier_jobs..].iter().filter(own).collect();
        let what = |job: &Value| {
            let labels = &job["metadata"]["labels"];
            format!("{} {}", labels["galsync.dev/operation"], labels["galsync.dev/connector"])
        };
        let mut made: Vec<String> = jobs.iter().map(|job| what(job)).collect();
        let pushes = made.iter().filter(|what| what.contains("Push")).count();
        if two_worked {
            // One that stood still may read once more what was read meanwhile.
            made.sort();
            made.dedup();
        }
        assert_eq!((made.len(), pushes), (6, 2), "each operation is done once: {made:?}");
    }
}

/// A cluster in which a pass has ended a day ago, so that every slot holds a Job.
async fn begin(creates: u64) -> Cluster {
    let mut cluster = Cluster::new(&["a", "b"], &["b", "c"], 0);
    cluster.creates = creates;
    let mut trial = Trial::new(&cluster);
    trial.run(None).await;
    trial.cluster.pass_time(2 * 86_400);
    trial.cluster
}

/// What is only read, or said in an event, leaves nothing behind: to fail there is to fail at the write that follows.
fn is_write(request: &str) -> bool {
    !request.starts_with("GET") && !request.contains("/events")
}

/// All that can go wrong at this request.
fn failures(request: usize, is_write: bool) -> Vec<Failure> {
    use Fault::{Dies, DiesUnanswered, Refused, Stalls, Unanswered};
    let failures = |faults: &[Fault], stale| -> Vec<Failure> {
        faults.iter().map(|fault| Failure { request, fault: *fault, stale }).collect()
    };
    if is_write {
        // One that lives on has no successor whose caches could be stale.
        let one = failures(&[Dies, DiesUnanswered, Refused, Unanswered, Stalls], false);
        return [one, failures(&[Dies, DiesUnanswered, Stalls], true)].concat();
    }
    // To stand still between two reads is to go on with an old one. Of these there are many: `make soak` tries all.
    let tried = request.is_multiple_of(4) || std::env::var_os("GALSYNC_SOAK").is_some();
    if tried { failures(&[Stalls], request.is_multiple_of(8)) } else { Vec::new() }
}

async fn fails_everywhere(creates: u64) {
    let cluster = begin(creates).await;
    let mut undisturbed = Trial::new(&cluster);
    let requests = undisturbed.run(None).await;
    undisturbed.judge(false);
    let mut trials = 0;
    for (number, request) in requests.iter().enumerate() {
        for failure in failures(number, is_write(request)) {
            let text = format!("{failure:?} {request}");
            let _told_when_it_fails = Text(&text);
            let mut trial = Trial::new(&cluster);
            let seen = trial.run(Some(failure)).await;
            assert!(seen.len() > number, "the failure has not come");
            trial.judge(failure.fault == Fault::Stalls);
            trials += 1;
        }
    }
    println!("{} requests, {trials} trials", requests.len());
}

/// Says at which trial a test ends badly.
struct Text<'a>(&'a str);

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the trial: {}", self.0);
        }
    }
}

/// Reconcilers are deep futures, and unoptimized ones want more stack than a test's thread has.
pub fn on_a_deep_stack(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || runtime().block_on(work));
    if let Err(panic) = thread.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_pass_with_safe_plans_survives_a_failure_at_any_request() {
    on_a_deep_stack(fails_everywhere(2));
}

#[test]
fn a_pass_with_plans_that_need_a_decision_survives_a_failure_at_any_request() {
    on_a_deep_stack(fails_everywhere(UNSAFE));
}
