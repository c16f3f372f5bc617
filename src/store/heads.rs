//! Numbered heads: the one way in which something in the store gets a new version.

use super::{Error, Store};
use crate::model::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::marker::PhantomData;

const FORMAT: u32 = 1;
/// Writers of one object are few: a Job a connector. More attempts than this mean that something is wrong.
const ATTEMPTS: usize = 20;

/// A version of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered<T> {
    pub number: u64,
    pub value: T,
}

/// The checksum tells a damaged head from a valid one.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    checksum: Digest,
    body: Box<RawValue>,
}

pub(super) struct Heads<T> {
    store: Store,
    folder: String,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Heads<T> {
    /// `folder` ends in `/heads`.
    pub(super) fn new(store: &Store, folder: String) -> Self {
        Self { store: store.clone(), folder, value: PhantomData }
    }

    fn key(&self, number: u64) -> String {
        format!("{}/{number:020}.json", self.folder)
    }

    /// In ascending order.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>, Error> {
        let objects = self.store.list(&self.folder).await?;
        let number = |key: &str| key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok();
        Ok(objects.iter().filter_map(|object| number(&object.key)).collect())
    }

    /// [`Error::Damaged`] when it is not as it was written.
    pub(super) async fn read(&self, number: u64) -> Result<T, Error> {
        let key = self.key(number);
        let content = self.store.get(&key).await?;
        parse(&content).map_err(|problem| Error::Damaged { key, problem })
    }

    /// The highest that reads well.
    pub(super) async fn latest(&self) -> Result<Option<Numbered<T>>, Error> {
        for number in self.numbers().await?.into_iter().rev() {
            match self.read(number).await {
                Ok(value) => return Ok(Some(Numbered { number, value })),
                // Removed since it was listed, or of no use: the one before it counts.
                Err(Error::NotFound { .. } | Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The newest first; damaged ones are left out.
    pub(super) async fn all(&self) -> Result<Vec<Numbered<T>>, Error> {
        let mut found = Vec::new();
        for number in self.numbers().await?.into_iter().rev() {
            match self.read(number).await {
                Ok(value) => found.push(Numbered { number, value }),
                Err(Error::NotFound { .. } | Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Makes the next head, whatever others do meanwhile.
    pub(super) async fn append(&self, value: &T) -> Result<u64, Error> {
        for _ in 0..ATTEMPTS {
            let last = self.numbers().await?.last().copied().unwrap_or(0);
            match self.create(last + 1, value).await {
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
        }
        Err(Error::Conflict { key: self.folder.clone() })
    }

    /// Makes the next head if `read` is still the valid one (absent = there was none): for what is read, changed
    /// and written back.
    pub(super) async fn replace(&self, read: Option<u64>, value: &T) -> Result<u64, Error> {
        let numbers = self.numbers().await?;
        if self.latest().await?.map(|head| head.number) != read {
            return Err(Error::Conflict { key: self.folder.clone() });
        }
        self.create(numbers.last().copied().unwrap_or(0) + 1, value).await
    }

    pub(super) async fn create(&self, number: u64, value: &T) -> Result<u64, Error> {
        let body = serde_json::value::to_raw_value(value).expect("a head is plain data");
        let checksum = Digest::of(body.get().as_bytes());
        let head = serde_json::to_vec(&Head { format: FORMAT, checksum, body }).expect("a head is plain data");
        let key = self.key(number);
        self.store.create(&key, head).await?;
        // A slow writer may take a number that others made, overtook and cleared away meanwhile: then the two
        // heads that clearing leaves are newer, and the one before is gone.
        let numbers = self.numbers().await?;
        if numbers.last() >= Some(&(number + 2)) && !numbers.contains(&(number - 1)) {
            self.store.delete(&key).await?;
            return Err(Error::Conflict { key });
        }
        Ok(number)
    }

    /// Removes all but the valid one and the `keep - 1`, at least one, before it. Newer, damaged ones stay, so
    /// that numbers go up.
    pub(super) async fn keep_last(&self, keep: usize) -> Result<usize, Error> {
        let Some(valid) = self.latest().await? else { return Ok(0) };
        let mut old: Vec<u64> = self.numbers().await?.into_iter().filter(|number| *number <= valid.number).collect();
        old.truncate(old.len().saturating_sub(keep.max(2)));
        for number in &old {
            self.store.delete(&self.key(*number)).await?;
        }
        Ok(old.len())
    }

    /// The oldest first, so that until the end the newest is valid.
    pub(super) async fn remove_all(&self) -> Result<(), Error> {
        for number in self.numbers().await? {
            self.store.delete(&self.key(number)).await?;
        }
        Ok(())
    }
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    let head: Head = serde_json::from_slice(content).map_err(|_| "it is cut off or no head".to_owned())?;
    if head.format != FORMAT {
        return Err(format!("it has format {}, this program reads {FORMAT}", head.format));
    }
    if Digest::of(head.body.get().as_bytes()) != head.checksum {
        return Err("its checksum is not that of its content".into());
    }
    serde_json::from_str(head.body.get()).map_err(|error| format!("a value does not fit, at column {}", error.column()))
}
