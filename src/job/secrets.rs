//! Where credentials come from. Their values stay in memory and are never shown: nothing here is `Debug`.

use crate::directory::Error;
use crate::model::connector::SecretKey;
use std::collections::BTreeMap;
use std::path::PathBuf;

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

/// A secret that must be text: without the line feed that editors add.
pub fn text(secrets: &dyn Secrets, name: &str, key: &str) -> Result<String, Error> {
    let key = SecretKey { name: name.to_owned(), key: key.to_owned() };
    let text = String::from_utf8(secrets.get(&key)?)
        .map_err(|_| Error::Configuration(format!("the key {} of the Secret {} is not text", key.key, key.name)))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
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
        assert_eq!(text(&secrets, "corp", "password").unwrap(), "geheim");
        for (name, key) in [("corp", "username"), ("other", "password"), ("..", "beside"), ("corp", "../beside")] {
            assert!(matches!(text(&secrets, name, key), Err(Error::SecretMissing { .. })), "{name} {key}");
        }
    }
}
