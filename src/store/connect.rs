//! From a store's location to the store.

use super::error::hint;
use super::{Error, Store};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

impl Store {
    /// `location` is a folder (a path or `file://…`), `s3://bucket/path`, `gs://bucket/path` or
    /// `az://container/path`; `prefix` is `<owner.id>/<namespace>`. `options` are `object_store`'s own, in any
    /// case (`aws_access_key_id`, `azure_storage_account_key`, `google_service_account`, …), as a Secret or the
    /// environment has them. Does not connect yet.
    pub fn connect(
        location: &str,
        options: &BTreeMap<String, String>,
        prefix: &str,
        scratch: impl Into<PathBuf>,
    ) -> Result<Self, Error> {
        match Url::parse(location) {
            Ok(url) if url.scheme() != "file" => Ok(Self::new(remote(&url, options)?, prefix, scratch)),
            Ok(url) => {
                let path = url.to_file_path().map_err(|()| Error::Location {
                    location: location.into(),
                    hint: "write file:/// and an absolute path".into(),
                })?;
                folder(path, prefix, scratch.into())
            }
            Err(_) => folder(PathBuf::from(location), prefix, scratch.into()),
        }
    }
}

/// The environment's variables that a bucket's credentials and settings come from.
pub fn environment_options() -> BTreeMap<String, String> {
    let of_a_bucket = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| name.starts_with(start));
    std::env::vars().filter(|(name, _)| of_a_bucket(name)).collect()
}

fn folder(path: PathBuf, prefix: &str, scratch: PathBuf) -> Result<Store, Error> {
    let unusable = |hint: String| Error::Location { location: path.display().to_string(), hint };
    match std::fs::create_dir_all(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Err(Error::Full),
        Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => return Err(Error::ReadOnly),
        Err(error) => return Err(unusable(error.to_string())),
    }
    let objects = LocalFileSystem::new_with_prefix(&path).map_err(|error| unusable(hint(&error)))?.with_fsync(true);
    let mut store = Store::new(Arc::new(objects), prefix, scratch);
    store.folder = Some(Arc::new(path));
    Ok(store)
}

fn remote(url: &Url, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, Error> {
    let location = format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
    let unusable = |hint: &str| Error::Location { location: location.clone(), hint: hint.into() };
    if !matches!(url.scheme(), "s3" | "gs" | "az") {
        return Err(unusable("the scheme must be file, s3, gs or az"));
    }
    let (objects, path) = object_store::parse_url_opts(url, options).map_err(|error| unusable(&hint(&error)))?;
    Ok(if path.as_ref().is_empty() { Arc::from(objects) } else { Arc::new(PrefixStore::new(objects, path)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_that_cannot_be_used_are_refused_with_a_hint() {
        let options = BTreeMap::new();
        for bad in ["ftp://host/x", "http://host/x", "file://host/x", "/dev/null/store"] {
            let error = Store::connect(bad, &options, "o/n", "/tmp").unwrap_err();
            assert!(matches!(error, Error::Location { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn buckets_are_taken_by_url() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let options = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID".to_owned(), "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "key".to_owned()),
            ("AWS_REGION".to_owned(), "eu-central-1".to_owned()),
        ]);
        let store = Store::connect("s3://bucket/some/path", &options, "owner/ns", "/tmp").unwrap();
        let shown = store.objects.to_string();
        assert!(shown.contains("some/path"), "{shown}");
        assert_eq!(store.path("blobs/1").to_string(), "owner/ns/blobs/1");
    }
}
