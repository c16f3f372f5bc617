//! What an operation gets from outside: store, mail systems, time, and ears for its progress. Everything that differs between a Job, the local mode and a test is here.

use crate::directory::registry::Directories;
use crate::store::Store;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::watch;

pub struct Context<'a> {
    pub store: &'a Store,
    pub directories: &'a dyn Directories,
    pub clock: &'a dyn Clock,
    pub progress: &'a dyn Progress,
    pub stop: Stop,
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    ReadingSource,
    ReadingTarget,
    Planning,
    Writing,
}

impl Phase {
    /// As a person reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::ReadingSource => "reading",
            Self::ReadingTarget => "reading the target",
            Self::Planning => "planning",
            Self::Writing => "writing",
        }
    }
}

/// Is told how far an operation is; called often.
pub trait Progress: Send + Sync {
    /// `total` is known only in some phases.
    fn at(&self, phase: Phase, done: u64, total: Option<u64>);
}

/// Nobody listens.
impl Progress for () {
    fn at(&self, _: Phase, _: u64, _: Option<u64>) {}
}

/// A request to end early; clones share it. A push ends after its current batch, everything else at once.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when somebody asked.
    pub async fn asked(&self) {
        let mut receiver = self.0.subscribe();
        receiver.wait_for(|asked| *asked).await.expect("the sender lives in self");
    }
}
