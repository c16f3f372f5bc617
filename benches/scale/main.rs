//! The operator with 1,000 schedules and 2,000 connectors, on a real API server without nodes: its memory, its
//! requests at rest and at work, and how soon it has looked at everything after a start. Everything is in one
//! namespace, where an operator has most to look through.

#[path = "../common/mod.rs"]
mod common;
mod company;
mod control_plane;
mod kubelet;
mod operator;

use common::{Row, mebibytes, seconds};
use company::{Company, NAMESPACE, RUNS_KEPT};
use control_plane::{ControlPlane, OPERATOR, programs};
use galsync::api::crds;
use jiff::Timestamp;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Client, ResourceExt};
use operator::{Operator, Requests, is_write};
use std::collections::BTreeMap;
use std::time::Duration;

const MOST_MEMORY: u64 = 64 << 20;
/// What a pass may write, and each of its operations on top.
const MOST_WRITES: [u64; 2] = [6, 3];
const PASSES_A_MINUTE: u64 = 50;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let Some(programs) = programs() else {
        println!("scale: SKIPPED: lab/binaries.sh kubernetes etcd has not been run");
        return;
    };
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed");
    let (schedules, minutes) = (setting("GALSYNC_SCALE_SCHEDULES", 1_000), setting("GALSYNC_SCALE_MINUTES", 5));
    let folder = tempfile::Builder::new().prefix("galsync-scale-").tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let rows = runtime.block_on(async {
        let cluster = ControlPlane::start(&programs, folder.path()).await;
        measure(&cluster, folder.path(), schedules, minutes).await
    });
    if std::env::var_os("GALSYNC_SCALE_KEEP").is_some() {
        println!("logs are in {}", folder.keep().display());
    }
    common::report_if("scale", &rows, schedules == 1_000 && minutes == 5);
}

async fn definitions(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds() {
        api.create(&PostParams::default(), &crd).await.expect("the API server takes the definition");
        let name = crd.name_any();
        let established = await_condition(api.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established).await.expect("in time").expect("established");
    }
    // What is established is served a moment later.
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Requests by verb and resource, the commonest first.
fn told(counts: &BTreeMap<(String, String), u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    counts.iter().map(|((verb, resource), count)| format!("{count} {verb} {resource}")).collect::<Vec<_>>().join(", ")
}

fn sum(counts: &BTreeMap<(String, String), u64>, wanted: impl Fn(&str, &str) -> bool) -> u64 {
    counts.iter().filter(|((verb, resource), _)| wanted(verb, resource)).map(|(_, count)| count).sum()
}

async fn measure(cluster: &ControlPlane, folder: &std::path::Path, schedules: u64, minutes: u64) -> Vec<Row> {
    let client = cluster.client().await;
    definitions(&client).await;
    let _kubelet = tokio::spawn(kubelet::work(client.clone(), NAMESPACE.to_owned()));
    let (kubeconfig, log) = (cluster.kubeconfig(OPERATOR), folder.join("operator.log"));
    let start = || Operator::start(&kubeconfig, &log);
    let mut requests = Requests::new(cluster.audit_log());
    let time = Duration::from_secs(60 * minutes);
    let per_minute = |count: u64| count as f64 / minutes as f64;

    let first = start();
    let company = Company::first(&client).await;
    first.stop().await;
    let count = usize::try_from(schedules).expect("a number of objects");
    company.grow(&client, count).await;
    requests.since_last();

    let operator = start();
    let ready = operator.has_looked(&cluster.audit_log(), requests.at(), count, 2 * count).await;
    // What a start leads to comes to its end.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let started = requests.since_last();
    println!("start: {} after {}: {}", operator_figures(&operator), seconds(ready), told(&started));

    let before = operator.processor();
    tokio::time::sleep(time).await;
    let resting = requests.since_last();
    let (rest_memory, rest_processor) = (operator.memory(), operator.processor() - before);
    println!("at rest: {}: {}", operator_figures(&operator), told(&resting));

    let (before, begin) = (operator.processor(), Timestamp::now());
    let asked = work(&client, count, minutes).await;
    let (passes, slowest) = company::passes_since(&client, begin).await;
    let working = requests.since_last();
    let (work_memory, work_processor) = (operator.memory(), operator.processor() - before);
    println!("at work: {passes} of {asked} passes: {}: {}", operator_figures(&operator), told(&working));

    let scraped = operator.scrape().await;
    let scrape_memory = operator.memory();
    println!("scraped {} bytes: {}", scraped, operator_figures(&operator));

    operator.stop().await;
    requests.since_last();
    let operator = start();
    let from = requests.at();
    let restart = operator.has_looked(&cluster.audit_log(), from, count, 2 * count).await;
    println!("restart: {} after {}: {}", operator_figures(&operator), seconds(restart), told(&requests.since_last()));

    let lease = |verb: &str, resource: &str| is_write(verb) && resource == "leases";
    let other = |verb: &str, resource: &str| is_write(verb) && resource != "leases";
    let no_events = |verb: &str, resource: &str| other(verb, resource) && resource != "events";
    let reads = |verb: &str, _: &str| !is_write(verb);
    let writes = sum(&working, no_events);
    let operations = sum(&working, |verb, resource| verb == "create" && resource == "jobs");
    let most_writes = MOST_WRITES[0] * passes as u64 + MOST_WRITES[1] * operations;
    let open = |what: String, measured: String| Row { what, measured, mark: String::new(), holds: true };
    let objects = format!("{schedules} schedules, {} connectors, {} runs", 2 * schedules, schedules * RUNS_KEPT as u64);
    vec![
        Row {
            what: format!("{objects}: resident memory at rest, {minutes} minutes"),
            measured: format!(
                "{}; at most {} since the start",
                mebibytes(rest_memory.now),
                mebibytes(rest_memory.peak)
            ),
            mark: format!("< {}", mebibytes(MOST_MEMORY)),
            holds: rest_memory.now < MOST_MEMORY,
        },
        Row {
            what: "at rest: writes but the Lease's".to_owned(),
            measured: format!("{}; the Lease {:.1} a minute", sum(&resting, other), per_minute(sum(&resting, lease))),
            mark: "none".to_owned(),
            holds: sum(&resting, other) == 0,
        },
        open(
            "at rest: reads; processor time".to_owned(),
            format!(
                "{:.1} a minute; {:.2} s a minute",
                per_minute(sum(&resting, reads)),
                rest_processor / minutes as f64
            ),
        ),
        open("from the start until all have been looked at".to_owned(), seconds(ready)),
        Row {
            what: format!("at work, {PASSES_A_MINUTE} passes a minute: all end well"),
            measured: format!("{passes} of {asked}; the slowest took {slowest} s"),
            mark: "all".to_owned(),
            holds: passes as u64 == asked,
        },
        Row {
            what: format!("at work: writes in {passes} passes of {operations} operations, events aside"),
            measured: format!("{writes}"),
            mark: format!("≤ {most_writes}, which is {} a pass and {} an operation", MOST_WRITES[0], MOST_WRITES[1]),
            holds: writes <= most_writes,
        },
        open(
            "at work: reads a pass; processor time; memory".to_owned(),
            format!(
                "{:.0}; {:.2} s a pass; {}, at most {}",
                sum(&working, reads) as f64 / passes.max(1) as f64,
                work_processor / passes.max(1) as f64,
                mebibytes(work_memory.now),
                mebibytes(work_memory.peak)
            ),
        ),
        open(
            "after a scrape of /metrics: its size, and resident memory".to_owned(),
            format!("{}; {}", mebibytes(scraped as u64), mebibytes(scrape_memory.now)),
        ),
        open("from a restart until all have been looked at".to_owned(), seconds(restart)),
    ]
}

/// Asks for passes, and waits until they have ended; how many.
async fn work(client: &Client, schedules: usize, minutes: u64) -> u64 {
    let begin = Timestamp::now();
    let passes = PASSES_A_MINUTE * minutes;
    let mut tick = tokio::time::interval(Duration::from_secs(60) / PASSES_A_MINUTE as u32);
    for number in 0..passes {
        tick.tick().await;
        // Far apart in the list, and none twice.
        let at = usize::try_from(number).expect("a number") * 389 % schedules;
        company::ask(client, &company::name("schedule", at), &number.to_string()).await;
    }
    for _ in 0..120 {
        if company::passes_since(client, begin).await.0 as u64 == passes {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    passes
}

fn operator_figures(operator: &Operator) -> String {
    let memory = operator.memory();
    format!(
        "{} resident, at most {}, {:.1} s of processor",
        mebibytes(memory.now),
        mebibytes(memory.peak),
        operator.processor()
    )
}
