//! References. They stay in the namespace: who may use a namespace may use its connectors and Secrets.

use super::text::{DataKey, ObjectName};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// An object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalReference {
    pub name: ObjectName,
}

impl LocalReference {
    pub fn new(name: &str) -> Self {
        Self { name: name.into() }
    }
}

/// One key of a Secret of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyReference {
    pub name: ObjectName,
    pub key: DataKey,
}

/// A CA bundle in PEM, in a Secret of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaBundleReference {
    pub name: ObjectName,
    /// Default: `ca.crt`.
    #[serde(default = "ca_key")]
    pub key: DataKey,
}

fn ca_key() -> DataKey {
    "ca.crt".into()
}
