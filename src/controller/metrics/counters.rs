//! What is counted where it happens. Counters that carry the name of an object are shown by [`super::StateMetrics`],
//! which knows what is still there.

use super::catalogue::{self, Family, Kind};
use super::object_counters::ObjectCounters;
use crate::api::conditions::{self, types};
use crate::api::connector::GalSyncConnectorStatus;
use crate::api::run::{GalSyncRunStatus, OperationKind, OperationResult, OperationStatus};
use crate::api::{GalSyncConnector, GalSyncRun};
use crate::controller::error::Error;
use crate::controller::run::wire;
use crate::model::counts::ChangeCounts;
use crate::operation::{OperationType, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use prometheus::{Gauge, HistogramOpts, HistogramTimer, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

#[derive(Clone)]
pub struct Metrics {
    /// Whether this process holds the Lease.
    pub leads: IntGauge,
    reconciles: HistogramVec,
    errors: IntCounterVec,
    watch_errors: IntCounterVec,
    status_writes: IntCounterVec,
    run_durations: HistogramVec,
    operation_durations: HistogramVec,
    pub(super) of_objects: ObjectCounters,
}

fn counter(family: Family) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(family.name, family.help), family.labels)
}

fn histogram(family: Family) -> prometheus::Result<HistogramVec> {
    let Kind::Histogram(buckets) = family.kind else { unreachable!("{} is no histogram", family.name) };
    HistogramVec::new(HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec()), family.labels)
}

impl Metrics {
    /// Registers what names no object.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let build = Opts::new(catalogue::BUILD.name, catalogue::BUILD.help)
            .const_label(catalogue::BUILD.labels[0], env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;
        let started = Gauge::new(catalogue::STARTED.name, catalogue::STARTED.help)?;
        started.set(Timestamp::now().as_millisecond() as f64 / 1_000.0);
        registry.register(Box::new(started))?;
        registry.register(Box::new(super::memory::ResidentMemory::new()?))?;
        let metrics = Self {
            leads: IntGauge::new(catalogue::LEADER.name, catalogue::LEADER.help)?,
            reconciles: histogram(catalogue::RECONCILES)?,
            errors: counter(catalogue::ERRORS)?,
            watch_errors: counter(catalogue::WATCH_ERRORS)?,
            status_writes: counter(catalogue::STATUS_WRITES)?,
            run_durations: histogram(catalogue::RUN_DURATION)?,
            operation_durations: histogram(catalogue::OPERATION_DURATION)?,
            of_objects: ObjectCounters::default(),
        };
        // From zero on, so that the first rise is seen as one.
        for controller in ["connector", "schedule", "run"] {
            for reason in ["conflict", "forbidden", "cluster"] {
                metrics.errors.with_label_values(&[controller, reason]);
            }
            metrics.reconciles.with_label_values(&[controller]);
        }
        for kind in ["GalSyncConnector", "GalSyncSchedule", "GalSyncRun"] {
            metrics.status_writes.with_label_values(&[kind]);
            metrics.watch_errors.with_label_values(&[kind]);
        }
        metrics.watch_errors.with_label_values(&["Job"]);
        registry.register(Box::new(metrics.leads.clone()))?;
        registry.register(Box::new(metrics.reconciles.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        registry.register(Box::new(metrics.watch_errors.clone()))?;
        registry.register(Box::new(metrics.status_writes.clone()))?;
        registry.register(Box::new(metrics.run_durations.clone()))?;
        registry.register(Box::new(metrics.operation_durations.clone()))?;
        Ok(metrics)
    }

    /// Measures until dropped.
    pub fn time(&self, controller: &str) -> HistogramTimer {
        self.reconciles.with_label_values(&[controller]).start_timer()
    }

    pub fn failed(&self, controller: &str, error: &Error) {
        self.errors.with_label_values(&[controller, error.label()]).inc();
    }

    pub fn watch_broke_off(&self, kind: &str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    pub fn status_written(&self, kind: &str) {
        self.status_writes.with_label_values(&[kind]).inc();
    }

    /// Called once for every status of a run that was written: raises what came to an end with it.
    pub fn run_status_written(&self, run: &GalSyncRun, before: &GalSyncRunStatus, after: &GalSyncRunStatus) {
        let namespace = run.namespace().unwrap_or_default();
        let schedule = run.spec.schedule_ref.as_ref().map(|reference| reference.name.to_string()).unwrap_or_default();
        for operation in &after.operations {
            let same = |old: &&OperationStatus| old.kind == operation.kind && old.connector == operation.connector;
            let old = before.operations.iter().find(same);
            self.operation_written(&namespace, &schedule, old, operation);
        }
        let is_known = |condition: &&Condition| conditions::truth(condition).is_some();
        let succeeded = conditions::find(&after.conditions, types::SUCCEEDED).filter(is_known);
        let was_open = conditions::find(&before.conditions, types::SUCCEEDED).filter(is_known).is_none();
        if let Some(result) = succeeded.filter(|_| was_open) {
            let action = run.spec.action.name();
            let labels = [namespace.as_str(), schedule.as_str(), action, result.reason.as_str()];
            self.of_objects.raise(catalogue::RUNS, &labels, 1);
            observe(&self.run_durations, action, after.start_time.as_ref(), after.completion_time.as_ref());
        }
    }

    fn operation_written(
        &self,
        namespace: &str,
        schedule: &str,
        old: Option<&OperationStatus>,
        operation: &OperationStatus,
    ) {
        let kind = wire::operation(operation.kind).name();
        let connector = operation.connector.as_str();
        let attempts = old.filter(|old| old.result.is_none()).map_or(0, |old| old.attempts);
        if attempts > 0 && operation.attempts > attempts {
            let lost = u64::from(operation.attempts - attempts);
            self.of_objects.raise(catalogue::LOST, &[namespace, connector], lost);
        }
        let Some(result) = operation.result.filter(|_| old.is_none_or(|old| old.result != operation.result)) else {
            return;
        };
        let reason = operation.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        self.operation_ended(namespace, connector, kind, result, &reason);
        let (start, end) = (operation.start_time.as_ref(), operation.completion_time.as_ref());
        observe(&self.operation_durations, kind, start, end);
        if let Some(counters) = operation.counters {
            for (family, count) in [
                (catalogue::REQUESTS, counters.requests),
                (catalogue::THROTTLED, counters.throttled),
                (catalogue::RETRIES, counters.retries),
                (catalogue::READ_BYTES, counters.bytes_read),
            ] {
                self.of_objects.raise(family, &[namespace, connector], count);
            }
        }
        if operation.kind == OperationKind::Push
            && let Some(plan) = wire::outcome(operation).and_then(|outcome| outcome.plan)
        {
            self.changed([namespace, schedule, connector], plan.counts.total(), plan.drifted, plan.deferred);
        }
    }

    /// Called once for every status of a connector that was written: a periodic verification has no run.
    pub fn connector_status_written(
        &self,
        connector: &GalSyncConnector,
        before: &GalSyncConnectorStatus,
        after: &GalSyncConnectorStatus,
    ) {
        let job = |status: &GalSyncConnectorStatus| status.verification.as_ref().and_then(|v| v.job_uid.clone());
        let Some(verification) = after.verification.as_ref().filter(|_| job(before) != job(after)) else { return };
        let (namespace, name) = (connector.namespace().unwrap_or_default(), connector.name_any());
        let Some(reason) = verification.reason.as_ref().filter(|_| verification.completion_time.is_some()) else {
            self.of_objects.raise(catalogue::LOST, &[&namespace, &name], 1);
            return;
        };
        let good = Reason::parse(reason.as_str()) == Some(Reason::Completed);
        let result = if good { OperationResult::Succeeded } else { OperationResult::Failed };
        self.operation_ended(&namespace, &name, OperationType::Verify.name(), result, reason.as_str());
        let (start, end) = (verification.start_time.as_ref(), verification.completion_time.as_ref());
        observe(&self.operation_durations, OperationType::Verify.name(), start, end);
    }

    fn operation_ended(&self, namespace: &str, connector: &str, kind: &str, result: OperationResult, reason: &str) {
        self.of_objects.raise(catalogue::OPERATIONS, &[namespace, connector, kind, result.label(), reason], 1);
    }

    fn changed(&self, [namespace, schedule, connector]: [&str; 3], total: ChangeCounts, drifted: u64, deferred: u64) {
        for (change, count) in
            [("create", total.create), ("update", total.update), ("hide", total.hide), ("delete", total.delete)]
        {
            self.of_objects.raise(catalogue::CHANGES, &[namespace, schedule, connector, change], count);
        }
        for (reason, count) in [("refused", total.failed), ("drifted", drifted), ("deferred", deferred)] {
            self.of_objects.raise(catalogue::CHANGES_LEFT, &[namespace, schedule, connector, reason], count);
        }
    }
}

fn observe(durations: &HistogramVec, label: &str, start: Option<&Time>, end: Option<&Time>) {
    if let (Some(start), Some(end)) = (start, end) {
        durations.with_label_values(&[label]).observe(seconds(start.0, end.0));
    }
}

fn seconds(start: Timestamp, end: Timestamp) -> f64 {
    end.duration_since(start).as_secs_f64().max(0.0)
}
