//! Objects by key: the thin layer over `object_store` that adds the prefix and tells errors apart.

use super::Error;
use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{GetResult, GetResultPayload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// What is larger goes in parts of this size.
const PART_BYTES: usize = 8 << 20;

/// The part of a store that belongs to one namespace of one owner. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
    pub(super) scratch: Arc<PathBuf>,
    /// Where the objects lie as files, for a store that is a folder.
    pub(super) folder: Option<Arc<PathBuf>>,
}

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Without the prefix.
    pub key: String,
    pub bytes: u64,
    pub modified: Timestamp,
}

impl Store {
    /// `prefix` is `<owner.id>/<namespace>`; `scratch` a folder for temporary files.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str, scratch: impl Into<PathBuf>) -> Self {
        Self { objects, prefix: Path::from(prefix), scratch: Arc::new(scratch.into()), folder: None }
    }

    /// The folder for temporary files.
    pub fn scratch(&self) -> &std::path::Path {
        &self.scratch
    }

    /// A temporary file without a name, which vanishes when it is closed.
    pub fn temporary_file(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.scratch.as_path()).map_err(Error::Temporary)
    }

    pub(super) fn path(&self, key: &str) -> Path {
        self.prefix.parts().chain(Path::from(key).parts()).collect()
    }

    fn key(&self, path: &Path) -> String {
        let parts = path.prefix_match(&self.prefix).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
        parts.map_or_else(|| path.to_string(), |parts: Vec<String>| parts.join("/"))
    }

    /// Replaces what is there.
    pub async fn put(&self, key: &str, content: impl Into<Bytes>) -> Result<(), Error> {
        self.put_with(key, content.into(), PutMode::Overwrite).await
    }

    /// [`Error::Conflict`] if it is there already.
    pub(super) async fn create(&self, key: &str, content: impl Into<Bytes>) -> Result<(), Error> {
        self.put_with(key, content.into(), PutMode::Create).await
    }

    async fn put_with(&self, key: &str, content: Bytes, mode: PutMode) -> Result<(), Error> {
        let put = self.objects.put_opts(&self.path(key), PutPayload::from_bytes(content), mode.into()).await;
        put.map(|_| ()).map_err(|error| write_error(error, key))
    }

    /// Stores what the file holds, from its start; the object appears when it is whole.
    pub async fn put_file(&self, key: &str, file: File) -> Result<(), Error> {
        let mut parts = Parts::new(file).await?;
        let Some(first) = parts.next().await? else { return self.put(key, Bytes::new()).await };
        if first.len() < PART_BYTES {
            return self.put(key, first).await;
        }
        let error = |error| write_error(error, key);
        let mut upload = self.objects.put_multipart(&self.path(key)).await.map_err(error)?;
        let mut next = Some(first);
        let done = loop {
            let Some(part) = next.take() else { break upload.complete().await.map(|_| ()).map_err(error) };
            if let Err(cause) = upload.put_part(part.into()).await {
                break Err(error(cause));
            }
            match parts.next().await {
                Ok(part) => next = part,
                Err(error) => break Err(error),
            }
        };
        if done.is_err() {
            // The first error tells more than this one would.
            let _ = upload.abort().await;
        }
        done
    }

    /// For small objects.
    pub async fn get(&self, key: &str) -> Result<Bytes, Error> {
        let error = |error| Error::of(error, key);
        self.objects.get(&self.path(key)).await.map_err(error)?.bytes().await.map_err(error)
    }

    /// The object as a file at its start: itself where the store is a folder, otherwise a temporary copy.
    pub async fn get_file(&self, key: &str) -> Result<File, Error> {
        let error = |error| Error::of(error, key);
        let GetResult { payload, .. } = self.objects.get(&self.path(key)).await.map_err(error)?;
        let mut stream = match payload {
            GetResultPayload::File(file, _) => return Ok(file),
            GetResultPayload::Stream(stream) => stream,
        };
        let mut file = self.temporary_file()?;
        while let Some(bytes) = stream.try_next().await.map_err(error)? {
            file = blocking(move || file.write_all(&bytes).map(|()| file)).await?;
        }
        blocking(move || file.seek(SeekFrom::Start(0)).map(|_| file)).await
    }

    /// Nothing to do if it is not there.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.objects.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::of(error, key)),
        }
    }

    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        match self.objects.head(&self.path(key)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::of(error, key)),
        }
    }

    /// All objects below a folder, sorted by key; none where it does not exist.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        let error = |error| Error::of(error, folder);
        let mut found = Vec::new();
        let mut stream = self.objects.list(Some(&self.path(folder)));
        while let Some(meta) = stream.try_next().await.map_err(error)? {
            let modified = Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MIN);
            found.push(Object { key: self.key(&meta.location), bytes: meta.size, modified });
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    pub(super) async fn modified(&self, key: &str) -> Result<Option<Timestamp>, Error> {
        match self.objects.head(&self.path(key)).await {
            Ok(meta) => Ok(Some(Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::MIN))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::of(error, key)),
        }
    }
}

/// A name as one segment of a key in every kind of store: what is not a letter, digit, dot or hyphen is written
/// as `_` and its hexadecimal bytes.
pub(super) fn segment(name: &str) -> String {
    let plain = |at: usize, byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' && at > 0;
    let parts = name
        .bytes()
        .enumerate()
        .map(|(at, byte)| if plain(at, byte) { char::from(byte).to_string() } else { format!("_{byte:02x}") });
    parts.collect()
}

/// The name that [`segment`] was made of.
pub(super) fn name(segment: &str) -> Option<String> {
    let mut parts = segment.split('_');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// Something that cannot be found while it is written is the bucket or the volume itself.
fn write_error(error: object_store::Error, key: &str) -> Error {
    match error {
        object_store::Error::NotFound { .. } => {
            Error::Unavailable { hint: "the bucket, container or folder does not exist".into() }
        }
        error => Error::of(error, key),
    }
}

/// A file in parts, read where it does not hold up the other tasks.
struct Parts {
    file: Option<File>,
}

impl Parts {
    async fn new(mut file: File) -> Result<Self, Error> {
        let file = blocking(move || file.seek(SeekFrom::Start(0)).map(|_| file)).await?;
        Ok(Self { file: Some(file) })
    }

    /// A part shorter than [`PART_BYTES`] is the last one.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(mut file) = self.file.take() else { return Ok(None) };
        let (part, file) = blocking(move || {
            let mut part = Vec::with_capacity(PART_BYTES);
            (&mut file).take(PART_BYTES as u64).read_to_end(&mut part)?;
            Ok((part, file))
        })
        .await?;
        if part.len() == PART_BYTES {
            self.file = Some(file);
        }
        Ok(Some(part).filter(|part| !part.is_empty()).map(Bytes::from))
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other);
    done.and_then(|result| result).map_err(Error::Temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_a_segment_and_comes_back() {
        for plain in ["c0123abc", "11111111-2222-3333-4444-555555555555", "a.b"] {
            assert_eq!(segment(plain), plain);
        }
        for odd in [".", "..", "a_b", "a#1", "ä/ö%", "_"] {
            let segment = segment(odd);
            assert!(object_store::path::Path::parse(&segment).is_ok(), "{segment}");
            assert_eq!(name(&segment).as_deref(), Some(odd));
        }
        assert_eq!(name("a_zz"), None);
        assert_eq!(name("a_ö"), None);
    }
}
