//! Two tenants of Microsoft 365 in a sandbox that runs as a pod, and connectors to them.

use crate::company::within;
use crate::process::image;
use crate::support::{Space, await_condition};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, PostParams};
use kube::runtime::wait::conditions::is_pod_running;
use serde_json::{Value, json};
use std::time::Duration;

/// Name, tenant id, the connector's app.
const TENANTS: [(&str, &str, &str); 2] = [
    ("contoso", "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"),
    ("fabrikam", "22222222-3333-4444-5555-666666666666", "77777777-8888-9999-0000-111111111111"),
];
const PORT: u16 = 8365;

pub fn secret_of(tenant: &str) -> String {
    format!("{tenant} has a secret")
}

pub struct Sandbox {
    url: String,
    client: reqwest::Client,
}

/// So many people at contoso; fabrikam takes so many new contacts a day.
fn config(people: usize, quota: usize) -> Value {
    let tenant = |(name, id, app): (&str, &str, &str)| {
        let person = |number: usize| {
            json!({ "kind": "UserMailbox", "displayName": format!("Person {number}"), "alias": format!("person{number}"),
                "mail": format!("person{number}@{name}.example") })
        };
        let (people, exchange) = match name {
            "contoso" => (people, json!({})),
            _ => (3, json!({ "createQuota": { "count": quota, "window": "24h" } })),
        };
        json!({ "id": id, "organization": format!("{name}.onmicrosoft.com"), "domains": [format!("{name}.example")],
            "apps": [{ "clientId": app, "secrets": [{ "text": { "value": secret_of(name) } }],
                "roles": ["User.Read.All", "Group.Read.All", "OrgContact.Read.All", "Exchange.ManageAsApp"],
                "exchangeRoles": ["Mail Recipients", "Mail Recipient Creation"] }],
            "objects": (0..people).map(person).collect::<Vec<_>>(), "exchange": exchange })
    };
    json!({ "seed": 1, "microsoft365": { "tenants": TENANTS.map(tenant) } })
}

impl Sandbox {
    pub async fn start(space: &Space, people: usize, quota: usize) -> Self {
        let settings = json!({ "metadata": { "name": "sandbox" },
            "data": { "sandbox.yaml": config(people, quota).to_string() } });
        let settings: ConfigMap = serde_json::from_value(settings).expect("a ConfigMap");
        let maps: Api<ConfigMap> = Api::namespaced(space.client.clone(), &space.name);
        maps.create(&PostParams::default(), &settings).await.expect("made");
        let pod = json!({ "metadata": { "name": "sandbox" }, "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{ "name": "sandbox", "image": image(), "imagePullPolicy": "IfNotPresent",
                "command": ["/galsync", "sandbox", "--config", "/config/sandbox.yaml", "--listen", format!("0.0.0.0:{PORT}")],
                "securityContext": { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] } },
                "volumeMounts": [{ "name": "config", "mountPath": "/config" }] }],
            "volumes": [{ "name": "config", "configMap": { "name": "sandbox" } }] } });
        let pods: Api<Pod> = Api::namespaced(space.client.clone(), &space.name);
        pods.create(&PostParams::default(), &serde_json::from_value(pod).expect("a pod")).await.expect("made");
        let pod = within("the sandbox runs", 60, await_condition(pods, "sandbox", is_pod_running())).await;
        let address = pod.and_then(|pod| pod.status).and_then(|status| status.pod_ip).expect("it has an address");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Self { url: format!("http://{address}:{PORT}"), client: reqwest::Client::new() };
        let serves = async {
            while sandbox.client.get(format!("{}/sandbox/health", sandbox.url)).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok::<_, ()>(())
        };
        within("the sandbox answers; pods of the cluster must be in reach", 60, serves).await;
        sandbox
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/sandbox/{path}", self.url)).send().await.expect("it answers");
        serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON")
    }

    /// Its clock only.
    pub async fn advance(&self, by: &str) {
        let body = json!({ "by": by }).to_string();
        let request = self.client.post(format!("{}/sandbox/clock/advance", self.url)).body(body);
        assert!(request.send().await.expect("it answers").status().is_success());
    }

    /// How often fabrikam has made a contact.
    pub async fn created(&self) -> u64 {
        let counters = self.get("counters").await;
        let tenants = counters["exchange"].as_array().expect("tenants");
        let cmdlets = tenants.iter().flat_map(|tenant| tenant["cmdlets"].as_array().expect("cmdlets"));
        let made = cmdlets.filter(|line| line["cmdlet"] == "New-MailContact" && line["status"] == 200);
        made.filter_map(|line| line["count"].as_u64()).sum()
    }

    /// A connector to a tenant; its Secret has the tenant's name.
    pub fn connector(&self, name: &str) -> Value {
        let (_, id, app) = TENANTS.into_iter().find(|tenant| tenant.0 == name).expect("one of the two");
        json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": name },
            "spec": { "type": "Microsoft365", "authoritativeDomains": [format!("{name}.example")],
                "microsoft365": { "tenantId": id, "organization": format!("{name}.onmicrosoft.com"), "clientId": app,
                    "auth": { "clientSecretRef": { "name": name, "key": "client-secret" } } },
                "endpoints": { "login": self.url, "graph": self.url, "exchange": self.url } }
        })
    }
}
