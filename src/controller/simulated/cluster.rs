//! A namespace with connectors and a schedule, operators that look at it, and Jobs that end.

use super::api::{FakeApi, Objects, pod_path};
use super::line::Access;
use crate::api::reasons::RunTargetResult;
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use crate::controller::active_jobs::ActiveJobs;
use crate::controller::archive::Archive;
use crate::controller::context::{Caches, Context};
use crate::controller::informer::Informer;
use crate::controller::metrics::Metrics;
use crate::controller::settings::{ClaimSettings, JobSettings, LeaseSettings, Retention, Settings};
use crate::controller::{connector, run, schedule};
use crate::model::OwnerId;
use crate::model::reason::UnsafeReason;
use crate::operation::samples::{plan, source_counts, succeeded};
use crate::operation::{Operation, Outcome, Request, SourceCounts};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::watch;

pub const GROUP: &str = "/apis/galsync.dev/v1alpha1/namespaces/n";
pub const JOBS: &str = "/apis/batch/v1/namespaces/n/jobs";

pub struct Cluster {
    pub api: FakeApi,
    pub operators: Vec<Operator>,
    /// What a simulation plans.
    pub creates: u64,
}

/// A plan of so many creates needs a decision.
pub const UNSAFE: u64 = 4;

/// One process, with caches of its own.
pub struct Operator {
    pub context: Arc<Context>,
    pub access: Access,
    connectors: Informer<GalSyncConnector>,
    schedules: Informer<GalSyncSchedule>,
    runs: Informer<GalSyncRun>,
}

impl Operator {
    pub fn new(api: &FakeApi) -> Self {
        let access = api.access();
        let archive = Archive::default();
        let (connectors, schedules, runs) = (Informer::new(), Informer::new(), Informer::archiving(&archive));
        let (of_connectors, of_schedules, of_runs) = (connectors.cache(), schedules.cache(), runs.cache());
        let caches = vec![Caches { connectors: of_connectors, schedules: of_schedules, runs: of_runs, archive }];
        let (_, filled) = watch::channel(true);
        let clock = api.clone();
        let context = Arc::new(Context {
            client: access.client.clone(),
            settings: settings(),
            metrics: Metrics::register(&prometheus::Registry::new()).unwrap(),
            caches,
            active_jobs: ActiveJobs::new(0),
            clock: Arc::new(move || clock.lock().now),
            filled,
        });
        Self { context, access, connectors, schedules, runs }
    }

    /// The watches deliver what there is.
    pub fn refresh(&mut self, api: &FakeApi) {
        let objects = api.lock().clone();
        self.refresh_from(&objects);
    }

    /// They deliver what there was.
    pub fn refresh_from(&mut self, objects: &Objects) {
        fill(&mut self.connectors, objects, "galsyncconnectors");
        fill(&mut self.schedules, objects, "galsyncschedules");
        fill(&mut self.runs, objects, "galsyncruns");
    }

    /// Every object is looked at once, as the caches know them. Errors come again by themselves.
    pub async fn look(&self) {
        let caches = &self.context.caches[0];
        for object in caches.schedules.state() {
            let _ = schedule::reconcile(object, Arc::clone(&self.context)).await;
        }
        let mut runs = caches.runs.state();
        runs.sort_by_key(|run| (run.creation_timestamp().map(|time| time.0), run.name_any()));
        for object in runs {
            let _ = run::reconcile(object, Arc::clone(&self.context)).await;
        }
        let mut connectors = caches.connectors.state();
        connectors.sort_by_key(|connector| connector.name_any());
        for object in connectors {
            let _ = connector::reconcile(object, Arc::clone(&self.context)).await;
        }
    }
}

fn fill<K>(informer: &mut Informer<K>, objects: &Objects, plural: &str)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let prefix = format!("{GROUP}/{plural}/");
    let objects = objects.by_path.iter().filter(|(path, _)| path.starts_with(&prefix)).map(|(_, o)| o.clone());
    informer.take(Event::Init);
    for object in objects {
        informer.take(Event::InitApply(serde_json::from_value(object).unwrap()));
    }
    informer.take(Event::InitDone);
}

fn settings() -> Settings {
    Settings {
        owner: OwnerId::new("o").unwrap(),
        namespaces: Vec::new(),
        job: JobSettings {
            image: "i".into(),
            image_pull_policy: "Never".into(),
            store_url: "file:///x".into(),
            scratch_size: "1Gi".into(),
            template: serde_json::from_value(json!({})).unwrap(),
        },
        claim: ClaimSettings { size: "1Gi".into(), access_mode: "ReadWriteOnce".into(), storage_class: None },
        lease: LeaseSettings { namespace: "n".into(), name: "l".into(), holder: "h".into() },
        start_deadline_seconds: 300,
        max_jobs: 0,
        retention: Retention { reports_seconds: 1, logs_seconds: 1, snapshots: 2 },
    }
}

impl Cluster {
    /// A schedule over these sources and targets, whose connectors are verified.
    pub fn new(sources: &[&str], targets: &[&str], operators: usize) -> Self {
        let api = FakeApi::default();
        {
            let mut objects = api.lock();
            objects.now = "2026-01-01T00:00:00Z".parse().unwrap();
            let mut names: Vec<&&str> = sources.iter().chain(targets).collect();
            names.sort();
            names.dedup();
            for name in names {
                let object = connector_object(name, objects.now);
                objects.put(&format!("{GROUP}/galsyncconnectors/{name}"), object);
            }
            let named = |names: &[&str]| -> Vec<Value> {
                names.iter().map(|name| json!({ "connectorRef": { "name": name } })).collect()
            };
            let schedule = json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule",
                "metadata": { "name": "s", "namespace": "n" },
                "spec": { "interval": "24h", "policy": "Sync", "sources": named(sources), "targets": named(targets),
                    "history": { "successfulRuns": 2, "failedRuns": 2 } },
                "status": { "observedGeneration": -1 } });
            objects.put(&format!("{GROUP}/galsyncschedules/s"), schedule);
        }
        let operators = (0..operators).map(|_| Operator::new(&api)).collect();
        Self { api, operators, creates: 0 }
    }

    /// The same once more, without operators.
    pub fn copy(&self) -> Self {
        let objects = self.api.lock().clone();
        Self { api: FakeApi::from(objects), operators: Vec::new(), creates: self.creates }
    }

    pub fn pass_time(&self, seconds: i64) {
        self.api.lock().now += SignedDuration::from_secs(seconds);
    }

    pub fn now(&self) -> Timestamp {
        self.api.lock().now
    }

    /// A new process in place of the one with this number.
    pub fn restart(&mut self, operator: usize) {
        self.operators[operator] = Operator::new(&self.api);
    }

    /// Paths and objects of the Jobs whose pod runs.
    pub fn running(&self) -> Vec<(String, Value)> {
        let objects = self.api.lock();
        let jobs = objects.by_path.iter().filter(|(path, _)| path.starts_with(JOBS));
        let running = jobs.filter(|(_, job)| objects.by_path.contains_key(&pod_path(job)) && !has_ended(job));
        running.map(|(path, job)| (path.clone(), job.clone())).collect()
    }

    /// Pods of new Jobs begin; Jobs that are being removed lose theirs, and go.
    pub fn kubelet(&self) {
        let mut objects = self.api.lock();
        let jobs: Vec<(String, Value)> = objects
            .by_path
            .iter()
            .filter(|(path, _)| path.starts_with(JOBS))
            .map(|(p, j)| (p.clone(), j.clone()))
            .collect();
        for (path, job) in jobs {
            let pod = pod_path(&job);
            if job["metadata"].get("deletionTimestamp").is_some() {
                objects.by_path.remove(&pod);
                objects.by_path.remove(&path);
            } else if !objects.by_path.contains_key(&pod) && !has_ended(&job) && job["spec"]["suspend"] != true {
                let object = json!({ "metadata": { "name": job["metadata"]["uid"], "namespace": "n",
                    "labels": { "batch.kubernetes.io/controller-uid": job["metadata"]["uid"] } },
                    "status": { "containerStatuses": [{ "name": "galsync", "image": "", "imageID": "", "ready": true,
                        "restartCount": 0, "state": { "running": {} } }] } });
                objects.put(&pod, object);
            }
        }
    }

    /// The Request of a Job.
    pub fn request(&self, job: &Value) -> Request {
        let name = job.pointer("/spec/template/spec/volumes/0/configMap/name").unwrap().as_str().unwrap();
        let objects = self.api.lock();
        let map = &objects.by_path[&format!("/api/v1/namespaces/n/configmaps/{name}")];
        Request::from_json(map["data"]["request.json"].as_str().unwrap().as_bytes()).unwrap()
    }

    /// What the Job would say, did it succeed.
    pub fn good(&self, request: &Request) -> Outcome {
        let now = self.now();
        let mut outcome = succeeded(now - SignedDuration::from_secs(5), now);
        match &request.operation {
            Operation::Pull { connector, read, .. } => {
                let fingerprint = connector.fingerprint(read);
                outcome.source = Some(SourceCounts { fingerprint, ..source_counts(&connector.name) });
            }
            Operation::Simulate(_) | Operation::Push { .. } => {
                let reasons = if self.creates == UNSAFE { &[UnsafeReason::TooManyDeletes][..] } else { &[] };
                outcome.plan = Some(plan(self.creates, reasons));
            }
            Operation::Verify { .. } => outcome.verification = Some(verified()),
            Operation::EmptyCache { .. } | Operation::CollectGarbage { .. } => {}
        }
        outcome
    }

    /// Ends a Job: with this outcome, or without a word.
    pub fn end(&self, path: &str, outcome: Option<&Outcome>) {
        let mut objects = self.api.lock();
        let Some(mut job) = objects.by_path.get(path).cloned() else { return };
        let kind = if outcome.is_some() { "Complete" } else { "Failed" };
        let at = objects.now.to_string();
        job["status"] = json!({ "conditions": [{ "type": kind, "status": "True", "lastTransitionTime": at }] });
        let pod = pod_path(&job);
        let mut ended = objects.by_path[&pod].clone();
        let message = outcome.map(Outcome::to_termination_message);
        ended["status"]["containerStatuses"][0]["state"] =
            json!({ "terminated": { "exitCode": i32::from(outcome.is_none()), "message": message } });
        objects.put(&pod, ended);
        objects.put(path, job);
    }

    /// A person approves every plan that waits.
    pub fn approve(&self) {
        for run in self.runs().into_iter().filter(|run| !run::is_completed(run)) {
            let targets = run.status.iter().flat_map(|status| &status.targets);
            let waiting = targets.filter(|target| target.result == Some(RunTargetResult::ApprovalRequired));
            let decisions: Vec<Value> = waiting
                .filter_map(|target| target.plan.as_ref())
                .map(|plan| json!({ "planDigest": plan.digest, "verdict": "Approve", "by": "ada" }))
                .collect();
            let path = format!("{GROUP}/galsyncruns/{}", run.name_any());
            let mut objects = self.api.lock();
            let mut object = objects.by_path[&path].clone();
            if !decisions.is_empty() && object["spec"]["decisions"].is_null() {
                object["spec"]["decisions"] = json!(decisions[..1]);
                object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
                objects.put(&path, object);
            }
        }
    }

    pub fn connector(&self, name: &str) -> GalSyncConnector {
        let objects = self.api.lock();
        serde_json::from_value(objects.by_path[&format!("{GROUP}/galsyncconnectors/{name}")].clone()).unwrap()
    }

    fn schedule(&self) -> GalSyncSchedule {
        let objects = self.api.lock();
        serde_json::from_value(objects.by_path[&format!("{GROUP}/galsyncschedules/s")].clone()).unwrap()
    }

    pub fn pass_number(&self) -> u64 {
        self.schedule().status.map_or(0, |status| status.pass_number)
    }

    /// The schedule has seen the end of its runs.
    pub fn rests(&self) -> bool {
        self.schedule().status.is_some_and(|status| status.active_run_ref.is_none())
    }

    pub fn run(&self, name: &str) -> Option<GalSyncRun> {
        let object = self.api.lock().by_path.get(&format!("{GROUP}/galsyncruns/{name}")).cloned()?;
        Some(serde_json::from_value(object).unwrap())
    }

    pub fn runs(&self) -> Vec<GalSyncRun> {
        let objects = self.api.lock();
        let prefix = format!("{GROUP}/galsyncruns/");
        let runs = objects.by_path.iter().filter(|(path, _)| path.starts_with(&prefix));
        runs.map(|(_, object)| serde_json::from_value(object.clone()).unwrap()).collect()
    }
}

pub fn has_ended(job: &Value) -> bool {
    job["status"]["conditions"].as_array().is_some_and(|conditions| !conditions.is_empty())
}

fn verified() -> crate::model::observed::Verification {
    crate::model::observed::Verification {
        identity: "id".into(),
        can_read: true,
        can_write: true,
        ..Default::default()
    }
}

fn connector_object(name: &str, now: Timestamp) -> Value {
    json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector",
        "metadata": { "name": name, "namespace": "n" },
        "spec": { "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": [format!("{name}.test")],
            "verify": { "interval": "8760h" } },
        "status": { "observedGeneration": 1, "capabilities": "ReadWrite",
            "verification": { "generation": 1, "reason": "Completed", "completionTime": now.to_string() },
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Verified", "message": "",
                "observedGeneration": 1, "lastTransitionTime": now.to_string() }] } })
}
