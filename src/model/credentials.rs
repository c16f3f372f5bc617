//! What a connector's system is signed in to with: said once, here, for the operator that mounts it and for the
//! directory that opens it.

use super::connector::{Connector, GoogleAuth, Ldap, Microsoft365, Microsoft365Auth, SecretKey, System};
use std::collections::BTreeSet;

/// Where a Job finds the projected tokens of its service account, a file each.
pub const WORKLOAD_TOKENS: &str = "/run/galsync/tokens";

/// A token of the Job's own service account that a foreign issuer takes in exchange for one of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectedToken {
    /// For whom it is, and of no use to anybody else: `api://AzureADTokenExchange`, `//iam.googleapis.com/…`.
    pub audience: String,
    /// Its file in [`WORKLOAD_TOKENS`].
    pub file: String,
}

/// All keys of Secrets and all tokens that a system needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    pub keys: BTreeSet<SecretKey>,
    pub tokens: BTreeSet<ProjectedToken>,
}

impl Connector {
    /// Nothing else is mounted into a Job that signs in to the system, and nothing else is opened there.
    pub fn credentials(&self) -> Credentials {
        let mut needed = Credentials::default();
        let Credentials { keys, tokens } = &mut needed;
        match &self.system {
            System::Microsoft365(settings) => match &settings.auth {
                Microsoft365Auth::ClientSecret(key) => drop(keys.insert(key.clone())),
                Microsoft365Auth::Certificate { name } => {
                    keys.extend([Microsoft365::certificate_key(name), Microsoft365::private_key(name)]);
                }
                Microsoft365Auth::WorkloadIdentity => drop(tokens.insert(Microsoft365::workload_token())),
            },
            System::GoogleWorkspace(settings) => match &settings.auth {
                GoogleAuth::ServiceAccountKey(key) => drop(keys.insert(key.clone())),
                // Its audience names a provider, which no setting says yet.
                GoogleAuth::WorkloadIdentity => {}
            },
            System::ExchangeOnPremises(settings) => {
                keys.extend([settings.ldap.username_key(), settings.ldap.password_key()]);
                keys.extend(settings.ldap.ca_bundle.clone());
            }
            System::Memory(_) => {}
        }
        needed
    }
}

fn key(name: &str, key: &str) -> SecretKey {
    SecretKey { name: name.to_owned(), key: key.to_owned() }
}

impl Microsoft365 {
    /// The certificate in a `kubernetes.io/tls` Secret, in PEM.
    pub fn certificate_key(secret: &str) -> SecretKey {
        key(secret, "tls.crt")
    }

    /// The private key in a `kubernetes.io/tls` Secret, in PEM.
    pub fn private_key(secret: &str) -> SecretKey {
        key(secret, "tls.key")
    }

    /// What Microsoft Entra takes of a federated application.
    pub fn workload_token() -> ProjectedToken {
        ProjectedToken { audience: "api://AzureADTokenExchange".to_owned(), file: "microsoft365".to_owned() }
    }
}

impl Ldap {
    /// The bind DN or user principal name.
    pub fn username_key(&self) -> SecretKey {
        key(&self.credentials, "username")
    }

    pub fn password_key(&self) -> SecretKey {
        key(&self.credentials, "password")
    }
}
