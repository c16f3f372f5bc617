//! What a scrape shows of objects, and that it shows nothing of those that are gone.

use super::catalogue::{self, Kind, families};
use super::{Exposition, Metrics, StateMetrics};
use crate::api::{GalSyncConnector, GalSyncRun, GalSyncRunStatus, GalSyncSchedule};
use crate::controller::context::{Caches, Guarded};
use crate::model::Digest;
use crate::operation::{Outcome, PlanSummary, Reason, Verdict};
use kube::runtime::reflector::store::Writer;
use kube::runtime::{reflector, watcher};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The page over caches that a test fills.
struct Scrape {
    page: Exposition,
    metrics: Metrics,
    connectors: Writer<Guarded<GalSyncConnector>>,
    schedules: Writer<Guarded<GalSyncSchedule>>,
    runs: Writer<Guarded<GalSyncRun>>,
}

impl Scrape {
    fn new() -> Self {
        let (connectors, connector_writer) = reflector::store();
        let (schedules, schedule_writer) = reflector::store();
        let (runs, run_writer) = reflector::store();
        let page = Exposition::default();
        let metrics = Metrics::register(&page.registry).unwrap();
        let caches = Caches { connectors, schedules, runs, archive: Default::default() };
        page.show(StateMetrics::new(vec![caches], metrics.clone()));
        Self { page, metrics, connectors: connector_writer, schedules: schedule_writer, runs: run_writer }
    }

    fn text(&self) -> String {
        self.page.parts().unwrap().collect()
    }

    #[track_caller]
    fn shows(&self, lines: &[&str]) {
        let found = self.text();
        for line in lines {
            assert!(found.lines().any(|other| other == *line), "{line} not in\n{found}");
        }
    }

    /// A source, a target, a schedule, and a run of it whose plan waits.
    fn full() -> Self {
        let mut scrape = Self::new();
        for connector in [source(), target()] {
            scrape.connectors.apply_watcher_event(&watcher::Event::Apply(connector));
        }
        scrape.schedules.apply_watcher_event(&watcher::Event::Apply(schedule()));
        scrape.runs.apply_watcher_event(&watcher::Event::Apply(guarded(run(json!([
            operation("Pull", "corp", 2, None),
            operation("Pull", "fab", 1, Some("Succeeded")),
            operation("Simulate", "fab", 1, Some("Succeeded")),
            operation("Push", "fab", 0, None),
        ])))));
        scrape
    }
}

fn guarded<T: serde::Serialize>(value: T) -> Guarded<GalSyncRun> {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

fn ready() -> Value {
    let condition = |kind: &str, status: &str| {
        json!({ "type": kind, "status": status, "reason": "Because",
        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" })
    };
    json!([condition("Ready", "True"), condition("Synced", "False")])
}

fn source() -> Guarded<GalSyncConnector> {
    serde_json::from_value(json!({
        "metadata": { "name": "corp", "namespace": "n" },
        "spec": { "type": "Memory", "memory": { "path": "/x" } },
        "status": { "conditions": ready(), "capabilities": "ReadOnly", "warnings": ["w"],
            "lastVerifiedTime": "2026-01-01T00:00:00Z", "credentialExpires": "2026-03-01T00:00:00Z",
            "lastPull": { "time": "2026-01-01T00:01:00Z", "startTime": "2026-01-01T00:00:10Z",
                "runRef": { "name": "r" }, "snapshotDigest": "", "fingerprint": "", "identity": "i",
                "users": 7, "groups": 2, "contacts": 1, "rejected": { "Hidden": 3 }, "invalid": 4 } }
    }))
    .unwrap()
}

fn target() -> Guarded<GalSyncConnector> {
    serde_json::from_value(json!({
        "metadata": { "name": "fab", "namespace": "n" },
        "spec": { "type": "Memory", "memory": { "path": "/y" }, "suspend": true },
        "status": { "conditions": ready(), "capabilities": "ReadWrite" }
    }))
    .unwrap()
}

fn counts() -> Value {
    json!({ "create": 3, "update": 2, "hide": 1, "delete": 0, "unchanged": 5, "skipped": 0, "conflict": 0,
        "undecided": 0, "failed": 0 })
}

fn schedule() -> Guarded<GalSyncSchedule> {
    serde_json::from_value(json!({
        "metadata": { "name": "s", "namespace": "n" },
        "spec": { "schedule": "0 2 * * *", "policy": "Sync",
            "sources": [{ "connectorRef": { "name": "corp" } }], "targets": [{ "connectorRef": { "name": "fab" } }] },
        "status": { "conditions": ready(), "passNumber": 1, "consecutiveFailures": 2,
            "nextScheduleTime": "2026-01-02T00:00:00Z", "lastScheduleTime": "2026-01-01T00:00:00Z",
            "lastSuccessTime": "2026-01-01T00:05:00Z", "lastFailureTime": "2026-01-01T00:06:00Z",
            "activeRunRef": { "name": "r" },
            "pendingApprovals": [{ "target": "fab", "runRef": { "name": "r" }, "planDigest": "", "counts": counts(),
                "unsafeReasons": ["FirstSync"], "expiresAt": "2026-01-04T00:00:00Z" }],
            "targets": [{ "connector": "fab", "result": "Pushed", "managed": 6, "counts": counts(),
                "lastSuccessTime": "2026-01-01T00:05:00Z", "waitingUntil": "2026-01-01T04:00:00Z" }],
            "history": [{ "runRef": { "name": "r" }, "action": "Push", "startTime": "2026-01-01T00:00:00Z",
                "completionTime": "2026-01-01T00:05:00Z", "result": "Succeeded", "counts": counts() }] }
    }))
    .unwrap()
}

fn operation(kind: &str, connector: &str, attempts: u32, result: Option<&str>) -> Value {
    let ended = result.map(|_| "2026-01-01T00:01:00Z");
    let counters = result
        .map(|_| json!({ "requests": 10, "throttled": 1, "retries": 2, "bytesRead": 1_000, "peakMemoryBytes": 4_096 }));
    json!({ "type": kind, "connector": connector, "attempts": attempts, "startTime": "2026-01-01T00:00:00Z",
        "completionTime": ended, "result": result, "reason": result.map(|_| "Completed"), "counters": counters })
}

fn run(operations: Value) -> GalSyncRun {
    serde_json::from_value(json!({
        "metadata": { "name": "r", "namespace": "n", "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": { "scheduleRef": { "name": "s" }, "action": "Push" },
        "status": { "startTime": "2026-01-01T00:00:00Z", "operations": operations,
            "targets": [{ "connector": "fab", "plan": { "digest": "",
                "reasons": { "Hidden": 3, "HeldByMailbox": 2, "JoinMissing": 1, "Policy": 9 } } }] }
    }))
    .unwrap()
}

fn push_outcome() -> Value {
    let time = jiff::Timestamp::UNIX_EPOCH;
    let mut outcome = Outcome::new(Verdict::PartiallySucceeded, Reason::ChangesRefused, "", time, time);
    let mut plan = PlanSummary {
        digest: Digest::of(b""),
        counts: Default::default(),
        unsafe_reasons: BTreeSet::new(),
        unsafe_message: String::new(),
        held: 0,
        managed: 0,
        reasons: BTreeMap::new(),
        drifted: 5,
        deferred: 0,
    };
    (plan.counts.users.create, plan.counts.groups.failed) = (11, 4);
    outcome.plan = Some(plan);
    json!(outcome)
}

#[test]
fn a_scrape_tells_how_things_stand() {
    Scrape::full().shows(&[
        r#"galsync_resource_condition{kind="GalSyncConnector",name="corp",namespace="n",status="True",type="Ready"} 1"#,
        r#"galsync_resource_condition{kind="GalSyncSchedule",name="s",namespace="n",status="False",type="Synced"} 1"#,
        r#"galsync_resource_condition{kind="GalSyncSchedule",name="s",namespace="n",status="True",type="Synced"} 0"#,
        r#"galsync_resource_suspended{kind="GalSyncConnector",name="fab",namespace="n"} 1"#,
        r#"galsync_resources_watched{kind="GalSyncConnector"} 2"#,
        r#"galsync_connector_info{capabilities="ReadOnly",connector="corp",namespace="n",type="Memory"} 1"#,
        r#"galsync_connector_objects{connector="corp",namespace="n",object_type="user"} 7"#,
        r#"galsync_connector_rejected_objects{connector="corp",namespace="n",reason="Hidden"} 3"#,
        r#"galsync_connector_invalid_objects{connector="corp",namespace="n"} 4"#,
        r#"galsync_connector_snapshot_timestamp_seconds{connector="corp",namespace="n"} 1767225610"#,
        r#"galsync_connector_snapshot_timestamp_seconds{connector="fab",namespace="n"} 1767225600"#,
        r#"galsync_connector_credential_expires_timestamp_seconds{connector="corp",namespace="n"} 1772323200"#,
        r#"galsync_provider_requests_total{connector="fab",namespace="n"} 0"#,
        r#"galsync_schedule_interval_seconds{namespace="n",schedule="s"} 86400"#,
        r#"galsync_schedule_last_run_duration_seconds{namespace="n",schedule="s"} 300"#,
        r#"galsync_schedule_active_run_start_timestamp_seconds{namespace="n",schedule="s"} 1767225600"#,
        r#"galsync_schedule_consecutive_failures{namespace="n",schedule="s"} 2"#,
        r#"galsync_plan_pending_changes{change="create",connector="fab",namespace="n",schedule="s"} 3"#,
        r#"galsync_plan_pending_since_timestamp_seconds{connector="fab",namespace="n",schedule="s"} 1767225660"#,
        r#"galsync_plan_pending_unsafe{connector="fab",namespace="n",reason="FirstSync",schedule="s"} 1"#,
        r#"galsync_plan_entries{connector="fab",namespace="n",result="unchanged",schedule="s"} 5"#,
        r#"galsync_plan_left_out_entries{connector="fab",namespace="n",reason="Hidden",schedule="s",state="skipped"} 3"#,
        r#"galsync_plan_left_out_entries{connector="fab",namespace="n",reason="HeldByMailbox",schedule="s",state="conflict"} 2"#,
        r#"galsync_plan_left_out_entries{connector="fab",namespace="n",reason="JoinMissing",schedule="s",state="undecided"} 1"#,
        r#"galsync_plan_left_out_entries{connector="fab",namespace="n",reason="Policy",schedule="s",state="withheld"} 9"#,
        r#"galsync_target_managed_objects{connector="fab",namespace="n",schedule="s"} 6"#,
        r#"galsync_target_waiting_until_timestamp_seconds{connector="fab",namespace="n",schedule="s"} 1767240000"#,
        r#"galsync_operations_active{operation="Pull"} 1"#,
        r#"galsync_operations_waiting{operation="Push"} 1"#,
        r#"galsync_operation_peak_memory_bytes{connector="fab",namespace="n",operation="Simulate"} 4096"#,
        r#"galsync_runs_total{action="Push",namespace="n",result="Failed",schedule="s"} 0"#,
    ]);
}

#[test]
fn what_ends_is_counted_once() {
    let scrape = Scrape::full();
    let run = run(json!([]));
    let status = |operations: Value| -> GalSyncRunStatus {
        serde_json::from_value(json!({ "startTime": "2026-01-01T00:00:00Z", "operations": operations })).unwrap()
    };
    let begun = status(json!([operation("Push", "fab", 1, None)]));
    let lost = status(json!([operation("Push", "fab", 2, None)]));
    let mut ended = operation("Push", "fab", 2, Some("PartiallySucceeded"));
    ended["outcome"] = push_outcome();
    let mut ended = status(json!([ended]));
    ended.completion_time = ended.operations[0].completion_time.clone();
    ended.conditions = serde_json::from_value(json!([{ "type": "Succeeded", "status": "False",
        "reason": "PartiallySucceeded", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" }]))
    .unwrap();
    let empty = GalSyncRunStatus::default();
    for (before, after) in [(&empty, &begun), (&begun, &lost), (&lost, &ended), (&ended, &ended)] {
        scrape.metrics.run_status_written(&run, before, after);
    }
    scrape.shows(&[
        r#"galsync_jobs_lost_total{connector="fab",namespace="n"} 1"#,
        r#"galsync_operations_total{connector="fab",namespace="n",operation="Push",reason="Completed",result="PartiallySucceeded"} 1"#,
        r#"galsync_operation_duration_seconds_bucket{operation="Push",le="60"} 1"#,
        r#"galsync_provider_requests_total{connector="fab",namespace="n"} 10"#,
        r#"galsync_provider_throttled_total{connector="fab",namespace="n"} 1"#,
        r#"galsync_provider_retries_total{connector="fab",namespace="n"} 2"#,
        r#"galsync_provider_read_bytes_total{connector="fab",namespace="n"} 1000"#,
        r#"galsync_changes_total{change="create",connector="fab",namespace="n",schedule="s"} 11"#,
        r#"galsync_changes_not_made_total{connector="fab",namespace="n",reason="refused",schedule="s"} 4"#,
        r#"galsync_changes_not_made_total{connector="fab",namespace="n",reason="drifted",schedule="s"} 5"#,
        r#"galsync_runs_total{action="Push",namespace="n",result="PartiallySucceeded",schedule="s"} 1"#,
        r#"galsync_run_duration_seconds_count{action="Push"} 1"#,
    ]);
}

#[test]
fn a_verification_without_a_run_is_counted() {
    let scrape = Scrape::full();
    let connector = source().0.unwrap();
    let before = connector.status.clone().unwrap();
    let mut after = before.clone();
    after.verification = Some(
        serde_json::from_value(json!({ "reason": "Unreachable", "jobUid": "j",
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:02Z" }))
        .unwrap(),
    );
    scrape.metrics.connector_status_written(&connector, &before, &after);
    scrape.metrics.connector_status_written(&connector, &after, &after);
    scrape.shows(&[
        r#"galsync_operations_total{connector="corp",namespace="n",operation="Verify",reason="Unreachable",result="Failed"} 1"#,
        r#"galsync_operation_duration_seconds_count{operation="Verify"} 1"#,
    ]);
}

#[test]
fn figures_vanish_with_their_object() {
    let mut scrape = Scrape::full();
    let run = run(json!([operation("Push", "fab", 1, Some("Succeeded"))]));
    scrape.metrics.run_status_written(&run, &GalSyncRunStatus::default(), run.status.as_ref().unwrap());
    assert!(scrape.text().contains(r#"galsync_operations_total{connector="fab""#));
    scrape.connectors.apply_watcher_event(&watcher::Event::Delete(target()));
    let text = scrape.text();
    let left: Vec<_> = text.lines().filter(|line| line.contains(r#"connector="fab""#)).collect();
    // What the schedule itself says of its targets stands as long as the schedule does.
    assert!(left.iter().all(|line| line.contains(r#"schedule="s""#)), "{left:?}");
    scrape.schedules.apply_watcher_event(&watcher::Event::Delete(schedule()));
    scrape.connectors.apply_watcher_event(&watcher::Event::Delete(source()));
    let text = scrape.text();
    assert!(!text.contains(r#"namespace="n""#), "{text}");
    // The same name again begins at zero.
    scrape.connectors.apply_watcher_event(&watcher::Event::Apply(target()));
    scrape.shows(&[r#"galsync_provider_requests_total{connector="fab",namespace="n"} 0"#]);
}

#[test]
fn the_catalogue_keeps_to_prometheus_conventions() {
    let names: BTreeSet<_> = families().map(|family| family.name).collect();
    assert_eq!(names.len(), families().count(), "a name twice");
    for family in families() {
        let (name, help) = (family.name, family.help);
        assert!(name.starts_with("galsync_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
        // What is written unescaped into the page, and into a table.
        assert!(help.ends_with('.') && !help.contains(['|', '\\', '\n']), "{name}: {help}");
        if matches!(family.kind, Kind::Histogram(_)) {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        let known = [
            "kind",
            "namespace",
            "name",
            "type",
            "status",
            "schedule",
            "connector",
            "change",
            "object_type",
            "reason",
            "result",
            "state",
            "role",
            "capabilities",
            "action",
            "operation",
            "controller",
            "version",
        ];
        assert!(family.labels.iter().all(|label| known.contains(label)), "{name}: {:?}", family.labels);
    }
    let shown = Scrape::full().text();
    let figures_of_ended_runs = [
        catalogue::CHANGES,
        catalogue::CHANGES_LEFT,
        catalogue::RUN_DURATION,
        catalogue::OPERATIONS,
        catalogue::OPERATION_DURATION,
        catalogue::LOST,
        catalogue::STATUS_WRITES,
    ];
    for family in families().filter(|family| !figures_of_ended_runs.contains(family)) {
        let line = format!("# TYPE {} {}", family.name, family.kind.name());
        assert!(shown.contains(&line), "{line} is in the catalogue and not in a scrape");
    }
}

/// What a server that reads the page insists on.
#[test]
fn the_page_has_each_family_and_each_series_once() {
    let mut scrape = Scrape::full();
    // In both places at once: zero from the schedule, and what was counted.
    let status = json!({ "operations": [operation("Push", "fab", 1, Some("Succeeded"))] });
    let status: GalSyncRunStatus = serde_json::from_value(status).unwrap();
    scrape.metrics.run_status_written(&run(json!([])), &GalSyncRunStatus::default(), &status);
    let first = scrape.text();
    // In another order.
    for connector in [target(), source()] {
        scrape.connectors.apply_watcher_event(&watcher::Event::Apply(connector));
    }
    let second = scrape.text();
    let of_objects = |page: &str| page[page.find("# HELP galsync_changes_total").unwrap()..].to_owned();
    assert_eq!(of_objects(&first), of_objects(&second), "pages of the same figures differ");
    let (mut series, mut seen, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    for line in first.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (kind, name) = comment.split_once(' ').unwrap();
            family = name.split(' ').next().unwrap();
            assert!(seen.insert((kind, family)), "{kind} of {family} twice");
            continue;
        }
        assert!(seen.contains(&("TYPE", family)) && line.starts_with(family), "{line} below {family}");
        let (labels, value) = line.rsplit_once(' ').unwrap();
        assert!(series.insert(labels), "{labels} twice");
        value.parse::<f64>().unwrap();
    }
    assert!(series.len() > 100, "{}", series.len());
}

/// `docs/metrics.md`; `GALSYNC_BLESS=1` writes it anew.
#[test]
fn generated_page_is_current() {
    let mut page = "<!-- Written by `make generate` from src/controller/metrics/catalogue.rs; do not edit. -->\n\
        # Metrics\n\n\
        The operator serves `/metrics` on port 8080. Jobs serve none: what they did, they report at their end, and the \
        operator counts it once.\n\n\
        - **Gauges** are read from what the operator knows at each scrape. **Counters** and **histograms** are raised \
        where something happens, and begin at zero with each operator process.\n\
        - Figures that name a connector or a schedule vanish with it.\n\
        - Labels are names of resources, classes and reasons; there is never an address or a name of a person.\n\
        - An operator that stands by has no figures of objects, so nothing is counted twice. Scrape with `honorLabels: \
        true`: the label `namespace` is that of the resource.\n\n\
        The alerts are in [alerts.md](alerts.md), the dashboards in `charts/galsync/dashboards/`.\n"
        .to_owned();
    for (title, families) in catalogue::SECTIONS {
        page += &format!("\n## {title}\n\n| name | type | labels | |\n| --- | --- | --- | --- |\n");
        for family in *families {
            let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            let (name, kind, labels, help) = (family.name, family.kind.name(), labels.join(", "), family.help);
            page += &format!("| `{name}` | {kind} | {labels} | {help} |\n");
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "run `make generate`");
}
