//! Blobs: files named by the SHA-256 of their content.

use super::objects::blocking;
use super::{Error, Store};
use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

pub(super) const FOLDER: &str = "blobs";

pub(super) fn key(digest: &Digest) -> String {
    format!("{FOLDER}/{}", digest.hex())
}

impl Store {
    /// Stores a file whose SHA-256 is known from writing it. Written anew also when it is there already: garbage
    /// collection goes by age.
    pub async fn put_blob(&self, digest: &Digest, file: File) -> Result<(), Error> {
        self.put_file(&key(digest), file).await
    }

    /// The blob as a file at its start; its content is that of its name.
    pub async fn blob(&self, digest: &Digest) -> Result<File, Error> {
        let key = key(digest);
        let mut file = self.get_file(&key).await?;
        let (found, file) = blocking(move || {
            let mut hash = Sha256::new();
            let mut buffer = vec![0; 128 << 10];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    read => hash.update(&buffer[..read]),
                }
            }
            file.seek(SeekFrom::Start(0))?;
            Ok((Digest::from_bytes(hash.finalize().into()), file))
        })
        .await?;
        if found != *digest {
            return Err(Error::Damaged { key, problem: "its content is not that of its name".into() });
        }
        Ok(file)
    }
}
