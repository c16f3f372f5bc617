//! The lab's forests as connectors of a namespace on the cluster.

use crate::administrator::Administrator;
use crate::forest::{Account, Forest};
use crate::support::Space;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

pub async fn secret(space: &Space, name: &str, values: &[(&str, &str)]) {
    let values: serde_json::Map<String, Value> =
        values.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let secret: Secret =
        serde_json::from_value(json!({ "metadata": { "name": name }, "stringData": values })).expect("a Secret");
    let secrets: Api<Secret> = Api::namespaced(space.client.clone(), &space.name);
    secrets.create(&PostParams::default(), &secret).await.expect("the Secret can be made");
}

/// The Secrets `<forest>-ca` and `<forest>-account`.
pub async fn secrets(space: &Space, forest: &Forest, account: &Account) {
    let authority = std::fs::read_to_string(&forest.ca_file).expect("the lab has an authority");
    secret(space, &format!("{}-ca", forest.forest), &[("ca.crt", &authority)]).await;
    let values = [("username", account.user_principal_name.as_str()), ("password", &account.password())];
    secret(space, &format!("{}-account", forest.forest), &values).await;
}

/// A connector to the forest with those Secrets; `more` is laid over its `exchangeOnPremises`.
pub fn connector(forest: &Forest, domains: &[&str], more: &Value) -> Value {
    let name = &forest.forest;
    let mut object = json!({
        "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": name },
        "spec": { "type": "ExchangeOnPremises", "authoritativeDomains": domains, "exchangeOnPremises": {
            "ldap": { "urls": [forest.ldaps], "caBundleRef": { "name": format!("{name}-ca") },
                "credentialsRef": { "name": format!("{name}-account") } } } }
    });
    crate::support::merge(&mut object["spec"]["exchangeOnPremises"], more);
    object
}

/// So many mailboxes below an organizational unit of the test's own.
pub async fn seed(administrator: &Administrator, unit: &str, domain: &str, numbers: std::ops::Range<usize>) {
    administrator.make_container(unit).await;
    for number in numbers {
        let name = format!("{}{number}", domain.split('.').next().unwrap_or_default());
        administrator.put_mailbox(&format!("CN={name},{unit}"), &name, domain, &[]).await;
    }
}
