//! What an operation signs in with: Secrets, mounted only where they are needed, or tokens of its own service
//! account.

use crate::model::connector::Connector;
use crate::model::credentials::{Credentials, WORKLOAD_TOKENS};
use crate::operation::Operation;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long a projected token holds; the kubelet renews it in time.
const TOKEN_SECONDS: u32 = 3_600;

fn credentials(operation: &Operation) -> Credentials {
    signs_in(operation).map(Connector::credentials).unwrap_or_default()
}

/// The tokens of the pod's service account that the connector signs in with, where it does. They are of no use at the
/// Kubernetes API.
pub(super) fn add_workload_tokens(spec: &mut Value, operation: &Operation) {
    let tokens = credentials(operation).tokens;
    if tokens.is_empty() {
        return;
    }
    let source = |audience: &str, file: &str| json!({ "serviceAccountToken": { "audience": audience, "expirationSeconds": TOKEN_SECONDS, "path": file } });
    let sources: Vec<Value> = tokens.iter().map(|token| source(&token.audience, &token.file)).collect();
    let volume = json!({ "name": "tokens", "projected": { "sources": sources } });
    let mount = json!({ "name": "tokens", "mountPath": WORKLOAD_TOKENS, "readOnly": true });
    spec["volumes"].as_array_mut().expect("a pod has volumes").push(volume);
    spec["containers"][0]["volumeMounts"].as_array_mut().expect("a container has mounts").push(mount);
}

/// The one connector that the operation signs in to; never the sources of a plan.
fn signs_in(operation: &Operation) -> Option<&Connector> {
    match operation {
        Operation::EmptyCache { .. } | Operation::CollectGarbage { .. } => None,
        Operation::Verify { connector, .. } | Operation::Pull { connector, .. } => Some(connector),
        Operation::Simulate(simulate) | Operation::Push { simulate, .. } => Some(&simulate.target),
    }
}

/// Names of Secrets and the keys that are needed of each.
pub(super) type Secrets = BTreeMap<String, BTreeSet<String>>;

/// The Secrets of the connector that the operation signs in to.
pub(super) fn secrets(operation: &Operation) -> Secrets {
    let mut secrets = Secrets::new();
    for key in credentials(operation).keys {
        secrets.entry(key.name).or_default().insert(key.key);
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::convert::checked_connector;
    use crate::model::connector::ReadScope;

    fn verify(auth: Value) -> Operation {
        let object = json!({ "metadata": { "name": "contoso" }, "spec": { "type": "Microsoft365", "microsoft365": {
            "tenantId": "11111111-2222-3333-4444-555555555555", "organization": "contoso.onmicrosoft.com",
            "clientId": "66666666-7777-8888-9999-000000000000", "auth": auth } } });
        let connector = checked_connector(&serde_json::from_value(object).unwrap()).unwrap();
        Operation::Verify { connector, read: ReadScope::default() }
    }

    #[test]
    fn a_certificate_needs_both_of_its_keys() {
        let found = secrets(&verify(json!({ "certificateRef": { "name": "cert" } })));
        assert_eq!(found["cert"], ["tls.crt", "tls.key"].map(str::to_owned).into());
    }

    #[test]
    fn the_pods_own_token_is_there_for_workload_identity_only() {
        let spec = |auth: Value| {
            let mut spec = json!({ "volumes": [], "containers": [{ "volumeMounts": [] }] });
            add_workload_tokens(&mut spec, &verify(auth));
            spec
        };
        let secret = spec(json!({ "clientSecretRef": { "name": "a", "key": "b" } }));
        assert_eq!(secret["volumes"], json!([]));
        let federated = spec(json!({ "workloadIdentity": {} }));
        let token = &federated["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!(token["audience"], "api://AzureADTokenExchange");
        assert_eq!(federated["containers"][0]["volumeMounts"][0]["mountPath"], WORKLOAD_TOKENS);
    }
}
