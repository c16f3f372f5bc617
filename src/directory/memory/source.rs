//! Reading entries out of the reference directory.

use super::state::{Object, State};
use super::{Faults, Memory, SYSTEM};
use crate::directory::{Completion, Error, Source, SourceEvent, Token};
use crate::model::connector::ReadScope;
use crate::model::observed::{Counters, Verification};
use crate::model::{Anchor, Entry, OwnerMark, SystemIdentity};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use std::sync::Arc;

const PAGE: usize = 1_000;

#[derive(Debug, Clone)]
pub struct MemorySource {
    memory: Memory,
    scope: ReadScope,
}

/// Where a read stands.
enum Cursor {
    Start(Option<Token>),
    Everything(Option<Anchor>),
    Changes(std::vec::IntoIter<Anchor>),
    Groups,
    End,
}

impl MemorySource {
    pub fn new(memory: Memory, scope: ReadScope) -> Self {
        Self { memory, scope }
    }

    fn entry(&self, object: Object, faults: &Faults) -> Entry {
        let mut entry = object.entry;
        entry.marked = object.mark.as_deref().is_some_and(OwnerMark::looks_like);
        entry.member_of.clear();
        entry.attributes.retain(|name, _| self.scope.attributes.contains(name) && !faults.vanished.contains(name));
        entry
    }

    fn groups(&self, state: &State) -> Result<Vec<SourceEvent>, Error> {
        let members = |group: &String| match state.members(group) {
            Some(anchors) => Ok(SourceEvent::Members { group: group.clone(), anchors: anchors.into_iter().collect() }),
            None => Err(Error::FilterGroup { group: group.clone(), problem: "is not there".into() }),
        };
        self.scope.groups.iter().map(members).collect()
    }

    /// One page of events and where the next begins; one page is one call.
    async fn page(&self, state: &Arc<State>, cursor: Cursor) -> Result<(Vec<SourceEvent>, Cursor), Error> {
        let faults = self.memory.call().await?;
        let upsert = |object: Object| SourceEvent::Upsert(Box::new(self.entry(object, &faults)));
        Ok(match cursor {
            Cursor::Start(Some(Token(token))) => match state.changes_since(&token) {
                Some(changes) => (Vec::new(), Cursor::Changes(changes.into_iter())),
                None => return Err(Error::TokenExpired { system: SYSTEM }),
            },
            Cursor::Start(None) => (Vec::new(), Cursor::Everything(None)),
            Cursor::Everything(last) => {
                let page = state.page(last.as_ref(), PAGE);
                let next = match page.last() {
                    Some(object) if page.len() == PAGE => Cursor::Everything(Some(object.entry.anchor.clone())),
                    _ => Cursor::Groups,
                };
                (page.into_iter().map(upsert).collect(), next)
            }
            Cursor::Changes(mut changes) => {
                let page: Vec<Anchor> = changes.by_ref().take(PAGE).collect();
                let next = if page.len() == PAGE { Cursor::Changes(changes) } else { Cursor::Groups };
                let event = |anchor: Anchor| match state.object(&anchor) {
                    Some(object) => upsert(object.clone()),
                    None => SourceEvent::Remove(anchor),
                };
                (page.into_iter().filter(|anchor| !faults.untold.contains(anchor)).map(event).collect(), next)
            }
            Cursor::Groups => {
                let mut events = self.groups(state)?;
                events.push(SourceEvent::Complete(Completion {
                    token: Some(Token(state.token())),
                    names_everybody: false,
                }));
                (events, Cursor::End)
            }
            Cursor::End => (Vec::new(), Cursor::End),
        })
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        self.memory.identity().await
    }

    async fn verify(&self) -> Result<Verification, Error> {
        self.memory.verification(false).await
    }

    fn read(&self, since: Option<Token>) -> BoxStream<'_, Result<SourceEvent, Error>> {
        let state = self.memory.state();
        let cut = self.memory.lock().faults.cut_read_after;
        let pages = stream::try_unfold(Cursor::Start(since), move |cursor| {
            let state = state.clone();
            async move {
                if matches!(cursor, Cursor::End) {
                    return Ok(None);
                }
                let (events, next) = self.page(&state, cursor).await?;
                Ok(Some((stream::iter(events.into_iter().map(Ok)), next)))
            }
        });
        let events = pages.try_flatten();
        match cut {
            Some(most) => events.take(most as usize).boxed(),
            None => events.boxed(),
        }
    }

    fn counters(&self) -> Counters {
        self.memory.counters()
    }
}
