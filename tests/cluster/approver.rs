//! The chart's roles and admission policy: who may decide about a plan, and in whose name.

use crate::support::{Space, client_as};
use galsync::api::GalSyncRun;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::discovery::pinned_kind;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

const PREFIX: &str = "galsync";

/// Objects of the rendered chart, under names of the test's own and held to its namespace.
fn rendered(space: &Space) -> Vec<Value> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/galsync.yaml")).expect("rendered");
    let documents =
        serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).expect("YAML"));
    let wanted = |object: &Value| {
        let (kind, name) = (object["kind"].as_str().unwrap_or(""), object["metadata"]["name"].as_str().unwrap_or(""));
        (kind.starts_with("ValidatingAdmissionPolicy") && name.ends_with("-decisions"))
            || (kind == "ClusterRole" && ["-viewer", "-operator", "-approver"].iter().any(|end| name.ends_with(end)))
    };
    let mut objects: Vec<Value> = documents.filter(wanted).collect();
    assert_eq!(objects.len(), 5, "three roles, a policy and its binding");
    for object in &mut objects {
        let own = |name: &Value| json!(name.as_str().expect("a name").replacen(PREFIX, &space.name, 1));
        object["metadata"]["name"] = own(&object["metadata"]["name"]);
        object["metadata"]["labels"] = json!({});
        if object["kind"] == "ValidatingAdmissionPolicyBinding" {
            object["spec"]["policyName"] = own(&object["spec"]["policyName"]);
            object["spec"]["matchResources"] =
                json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": space.name } } });
        }
    }
    objects
}

async fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let types: TypeMeta = serde_json::from_value(object.clone()).expect("apiVersion and kind");
    let kind = GroupVersionKind::try_from(types).expect("a kind");
    let (resource, _) = pinned_kind(client, &kind).await.expect("the API server knows the kind");
    Api::all_with(client.clone(), &resource)
}

async fn bind(space: &Space, user: &str, role: &str) {
    let binding = serde_json::from_value(json!({
        "metadata": { "name": user },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": format!("{}-{role}", space.name) },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    }))
    .expect("a binding");
    let api: Api<k8s_openapi::api::rbac::v1::RoleBinding> = Api::namespaced(space.client.clone(), &space.name);
    api.create(&PostParams::default(), &binding).await.expect("bound");
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// What the API server says to a decision that this user makes.
async fn decide(space: &Space, user: &str, decisions: Value, dry_run: bool) -> Result<(), String> {
    let runs: Api<GalSyncRun> = Api::namespaced(client_as(user).await, &space.name);
    let patch = Patch::Merge(json!({ "spec": { "decisions": decisions } }));
    match runs.patch("look", &PatchParams { dry_run, ..PatchParams::default() }, &patch).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(other) => panic!("the API server did not answer: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server, see docs/lab.md"]
async fn only_an_approver_decides_and_only_in_the_own_name() {
    let space = Space::new("approver").await;
    let objects = rendered(&space);
    for object in &objects {
        let api = api_of(&space.client, object).await;
        let name = object["metadata"]["name"].as_str().expect("a name");
        let parameters = PatchParams::apply("galsync-tests").force();
        api.patch(name, &parameters, &Patch::Apply(object)).await.expect("the API server takes it");
    }
    for (user, role) in [("ada", "approver"), ("eve", "operator"), ("vic", "viewer")] {
        bind(&space, user, role).await;
    }
    let run = json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun", "metadata": { "name": "look" },
        "spec": { "scheduleRef": { "name": "people" }, "action": "Push" } });
    let mut run = space.create(&run, false).await.expect("accepted");
    let target = |name: &str, digit: char| {
        json!({ "connector": name, "plan": { "digest": digest(digit), "counts": {}, "managed": 0 },
            "result": "ApprovalRequired" })
    };
    run["status"] = json!({ "observedGeneration": 1, "targets": [target("b", '1'), target("c", '2')] });
    space.replace_status(&run).await.expect("plans are shown");
    let decision = |digit: char, by: &str| json!({ "planDigest": digest(digit), "verdict": "Approve", "by": by });

    // A policy takes a moment until it holds.
    let mut refused = Ok(());
    for _ in 0..60 {
        refused = decide(&space, "eve", json!([decision('1', "eve")]), true).await;
        if refused.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let message = refused.expect_err("an editor may not decide");
    assert!(message.contains("user eve may not decide about plans in namespace"), "{message}");
    assert!(message.contains("-approver has"), "it says what is missing: {message}");
    let message =
        decide(&space, "vic", json!([decision('1', "vic")]), true).await.expect_err("a viewer writes nothing");
    assert!(message.contains("cannot patch resource"), "{message}");
    // An editor may write all the rest that can be written.
    let runs: Api<GalSyncRun> = Api::namespaced(client_as("eve").await, &space.name);
    let label = Patch::Merge(json!({ "metadata": { "labels": { "keep": "yes" } } }));
    runs.patch("look", &PatchParams::default(), &label).await.expect("an editor labels a run");

    let message = decide(&space, "ada", json!([decision('1', "eve")]), true).await.expect_err("in another's name");
    assert!(message.contains("in one's own name: write by: ada"), "{message}");
    decide(&space, "ada", json!([decision('1', "ada")]), false).await.expect("an approver decides");
    // The second decision repeats the first, whoever made it, and only what is added is looked at.
    bind(&space, "bob", "approver").await;
    let mut said = Err(String::new());
    for _ in 0..20 {
        said = decide(&space, "bob", json!([decision('1', "ada"), decision('2', "bob")]), true).await;
        if said.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    said.expect("another approver adds a decision");
    decide(&space, "eve", json!([decision('1', "ada"), decision('2', "ada")]), true)
        .await
        .expect_err("an editor adds none, in nobody's name");
    // With a decision there, an editor still writes the rest.
    let label = Patch::Merge(json!({ "metadata": { "labels": { "keep": "no" } } }));
    runs.patch("look", &PatchParams::default(), &label).await.expect("the decisions did not change");

    for object in &objects {
        let api = api_of(&space.client, object).await;
        let name = object["metadata"]["name"].as_str().expect("a name");
        api.delete(name, &kube::api::DeleteParams::default()).await.expect("it goes");
    }
    space.remove().await;
}
