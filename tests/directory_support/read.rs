//! A read, drained.

use futures::TryStreamExt;
use galsync::directory::{Error, Source, SourceEvent, Token};
use galsync::model::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that one read said.
#[derive(Debug, Default)]
pub struct Read {
    pub entries: BTreeMap<String, Entry>,
    pub removed: BTreeSet<String>,
    pub present: BTreeSet<String>,
    pub members: BTreeMap<String, BTreeSet<String>>,
    pub token: Option<Token>,
    pub names_everybody: bool,
    pub complete: bool,
}

impl Read {
    fn take(&mut self, event: SourceEvent) {
        assert!(!self.complete, "an event came after the completion");
        match event {
            SourceEvent::Upsert(entry) => {
                self.removed.remove(entry.anchor.as_str());
                self.entries.insert(entry.anchor.to_string(), *entry);
            }
            SourceEvent::Present(anchor) => drop(self.present.insert(anchor.to_string())),
            SourceEvent::Remove(anchor) => {
                self.entries.remove(anchor.as_str());
                self.removed.insert(anchor.to_string());
            }
            SourceEvent::Members { group, anchors } => {
                self.members.entry(group).or_default().extend(anchors.iter().map(ToString::to_string));
            }
            SourceEvent::Complete(completion) => {
                self.complete = true;
                (self.token, self.names_everybody) = (completion.token, completion.names_everybody);
            }
        }
    }
}

/// What came before the end or the error, and the error.
pub async fn read_until_error(source: &dyn Source, since: Option<Token>) -> (Read, Option<Error>) {
    let mut read = Read::default();
    let mut events = source.read(since);
    loop {
        match events.try_next().await {
            Ok(Some(event)) => read.take(event),
            Ok(None) => return (read, None),
            Err(error) => {
                assert!(events.try_next().await.unwrap().is_none(), "something follows an error");
                return (read, Some(error));
            }
        }
    }
}

/// A complete read, or why there is none.
pub async fn read_all(source: &dyn Source, since: Option<Token>) -> Result<Read, Error> {
    match read_until_error(source, since).await {
        (_, Some(error)) => Err(error),
        (read, None) => {
            assert!(read.complete, "the read ended without an error and without completing");
            Ok(read)
        }
    }
}
