//! What the reference directory holds: objects with a change feed, as a JSON document that people can write.

use super::Faults;
use crate::model::digest::Canonical;
use crate::model::taken::smtp_value;
use crate::model::{Anchor, Digest, Domain, Entry, SystemIdentity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// One object, with an address or (a group that only filters) without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// As a source reads it. The outside address of a contact is its delivery address; `secondary` and `x500`
    /// hold the values of everybody who wrote some.
    #[serde(flatten)]
    pub entry: Entry,
    /// The common name; absent = the anchor.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The owner attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Copied here by directory synchronization.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synchronized: bool,
    /// A group's direct members.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub members: BTreeSet<Anchor>,
}

impl Object {
    pub fn of(entry: Entry) -> Self {
        Self { name: String::new(), entry, mark: None, synchronized: false, members: BTreeSet::new() }
    }

    pub fn name(&self) -> &str {
        if self.name.is_empty() { self.entry.anchor.as_str() } else { &self.name }
    }

    /// Everything by which mail finds the object: `smtp:…` and `x500:…`, in lower case.
    pub(super) fn values(&self) -> impl Iterator<Item = String> + '_ {
        let entry = &self.entry;
        let smtp = entry.primary.iter().chain(&entry.secondary).map(smtp_value);
        let x500 = entry.x500.iter().chain(&entry.legacy_exchange_dn);
        smtp.chain(x500.map(|dn| format!("x500:{}", dn.to_lowercase())))
    }

    fn digest(&self) -> Digest {
        let mut canonical = Canonical::new("memory-object/1");
        canonical.bytes(&serde_json::to_vec(self).expect("an object is plain data"));
        canonical.finish()
    }
}

/// The document. Whoever edits the file need not touch `feed`: what differs from it counts as a change.
/// The same for writing, without copying the objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentRef<'a> {
    identity: &'a SystemIdentity,
    domains: &'a BTreeSet<Domain>,
    can_hide: bool,
    x500: bool,
    #[serde(skip_serializing_if = "Faults::is_none")]
    faults: &'a Faults,
    objects: Vec<&'a Object>,
    feed: FeedDocument,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    pub identity: SystemIdentity,
    #[serde(default)]
    pub domains: BTreeSet<Domain>,
    #[serde(default = "yes")]
    pub can_hide: bool,
    #[serde(default = "yes")]
    pub x500: bool,
    #[serde(default)]
    pub faults: Faults,
    #[serde(default)]
    pub objects: Vec<Object>,
    #[serde(default)]
    pub feed: Option<FeedDocument>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedDocument {
    epoch: String,
    now: u64,
    oldest: u64,
    /// When each object changed last, and its digest then.
    changed: BTreeMap<Anchor, (u64, Digest)>,
    removed: BTreeMap<Anchor, u64>,
}

/// The directory in memory. Every write goes through [`State::put`] and [`State::remove`], which keep the feed.
#[derive(Debug, Clone)]
pub struct State {
    pub identity: SystemIdentity,
    /// Domains that the system delivers itself.
    pub domains: BTreeSet<Domain>,
    pub can_hide: bool,
    pub x500: bool,
    objects: BTreeMap<Anchor, Slot>,
    removed: BTreeMap<Anchor, u64>,
    by_change: BTreeMap<u64, Anchor>,
    by_value: BTreeMap<String, BTreeSet<Anchor>>,
    by_name: BTreeMap<String, Anchor>,
    /// Names this feed: a token of another one is refused.
    epoch: String,
    now: u64,
    /// Changes up to here are forgotten.
    oldest: u64,
}

#[derive(Debug, Clone)]
struct Slot {
    /// When it changed last.
    at: u64,
    object: Object,
    /// Made when the directory is saved; most objects are saved many times.
    digest: OnceLock<Digest>,
}

impl Slot {
    fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.object.digest())
    }
}

impl State {
    pub fn new(identity: SystemIdentity) -> Self {
        Self {
            epoch: identity.to_string(),
            identity,
            domains: BTreeSet::new(),
            can_hide: true,
            x500: true,
            objects: BTreeMap::new(),
            removed: BTreeMap::new(),
            by_change: BTreeMap::new(),
            by_value: BTreeMap::new(),
            by_name: BTreeMap::new(),
            now: 0,
            oldest: 0,
        }
    }

    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().map(|slot| &slot.object)
    }

    pub fn object(&self, anchor: &Anchor) -> Option<&Object> {
        self.objects.get(anchor).map(|slot| &slot.object)
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Those after `last` in order of anchors, at most `most`.
    pub(super) fn page(&self, last: Option<&Anchor>, most: usize) -> Vec<Object> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = last.map_or(Unbounded, Excluded);
        self.objects.range::<Anchor, _>((from, Unbounded)).take(most).map(|(_, slot)| slot.object.clone()).collect()
    }

    pub fn put(&mut self, object: Object) {
        let anchor = object.entry.anchor.clone();
        self.touch(&anchor);
        self.removed.remove(&anchor);
        self.insert(self.now, object);
    }

    fn insert(&mut self, at: u64, object: Object) {
        let anchor = object.entry.anchor.clone();
        self.unlist(&anchor);
        self.by_change.insert(at, anchor.clone());
        self.by_name.insert(object.name().to_owned(), anchor.clone());
        for value in object.values() {
            self.by_value.entry(value).or_default().insert(anchor.clone());
        }
        self.objects.insert(anchor, Slot { at, object, digest: OnceLock::new() });
    }

    /// Takes an object out of the indexes by value and name.
    fn unlist(&mut self, anchor: &Anchor) {
        let Some(Slot { object, .. }) = self.objects.get(anchor) else { return };
        if self.by_name.get(object.name()) == Some(anchor) {
            self.by_name.remove(object.name());
        }
        for value in object.values() {
            if let Some(holders) = self.by_value.get_mut(&value) {
                holders.remove(anchor);
            }
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Object> {
        self.object(self.by_name.get(name)?)
    }

    /// Whether an object other than `anchor` has this value, in lower case with prefix.
    pub(super) fn is_taken(&self, value: &str, anchor: &Anchor) -> bool {
        self.by_value.get(value).is_some_and(|holders| holders.iter().any(|holder| holder != anchor))
    }

    pub fn remove(&mut self, anchor: &Anchor) {
        if self.objects.contains_key(anchor) {
            self.touch(anchor);
            self.unlist(anchor);
            self.objects.remove(anchor);
            self.removed.insert(anchor.clone(), self.now);
        }
    }

    /// Changes an object in place; nothing happens where there is none.
    pub fn change(&mut self, anchor: &Anchor, change: impl FnOnce(&mut Object)) {
        if let Some(mut object) = self.object(anchor).cloned() {
            change(&mut object);
            self.put(object);
        }
    }

    fn touch(&mut self, anchor: &Anchor) {
        let before = self.objects.get(anchor).map(|slot| slot.at).or_else(|| self.removed.get(anchor).copied());
        before.map(|at| self.by_change.remove(&at));
        self.now += 1;
        self.by_change.insert(self.now, anchor.clone());
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    pub fn token(&self) -> String {
        format!("{}/{}", self.now, self.epoch)
    }

    /// The anchors that changed or went since a token, in order of their last change; `None` = unknown token.
    pub(super) fn changes_since(&self, token: &str) -> Option<Vec<Anchor>> {
        let (number, epoch) = token.split_once('/')?;
        let number: u64 = number.parse().ok()?;
        let known = epoch == self.epoch && (self.oldest..=self.now).contains(&number);
        known.then(|| self.by_change.range(number + 1..).map(|(_, anchor)| anchor.clone()).collect())
    }

    /// Forgets all changes so far: every token given out is refused from now on.
    pub fn forget_changes(&mut self) {
        self.now += 1;
        self.oldest = self.now;
    }

    /// Everybody in a group named by anchor, name or primary address, nested groups included; `None` = no such
    /// group.
    pub(super) fn members(&self, group: &str) -> Option<BTreeSet<Anchor>> {
        let wanted = group.to_lowercase();
        let is_named = |object: &&Object| {
            object.entry.anchor.as_str() == wanted
                || object.name().to_lowercase() == wanted
                || object.entry.primary.as_ref().is_some_and(|primary| primary.as_str() == wanted)
        };
        let mut waiting = vec![self.objects().find(is_named)?];
        let mut found = BTreeSet::new();
        while let Some(group) = waiting.pop() {
            for member in &group.members {
                if found.insert(member.clone()) {
                    waiting.extend(self.object(member));
                }
            }
        }
        Some(found)
    }

    pub(super) fn from_document(document: Document) -> (Self, Faults) {
        let Document { identity, domains, can_hide, x500, faults, objects, feed } = document;
        let mut state = Self { domains, can_hide, x500, ..Self::new(identity) };
        let mut known = BTreeMap::new();
        if let Some(FeedDocument { epoch, now, oldest, changed, removed }) = feed {
            (state.epoch, state.now, state.oldest) = (epoch, now, oldest);
            state.by_change = removed.iter().map(|(anchor, at)| (*at, anchor.clone())).collect();
            state.removed = removed;
            known = changed;
        } else {
            let content = serde_json::to_vec(&objects).expect("objects are plain data");
            state.epoch = format!("{}-{}", state.identity, &Digest::of(&content).hex()[..8]);
        }
        for object in objects {
            let anchor = object.entry.anchor.clone();
            match known.remove(&anchor) {
                Some((at, digest)) if digest == object.digest() => state.insert(at, object),
                _ => state.put(object),
            }
        }
        for anchor in known.into_keys() {
            state.now += 1;
            state.by_change.insert(state.now, anchor.clone());
            state.removed.insert(anchor, state.now);
        }
        (state, faults)
    }

    pub(super) fn to_document<'a>(&'a self, faults: &'a Faults) -> DocumentRef<'a> {
        DocumentRef {
            identity: &self.identity,
            domains: &self.domains,
            can_hide: self.can_hide,
            x500: self.x500,
            faults,
            objects: self.objects().collect(),
            feed: FeedDocument {
                epoch: self.epoch.clone(),
                now: self.now,
                oldest: self.oldest,
                changed: self.objects.iter().map(|(anchor, slot)| (anchor.clone(), (slot.at, slot.digest()))).collect(),
                removed: self.removed.clone(),
            },
        }
    }
}
