//! What Graph knows: objects as of some time ago, and the log of changes that delta rounds read.

use super::properties;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::recipient::{Recipient, Resource};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Position in the log of changes.
pub type Sequence = usize;

/// How an object left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It can be restored.
    Changed,
    /// Gone for good.
    Deleted,
}

impl Removal {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    pub id: Guid,
    pub resource: Resource,
    /// Names of Graph properties that differ; all of them where the object is new.
    pub properties: BTreeSet<&'static str>,
    /// Members that joined and left, by Exchange GUID.
    pub joined: Vec<Guid>,
    pub left: Vec<Guid>,
    pub removed: Option<Removal>,
}

#[derive(Debug, Clone)]
enum Arrival {
    State(Arc<Recipient>),
    Removed { id: Guid, resource: Resource, removal: Removal },
}

#[derive(Debug, Default)]
pub struct View {
    objects: HashMap<Guid, Arc<Recipient>>,
    /// Entra id and resource of every object ever seen, by Exchange GUID; group members are told by it.
    members: HashMap<Guid, (Guid, Resource)>,
    removed: HashMap<Guid, Removal>,
    /// Ids in order of arrival, with those that are gone.
    order: BTreeMap<Resource, Vec<Guid>>,
    log: Vec<Change>,
    /// By time and order of the change.
    pending: BTreeMap<(Timestamp, u64), Arrival>,
    arrivals: u64,
}

impl View {
    pub fn get(&self, id: Guid) -> Option<&Arc<Recipient>> {
        self.objects.get(&id)
    }

    pub fn removal(&self, id: Guid) -> Option<Removal> {
        self.removed.get(&id).copied()
    }

    pub fn order(&self, resource: Resource) -> &[Guid] {
        self.order.get(&resource).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn log(&self) -> &[Change] {
        &self.log
    }

    /// Entra id and resource of a member, unless it is gone or not in Entra.
    pub fn member(&self, guid: Guid) -> Option<(Guid, Resource)> {
        self.members.get(&guid).copied()
    }

    pub fn seed(&mut self, recipient: Arc<Recipient>) {
        let (Some(id), Some(resource)) = (recipient.external_id, recipient.kind.resource()) else { return };
        self.members.insert(recipient.guid, (id, resource));
        self.order.entry(resource).or_default().push(id);
        self.objects.insert(id, recipient);
    }

    /// The object will be seen as it is now at `visible`.
    pub fn expect(&mut self, visible: Timestamp, recipient: Arc<Recipient>) {
        self.push(visible, Arrival::State(recipient));
    }

    /// The object will be seen as removed at `visible`, and as deleted for good at `purged`.
    pub fn expect_removal(&mut self, visible: Timestamp, purged: Timestamp, recipient: &Recipient) {
        let (Some(id), Some(resource)) = (recipient.external_id, recipient.kind.resource()) else { return };
        if recipient.kind.is_soft_deleted() {
            self.push(visible, Arrival::Removed { id, resource, removal: Removal::Changed });
            self.push(purged, Arrival::Removed { id, resource, removal: Removal::Deleted });
        } else {
            self.push(visible, Arrival::Removed { id, resource, removal: Removal::Deleted });
        }
    }

    fn push(&mut self, visible: Timestamp, arrival: Arrival) {
        self.arrivals += 1;
        self.pending.insert((visible, self.arrivals), arrival);
    }

    pub fn catch_up(&mut self, now: Timestamp) {
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > now {
                break;
            }
            match entry.remove() {
                Arrival::State(recipient) => self.arrive(recipient),
                Arrival::Removed { id, resource, removal } => self.leave(id, resource, removal),
            }
        }
    }

    fn arrive(&mut self, recipient: Arc<Recipient>) {
        let (Some(id), Some(resource)) = (recipient.external_id, recipient.kind.resource()) else { return };
        let old = self.objects.get(&id);
        let (joined, left) = membership(old.map(Arc::as_ref), &recipient);
        let properties = match old {
            Some(old) => properties::differing(old, &recipient),
            None => properties::all(resource).collect(),
        };
        if old.is_none() {
            self.members.insert(recipient.guid, (id, resource));
            self.order.entry(resource).or_default().push(id);
            self.removed.remove(&id);
        }
        self.objects.insert(id, recipient);
        if !properties.is_empty() || !joined.is_empty() || !left.is_empty() {
            self.log.push(Change { id, resource, properties, joined, left, removed: None });
        }
    }

    fn leave(&mut self, id: Guid, resource: Resource, removal: Removal) {
        self.objects.remove(&id);
        self.removed.insert(id, removal);
        let none = || (BTreeSet::new(), Vec::new(), Vec::new());
        let (properties, joined, left) = none();
        self.log.push(Change { id, resource, properties, joined, left, removed: Some(removal) });
    }
}

fn membership(old: Option<&Recipient>, new: &Recipient) -> (Vec<Guid>, Vec<Guid>) {
    let members = |recipient: &Recipient| -> BTreeSet<Guid> {
        recipient.group.as_ref().map(|group| group.members.iter().copied().collect()).unwrap_or_default()
    };
    let (before, after) = (old.map(members).unwrap_or_default(), members(new));
    (after.difference(&before).copied().collect(), before.difference(&after).copied().collect())
}
