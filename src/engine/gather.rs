//! The first walk: entries and contacts side by side, in order of their keys. What comes out are rows, and a
//! claim for each address.

use super::claim::{Claims, SourceClaims};
use super::codec::{Decoder, Encoder};
use super::error::{Failure, PlanError};
use super::fate::RowState;
use super::input::TargetContent;
use super::judge::State;
use super::mapping::Mapper;
use super::result::PairCounts;
use super::row::{Body, Row};
use super::scratch::{Scratch, Sorted, Sorter};
use super::shape::{Shaper, is_same};
use super::sources::{Entries, PreparedSource, Reader};
use crate::model::mapping::Mapping;
use crate::model::reason::{Undecided, Unwanted};
use crate::model::{Attribute, Contact, ContactName, Entry, Key, SystemIdentity};
use std::collections::{BTreeMap, BTreeSet};

/// What the first walk leaves.
pub(super) struct Gathered {
    /// [`Row`]s by number.
    pub rows: Box<dyn Sorted>,
    pub claims: Box<dyn Sorted>,
    pub states: Vec<RowState>,
    pub pairs: BTreeMap<SystemIdentity, PairCounts>,
    /// Of contacts that were made for another entry than they are of now.
    pub inherited_names: BTreeSet<ContactName>,
}

/// Contacts by key, and claims of what else is in the target.
pub(super) struct Contents {
    owned: Box<dyn Sorted>,
    claims: Claims,
}

/// Reads the target to its end.
pub(super) fn read_contents(
    contents: Box<dyn Iterator<Item = Result<TargetContent, Failure>> + '_>,
    shaper: &Shaper<'_>,
    scratch: &dyn Scratch,
) -> Result<Contents, PlanError> {
    let mut claims = Claims::new(scratch.sorter().map_err(PlanError::Scratch)?);
    let mut owned = scratch.sorter().map_err(PlanError::Scratch)?;
    let (mut key, mut encoder) = (Vec::new(), Encoder::default());
    for content in contents {
        match content.map_err(PlanError::Target)? {
            TargetContent::Taken(taken) => claims.taken(&taken).map_err(PlanError::Scratch)?,
            TargetContent::Owned(contact) => {
                if !contact.mark.is_of(&shaper.scope) {
                    return Err(PlanError::ForeignMark);
                }
                encoder.0.clear();
                encoder.contact(&contact);
                // Two contacts with one mark are told apart by their names.
                key.clear();
                key.extend_from_slice(contact.key().as_str().as_bytes());
                key.push(0);
                key.extend_from_slice(contact.handle.as_deref().unwrap_or(contact.name.as_str()).as_bytes());
                owned.push(&key, &encoder.0).map_err(PlanError::Scratch)?;
            }
        }
    }
    Ok(Contents { owned: owned.finish().map_err(PlanError::Scratch)?, claims })
}

/// The contacts in order of their keys.
struct OwnedReader<'a> {
    sorted: Box<dyn Sorted>,
    shaper: &'a Shaper<'a>,
    mapping: &'a Mapping,
    next: Option<(Key, Contact)>,
}

impl OwnedReader<'_> {
    fn advance(&mut self) -> Result<Option<(Key, Contact)>, PlanError> {
        let next = match self.sorted.next().map_err(PlanError::Scratch)? {
            Some((_, bytes)) => {
                let mut contact = Decoder(bytes).contact(&self.shaper.scope)?;
                // Custom attributes that nothing maps belong to others.
                let mapping = self.mapping;
                contact.attributes.retain(|attribute, _| mapping.manages(*attribute));
                Some((contact.key(), contact))
            }
            None => None,
        };
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// All contacts of the next key, if it comes before `limit`.
    fn before(&mut self, limit: Option<&Key>) -> Result<Option<(Key, Vec<Contact>)>, PlanError> {
        match &self.next {
            Some((key, _)) if limit.is_none_or(|limit| key < limit) => {
                let key = key.clone();
                let contacts = self.of(&key)?;
                Ok(Some((key, contacts)))
            }
            _ => Ok(None),
        }
    }

    fn of(&mut self, wanted: &Key) -> Result<Vec<Contact>, PlanError> {
        let mut contacts = Vec::new();
        while self.next.as_ref().is_some_and(|(key, _)| key == wanted) {
            contacts.extend(self.advance()?.map(|(_, contact)| contact));
        }
        Ok(contacts)
    }
}

pub(super) struct Gatherer<'a> {
    pub sources: &'a [PreparedSource<'a>],
    pub mapper: Mapper<'a>,
    pub mapping: &'a Mapping,
    pub shaper: &'a Shaper<'a>,
    pub can_hide: bool,
    pub allow_empty_source: bool,
}

/// Where rows and claims go.
struct Collector {
    rows: Box<dyn Sorter>,
    claims: Claims,
    states: Vec<RowState>,
    pairs: BTreeMap<SystemIdentity, PairCounts>,
    inherited_names: BTreeSet<ContactName>,
    encoder: Encoder,
}

impl Gatherer<'_> {
    /// `entries` in order of `sources`.
    pub(super) fn gather(
        &self,
        contents: Contents,
        entries: Vec<Entries<'_>>,
        scratch: &dyn Scratch,
    ) -> Result<Gathered, PlanError> {
        let Contents { owned, claims } = contents;
        let rows = scratch.sorter().map_err(PlanError::Scratch)?;
        let mut collector = Collector {
            rows,
            claims,
            states: Vec::new(),
            pairs: BTreeMap::new(),
            inherited_names: BTreeSet::new(),
            encoder: Encoder::default(),
        };
        let mut owned = OwnedReader { sorted: owned, shaper: self.shaper, mapping: self.mapping, next: None };
        owned.advance()?;
        let mut readers: Vec<(usize, Reader<'_>)> = entries
            .into_iter()
            .enumerate()
            .map(|(index, entries)| (index, Reader::new(self.sources[index].name, entries)))
            .collect();
        // Keys begin with the identity and a slash; so the sources, one after the other, give the keys in order.
        readers.sort_by_key(|(index, _)| format!("{}/", self.sources[*index].identity));
        for (index, mut reader) in readers {
            let source = &self.sources[index];
            while let Some(entry) = reader.next()? {
                let key = Key::new(&source.identity, &entry.anchor);
                while let Some((key, contacts)) = owned.before(Some(&key))? {
                    self.without_entry(key, contacts, &mut collector)?;
                }
                let contacts = owned.of(&key)?;
                self.with_entry(index, key, entry, contacts, &mut collector)?;
            }
            if reader.count == 0 && !self.allow_empty_source {
                return Err(PlanError::SourceEmpty { connector: source.name.to_owned() });
            }
            collector.pairs.entry(source.identity.clone()).or_default().entries = reader.count;
        }
        while let Some((key, contacts)) = owned.before(None)? {
            self.without_entry(key, contacts, &mut collector)?;
        }
        let Collector { rows, claims, states, pairs, inherited_names, encoder: _ } = collector;
        Ok(Gathered {
            rows: rows.finish().map_err(PlanError::Scratch)?,
            claims: claims.finish().map_err(PlanError::Scratch)?,
            states,
            pairs,
            inherited_names,
        })
    }

    fn without_entry(&self, key: Key, contacts: Vec<Contact>, collector: &mut Collector) -> Result<(), PlanError> {
        let source = self.sources.iter().position(|source| source.identity.as_str() == key.source());
        let reason = if source.is_some() { Unwanted::Absent } else { Unwanted::SourceRemoved };
        let row = Row {
            class: contacts[0].class(),
            source: source.map(|index| index as u16),
            state: state_beside(State::Unwanted(reason), &contacts),
            warnings: BTreeSet::new(),
            left_out: BTreeSet::new(),
            display_name: None,
            address: None,
            body: Body::Owned(contacts),
            key,
        };
        collector.add(row, None, None, self.shaper)
    }

    fn with_entry(
        &self,
        index: usize,
        key: Key,
        entry: Entry,
        mut contacts: Vec<Contact>,
        collector: &mut Collector,
    ) -> Result<(), PlanError> {
        let source = &self.sources[index];
        let mut state = state_beside(source.judge.judge(&entry, &source.domains), &contacts);
        let mut mapped = None;
        if state == State::Wanted {
            match self.mapper.map(&entry, &source.domains, source.judge.accepts_foreign_domains()) {
                // Somebody who hides must not become visible to a whole company.
                Ok(wanted) if wanted.hidden && !self.can_hide => {
                    state = State::Undecided(Undecided::NotRepresentable);
                }
                Ok(wanted) => mapped = Some(wanted),
                Err(reason) => state = State::Undecided(reason),
            }
        }
        let class = entry.class();
        let mut row = Row {
            key,
            class,
            source: Some(index as u16),
            state,
            warnings: BTreeSet::new(),
            left_out: BTreeSet::new(),
            display_name: None,
            address: None,
            body: Body::Nothing,
        };
        if let Some(mapped) = mapped {
            let existing = contacts.pop();
            let shaped = self.shaper.shape(mapped, (&source.identity, &entry.anchor), class, existing.as_ref());
            row.warnings = shaped.warnings;
            row.left_out = shaped.left_out;
            row.body = match existing {
                None => Body::New(shaped.contact),
                Some(existing) if is_same(&existing, &shaped.contact) => Body::Same(existing),
                Some(before) => Body::Differs { before, after: shaped.contact },
            };
        } else {
            row.display_name = entry.attributes.get(&Attribute::DisplayName).cloned();
            row.address = entry.primary.clone();
            if !contacts.is_empty() {
                row.body = Body::Owned(contacts);
            }
        }
        let claims = SourceClaims {
            source: index as u16,
            organization: source.organization,
            mailbox: PreparedSource::has_mailbox(&entry),
            own: source.domains.own,
        };
        collector.add(row, Some(&claims), entry.immutable_id.as_deref(), self.shaper)
    }
}

/// Two contacts with one mark: nobody can say which is the right one.
fn state_beside(state: State, contacts: &[Contact]) -> State {
    if contacts.len() > 1 { State::Undecided(Undecided::MarkTwice) } else { state }
}

impl Collector {
    fn add(
        &mut self,
        row: Row,
        source: Option<&SourceClaims<'_>>,
        join: Option<&str>,
        shaper: &Shaper<'_>,
    ) -> Result<(), PlanError> {
        let number = self.states.len() as u32;
        let contacts = match &row.body {
            Body::Owned(contacts) => &contacts[..],
            body => body.existing().map(std::slice::from_ref).unwrap_or_default(),
        };
        if let Some(contact) = contacts.first() {
            let pair = match self.pairs.get_mut(&contact.mark.source) {
                Some(pair) => pair,
                None => self.pairs.entry(contact.mark.source.clone()).or_default(),
            };
            pair.contacts += contacts.len() as u64;
            pair.hidden += contacts.iter().filter(|contact| is_leaving(contact)).count() as u64;
        }
        let inherited = contacts.iter().filter(|contact| contact.name != shaper.name(&row.key));
        self.inherited_names.extend(inherited.map(|contact| contact.name.clone()));
        self.states.push(RowState { state: row.state, has_contact: row.body.existing().is_some() });
        self.claims.row(number, &row, source, join).map_err(PlanError::Scratch)?;
        self.encoder.0.clear();
        self.encoder.row(&row);
        self.rows.push(&number.to_be_bytes(), &self.encoder.0).map_err(PlanError::Scratch)
    }
}

/// Nobody sees it any more, or it is on its way out.
pub(super) fn is_leaving(contact: &Contact) -> bool {
    contact.hidden || contact.mark.hidden_since.is_some()
}
