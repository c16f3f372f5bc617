//! How many Jobs run at a time, over all namespaces: counted from the watch of Jobs and from what was created a
//! moment ago. Only a brake on load; that a slot holds one Job is the API server's to say.

use super::job_state;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By namespace and name, with the time after which a Job cannot run any more.
type Running = HashMap<(String, String), Timestamp>;

#[derive(Clone)]
pub struct ActiveJobs {
    /// Absent = no limit.
    limit: Option<usize>,
    jobs: Arc<Mutex<Running>>,
}

impl ActiveJobs {
    /// 0 = no limit.
    pub fn new(limit: usize) -> Self {
        Self { limit: (limit > 0).then_some(limit), jobs: Arc::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Running) -> T) -> T {
        // Nothing in here leaves the map half changed.
        work(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many more may run.
    pub fn free(&self) -> usize {
        self.with(|jobs| self.free_of(jobs))
    }

    fn free_of(&self, jobs: &mut Running) -> usize {
        let Some(limit) = self.limit else { return usize::MAX };
        let now = Timestamp::now();
        jobs.retain(|_, end| *end > now);
        limit.saturating_sub(jobs.len())
    }

    /// A Job as the watch shows it.
    pub fn note(&self, job: &Job) {
        let holds_only_a_slot = job_state::is_placeholder(job);
        if job_state::is_finished(job) || job.metadata.deletion_timestamp.is_some() || holds_only_a_slot {
            self.forget(&job.namespace().unwrap_or_default(), &job.name_any());
        } else {
            self.with(|jobs| jobs.insert(place(job), end(job)));
        }
    }

    /// Whether this Job may be created; then it counts.
    pub fn take(&self, job: &Job) -> bool {
        self.with(|jobs| {
            let may = self.free_of(jobs) > 0 || jobs.contains_key(&place(job));
            if may {
                jobs.insert(place(job), end(job));
            }
            may
        })
    }

    /// It is not there.
    pub fn forget(&self, namespace: &str, name: &str) {
        self.with(|jobs| jobs.remove(&(namespace.to_owned(), name.to_owned())));
    }
}

fn place(job: &Job) -> (String, String) {
    (job.namespace().unwrap_or_default(), job.name_any())
}

fn end(job: &Job) -> Timestamp {
    let created = job.creation_timestamp().map_or_else(Timestamp::now, |time| time.0);
    let seconds = job.spec.as_ref().and_then(|spec| spec.active_deadline_seconds).unwrap_or(86_400);
    created.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(name: &str, status: Value) -> Job {
        serde_json::from_value(json!({ "metadata": { "name": name, "namespace": "n" },
            "spec": { "activeDeadlineSeconds": 3600, "template": {} }, "status": status }))
        .unwrap()
    }

    #[test]
    fn as_many_as_may_run() {
        let (active, new) = (ActiveJobs::new(2), json!({}));
        assert!(active.take(&job("a", new.clone())) && active.take(&job("b", new.clone())));
        assert!(!active.take(&job("c", new.clone())));
        assert!(active.take(&job("a", new.clone())), "the same once more");
        active.note(&job("a", json!({ "conditions": [{ "type": "Complete", "status": "True" }] })));
        assert_eq!(active.free(), 1);
        active.note(&job("d", new.clone()));
        assert_eq!(active.free(), 0, "one that another operator made counts");
        active.forget("n", "b");
        assert_eq!(active.free(), 1);
        let mut old = job("e", new.clone());
        old.metadata.creation_timestamp = serde_json::from_value(json!("2020-01-01T00:00:00Z")).unwrap();
        active.note(&old);
        assert_eq!(active.free(), 1, "it cannot run any more");
        let unlimited = ActiveJobs::new(0);
        assert!((0..1_000).all(|number| unlimited.take(&job(&number.to_string(), new.clone()))));
    }
}
