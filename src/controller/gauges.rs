//! Figures that merely stand, read from the caches at each scrape. Labels are names of resources and reasons;
//! never an address.

use super::context::{Caches, Guarded};
use super::run;
use crate::api::{GalSyncConnector, GalSyncSchedule};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};
use std::collections::BTreeMap;

pub struct StateGauges {
    caches: Vec<Caches>,
    /// Only to tell the registry what there will be.
    described: Vec<GaugeVec>,
}

const CONDITION: usize = 0;
const SUSPENDED: usize = 1;
const INTERVAL: usize = 2;
const LAST_SUCCESS: usize = 3;
const LAST_RUN: usize = 4;
const NEXT_RUN: usize = 5;
const FAILURES: usize = 6;
const PENDING: usize = 7;
const PENDING_EXPIRES: usize = 8;
const OBJECTS: usize = 9;
const LAST_PULL: usize = 10;
const CREDENTIAL: usize = 11;
const MANAGED: usize = 12;
const SKIPPED: usize = 13;
const ACTIVE: usize = 14;
const REJECTED: usize = 15;

const GAUGES: [(&str, &str, &[&str]); 16] = [
    (
        "galsync_resource_condition",
        "1 for the status that a condition has, 0 for the others.",
        &["kind", "namespace", "name", "type", "status"],
    ),
    ("galsync_resource_suspended", "Whether spec.suspend is set.", &["kind", "namespace", "name"]),
    ("galsync_schedule_interval_seconds", "Time between two passes.", &["namespace", "schedule"]),
    (
        "galsync_schedule_last_success_timestamp_seconds",
        "When a run of the schedule last succeeded.",
        &["namespace", "schedule"],
    ),
    ("galsync_schedule_last_run_timestamp_seconds", "When the last pass was due.", &["namespace", "schedule"]),
    ("galsync_schedule_next_run_timestamp_seconds", "When the next pass is due.", &["namespace", "schedule"]),
    ("galsync_schedule_consecutive_failures", "Runs that failed in a row.", &["namespace", "schedule"]),
    (
        "galsync_plan_pending_changes",
        "Changes of a plan that waits for approval.",
        &["namespace", "schedule", "connector", "operation"],
    ),
    (
        "galsync_plan_pending_expires_timestamp_seconds",
        "When a plan that waits for approval expires.",
        &["namespace", "schedule", "connector"],
    ),
    (
        "galsync_connector_objects",
        "Entries of a source, as its last pull read them.",
        &["namespace", "connector", "object_type"],
    ),
    (
        "galsync_connector_last_pull_timestamp_seconds",
        "When the last complete pull ended.",
        &["namespace", "connector"],
    ),
    (
        "galsync_connector_credential_expires_timestamp_seconds",
        "When the connector's credential expires.",
        &["namespace", "connector"],
    ),
    (
        "galsync_target_managed_objects",
        "Contacts of the schedule in the target.",
        &["namespace", "schedule", "connector"],
    ),
    (
        "galsync_skipped_objects",
        "Entries that the newest plan of the target skips or cannot judge, by reason.",
        &["namespace", "schedule", "connector", "reason"],
    ),
    ("galsync_jobs_active", "Operations whose Job runs.", &["operation"]),
    (
        "galsync_connector_rejected_objects",
        "Entries that the connector's own filters take out, by reason.",
        &["namespace", "connector", "reason"],
    ),
];

impl StateGauges {
    pub fn new(caches: Vec<Caches>) -> prometheus::Result<Self> {
        Ok(Self { caches, described: gauges()? })
    }
}

fn gauges() -> prometheus::Result<Vec<GaugeVec>> {
    GAUGES.iter().map(|(name, help, labels)| GaugeVec::new(Opts::new(*name, *help), labels)).collect()
}

impl Collector for StateGauges {
    fn desc(&self) -> Vec<&Desc> {
        self.described.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let gauges = gauges().expect("the same gauges were made before");
        let set = |gauge: usize, labels: &[&str], value: f64| gauges[gauge].with_label_values(labels).set(value);
        for caches in &self.caches {
            for connector in parsed(&caches.connectors) {
                of_connector(&connector, &set);
            }
            for schedule in parsed(&caches.schedules) {
                of_schedule(&schedule, &set);
            }
            of_runs(caches, &set);
        }
        gauges.iter().flat_map(Collector::collect).filter(|family| !family.get_metric().is_empty()).collect()
    }
}

fn parsed<K: Resource<DynamicType = ()> + Clone + 'static>(store: &Store<Guarded<K>>) -> Vec<K> {
    store.state().iter().filter_map(|object| object.0.as_ref().ok().cloned()).collect()
}

type Set<'a> = &'a dyn Fn(usize, &[&str], f64);

fn of_conditions<K: Resource<DynamicType = ()>>(object: &K, conditions: &[Condition], set: Set<'_>) {
    let (kind, namespace, name) = (K::kind(&()), object.namespace().unwrap_or_default(), object.name_any());
    for condition in conditions {
        for status in ["True", "False", "Unknown"] {
            let labels = [kind.as_ref(), namespace.as_str(), name.as_str(), condition.type_.as_str(), status];
            set(CONDITION, &labels, f64::from(u8::from(condition.status == status)));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of people and seconds are far below 2^52")]
fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
fn seconds(time: &Time) -> f64 {
    time.0.as_second() as f64
}

fn of_connector(connector: &GalSyncConnector, set: Set<'_>) {
    let (namespace, name) = (connector.namespace().unwrap_or_default(), connector.name_any());
    let labels = [namespace.as_str(), name.as_str()];
    let suspended = f64::from(u8::from(connector.spec.suspend));
    set(SUSPENDED, &["GalSyncConnector", namespace.as_str(), name.as_str()], suspended);
    let Some(status) = &connector.status else { return };
    of_conditions(connector, &status.conditions, set);
    if let Some(expires) = &status.credential_expires {
        set(CREDENTIAL, &labels, seconds(expires));
    }
    let Some(pull) = &status.last_pull else { return };
    set(LAST_PULL, &labels, seconds(&pull.time));
    for (class, count) in [("user", pull.users), ("group", pull.groups), ("contact", pull.contacts)] {
        set(OBJECTS, &[namespace.as_str(), name.as_str(), class], number(count));
    }
    for (reason, count) in &pull.rejected {
        set(REJECTED, &[namespace.as_str(), name.as_str(), reason.as_str()], number(*count));
    }
}

fn of_schedule(schedule: &GalSyncSchedule, set: Set<'_>) {
    let (namespace, name) = (schedule.namespace().unwrap_or_default(), schedule.name_any());
    let labels = [namespace.as_str(), name.as_str()];
    let suspended = f64::from(u8::from(schedule.spec.suspend));
    set(SUSPENDED, &["GalSyncSchedule", namespace.as_str(), name.as_str()], suspended);
    if let Some(interval) = schedule.spec.interval.as_ref().and_then(|interval| interval.seconds()) {
        set(INTERVAL, &labels, number(interval));
    }
    let Some(status) = &schedule.status else { return };
    of_conditions(schedule, &status.conditions, set);
    for (gauge, time) in [
        (LAST_SUCCESS, &status.last_success_time),
        (LAST_RUN, &status.last_schedule_time),
        (NEXT_RUN, &status.next_schedule_time),
    ] {
        if let Some(time) = time {
            set(gauge, &labels, seconds(time));
        }
    }
    set(FAILURES, &labels, f64::from(status.consecutive_failures));
    for pending in &status.pending_approvals {
        let labels = [namespace.as_str(), name.as_str(), pending.target.as_str()];
        if let Some(expires) = &pending.expires_at {
            set(PENDING_EXPIRES, &labels, seconds(expires));
        }
        let counts = pending.counts;
        for (operation, count) in
            [("create", counts.create), ("update", counts.update), ("hide", counts.hide), ("delete", counts.delete)]
        {
            set(PENDING, &[labels[0], labels[1], labels[2], operation], number(count));
        }
    }
    for target in &status.targets {
        set(MANAGED, &[namespace.as_str(), name.as_str(), target.connector.as_str()], number(target.managed));
    }
}

/// What only runs know: how many operations run, and why the newest plan of each target skips entries.
fn of_runs(caches: &Caches, set: Set<'_>) {
    let mut active: BTreeMap<&str, u64> =
        ["Verify", "Pull", "Simulate", "Push", "EmptyCache"].into_iter().map(|name| (name, 0)).collect();
    let mut runs = parsed(&caches.runs);
    runs.sort_by_key(|run| run.creation_timestamp().map(|time| time.0));
    let mut reasons: BTreeMap<[String; 3], BTreeMap<String, u64>> = BTreeMap::new();
    for run in &runs {
        let Some(status) = &run.status else { continue };
        for operation in &status.operations {
            if operation.attempts > 0 && operation.completion_time.is_none() {
                *active.entry(run::wire::operation(operation.kind).name()).or_default() += 1;
            }
        }
        let Some(schedule) = &run.spec.schedule_ref else { continue };
        for target in &status.targets {
            if let Some(plan) = &target.plan {
                let labels =
                    [run.namespace().unwrap_or_default(), schedule.name.to_string(), target.connector.to_string()];
                reasons.insert(labels, plan.reasons.clone());
            }
        }
    }
    for (operation, count) in active {
        set(ACTIVE, &[operation], number(count));
    }
    for ([namespace, schedule, connector], reasons) in &reasons {
        for (reason, count) in reasons {
            set(SKIPPED, &[namespace, schedule, connector, reason], number(*count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::{reflector, watcher};
    use serde_json::json;

    #[test]
    fn figures_follow_the_cache_and_vanish_with_the_object() {
        let (connectors, mut connector_writer) = reflector::store::<Guarded<GalSyncConnector>>();
        let (schedules, _schedule_writer) = reflector::store();
        let (runs, _run_writer) = reflector::store();
        let gauges = StateGauges::new(vec![Caches { connectors, schedules, runs }]).unwrap();
        let registry = prometheus::Registry::new();
        registry.register(Box::new(gauges)).unwrap();
        let text = || prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        assert!(!text().contains("galsync_connector_objects"));
        let connector: Guarded<GalSyncConnector> = serde_json::from_value(json!({
            "metadata": { "name": "corp", "namespace": "n" },
            "spec": { "type": "Memory", "memory": { "path": "/x" } },
            "status": { "lastPull": { "time": "2026-01-01T00:00:00Z", "startTime": "2026-01-01T00:00:00Z",
                "runRef": { "name": "r" }, "snapshotDigest": "", "fingerprint": "", "identity": "i", "users": 7 },
                "conditions": [{ "type": "Ready", "status": "True", "reason": "Verified", "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z" }] }
        }))
        .unwrap();
        connector_writer.apply_watcher_event(&watcher::Event::Apply(connector.clone()));
        let found = text();
        for line in [
            r#"galsync_connector_objects{connector="corp",namespace="n",object_type="user"} 7"#,
            r#"galsync_resource_condition{kind="GalSyncConnector",name="corp",namespace="n",status="True",type="Ready"} 1"#,
            r#"galsync_resource_condition{kind="GalSyncConnector",name="corp",namespace="n",status="False",type="Ready"} 0"#,
            r#"galsync_jobs_active{operation="Pull"} 0"#,
        ] {
            assert!(found.contains(line), "{line} not in\n{found}");
        }
        connector_writer.apply_watcher_event(&watcher::Event::Delete(connector));
        assert!(!text().contains("corp"));
    }
}
