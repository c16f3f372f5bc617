//! What a target holds, as the suite looks at it.

use crate::directory::{ContentsCompletion, Target, TargetEvent};
use crate::model::taken::Taken;
use crate::model::{Contact, Domain, Key};
use futures::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) owned: BTreeMap<Key, Contact>,
    pub(super) taken: Vec<Taken>,
    pub(super) own_domains: BTreeSet<Domain>,
}

/// A whole read, which must be complete.
pub(super) async fn contents(target: &dyn Target) -> Contents {
    let mut contents = Contents::default();
    let mut complete = false;
    let mut events = target.contents();
    while let Some(event) = events.try_next().await.expect("the contents can be read") {
        assert!(!complete, "an event came after the completion");
        match event {
            TargetEvent::Owned(contact) => {
                let twice = contents.owned.insert(contact.key(), *contact);
                assert!(twice.is_none(), "two contacts have one mark");
            }
            TargetEvent::Taken(taken) => contents.taken.push(*taken),
            TargetEvent::Complete(ContentsCompletion { own_domains }) => {
                contents.own_domains = own_domains;
                complete = true;
            }
        }
    }
    assert!(complete, "the read of the contents did not complete");
    contents
}
