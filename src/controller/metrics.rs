//! Figures at `/metrics`. Counters and histograms are raised where things happen; what merely stands is read
//! from the caches at every scrape ([`super::gauges`]), so that figures of deleted objects vanish with them.

use super::error::Error;
use super::run::wire;
use crate::api::GalSyncRun;
use crate::api::conditions::{self, types};
use crate::api::run::{Counts, GalSyncRunStatus, OperationKind};
use kube::ResourceExt;
use prometheus::{HistogramOpts, HistogramTimer, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

#[derive(Clone)]
pub struct Metrics {
    /// Whether this process holds the Lease.
    pub leads: IntGauge,
    reconciles: HistogramVec,
    errors: IntCounterVec,
    runs: IntCounterVec,
    run_durations: HistogramVec,
    operations: IntCounterVec,
    operation_durations: HistogramVec,
    changes: IntCounterVec,
    requests: IntCounterVec,
    throttled: IntCounterVec,
}

/// From a second to a day.
const DURATIONS: [f64; 12] =
    [1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0];

impl Metrics {
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: Option<&[f64]>| {
            let mut options = HistogramOpts::new(name, help);
            if let Some(buckets) = buckets {
                options = options.buckets(buckets.to_vec());
            }
            let histogram = HistogramVec::new(options, labels)?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let build = Opts::new("galsync_build_info", "The operator's version; always 1.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;
        let leads =
            IntGauge::new("galsync_operator_leader", "1 for the operator that works, 0 for one that stands by.")?;
        registry.register(Box::new(leads.clone()))?;
        Ok(Self {
            leads,
            reconciles: histogram(
                "galsync_reconcile_duration_seconds",
                "How long a look at one object took, by controller.",
                &["controller"],
                None,
            )?,
            errors: counter(
                "galsync_reconcile_errors_total",
                "Looks at an object that failed, by controller and reason.",
                &["controller", "reason"],
            )?,
            runs: counter(
                "galsync_runs_total",
                "Finished runs, by result.",
                &["namespace", "schedule", "action", "result"],
            )?,
            run_durations: histogram(
                "galsync_run_duration_seconds",
                "How long finished runs took, the time of waiting included.",
                &["action"],
                Some(&DURATIONS),
            )?,
            operations: counter(
                "galsync_operations_total",
                "Finished operations, by result and reason.",
                &["operation", "result", "reason"],
            )?,
            operation_durations: histogram(
                "galsync_operation_duration_seconds",
                "How long finished operations took.",
                &["operation"],
                Some(&DURATIONS),
            )?,
            changes: counter(
                "galsync_changes_total",
                "Changes carried out in targets, by kind.",
                &["namespace", "schedule", "connector", "object_type", "operation", "result"],
            )?,
            requests: counter(
                "galsync_provider_requests_total",
                "Requests to mail systems, as the operations reported them.",
                &["namespace", "connector"],
            )?,
            throttled: counter(
                "galsync_provider_throttled_total",
                "Requests that a mail system answered with: later.",
                &["namespace", "connector"],
            )?,
        })
    }

    /// Measures until dropped.
    pub fn time(&self, controller: &str) -> HistogramTimer {
        self.reconciles.with_label_values(&[controller]).start_timer()
    }

    pub fn failed(&self, controller: &str, error: &Error) {
        self.errors.with_label_values(&[controller, error.label()]).inc();
    }

    /// Called once for every status that was written: raises what came to an end with it.
    pub fn run_status_written(&self, run: &GalSyncRun, before: &GalSyncRunStatus, after: &GalSyncRunStatus) {
        let namespace = run.namespace().unwrap_or_default();
        let schedule = run.spec.schedule_ref.as_ref().map(|reference| reference.name.to_string()).unwrap_or_default();
        for operation in after.operations.iter().filter(|operation| operation.result.is_some()) {
            let same = |old: &&crate::api::run::OperationStatus| {
                old.kind == operation.kind && old.connector == operation.connector && old.result.is_some()
            };
            if before.operations.iter().any(|old| same(&old)) {
                continue;
            }
            let kind = wire::operation(operation.kind).name();
            let result = operation.result.map(|result| format!("{result:?}")).unwrap_or_default();
            let reason = operation.reason.as_ref().map(ToString::to_string).unwrap_or_default();
            self.operations.with_label_values(&[kind, result.as_str(), reason.as_str()]).inc();
            let connector = operation.connector.as_str();
            let labels = [namespace.as_str(), connector];
            if let Some(counters) = operation.counters {
                self.requests.with_label_values(&labels).inc_by(counters.requests);
                self.throttled.with_label_values(&labels).inc_by(counters.throttled);
            }
            if let (Some(start), Some(end)) = (&operation.start_time, &operation.completion_time) {
                self.operation_durations.with_label_values(&[kind]).observe(seconds(start.0, end.0));
            }
            if operation.kind == OperationKind::Push
                && let Some(plan) = wire::outcome(operation).and_then(|outcome| outcome.plan)
            {
                let counts = wire::class_counts(&plan.counts);
                for (class, counts) in [("user", counts.users), ("group", counts.groups), ("contact", counts.contacts)]
                {
                    self.changed(&namespace, &schedule, connector, class, &counts);
                }
            }
        }
        let succeeded = conditions::find(&after.conditions, types::SUCCEEDED).filter(|c| c.status != "Unknown");
        let was_open = conditions::find(&before.conditions, types::SUCCEEDED).is_none_or(|c| c.status == "Unknown");
        if let Some(result) = succeeded.filter(|_| was_open) {
            let action = run.spec.action.name();
            self.runs.with_label_values(&[namespace.as_str(), schedule.as_str(), action, result.reason.as_str()]).inc();
            if let (Some(start), Some(end)) = (&after.start_time, &after.completion_time) {
                self.run_durations.with_label_values(&[action]).observe(seconds(start.0, end.0));
            }
        }
    }

    fn changed(&self, namespace: &str, schedule: &str, connector: &str, class: &str, counts: &Counts) {
        let Counts { create, update, hide, delete, failed, .. } = *counts;
        for (operation, result, count) in [
            ("create", "done", create),
            ("update", "done", update),
            ("hide", "done", hide),
            ("delete", "done", delete),
            ("any", "failed", failed),
        ] {
            if count > 0 {
                let labels = [namespace, schedule, connector, class, operation, result];
                self.changes.with_label_values(&labels).inc_by(count);
            }
        }
    }
}

fn seconds(start: jiff::Timestamp, end: jiff::Timestamp) -> f64 {
    end.duration_since(start).as_secs_f64().max(0.0)
}
