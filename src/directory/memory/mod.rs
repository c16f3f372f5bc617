//! The reference directory: a mail system in memory, kept in a JSON file where one is named. It does what every
//! directory must do in the plainest way, serves tests and lets people try manifests out.

mod apply;
mod faults;
mod source;
mod state;
mod target;

pub use faults::{Failure, Faults};
pub use source::MemorySource;
pub use state::{Object, State};
pub use target::MemoryTarget;

use super::{Error, SystemName};
use crate::model::SystemIdentity;
use crate::model::observed::{Counters, Verification};
use state::Document;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

#[cfg(test)]
mod tests;

const SYSTEM: SystemName = SystemName::new("the reference directory");

/// A handle; clones share the directory.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Shared with reads that are under way; a write makes a copy while there are any.
    state: Arc<State>,
    faults: Faults,
    path: Option<PathBuf>,
    calls: u64,
    creates: u64,
}

impl Memory {
    pub fn new(state: State) -> Self {
        Self::with(state, Faults::default(), None)
    }

    fn with(state: State, faults: Faults, path: Option<PathBuf>) -> Self {
        Self(Arc::new(Mutex::new(Inner { state: Arc::new(state), faults, path, calls: 0, creates: 0 })))
    }

    /// Opens a directory kept in a file; what was edited since the last time becomes changes in its feed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |problem: String| Error::Configuration(format!("{}: {problem}", path.display()));
        let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let document: Document = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        let (state, faults) = State::from_document(document);
        let memory = Self::with(state, faults, Some(path.to_owned()));
        memory.lock().save()?;
        Ok(memory)
    }

    /// Keeps the directory in a file from now on.
    pub fn save_to(&self, path: &Path) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.path = Some(path.to_owned());
        inner.save()
    }

    pub fn state(&self) -> Arc<State> {
        self.lock().state.clone()
    }

    /// Somebody else than GalSync at work.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut State) -> T) -> T {
        edit(Arc::make_mut(&mut self.lock().state))
    }

    pub fn set_faults(&self, faults: Faults) {
        let mut inner = self.lock();
        inner.faults = faults;
        inner.creates = 0;
    }

    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of the lock panics")
    }

    /// Counts a call and lets it fail if a fault says so.
    async fn call(&self) -> Result<Faults, Error> {
        let (faults, calls) = {
            let mut inner = self.lock();
            inner.calls += 1;
            (inner.faults.clone(), inner.calls)
        };
        if faults.delay_milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(faults.delay_milliseconds)).await;
        } else {
            // A call to a real system waits as well, so that others run, and callers can be dropped there.
            tokio::task::yield_now().await;
        }
        match faults.fail_always {
            Some(failure) => Err(failure.error()),
            None if faults.fail_call == Some(calls) || faults.fail_from_call.is_some_and(|from| calls >= from) => {
                Err(faults.failure.error())
            }
            None => Ok(faults),
        }
    }

    async fn identity(&self) -> Result<SystemIdentity, Error> {
        self.call().await?;
        Ok(self.state().identity.clone())
    }

    async fn verification(&self, can_write: bool) -> Result<Verification, Error> {
        self.call().await?;
        let state = self.state();
        Ok(Verification {
            identity: state.identity.to_string(),
            can_read: true,
            can_write,
            domains: state.domains.clone(),
            ..Verification::default()
        })
    }

    fn counters(&self) -> Counters {
        Counters { requests: self.calls(), ..Counters::default() }
    }
}

impl Inner {
    fn save(&self) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |error: std::io::Error| Error::Configuration(format!("{}: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        {
            let mut writer = std::io::BufWriter::new(&mut file);
            serde_json::to_writer_pretty(&mut writer, &self.state.to_document(&self.faults))
                .map_err(|error| failed(error.into()))?;
            writer.flush().map_err(failed)?;
        }
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}
