//! What the reference directory holds, seen as a target.

use super::Memory;
use super::state::{Object, State};
use crate::directory::decide::lost_address;
use crate::directory::{ChangeOutcome, ContentsCompletion, Error, Normalizer, Target, TargetEvent};
use crate::model::mapping::Mapping;
use crate::model::mark::{MarkScope, Ownership};
use crate::model::observed::{Capabilities, Counters, Verification};
use crate::model::taken::{Holder, HolderKind, Taken, smtp_value};
use crate::model::{Change, Contact, ContactName, OwnerId, OwnerMark, RecipientType, SyncId, SystemIdentity};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

const PAGE: usize = 1_000;
/// The least changes of a batch. A large directory takes more at a time, since after each batch its file is
/// written anew.
const BATCH: usize = 50;

#[derive(Debug, Clone)]
pub struct MemoryTarget {
    pub(super) memory: Memory,
    owner: OwnerId,
    sync: SyncId,
    /// Says which custom attributes are ours.
    pub(super) mapping: Mapping,
}

impl MemoryTarget {
    pub fn new(memory: Memory, owner: OwnerId, sync: SyncId, mapping: Mapping) -> Self {
        Self { memory, owner, sync, mapping }
    }

    pub(super) fn scope(&self, state: &State) -> MarkScope {
        MarkScope { owner: self.owner.clone(), sync: self.sync.clone(), target: state.identity.clone() }
    }

    fn events(&self, scope: &MarkScope, object: Object) -> Vec<TargetEvent> {
        match scope.ownership(object.mark.as_deref(), object.synchronized) {
            Ownership::Ours(mark) => vec![TargetEvent::Owned(Box::new(self.contact(&object, mark)))],
            ownership => {
                let kind = holder_kind(&object, &ownership);
                taken(&object, kind).into_iter().map(|taken| TargetEvent::Taken(Box::new(taken))).collect()
            }
        }
    }

    /// The object as a contact with `mark`. One that has lost its addresses gets one under `.invalid`, so that the next
    /// plan sees the difference.
    pub(super) fn contact(&self, object: &Object, mark: OwnerMark) -> Contact {
        let entry = &object.entry;
        let delivery = entry.external.clone().unwrap_or_else(|| lost_address(&mark));
        let primary = entry.primary.clone().unwrap_or_else(|| delivery.clone());
        let mut contact = Contact {
            hidden: entry.hidden,
            attributes: entry.attributes.iter().filter(|(a, _)| self.mapping.manages(**a)).map(own).collect(),
            handle: Some(entry.anchor.to_string()),
            legacy_exchange_dn: entry.legacy_exchange_dn.clone(),
            ..Contact::new(mark, ContactName::existing(object.name()), primary, delivery)
        };
        for address in &entry.secondary {
            if contact.mark.added(&smtp_value(address)) {
                contact.secondary.insert(address.clone());
            } else {
                contact.foreign_values.insert(smtp_value(address));
            }
        }
        for dn in &entry.x500 {
            if contact.mark.added(&format!("x500:{dn}")) {
                contact.x500.insert(dn.clone());
            } else {
                contact.foreign_values.insert(format!("x500:{dn}"));
            }
        }
        contact
    }
}

fn own<K: Copy, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (*key, value.clone())
}

fn holder_kind(object: &Object, ownership: &Ownership) -> HolderKind {
    match object.entry.recipient_type {
        _ if *ownership == Ownership::OtherSync && object.synchronized => HolderKind::SyncedObject,
        _ if *ownership == Ownership::OtherSync => HolderKind::OtherSync,
        RecipientType::MailContact if object.synchronized => HolderKind::SyncedObject,
        RecipientType::MailContact => HolderKind::ForeignContact,
        RecipientType::MailUser => HolderKind::MailUser,
        RecipientType::GuestUser => HolderKind::Guest,
        kind if kind.class() == crate::model::EntryClass::Group => HolderKind::Group,
        _ => HolderKind::Mailbox,
    }
}

fn taken(object: &Object, kind: HolderKind) -> Vec<Taken> {
    let entry = &object.entry;
    let holder = Holder { kind, handle: entry.anchor.to_string(), name: object.name().to_owned() };
    let primary = entry.primary.iter().chain(&entry.external).map(|address| (smtp_value(address), true));
    let secondary = entry.secondary.iter().map(|address| (smtp_value(address), false));
    let x500 =
        entry.x500.iter().chain(&entry.legacy_exchange_dn).map(|dn| (format!("x500:{dn}").to_lowercase(), false));
    let mut values: Vec<(String, bool)> = primary.chain(secondary).chain(x500).collect();
    // The primary one of two equal values comes first and stays.
    values.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    values.dedup_by(|later, earlier| later.0 == earlier.0);
    values.into_iter().map(|(value, primary)| Taken { value, primary, holder: holder.clone() }).collect()
}

#[async_trait]
impl Target for MemoryTarget {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        self.memory.identity().await
    }

    async fn verify(&self) -> Result<Verification, Error> {
        self.memory.verification(true).await
    }

    async fn capabilities(&self) -> Result<Capabilities, Error> {
        let state = self.memory.state();
        Ok(Capabilities { can_hide: state.can_hide, x500: state.x500, batch: BATCH.max(state.len() / 10) })
    }

    fn normalizer(&self) -> Normalizer {
        let state = self.memory.state();
        Normalizer::Memory { mapping: self.mapping.clone(), can_hide: state.can_hide, x500: state.x500 }
    }

    fn contents(&self) -> BoxStream<'_, Result<TargetEvent, Error>> {
        let state = self.memory.state();
        let scope = self.scope(&state);
        let cut = self.memory.lock().faults.cut_contents_after;
        let pages = stream::try_unfold(Some(None), move |cursor| {
            let (state, scope) = (state.clone(), scope.clone());
            async move {
                let Some(last) = cursor else { return Ok(None) };
                self.memory.call().await?;
                let page = state.page(last.as_ref(), PAGE);
                let full = page.len() == PAGE;
                let next = page.last().filter(|_| full).map(|object| Some(object.entry.anchor.clone()));
                let mut events: Vec<TargetEvent> =
                    page.into_iter().flat_map(|object| self.events(&scope, object)).collect();
                if next.is_none() {
                    let own_domains = state.domains.clone();
                    events.push(TargetEvent::Complete(ContentsCompletion { own_domains }));
                }
                Ok::<_, Error>(Some((stream::iter(events.into_iter().map(Ok)), next)))
            }
        });
        let events = pages.try_flatten();
        match cut {
            Some(most) => events.take(most as usize).boxed(),
            None => events.boxed(),
        }
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let faults = self.memory.call().await?;
            outcomes.push(self.apply_one(change, &faults));
        }
        self.memory.lock().save()?;
        Ok(outcomes)
    }

    fn counters(&self) -> Counters {
        self.memory.counters()
    }
}
