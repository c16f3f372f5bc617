//! What keeps a namespace in order by itself: a limit on Jobs, old runs that go, the Job that clears the store.

use crate::company::{approve, connector, contacts, directory, schedule, volume, within, write};
use crate::look::{ask, ended, operation, pass, read, result, run_status, runs};
use crate::process::Operator;
use crate::support::{Space, await_condition};
use futures::StreamExt;
use galsync::api::GalSyncConnector;
use galsync::api::run::{GalSyncRunStatus, OperationKind};
use galsync::model::timing::grid_after;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::wait::conditions::is_job_completed;
use serde_json::{Value, json};
use std::path::Path;
use std::time::SystemTime;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A connector of corp that is the namespace's oldest, and whose time of the day is near: the time follows from the
/// UID, which nobody chooses, so as many are made as it takes.
async fn corp_that_clears_the_store_soon(space: &Space) -> String {
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let ticket = |number: usize| {
        let mut object = connector("corp");
        object["metadata"]["name"] = json!(format!("corp-{number:05}"));
        object["metadata"]["labels"] = json!({ "lottery": "ticket" });
        object
    };
    let mut tickets = futures::stream::iter(0..50_000)
        .map(|number| async move { space.create(&ticket(number), false).await })
        .buffered(16);
    let soon = |made: &Value| {
        let uid = made["metadata"]["uid"].as_str().expect("a UID");
        let created =
            made["metadata"]["creationTimestamp"].as_str().and_then(|time| time.parse().ok()).expect("a time");
        let left = grid_after(DAY, uid, created).duration_since(Timestamp::now()).as_secs();
        (60..120).contains(&left).then_some(left)
    };
    while let Some(made) = tickets.next().await {
        let made = made.expect("accepted");
        if let Some(left) = soon(&made) {
            drop(tickets);
            let name = made["metadata"]["name"].as_str().expect("a name").to_owned();
            println!("{name} clears the store in {left} s");
            let won = Patch::Merge(json!({ "metadata": { "labels": { "lottery": null } } }));
            connectors.patch(&name, &PatchParams::default(), &won).await.expect("labelled");
            let losers = ListParams::default().labels("lottery=ticket");
            connectors.delete_collection(&DeleteParams::default(), &losers).await.expect("the others go");
            return name;
        }
    }
    panic!("no connector of 50,000 has its time soon");
}

fn pull(name: &str, connector: &str) -> Value {
    json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": name },
        "spec": { "connectorRef": { "name": connector }, "action": "Pull" } })
}

async fn names_of_runs(space: &Space) -> Vec<String> {
    let list = runs(space).list(&ListParams::default()).await.expect("runs can be listed");
    list.items.iter().map(ResourceExt::name_any).collect()
}

/// Waits until an old run is gone, and returns those that are left.
async fn gone(space: &Space, name: &str) -> Vec<String> {
    let is_gone = |run: Option<&galsync::api::GalSyncRun>| run.is_none();
    within(&format!("run {name} goes"), 60, await_condition(runs(space), name, is_gone)).await;
    names_of_runs(space).await
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A hundred days pass over these files.
fn age(files: &[std::path::PathBuf]) {
    let then = SystemTime::now() - std::time::Duration::from_secs(100 * 86_400);
    for path in files {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(then).expect("only root can run this test");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_namespace_is_kept_in_order() {
    let space = Space::new("order").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let (source, target) = (volume.join("corp.json"), volume.join("fab.json"));
    write(&source, &directory("corp", 10));
    write(&target, &directory("fab", 3));
    let corp = corp_that_clears_the_store_soon(&space).await;
    space.create(&connector("fab"), false).await.expect("accepted");
    let operator = Operator::start(&space.name);

    let mut object = schedule();
    object["spec"]["sources"] = json!([{ "connectorRef": { "name": corp } }]);
    object["spec"]["history"] = json!({ "successfulRuns": 1, "failedRuns": 1 });
    space.create(&object, false).await.expect("accepted");
    let first = pass(&space, "people", 1).await;
    approve(&runs(&space), &first).await;
    ended(&space, &first, "Succeeded").await;

    let jobs: Api<Job> = Api::namespaced(space.client.clone(), &space.name);
    // All of it grows old, and a writer that was killed long ago has left something.
    let store = volume.join("test").join(&space.name);
    let folders = |names: &[&str]| names.iter().flat_map(|name| files(&store.join(name))).collect::<Vec<_>>();
    let old = folders(&["reports", "plans", "logs"]);
    let nobodys = store.join("blobs").join("0".repeat(64));
    std::fs::write(&nobodys, "left by a writer that was killed").expect("written");
    let kept = folders(&["blobs"]);
    assert!(old.len() > 5 && kept.len() > 2, "{old:?} {kept:?}");
    age(&old);
    age(&kept);
    assert!(jobs.get_opt("galsync-garbage").await.expect("an answer").is_none(), "its time came before all was ready");

    // Of the runs that succeeded and of those that did not, only the last stays.
    ask(&space, "people", "2").await;
    let second = pass(&space, "people", 2).await;
    ended(&space, &second, "Succeeded").await;
    assert_eq!(gone(&space, &first).await, [second.as_str()]);
    let mut broken = read(&source);
    broken["faults"] = json!({ "failAlways": "Forbidden" });
    write(&source, &broken);
    let mut failed = Vec::new();
    for number in [3, 4] {
        ask(&space, "people", &number.to_string()).await;
        let run = pass(&space, "people", number).await;
        ended(&space, &run, "PartiallySucceeded").await;
        failed.push(run);
    }
    let mut left = gone(&space, &failed[0]).await;
    left.sort_unstable();
    let mut wanted = [second.clone(), failed[1].clone()];
    wanted.sort_unstable();
    assert_eq!(left, wanted, "the last of each class stays");
    operator.stop();

    // One Job at a time: three runs are served in the order in which they were made.
    let mut slow = read(&source);
    slow["faults"] = json!({ "delayMilliseconds": 2_000 });
    write(&source, &slow);
    let operator = Operator::with_arguments(&space.name, &["--max-jobs", "1"]);
    let tells = |reason: &'static str| {
        move |s: &GalSyncRunStatus| {
            s.operations.iter().any(|o| o.reason.as_ref().is_some_and(|found| found.as_str() == reason))
        }
    };
    space.create(&pull("pull-1", &corp), false).await.expect("accepted");
    let works = |job: Option<&Job>| {
        job.is_some_and(|job| job.labels().get("galsync.dev/run").is_some_and(|run| run == "pull-1"))
    };
    within("pull-1 works", 60, await_condition(jobs.clone(), &format!("{corp}-source"), works)).await;
    for (name, connector, reason) in [("pull-2", "fab", "WaitingForJobs"), ("pull-3", &corp, "WaitingForSlot")] {
        space.create(&pull(name, connector), false).await.expect("accepted");
        let status = run_status(&space, name, reason, tells(reason)).await;
        println!("{name}: {:?}", operation(&status, OperationKind::Pull, connector).message);
    }
    let mut times = Vec::new();
    for name in ["pull-1", "pull-2", "pull-3"] {
        let status = ended(&space, name, "Succeeded").await;
        let pull = &status.operations[0];
        let time =
            |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.clone().expect("a time").0;
        times.push((time(&pull.start_time), time(&pull.completion_time)));
    }
    println!("{times:?}");
    assert!(times.windows(2).all(|two| two[0].1 <= two[1].0), "one after the other, in order: {times:?}");
    operator.stop();

    // What is old goes: reports, plans, logs, and blobs that nothing names. What is needed stays.
    let operator = Operator::start(&space.name);
    within("the store is cleared", 240, await_condition(jobs.clone(), "galsync-garbage", is_job_completed())).await;
    let still: Vec<_> = old.iter().filter(|path| path.exists()).collect();
    assert!(still.is_empty(), "old and there still: {still:?}");
    assert!(!nobodys.exists(), "nothing names it");
    assert!(folders(&["blobs"]).len() > 1, "what is named stays");
    let mut back = read(&source);
    back.as_object_mut().expect("an object").remove("faults");
    write(&source, &back);
    ask(&space, "people", "5").await;
    let last = pass(&space, "people", 5).await;
    assert_eq!(result(&ended(&space, &last, "Succeeded").await, "fab"), "InSync");
    assert_eq!(contacts(&target).len(), 10);
    drop(operator);
    space.remove().await;
}
