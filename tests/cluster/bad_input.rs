//! Bad input on a real cluster: each gets a reason and a sentence that says what to do, and nothing is changed.

use crate::administrator::Administrator;
use crate::company::{
    approve, condition, connector, contacts, directory, schedule, small_volume, stands, volume, wait_run, within, write,
};
use crate::forest::lab;
use crate::forests;
use crate::look::{ask, pass};
use crate::process::Operator;
use crate::support::await_condition;
use crate::support::{Space, merge};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use galsync::api::reasons::RunTargetResult;
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use kube::api::Api;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// An authority that has been out of date for long.
fn expired_authority() -> String {
    let mut parameters = rcgen::CertificateParams::default();
    (parameters.not_before, parameters.not_after) =
        (rcgen::date_time_ymd(2019, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    let text = BASE64.encode(parameters.self_signed(&key).expect("a certificate").der());
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// What the connector's Ready condition says once it is False.
async fn refusal(space: &Space, name: &str, reason: &'static str) -> String {
    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let wanted = move |connector: Option<&GalSyncConnector>| {
        let status = connector.and_then(|connector| connector.status.as_ref());
        status.is_some_and(|status| stands(&status.conditions, "Ready", "False", reason))
    };
    let what = format!("connector {name}: Ready=False {reason}");
    let connector = within(&what, 180, await_condition(connectors, name, wanted)).await;
    let conditions = connector.and_then(|connector| connector.status).expect("a status").conditions;
    condition(&conditions, "Ready").expect("it stands").message.clone()
}

fn run(name: &str, connector: &str) -> Value {
    json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": name },
        "spec": { "connectorRef": { "name": connector }, "action": "Pull" } })
}

/// The reason and the sentence of a run's first failed operation.
fn failure(run: GalSyncRun) -> (String, String) {
    let operations = run.status.expect("a status").operations;
    let text = |value: Option<String>| value.unwrap_or_default();
    let failed = operations.into_iter().find(|o| o.result == Some(galsync::api::run::OperationResult::Failed));
    let failed = failed.expect("an operation failed");
    (text(failed.reason.map(|reason| reason.to_string())), text(failed.message.map(|message| message.to_string())))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image and the lab's forests, see docs/lab.md"]
async fn every_fault_of_a_connector_has_its_sentence() {
    let space = Space::new("faults").await;
    if volume(&space).await.is_none() {
        return space.remove().await;
    }
    let Some(forest) = lab("corp") else { return space.remove().await };
    let administrator = Administrator::of(&forest).await;
    let closed = format!("OU=Closed,{}", forest.base);
    administrator.make_container(&closed).await;
    forests::secrets(&space, &forest, &forest.writer).await;
    let username = forest.writer.user_principal_name.as_str();
    forests::secret(&space, "wrong", &[("username", username), ("password", "certainly not this")]).await;
    forests::secret(&space, "expired", &[("ca.crt", &expired_authority())]).await;

    let domain = forest.domain.as_str();
    let faulty = |name: &str, more: Value| {
        let mut object = forests::connector(&forest, &[domain], &more);
        object["metadata"]["name"] = json!(name);
        object
    };
    let unit = forest.container("bad-input");
    let cases = [
        (
            "password",
            json!({ "ldap": { "credentialsRef": { "name": "wrong" } } }),
            "AuthenticationFailed",
            "password is wrong",
        ),
        (
            "authority",
            json!({ "ldap": { "caBundleRef": { "name": "expired" } } }),
            "InvalidConfiguration",
            "has expired",
        ),
        (
            "secret",
            json!({ "ldap": { "credentialsRef": { "name": "nobody-made-this" } } }),
            "SecretNotFound",
            "nobody-made-this",
        ),
        ("host", json!({ "ldap": { "urls": ["ldaps://dc9.corp.example"] } }), "Unreachable", "dc9.corp.example"),
        ("base", json!({ "baseDns": ["OU=Nowhere,DC=corp,DC=example"] }), "InvalidConfiguration", "OU=Nowhere"),
    ];
    let operator = Operator::start(&space.name);
    for (name, more, ..) in &cases {
        space.create(&faulty(name, more.clone()), false).await.expect("accepted");
    }
    // An account without the right on the unit, and a group to filter by that is gone.
    space.create(&faulty("right", json!({ "contactsOu": closed })), false).await.expect("accepted");
    let mut group = faulty("group", json!({ "contactsOu": unit }));
    group["spec"]["filters"] = json!({ "groups": { "include": ["CN=Gone,DC=corp,DC=example"] } });
    space.create(&group, false).await.expect("accepted");
    let mut unknown = schedule();
    unknown["spec"]["sources"][0]["connectorRef"]["name"] = json!("nobody");
    space.create(&unknown, false).await.expect("accepted");

    for (name, _, reason, words) in cases {
        let message = refusal(&space, name, reason).await;
        println!("{name}: {reason}: {message}");
        assert!(message.contains(words), "{name}: {message}");
    }
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    space.create(&run("pull-group", "group"), false).await.expect("accepted");
    let (reason, message) = failure(wait_run(&runs, "pull-group", "Completed", "True", "").await);
    println!("group: {reason}: {message}");
    assert!(reason == "FilterGroupUnavailable" && message.contains("CN=Gone"), "{reason}: {message}");

    let connectors: Api<GalSyncConnector> = Api::namespaced(space.client.clone(), &space.name);
    let judged = |connector: Option<&GalSyncConnector>| {
        let status = connector.and_then(|connector| connector.status.as_ref());
        status.is_some_and(|status| status.last_verified_time.is_some())
    };
    let status = within("right is verified", 180, await_condition(connectors, "right", judged)).await;
    let status = status.and_then(|connector| connector.status).expect("a status");
    let told = serde_json::to_string(&status).expect("plain data");
    println!("right: {:?} {told}", status.capabilities);
    assert!(told.contains("OU=Closed"), "the place is named: {told}");
    assert_eq!(status.capabilities, Some(galsync::api::connector::Capabilities::ReadOnly));

    let schedules: Api<GalSyncSchedule> = Api::namespaced(space.client.clone(), &space.name);
    let missing = |schedule: Option<&GalSyncSchedule>| {
        let status = schedule.and_then(|schedule| schedule.status.as_ref());
        status.is_some_and(|status| stands(&status.conditions, "Ready", "False", "ConnectorNotFound"))
    };
    within("Ready=False ConnectorNotFound", 30, await_condition(schedules, "people", missing)).await;
    drop(operator);
    administrator.delete_tree(&closed).await;
    space.remove().await;
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_source_or_a_store_gone_bad_takes_no_contact_away() {
    let space = Space::new("bad").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let (corp, fab) = (volume.join("corp.json"), volume.join("fab.json"));
    write(&corp, &directory("corp", 20));
    write(&fab, &directory("fab", 10));
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let operator = Operator::start(&space.name);
    for object in [connector("corp"), connector("fab"), schedule()] {
        space.create(&object, false).await.expect("accepted");
    }
    let first = pass(&space, "people", 1).await;
    approve(&runs, &first).await;
    wait_run(&runs, &first, "Completed", "True", "Succeeded").await;
    let before = std::fs::read(&fab).expect("a file");
    assert_eq!(contacts(&fab).len(), 20);

    // Nobody is left, all at once.
    write(&corp, &directory("corp", 0));
    ask(&space, "people", "empty").await;
    let empty = pass(&space, "people", 2).await;
    let empty = wait_run(&runs, &empty, "Completed", "True", "").await;
    println!("empty: {:?}", failure(empty.clone()));
    assert_eq!(failure(empty).0, "SourceEmpty");
    assert_eq!(std::fs::read(&fab).expect("a file"), before, "nothing is written");

    // Half of them.
    write(&corp, &directory("corp", 10));
    ask(&space, "people", "half").await;
    let half = pass(&space, "people", 3).await;
    let half = wait_run(&runs, &half, "Approved", "Unknown", "ApprovalRequired").await;
    let plan = half.status.and_then(|status| status.targets[0].plan.clone()).expect("a plan");
    println!("half: {:?} {:?}", plan.unsafe_reasons, plan.unsafe_message);
    assert!(plan.unsafe_reasons.iter().any(|reason| reason.as_str() == "SourceShrank"), "{:?}", plan.unsafe_reasons);
    assert_eq!(std::fs::read(&fab).expect("a file"), before, "nothing is written");

    // All back, and every snapshot cut off.
    write(&corp, &directory("corp", 20));
    let mut stored = Vec::new();
    files(&volume.join("test"), &mut stored);
    let blobs: Vec<&PathBuf> = stored.iter().filter(|path| path.to_string_lossy().contains("/blobs/")).collect();
    assert!(!blobs.is_empty(), "{stored:?}");
    for blob in blobs {
        let file = std::fs::OpenOptions::new().write(true).open(blob).expect("a blob");
        file.set_len(file.metadata().expect("a file").len() / 2).expect("it is cut off");
    }
    ask(&space, "people", "cut").await;
    let cut = pass(&space, "people", 4).await;
    let cut = wait_run(&runs, &cut, "Completed", "True", "Succeeded").await.status.expect("a status");
    assert_eq!(cut.targets[0].result, Some(RunTargetResult::InSync));
    assert_eq!(std::fs::read(&fab).expect("a file"), before, "nothing is written");

    // A store that cannot be written.
    let folder = volume.join("test");
    let mut folders = vec![folder.clone()];
    let mut stored = Vec::new();
    files(&folder, &mut stored);
    folders.extend(stored.iter().filter_map(|path| path.parent().map(Path::to_path_buf)));
    for path in &folders {
        std::os::unix::fs::chown(path, Some(0), Some(0)).expect("only root can run this test");
    }
    let mut people = directory("corp", 20);
    merge(&mut people["objects"][0], &json!({ "attributes": { "displayName": "Changed" } }));
    write(&corp, &people);
    ask(&space, "people", "read-only").await;
    let refused = pass(&space, "people", 5).await;
    let (reason, message) = failure(wait_run(&runs, &refused, "Completed", "True", "").await);
    println!("read-only: {reason}: {message}");
    assert_eq!(reason, "StoreUnavailable", "{message}");
    assert_eq!(std::fs::read(&fab).expect("a file"), before, "nothing is written");
    drop(operator);
    space.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image and the lab's forests, see docs/lab.md"]
async fn a_full_store_is_said_to_be_full() {
    let space = Space::new("full").await;
    let Some(volume) = small_volume(&space).await else { return space.remove().await };
    let Some(forest) = lab("corp") else { return space.remove().await };
    forests::secrets(&space, &forest, &forest.reader).await;
    // A few blocks are left: too few for the snapshot.
    let filler = volume.join("filler");
    let mut file = std::fs::File::create(&filler).expect("a file");
    while std::io::Write::write_all(&mut file, &[0; 4_096]).is_ok() {}
    let size = file.metadata().expect("a file").len();
    file.set_len(size.saturating_sub(16 * 1_024)).expect("a few blocks are free");
    let operator = Operator::start(&space.name);
    let object = forests::connector(&forest, &[&forest.domain], &json!({}));
    space.create(&object, false).await.expect("accepted");
    space.create(&run("pull", "corp"), false).await.expect("accepted");
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let (reason, message) = failure(wait_run(&runs, "pull", "Completed", "True", "").await);
    println!("full: {reason}: {message}");
    assert!(reason == "StoreUnavailable" && message.contains("full"), "{reason}: {message}");
    drop(operator);
    std::fs::remove_file(&filler).expect("the filler goes");
    space.remove().await;
}
