//! Where credentials come from. Their values stay in memory and are never shown: nothing here is `Debug`.

use super::Error;
use crate::model::connector::{Connector, SecretKey};
use crate::model::credentials::{Credentials, ProjectedToken, WORKLOAD_TOKENS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub trait Secrets: Send + Sync {
    fn get(&self, key: &SecretKey) -> Result<Vec<u8>, Error>;
}

fn missing(key: &SecretKey) -> Error {
    Error::SecretMissing { name: key.name.clone(), key: key.key.clone() }
}

/// A folder per Secret with a file per key, as the kubelet mounts them.
pub struct SecretFolder(pub PathBuf);

impl Secrets for SecretFolder {
    fn get(&self, key: &SecretKey) -> Result<Vec<u8>, Error> {
        let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
        if !plain(&key.name) || !plain(&key.key) {
            return Err(missing(key));
        }
        std::fs::read(self.0.join(&key.name).join(&key.key)).map_err(|_| missing(key))
    }
}

/// Secrets out of manifests, by name and key, with a folder behind them.
#[derive(Default)]
pub struct GivenSecrets {
    pub values: BTreeMap<SecretKey, Vec<u8>>,
    pub folder: Option<SecretFolder>,
}

impl Secrets for GivenSecrets {
    fn get(&self, key: &SecretKey) -> Result<Vec<u8>, Error> {
        match (self.values.get(key), &self.folder) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(folder)) => folder.get(key),
            (None, None) => Err(missing(key)),
        }
    }
}

/// Opens what one connector names in [`Connector::credentials`], and nothing else: into a Job nothing else is mounted,
/// and what works here must work there.
pub(super) struct Named<'a> {
    named: Credentials,
    secrets: &'a dyn Secrets,
}

impl<'a> Named<'a> {
    pub(super) fn by(connector: &Connector, secrets: &'a dyn Secrets) -> Self {
        Self { named: connector.credentials(), secrets }
    }

    pub(super) fn bytes(&self, key: &SecretKey) -> Result<Vec<u8>, Error> {
        if self.named.keys.contains(key) { self.secrets.get(key) } else { Err(missing(key)) }
    }

    /// A secret that must be text: without the line feed that editors add.
    pub(super) fn text(&self, key: &SecretKey) -> Result<String, Error> {
        let text = String::from_utf8(self.bytes(key)?)
            .map_err(|_| Error::Configuration(format!("the key {} of the Secret {} is not text", key.key, key.name)))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The file with the token. It is read by whoever signs in, whenever that is, since the kubelet renews it.
    pub(super) fn token_file(&self, token: &ProjectedToken) -> Result<PathBuf, Error> {
        match self.named.tokens.contains(token) {
            true => Ok(Path::new(WORKLOAD_TOKENS).join(&token.file)),
            false => Err(Error::Configuration(format!("the connector names no token for {}", token.audience))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_what_was_mounted_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("corp")).unwrap();
        std::fs::write(folder.path().join("corp/password"), "geheim\n").unwrap();
        std::fs::write(folder.path().join("beside"), "x").unwrap();
        let secrets = SecretFolder(folder.path().to_owned());
        let key = |name: &str, key: &str| SecretKey { name: name.to_owned(), key: key.to_owned() };
        let all = [("corp", "password"), ("corp", "username"), ("other", "password"), ("..", "beside")];
        let all: Vec<SecretKey> = all.iter().chain([&("corp", "../beside")]).map(|(name, of)| key(name, of)).collect();
        let named = Credentials { keys: all.iter().cloned().collect(), ..Credentials::default() };
        let opened = Named { named, secrets: &secrets };
        assert_eq!(opened.text(&all[0]).unwrap(), "geheim");
        for key in &all[1..] {
            assert!(matches!(opened.text(key), Err(Error::SecretMissing { .. })), "{key:?}");
        }
        let unnamed = Named { named: Credentials::default(), secrets: &secrets };
        assert!(matches!(unnamed.bytes(&all[0]), Err(Error::SecretMissing { .. })), "nobody named it");
    }
}
