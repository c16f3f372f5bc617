//! A client, a namespace that goes at the end, and requests as kubectl makes them.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::{Condition, Error};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

/// The tests are `#[ignore]`d: whoever asks for them wants them to fail without a cluster.
pub async fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert!(
        std::env::var_os("KUBECONFIG").is_some(),
        "KUBECONFIG names the cluster to test on; make lab brings one up"
    );
    let client = Client::try_default().await.expect("KUBECONFIG is readable");
    client.apiserver_version().await.expect("the cluster answers");
    definitions(&client).await;
    client
}

/// A client of the cluster that asks as this user, with the rights of that user alone.
pub async fn client_as(user: &str) -> Client {
    let mut config = kube::Config::infer().await.expect("KUBECONFIG is readable");
    config.auth_info.impersonate = Some(user.to_owned());
    Client::try_from(config).expect("a client")
}

/// Installs the definitions of this source tree.
async fn definitions(client: &Client) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in galsync::api::crds() {
        let name = crd.name_any();
        let parameters = PatchParams::apply("galsync-tests").force();
        api.patch(&name, &parameters, &Patch::Apply(&crd)).await.expect("the API server takes the definition");
        let established = await_condition(api.clone(), &name, is_crd_established());
        tokio::time::timeout(Duration::from_secs(30), established).await.expect("in time").expect("established");
    }
}

/// A namespace for one test.
pub struct Space {
    pub client: Client,
    pub name: String,
}

impl Space {
    pub async fn new(test: &str) -> Self {
        let client = client().await;
        let name = format!("galsync-test-{test}-{}", std::process::id());
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name,
            "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } }))
        .expect("a namespace");
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &namespace).await.expect("a namespace can be made");
        Self { client, name }
    }

    /// Removes the namespace, and waits until it is gone: its volume is free then.
    pub async fn remove(self) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let uid = api.get(&self.name).await.expect("it is there").uid().expect("it has a UID");
        api.delete(&self.name, &DeleteParams::default()).await.expect("it can be removed");
        let gone = await_condition(api, &self.name, kube::runtime::conditions::is_deleted(&uid));
        tokio::time::timeout(Duration::from_secs(120), gone).await.expect("in time").expect("it is gone");
    }

    fn path(&self, object: &Value, name: Option<&str>) -> String {
        let kind = object["kind"].as_str().expect("an object has a kind").to_lowercase();
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        format!("/apis/{}/namespaces/{}/{kind}s{name}", galsync::api::API_VERSION, self.name)
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(body).expect("plain data"))
            .expect("a request");
        self.client.request::<Value>(request).await.map_err(|error| match error {
            kube::Error::Api(status) => status.message,
            other => panic!("the API server did not answer: {other}"),
        })
    }

    /// As `kubectl create` does it: unknown fields are refused.
    pub async fn create(&self, object: &Value, dry_run: bool) -> Result<Value, String> {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        self.send("POST", &format!("{}?fieldValidation=Strict{dry_run}", self.path(object, None)), object).await
    }

    /// As `kubectl replace` does it.
    pub async fn replace(&self, object: &Value, dry_run: bool) -> Result<Value, String> {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        let name = object["metadata"]["name"].as_str();
        self.send("PUT", &format!("{}?fieldValidation=Strict{dry_run}", self.path(object, name)), object).await
    }

    pub async fn replace_status(&self, object: &Value) -> Result<Value, String> {
        let name = object["metadata"]["name"].as_str();
        self.send("PUT", &format!("{}/status?fieldValidation=Strict", self.path(object, name)), object).await
    }

    pub async fn delete(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str();
        self.send("DELETE", &self.path(object, name), &json!({})).await.expect("it can be removed");
    }
}

/// RFC 7396.
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let fields = value.as_object_mut().expect("it was made an object");
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}

/// As that of kube, but begins again where the watch was refused: a server under load forgets old versions (410) between
/// the list and the watch.
pub async fn await_condition<K>(api: Api<K>, name: &str, condition: impl Condition<K>) -> Result<Option<K>, Error>
where
    K: Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + kube::Resource + 'static,
{
    loop {
        let matches = |object: Option<&K>| condition.matches_object(object);
        match kube::runtime::wait::await_condition(api.clone(), name, matches).await {
            Err(Error::ProbeFailed(_)) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
            ended => return ended,
        }
    }
}
