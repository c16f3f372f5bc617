//! The definitions: what the API server fills in, and what it refuses with which sentence.

use crate::support::{Space, merge};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
struct Refusals {
    bases: BTreeMap<String, Value>,
    cases: Vec<Refusal>,
}

#[derive(serde::Deserialize)]
struct Refusal {
    base: String,
    with: Value,
    then: Option<Value>,
    says: String,
}

fn table() -> Refusals {
    serde_yaml::from_str(include_str!("../api/refusals.yaml")).expect("the table is well-formed")
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server, see docs/lab.md"]
async fn manifests_are_refused_with_a_sentence() {
    let space = Space::new("refusals").await;
    let Refusals { bases, cases } = table();
    for case in cases {
        let mut object = bases[&case.base].clone();
        merge(&mut object, &case.with);
        let refused = match &case.then {
            None => space.create(&object, true).await,
            Some(change) => {
                let mut stored = space.create(&object, false).await.expect("the first form is accepted");
                merge(&mut stored, change);
                let refused = space.replace(&stored, true).await;
                space.delete(&object).await;
                refused
            }
        };
        let message = refused.expect_err(&format!("refused: {}", case.says));
        assert!(message.contains(&case.says), "wanted {:?}, got {message:?}", case.says);
    }
    space.remove().await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes API server, see docs/lab.md"]
async fn defaults_are_filled_in_and_a_new_object_is_not_healthy() {
    let space = Space::new("defaults").await;
    let bases = table().bases;
    for (name, pointer, wanted) in [
        ("connector", "/status/observedGeneration", json!(-1)),
        ("schedule", "/status/observedGeneration", json!(-1)),
        ("run", "/status/observedGeneration", json!(-1)),
        ("connector", "/spec/fullPullEvery", json!("168h")),
        ("connector", "/spec/verify/interval", json!("24h")),
        ("connector", "/spec/exchangeOnPremises/addressLists", json!(["Auto"])),
        ("connector", "/spec/exchangeOnPremises/ldap/security", json!("StartTls")),
        ("schedule", "/spec/mode", json!("Push")),
        ("schedule", "/spec/approval", json!({ "mode": "WhenUnsafe", "expiresAfter": "72h" })),
        ("schedule", "/spec/safety/maxDeletePercent", json!(10)),
        ("schedule", "/spec/removal/hideFor", json!("720h")),
        ("schedule", "/spec/retry/after", json!("5m")),
    ] {
        let made = space.create(&bases[name], true).await.expect("it is accepted");
        assert_eq!(made.pointer(pointer), Some(&wanted), "{name} {pointer}");
    }
    // A written null is as good as nothing written.
    let mut object = bases["connector"].clone();
    object["spec"]["microsoft365"] = Value::Null;
    space.create(&object, true).await.expect("it is accepted");
    space.remove().await;
}

/// Design §8: what a person decides is about a plan on show, and final.
#[tokio::test]
#[ignore = "needs a Kubernetes API server, see docs/lab.md"]
async fn decisions_are_about_plans_on_show_and_final() {
    let space = Space::new("decisions").await;
    let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64));
    let decision = |digit: char, verdict: &str| json!({ "planDigest": digest(digit), "verdict": verdict, "by": "ada" });
    let run = space.create(&table().bases["run"], false).await.expect("it is accepted");

    let mut early = run.clone();
    early["spec"]["decisions"] = json!([decision('1', "Approve")]);
    let message = space.replace(&early, true).await.expect_err("there is no plan yet");
    assert!(message.contains("a decision is about a plan that this run shows"), "{message}");

    let mut planned = run.clone();
    planned["status"] = json!({ "observedGeneration": 1, "targets": [
        { "connector": "b", "plan": { "digest": digest('1'), "counts": {}, "managed": 0 }, "result": "ApprovalRequired" },
        { "connector": "c", "plan": { "digest": digest('2'), "counts": {}, "managed": 0 }, "result": "ApprovalRequired" },
    ] });
    let planned = space.replace_status(&planned).await.expect("the operator shows plans");

    let mut wrong = planned.clone();
    wrong["spec"]["decisions"] = json!([decision('3', "Approve")]);
    space.replace(&wrong, true).await.expect_err("no such plan");
    let mut first = planned.clone();
    first["spec"]["decisions"] = json!([decision('1', "Approve")]);
    let first = space.replace(&first, false).await.expect("a decision about a plan on show");

    for changed in [json!([decision('1', "Reject")]), json!([]), json!([decision('2', "Approve")]), Value::Null] {
        let mut object = first.clone();
        object["spec"]["decisions"] = changed.clone();
        let message = space.replace(&object, true).await.expect_err(&format!("{changed} takes a decision back"));
        assert!(message.contains("decisions are final"), "{message}");
    }
    let mut second = first.clone();
    second["spec"]["decisions"] = json!([decision('1', "Approve"), decision('2', "Reject")]);
    let second = space.replace(&second, false).await.expect("another decision is added");

    let mut hidden = second.clone();
    hidden["status"]["targets"][0]["plan"]["digest"] = json!(digest('4'));
    space.replace_status(&hidden).await.expect_err("the plan that was decided about stays on show");
    space.remove().await;
}
