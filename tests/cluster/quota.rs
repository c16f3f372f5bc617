//! A tenant's quota of new contacts stops a push: it is told until when, later passes leave the target alone, and the
//! same approved set is gone on with.

use crate::company::{approve, schedule, stands, volume};
use crate::forests::secret;
use crate::look::{ask, ended, event, operation, pass, result, run_status, runs, schedule_status, target};
use crate::process::Operator;
use crate::sandbox::{Sandbox, secret_of};
use crate::support::Space;
use galsync::api::reasons::RunTargetResult;
use galsync::api::run::{GalSyncRunStatus, OperationKind, OperationResult};
use jiff::Timestamp;
use serde_json::json;

const PEOPLE: usize = 30;
const QUOTA: usize = 20;
const FIGURE: &str = "galsync_target_waiting_until_timestamp_seconds";

/// The figure's lines at the operator's own /metrics.
async fn waiting_figure(address: &str) -> Vec<String> {
    let answer = reqwest::get(format!("http://{address}/metrics")).await.expect("metrics are served");
    let text = answer.text().await.expect("a text");
    text.lines().filter(|line| line.starts_with(FIGURE)).map(str::to_owned).collect()
}

/// Nobody waits for four hours: the time until which the push waits comes now.
async fn the_time_comes(space: &Space, run: &str) {
    let mut run = serde_json::to_value(runs(space).get(run).await.expect("it is there")).expect("plain data");
    let operations = run["status"]["operations"].as_array_mut().expect("operations");
    let push = operations.iter_mut().find(|operation| operation["type"] == "Push").expect("a push");
    push["outcome"]["retryAt"] = json!(Timestamp::now());
    space.replace_status(&run).await.expect("planted");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn a_tenants_quota_parks_a_push_which_goes_on_with_the_same_set() {
    let space = Space::new("quota").await;
    let Some(_volume) = volume(&space).await else { return space.remove().await };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let operator = Operator::start_at(&space.name, &address);
    let sandbox = Sandbox::start(&space, PEOPLE, QUOTA).await;
    for name in ["contoso", "fabrikam"] {
        secret(&space, name, &[("client-secret", &secret_of(name))]).await;
        space.create(&sandbox.connector(name), false).await.expect("accepted");
    }
    let mut object = schedule();
    object["spec"]["sources"] = json!([{ "connectorRef": { "name": "contoso" } }]);
    object["spec"]["targets"] = json!([{ "connectorRef": { "name": "fabrikam" } }]);
    space.create(&object, false).await.expect("accepted");

    let first = pass(&space, "people", 1).await;
    approve(&runs(&space), &first).await;
    let waiting = |s: &GalSyncRunStatus| stands(&s.conditions, "Completed", "False", "WaitingForQuota");
    let status = run_status(&space, &first, "waiting", waiting).await;
    let push = operation(&status, OperationKind::Push, "fabrikam");
    let said = target(&status, "fabrikam").message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("waiting: {:?}: {:?}; {said}", push.reason, push.message);
    assert_eq!(push.result, Some(OperationResult::QuotaExceeded));
    assert_eq!(push.reason.as_ref().map(|reason| reason.as_str()), Some("QuotaExceeded"));
    assert!(said.contains("a quota of the target is used up; the push goes on at 20"), "{said}");
    let digest = target(&status, "fabrikam").plan.clone().expect("a plan").digest;
    event(&space, &first, "WaitingForQuota", "quota").await;
    assert_eq!(sandbox.created().await, QUOTA as u64);

    // The schedule and the metrics tell the time.
    let told =
        schedule_status(&space, "people", "waiting until", |s| s.targets.iter().any(|t| t.waiting_until.is_some()));
    let until = told.await.targets[0].waiting_until.clone().expect("a time").0;
    let left = until.duration_since(Timestamp::now()).as_secs();
    assert!((3 * 3_600..=4 * 3_600).contains(&left), "{until}");
    let figure = waiting_figure(&address).await;
    assert!(figure.len() == 1 && figure[0].ends_with(&format!(" {}", until.as_second())), "{figure:?}");

    // The next pass leaves the target alone.
    ask(&space, "people", "again").await;
    let second = pass(&space, "people", 2).await;
    let status = ended(&space, &second, "Succeeded").await;
    assert_eq!(result(&status, "fabrikam"), "PendingElsewhere");
    let told = schedule_status(&space, "people", "the pass is over", |s| !s.history.is_empty()).await;
    assert_eq!(
        told.targets[0].result,
        Some(RunTargetResult::WaitingForQuota),
        "the pass that left it alone does not hide it"
    );
    assert_eq!(sandbox.created().await, QUOTA as u64);

    // A day later for the tenant, and the operator's time has come: the rest of the same set, and nothing twice.
    sandbox.advance("25h").await;
    the_time_comes(&space, &first).await;
    let status = ended(&space, &first, "Succeeded").await;
    let push = operation(&status, OperationKind::Push, "fabrikam");
    assert_eq!((push.attempts, push.quota_pauses), (2, 1));
    assert_eq!(target(&status, "fabrikam").plan.clone().expect("a plan").digest, digest, "approved once");
    assert_eq!(sandbox.created().await, PEOPLE as u64);
    let told =
        schedule_status(&space, "people", "pushed", |s| s.targets[0].result == Some(RunTargetResult::Pushed)).await;
    assert_eq!((told.targets[0].waiting_until.clone(), told.targets[0].managed), (None, PEOPLE as u64));
    assert!(waiting_figure(&address).await.is_empty());
    drop(operator);
    space.remove().await;
}
