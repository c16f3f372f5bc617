//! What an operation signs in with: Secrets, mounted only where they are needed, or the token of its own service
//! account.

use crate::model::connector::{Connector, GoogleAuth, Microsoft365Auth, System};
use crate::operation::{MICROSOFT365_TOKEN, Operation, WORKLOAD_TOKENS};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The token of the pod's service account for Microsoft Entra, where the connector signs in with it. It is of no
/// use at the Kubernetes API.
pub(super) fn add_workload_token(spec: &mut Value, operation: &Operation) {
    let federated = signs_in(operation).is_some_and(|connector| {
        matches!(&connector.system, System::Microsoft365(tenant) if tenant.auth == Microsoft365Auth::WorkloadIdentity)
    });
    if !federated {
        return;
    }
    let token = json!({ "serviceAccountToken": {
        "audience": "api://AzureADTokenExchange", "expirationSeconds": 3600, "path": MICROSOFT365_TOKEN } });
    let volume = json!({ "name": "tokens", "projected": { "sources": [token] } });
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
    signs_in(operation).map(secrets_of).unwrap_or_default()
}

fn secrets_of(connector: &Connector) -> Secrets {
    let mut secrets = Secrets::new();
    let mut need = |name: &str, key: &str| {
        secrets.entry(name.to_owned()).or_default().insert(key.to_owned());
    };
    match &connector.system {
        System::Microsoft365(tenant) => match &tenant.auth {
            Microsoft365Auth::ClientSecret(secret) => need(&secret.name, &secret.key),
            Microsoft365Auth::Certificate { name } => {
                need(name, "tls.crt");
                need(name, "tls.key");
            }
            Microsoft365Auth::WorkloadIdentity => {}
        },
        System::GoogleWorkspace(account) => match &account.auth {
            GoogleAuth::ServiceAccountKey(secret) => need(&secret.name, &secret.key),
            GoogleAuth::WorkloadIdentity => {}
        },
        System::ExchangeOnPremises(exchange) => {
            need(&exchange.ldap.credentials, "username");
            need(&exchange.ldap.credentials, "password");
            if let Some(bundle) = &exchange.ldap.ca_bundle {
                need(&bundle.name, &bundle.key);
            }
        }
        System::Memory(_) => {}
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
            add_workload_token(&mut spec, &verify(auth));
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
