//! From a connector's settings to the directory that talks to its system: the only place that knows them all.

use super::secrets::{self, Secrets};
use crate::directory::exchange::{ExchangeSecrets, ExchangeSource, ExchangeTarget};
use crate::directory::memory::{Memory, MemorySource, MemoryTarget};
use crate::directory::microsoft365::{Microsoft365Secrets, Microsoft365Source, Microsoft365Target};
use crate::directory::{Error, Source, Target};
use crate::model::connector::{
    Connector, ExchangeOnPremises, Ldap, Microsoft365, Microsoft365Auth, ReadScope, SecretKey, System,
};
use crate::model::schedule::TargetRules;
use crate::operation::{MICROSOFT365_TOKEN, WORKLOAD_TOKENS};
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

impl Directories for Systems<'_> {
    fn source(&self, connector: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error> {
        match &connector.system {
            System::Memory(file) => Ok(Box::new(MemorySource::new(Memory::open(Path::new(&file.path))?, read.clone()))),
            System::ExchangeOnPremises(settings) => {
                let secrets = exchange_secrets(settings, self.secrets)?;
                Ok(Box::new(ExchangeSource::new(settings, connector, secrets, read.clone())?))
            }
            System::Microsoft365(settings) => {
                let secrets = microsoft365_secrets(settings, self.secrets)?;
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
                let secrets = exchange_secrets(settings, self.secrets)?;
                Ok(Box::new(ExchangeTarget::new(settings, connector, secrets, owner, sync, mapping)?))
            }
            System::Microsoft365(settings) => {
                let secrets = microsoft365_secrets(settings, self.secrets)?;
                Ok(Box::new(Microsoft365Target::new(settings, connector, secrets, owner, sync, mapping)?))
            }
            System::GoogleWorkspace(_) => Err(not_there_yet(connector)),
        }
    }
}

fn microsoft365_secrets(settings: &Microsoft365, secrets: &dyn Secrets) -> Result<Microsoft365Secrets, Error> {
    Ok(match &settings.auth {
        Microsoft365Auth::ClientSecret(key) => {
            Microsoft365Secrets::ClientSecret(secrets::text(secrets, &key.name, &key.key)?)
        }
        Microsoft365Auth::Certificate { name } => {
            let get = |key: &str| secrets.get(&SecretKey { name: name.clone(), key: key.to_owned() });
            Microsoft365Secrets::Certificate { certificate: get("tls.crt")?, key: get("tls.key")? }
        }
        Microsoft365Auth::WorkloadIdentity => {
            // Azure's own webhook names another place.
            let named = std::env::var_os("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from);
            let token_file = named.unwrap_or_else(|| Path::new(WORKLOAD_TOKENS).join(MICROSOFT365_TOKEN));
            Microsoft365Secrets::Federated { token_file }
        }
    })
}

fn exchange_secrets(settings: &ExchangeOnPremises, secrets: &dyn Secrets) -> Result<ExchangeSecrets, Error> {
    let Ldap { credentials, ca_bundle, .. } = &settings.ldap;
    Ok(ExchangeSecrets {
        username: secrets::text(secrets, credentials, "username")?,
        password: secrets::text(secrets, credentials, "password")?,
        ca_bundle: ca_bundle.as_ref().map(|key| secrets.get(key)).transpose()?,
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
