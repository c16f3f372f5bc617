//! From a connector's settings to the directory that talks to its system: the only place that knows them all.

use super::exchange::{ExchangeSecrets, ExchangeSource, ExchangeTarget};
use super::memory::{Memory, MemorySource, MemoryTarget};
use super::microsoft365::{Microsoft365Secrets, Microsoft365Source, Microsoft365Target};
use super::secrets::{Named, Secrets};
use super::{Error, Source, Target};
use crate::model::connector::{Connector, ExchangeOnPremises, Ldap, Microsoft365, Microsoft365Auth, ReadScope, System};
use crate::model::schedule::TargetRules;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Makes directories; a test brings its own.
pub trait Directories: Send + Sync {
    fn source(&self, connector: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error>;
    fn target(&self, connector: &Connector, rules: &TargetRules) -> Result<Box<dyn Target>, Error>;
}

/// The real systems. Connections are made later, at the first call.
pub struct Systems<'a> {
    pub secrets: &'a dyn Secrets,
}

fn not_there_yet(connector: &Connector) -> Error {
    let kind = connector.system.type_name();
    Error::NotSupported(format!("connector {}: this release cannot talk to {kind} yet", connector.name))
}

impl Systems<'_> {
    fn named(&self, connector: &Connector) -> Named<'_> {
        Named::by(connector, self.secrets)
    }
}

impl Directories for Systems<'_> {
    fn source(&self, connector: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error> {
        match &connector.system {
            System::Memory(file) => Ok(Box::new(MemorySource::new(Memory::open(Path::new(&file.path))?, read.clone()))),
            System::ExchangeOnPremises(settings) => {
                let secrets = exchange_secrets(settings, &self.named(connector))?;
                Ok(Box::new(ExchangeSource::new(settings, connector, secrets, read.clone())?))
            }
            System::Microsoft365(settings) => {
                let secrets = microsoft365_secrets(settings, &self.named(connector))?;
                Ok(Box::new(Microsoft365Source::new(settings, connector, secrets, read.clone())?))
            }
            System::GoogleWorkspace(_) => Err(not_there_yet(connector)),
        }
    }

    fn target(&self, connector: &Connector, rules: &TargetRules) -> Result<Box<dyn Target>, Error> {
        let (owner, sync, mapping) = (rules.owner.clone(), rules.sync.clone(), rules.mapping.clone());
        match &connector.system {
            System::Memory(file) => {
                Ok(Box::new(MemoryTarget::new(Memory::open(Path::new(&file.path))?, owner, sync, mapping)))
            }
            System::ExchangeOnPremises(settings) => {
                let secrets = exchange_secrets(settings, &self.named(connector))?;
                Ok(Box::new(ExchangeTarget::new(settings, connector, secrets, owner, sync, mapping)?))
            }
            System::Microsoft365(settings) => {
                let secrets = microsoft365_secrets(settings, &self.named(connector))?;
                Ok(Box::new(Microsoft365Target::new(settings, connector, secrets, owner, sync, mapping)?))
            }
            System::GoogleWorkspace(_) => Err(not_there_yet(connector)),
        }
    }
}

fn microsoft365_secrets(settings: &Microsoft365, named: &Named<'_>) -> Result<Microsoft365Secrets, Error> {
    Ok(match &settings.auth {
        Microsoft365Auth::ClientSecret(key) => Microsoft365Secrets::ClientSecret(named.text(key)?),
        Microsoft365Auth::Certificate { name } => Microsoft365Secrets::Certificate {
            certificate: named.bytes(&Microsoft365::certificate_key(name))?,
            key: named.bytes(&Microsoft365::private_key(name))?,
        },
        Microsoft365Auth::WorkloadIdentity => {
            let mounted = named.token_file(&Microsoft365::workload_token())?;
            // Azure's own webhook names another place.
            let token_file = std::env::var_os("AZURE_FEDERATED_TOKEN_FILE").map_or(mounted, PathBuf::from);
            Microsoft365Secrets::Federated { token_file }
        }
    })
}

fn exchange_secrets(settings: &ExchangeOnPremises, named: &Named<'_>) -> Result<ExchangeSecrets, Error> {
    let ldap: &Ldap = &settings.ldap;
    Ok(ExchangeSecrets {
        username: named.text(&ldap.username_key())?,
        password: named.text(&ldap.password_key())?,
        ca_bundle: ldap.ca_bundle.as_ref().map(|key| named.bytes(key)).transpose()?,
    })
}

/// Reference directories by the name of their connector, in this process.
#[derive(Debug, Clone, Default)]
pub struct Memories(pub BTreeMap<String, Memory>);

impl Memories {
    fn get(&self, connector: &Connector) -> Result<Memory, Error> {
        let memory = self.0.get(&connector.name).cloned();
        memory.ok_or_else(|| Error::Configuration(format!("there is no reference directory {}", connector.name)))
    }
}

impl Directories for Memories {
    fn source(&self, connector: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(MemorySource::new(self.get(connector)?, read.clone())))
    }

    fn target(&self, connector: &Connector, rules: &TargetRules) -> Result<Box<dyn Target>, Error> {
        let (owner, sync, mapping) = (rules.owner.clone(), rules.sync.clone(), rules.mapping.clone());
        Ok(Box::new(MemoryTarget::new(self.get(connector)?, owner, sync, mapping)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connector::SecretKey;
    use crate::model::credentials::WORKLOAD_TOKENS;
    use crate::model::filters::Filters;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    /// Notes which keys are opened.
    #[derive(Default)]
    struct Noted(Mutex<BTreeSet<SecretKey>>);

    impl Secrets for Noted {
        fn get(&self, key: &SecretKey) -> Result<Vec<u8>, Error> {
            self.0.lock().unwrap().insert(key.clone());
            Ok(b"x".to_vec())
        }
    }

    fn connector(system: Value) -> Connector {
        let document = json!({
            "name": "corp", "system": system, "filters": Filters::default(),
            "ownerAttribute": "extensionAttribute15", "fullPullEverySeconds": 1,
        });
        serde_json::from_value(document).unwrap()
    }

    fn microsoft365(auth: Value) -> Connector {
        connector(json!({ "microsoft365": {
            "tenantId": "11111111-2222-3333-4444-555555555555", "organization": "contoso.onmicrosoft.com",
            "clientId": "66666666-7777-8888-9999-000000000000", "auth": auth, "cloud": "Global" } }))
    }

    fn exchange(ca_bundle: Value) -> Connector {
        connector(json!({ "exchangeOnPremises": { "ldap": {
            "urls": ["ldaps://dc1.corp.example"], "caBundle": ca_bundle, "credentials": "bind", "security": "StartTls",
        } } }))
    }

    /// What [`Connector::credentials`] names is what the operator mounts, so more cannot be opened in a Job; and what
    /// nobody opens need not be mounted.
    #[test]
    fn what_is_opened_is_what_is_named() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let all = [
            (microsoft365(json!({ "clientSecret": { "name": "app", "key": "secret" } })), 1, 0),
            (microsoft365(json!({ "certificate": { "name": "app" } })), 2, 0),
            (microsoft365(json!("workloadIdentity")), 0, 1),
            (exchange(json!(null)), 2, 0),
            (exchange(json!({ "name": "ca", "key": "ca.crt" })), 3, 0),
            (connector(json!({ "memory": { "path": "/nowhere" } })), 0, 0),
        ];
        for (connector, keys, tokens) in all {
            let named = connector.credentials();
            assert_eq!((named.keys.len(), named.tokens.len()), (keys, tokens), "{:?}", connector.system);
            let noted = Noted::default();
            // Such secrets are of no use; they are all opened before that is found out.
            drop(Systems { secrets: &noted }.source(&connector, &ReadScope::default()));
            assert_eq!(*noted.0.lock().unwrap(), named.keys, "{:?}", connector.system);
        }
    }

    #[test]
    fn a_token_is_read_where_it_is_mounted() {
        let connector = microsoft365(json!("workloadIdentity"));
        let named = Named::by(&connector, &Noted::default()).token_file(&Microsoft365::workload_token());
        assert_eq!(named.unwrap(), Path::new(WORKLOAD_TOKENS).join("microsoft365"));
        let other = microsoft365(json!({ "clientSecret": { "name": "app", "key": "secret" } }));
        assert!(Named::by(&other, &Noted::default()).token_file(&Microsoft365::workload_token()).is_err());
    }
}
