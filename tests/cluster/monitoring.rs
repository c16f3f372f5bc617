//! A real Prometheus scrapes a real operator, and every query of every dashboard, and every figure that a rule names,
//! gives data. Needs Debian's package `prometheus` beside what `operator.rs` needs.

use crate::company::{connector, directory, schedule, volume, wait_run, within, write};
use crate::gitops;
use crate::look::ask;
use crate::process::Operator;
use crate::queries::{panels, rules, rules_file, selectors};
use crate::support::Space;
use crate::support::await_condition;
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use kube::ResourceExt;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server with the rules; it ends with the value.
struct Prometheus {
    process: Child,
    address: String,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

impl Prometheus {
    /// None where it is not installed.
    fn start(operator: &str) -> Option<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let settings = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [rules_file()],
            "scrape_configs": [{ "job_name": "galsync", "honor_labels": true,
                "static_configs": [{ "targets": [operator] }] }],
        });
        let file = folder.path().join("prometheus.yaml");
        std::fs::write(&file, settings.to_string()).expect("the settings can be written");
        let address = free_address();
        let started = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .args([&format!("--web.listen-address={address}"), "--log.level=error"])
            .stdin(Stdio::null())
            .spawn();
        match started {
            Ok(process) => Some(Self { process, address, client: reqwest::Client::new(), _folder: folder }),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI needs Prometheus: run lab/packages.sh");
                eprintln!("SKIPPED: prometheus: {error}; Debian: apt-get install prometheus");
                None
            }
        }
    }

    /// The result's series; none while it is not ready.
    async fn ask(&self, query: &str) -> Vec<Value> {
        let url = format!("http://{}/api/v1/query", self.address);
        let url = url::Url::parse_with_params(&url, [("query", query)]).expect("a URL");
        let Ok(answer) = self.client.get(url).send().await else { return Vec::new() };
        let text = answer.text().await.unwrap_or_default();
        let Ok(answer) = serde_json::from_str::<Value>(&text) else { return Vec::new() };
        assert_ne!(answer["errorType"], "bad_data", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

/// A company with a hidden person, and some that cannot be judged.
fn source(people: usize) -> Value {
    let mut source = directory("corp", people);
    let people = source["objects"].as_array_mut().expect("a list");
    people[0]["hidden"] = json!(true);
    for person in &mut people[1..5] {
        person.as_object_mut().expect("an object").remove("primary");
    }
    source
}

/// A company where somebody has made a contact by hand for a person of the other.
fn target(company: &str) -> Value {
    let mut target = directory(company, 10);
    let contact = json!({ "anchor": format!("{company}-by-hand"), "recipientType": "MailContact",
        "primary": "person20@corp.example", "delivery": "person20@corp.example" });
    target["objects"].as_array_mut().expect("a list").push(contact);
    target
}

/// Another operator looks at all there is, finds nothing new, and writes nothing.
async fn restart(operator: Operator, space: &Space, address: &str, client: &reqwest::Client) -> Operator {
    drop(operator);
    let operator = Operator::start_at(&space.name, address);
    let looked = async {
        loop {
            let answer = client.get(format!("http://{address}/metrics")).send().await;
            let scrape = match answer {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            // Three connectors, two schedules, and their runs.
            if gitops::sum(&scrape, "galsync_reconcile_duration_seconds_count") >= 6.0 {
                return Ok::<_, ()>(scrape);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let scrape = within("another operator looks at everything", 90, looked).await;
    let writes = gitops::sum(&scrape, "galsync_status_writes_total");
    assert_eq!(writes, 0.0, "a restart is no reason to write a status");
    operator
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn every_query_of_the_dashboards_and_rules_gives_data() {
    let operator_address = free_address();
    let Some(prometheus) = Prometheus::start(&operator_address) else { return };
    let space = Space::new("monitoring").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    write(&volume.join("corp.json"), &source(30));
    write(&volume.join("fab.json"), &target("fab"));
    write(&volume.join("third.json"), &target("third"));
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let schedules: Api<GalSyncSchedule> = Api::namespaced(space.client.clone(), &space.name);
    let operator = Operator::start_at(&space.name, &operator_address);
    let mut waiting = schedule();
    waiting["metadata"]["name"] = json!("waiting");
    waiting["spec"]["targets"] = json!([{ "connectorRef": { "name": "third" } }]);
    for object in [connector("corp"), connector("fab"), connector("third"), schedule(), waiting] {
        space.create(&gitops::marked_by_tools(object), false).await.expect("accepted");
    }
    // No system of the lab tells when a credential expires.
    let expires = json!({ "status": { "credentialExpires": "2035-01-01T00:00:00Z" } });
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    connectors.patch_status("corp", &PatchParams::default(), &Patch::Merge(&expires)).await.expect("planted");

    // One schedule is carried out, the other one's plan waits.
    for name in ["people", "waiting"] {
        let waits = |schedule: Option<&GalSyncSchedule>| {
            let status = schedule.and_then(|schedule| schedule.status.as_ref());
            status.is_some_and(|status| !status.pending_approvals.is_empty())
        };
        within("a plan waits", 240, await_condition(schedules.clone(), name, waits)).await;
    }
    let people = schedules.get("people").await.expect("the schedule").status.expect("a status");
    let pending = &people.pending_approvals[0];
    let decision = json!({ "spec": { "decisions": [
        { "planDigest": pending.plan_digest, "verdict": "Approve", "by": "the test" }] } });
    let run = pending.run_ref.name.to_string();
    runs.patch(&run, &PatchParams::default(), &Patch::Merge(&decision)).await.expect("the decision is taken");
    wait_run(&runs, &run, "Completed", "True", "Succeeded").await;

    // Most people leave, and the next plan goes beyond the limits.
    write(&volume.join("corp.json"), &source(12));
    ask(&space, "people", "again").await;
    let unsafe_plan = |schedule: Option<&GalSyncSchedule>| {
        let status = schedule.and_then(|schedule| schedule.status.as_ref());
        let pending = status.into_iter().flat_map(|status| &status.pending_approvals);
        pending.flat_map(|pending| &pending.unsafe_reasons).any(|reason| reason.as_str() != "FirstSync")
    };
    within("an unsafe plan waits", 180, await_condition(schedules.clone(), "people", unsafe_plan)).await;

    // What is counted must be scraped after it was counted, and evaluated after that.
    let pushed = r#"sum(galsync:changes:increase1d{schedule="people"}) > 0"#;
    let waits = r#"galsync_plan_pending_unsafe{reason!="FirstSync"}"#;
    let seen = async {
        for query in [pushed, waits] {
            while prometheus.ask(query).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        Ok::<_, ()>(())
    };
    within("the push and the unsafe plan are seen", 60, seen).await;
    let mut empty = Vec::new();
    let mut asked = BTreeSet::new();
    for panel in panels() {
        for expression in &panel.expressions {
            // Whatever is chosen in the dashboard: one of the two schedules has something to show.
            let mut found = Vec::new();
            for schedule in ["people", "waiting"] {
                let query = expression
                    .replace("$__rate_interval", "1m")
                    .replace("$namespace", &space.name)
                    .replace("$schedule", schedule);
                found.extend(prometheus.ask(&query).await);
                asked.insert(query);
            }
            if found.is_empty() {
                empty.push(format!("{}: {expression}", panel.place));
            }
        }
    }
    for rule in rules() {
        // An alert gives data when it fires; what it looks at must be there at any time.
        for selector in selectors(&rule.expression) {
            let matchers = selector.matchers.trim_end_matches(',');
            let query = format!("last_over_time({}{{{matchers}}}[30m])", selector.name);
            if asked.insert(query.clone()) && prometheus.ask(&query).await.is_empty() {
                empty.push(format!("{}: {query}", rule.name));
            }
        }
    }
    println!("{} queries asked", asked.len());
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
    assert!(asked.len() > 90, "the queries were not found: {}", asked.len());

    gitops::children_are_the_operators_own(&space).await;
    gitops::statuses_have_one_writer(&space).await;
    let operator = restart(operator, &space, &operator_address, &prometheus.client).await;

    // What is deleted vanishes.
    for run in runs.list(&ListParams::default()).await.expect("runs").items {
        runs.delete(&run.name_any(), &Default::default()).await.expect("removed");
    }
    schedules.delete("people", &Default::default()).await.expect("removed");
    let gone = async {
        while !prometheus.ask(r#"{schedule="people", job="galsync"}"#).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok::<_, ()>(())
    };
    within("its figures vanish", 60, gone).await;
    drop(operator);
    space.remove().await;
}
