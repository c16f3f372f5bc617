//! Every figure at `/metrics`, in one list: `docs/metrics.md`, the alerts and the dashboards are held against it.
//! Labels are names of resources, classes and reasons; never an address.

/// One family of figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Raised where something happens; begins at zero with the process.
    Counter,
    /// Read from the caches at each scrape.
    Gauge,
    Histogram(&'static [f64]),
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// From a second to a day.
const LONG: &[f64] = &[1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0];
/// From a millisecond to half a minute.
const SHORT: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

macro_rules! families {
    ($($title:literal { $($id:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)* })*) => {
        $($(pub const $id: Family =
            Family { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*)*

        /// All families, by what they are about.
        pub const SECTIONS: &[(&str, &[Family])] = &[$(($title, &[$($id),*])),*];
    };
}

use Kind::{Counter, Gauge, Histogram};

families! {
    "Resources" {
        CONDITION = "galsync_resource_condition", Gauge, ["kind", "namespace", "name", "type", "status"],
            "1 for the status that a condition has: True, False or Unknown. True is always there, with 0 where it is not so.";
        SUSPENDED = "galsync_resource_suspended", Gauge, ["kind", "namespace", "name"],
            "Whether spec.suspend is set.";
        UNREADABLE = "galsync_resources_unreadable", Gauge, ["kind"],
            "Objects that this operator cannot read, because a field is wrong or newer than it.";
        WATCHED = "galsync_resources_watched", Gauge, ["kind"],
            "Objects that the operator knows of.";
    }
    "Schedules" {
        INTERVAL = "galsync_schedule_interval_seconds", Gauge, ["namespace", "schedule"],
            "The longest time between two regular passes.";
        LAST_SUCCESS = "galsync_schedule_last_success_timestamp_seconds", Gauge, ["namespace", "schedule"],
            "When a run of the schedule last succeeded.";
        LAST_FAILURE = "galsync_schedule_last_failure_timestamp_seconds", Gauge, ["namespace", "schedule"],
            "When a run of the schedule last did not succeed.";
        LAST_RUN = "galsync_schedule_last_run_timestamp_seconds", Gauge, ["namespace", "schedule"],
            "When the last pass was due.";
        NEXT_RUN = "galsync_schedule_next_run_timestamp_seconds", Gauge, ["namespace", "schedule"],
            "When the next pass is due; absent while none can begin.";
        LAST_DURATION = "galsync_schedule_last_run_duration_seconds", Gauge, ["namespace", "schedule"],
            "How long the last finished run took, the time of waiting included.";
        ACTIVE_SINCE = "galsync_schedule_active_run_start_timestamp_seconds", Gauge, ["namespace", "schedule"],
            "When the pass began that runs now.";
        SCHEDULE_CONNECTOR = "galsync_schedule_connector_info", Gauge, ["namespace", "schedule", "connector", "role"],
            "1 for each connector of a schedule, by role: source or target.";
        FAILURES = "galsync_schedule_consecutive_failures", Gauge, ["namespace", "schedule"],
            "Runs that failed in a row.";
    }
    "Plans and targets" {
        PENDING = "galsync_plan_pending_changes", Gauge, ["namespace", "schedule", "connector", "change"],
            "Changes of a plan that waits for approval: create, update, hide, delete.";
        PENDING_SINCE = "galsync_plan_pending_since_timestamp_seconds", Gauge, ["namespace", "schedule", "connector"],
            "Since when a plan waits for approval.";
        PENDING_EXPIRES = "galsync_plan_pending_expires_timestamp_seconds", Gauge,
            ["namespace", "schedule", "connector"], "When a plan that waits for approval expires.";
        PENDING_UNSAFE = "galsync_plan_pending_unsafe", Gauge, ["namespace", "schedule", "connector", "reason"],
            "1 for each safety limit that a plan that waits for approval goes beyond.";
        LAST_CHANGES = "galsync_plan_entries", Gauge, ["namespace", "schedule", "connector", "result"],
            "What the last finished run found for the target's entries: create, update, hide, delete, unchanged, failed.";
        LEFT_OUT = "galsync_plan_left_out_entries", Gauge, ["namespace", "schedule", "connector", "state", "reason"],
            "Entries that the newest plan of the target gives no contact or no change, by state (skipped, conflict, undecided, withheld) and reason.";
        MANAGED = "galsync_target_managed_objects", Gauge, ["namespace", "schedule", "connector"],
            "Contacts of the schedule in the target.";
        TARGET_SUCCESS = "galsync_target_last_success_timestamp_seconds", Gauge,
            ["namespace", "schedule", "connector"], "When the target was last known to be in step.";
        WAITING_UNTIL = "galsync_target_waiting_until_timestamp_seconds", Gauge,
            ["namespace", "schedule", "connector"],
            "When a push goes on that a quota of the target has stopped; absent while none is stopped.";
        CHANGES = "galsync_changes_total", Counter, ["namespace", "schedule", "connector", "change"],
            "Changes carried out in targets: create, update, hide, delete.";
        CHANGES_LEFT = "galsync_changes_not_made_total", Counter, ["namespace", "schedule", "connector", "reason"],
            "Planned changes that a push did not make: refused by the target, drifted (no longer fits), deferred to a later pass.";
    }
    "Connectors" {
        CONNECTOR_INFO = "galsync_connector_info", Gauge, ["namespace", "connector", "type", "capabilities"],
            "1 for each connector, with the kind of its mail system and what its account may do.";
        OBJECTS = "galsync_connector_objects", Gauge, ["namespace", "connector", "object_type"],
            "Entries of a source that pass the connector's own filters, as its last pull read them.";
        REJECTED = "galsync_connector_rejected_objects", Gauge, ["namespace", "connector", "reason"],
            "Entries that the connector's own filters take out, by reason.";
        INVALID = "galsync_connector_invalid_objects", Gauge, ["namespace", "connector"],
            "Entries of a source whose data cannot be judged.";
        SNAPSHOT = "galsync_connector_snapshot_timestamp_seconds", Gauge, ["namespace", "connector"],
            "When the newest complete read of the source began; time() minus this is the snapshot's age.";
        VERIFIED = "galsync_connector_last_verified_timestamp_seconds", Gauge, ["namespace", "connector"],
            "When the account was last verified with success.";
        WARNINGS = "galsync_connector_warnings", Gauge, ["namespace", "connector"],
            "What the last verification found worth a look; status.warnings has the sentences.";
        CREDENTIAL = "galsync_connector_credential_expires_timestamp_seconds", Gauge, ["namespace", "connector"],
            "When the connector's credential expires, where its mail system tells.";
        REQUESTS = "galsync_provider_requests_total", Counter, ["namespace", "connector"],
            "Requests to mail systems, as the operations reported them at their end.";
        THROTTLED = "galsync_provider_throttled_total", Counter, ["namespace", "connector"],
            "Requests that a mail system answered with: later.";
        RETRIES = "galsync_provider_retries_total", Counter, ["namespace", "connector"],
            "Requests that were sent again.";
        READ_BYTES = "galsync_provider_read_bytes_total", Counter, ["namespace", "connector"],
            "Bytes that were read from mail systems.";
    }
    "Runs and operations" {
        RUNS = "galsync_runs_total", Counter, ["namespace", "schedule", "action", "result"],
            "Finished runs. The result is the reason of the run's condition Succeeded; the schedule is empty for a run of a connector.";
        RUN_DURATION = "galsync_run_duration_seconds", Histogram(LONG), ["action"],
            "How long finished runs took, the time of waiting included.";
        OPERATIONS = "galsync_operations_total", Counter,
            ["namespace", "connector", "operation", "result", "reason"], "Finished operations.";
        OPERATION_DURATION = "galsync_operation_duration_seconds", Histogram(LONG), ["operation"],
            "How long finished operations took.";
        LOST = "galsync_jobs_lost_total", Counter, ["namespace", "connector"],
            "Jobs that ended without a word, such as one killed for its memory, and were started again.";
        ACTIVE = "galsync_operations_active", Gauge, ["operation"], "Operations whose Job is there.";
        WAITING = "galsync_operations_waiting", Gauge, ["operation"],
            "Operations that wait for their connector, which does one thing at a time in each direction.";
        PEAK_MEMORY = "galsync_operation_peak_memory_bytes", Gauge, ["namespace", "connector", "operation"],
            "The most memory that the newest operation of this kind used.";
    }
    "The operator itself" {
        BUILD = "galsync_build_info", Gauge, ["version"], "The operator's version; always 1.";
        LEADER = "galsync_operator_leader", Gauge, [], "1 for the operator that works, 0 for one that stands by.";
        STARTED = "process_start_time_seconds", Gauge, [], "When the process began.";
        MEMORY = "process_resident_memory_bytes", Gauge, [], "Resident memory of the process.";
        RECONCILES = "galsync_reconcile_duration_seconds", Histogram(SHORT), ["controller"],
            "How long a look at one object took.";
        ERRORS = "galsync_reconcile_errors_total", Counter, ["controller", "reason"],
            "Looks at an object that failed, and come again.";
        WATCH_ERRORS = "galsync_watch_errors_total", Counter, ["kind"],
            "Watches of the API server that broke off, and began anew.";
        STATUS_WRITES = "galsync_status_writes_total", Counter, ["kind"],
            "Writes of a status; one is written only when it changed.";
    }
}

/// All families.
pub fn families() -> impl Iterator<Item = &'static Family> {
    SECTIONS.iter().flat_map(|(_, families)| *families)
}
