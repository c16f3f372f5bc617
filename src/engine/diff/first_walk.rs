//! The first walk: entries and contacts side by side, in order of their keys. What comes out are rows, and a
//! claim for each address.

use super::codec::Encoder;
use super::match_keys::MatchKeys;
use super::row::{Body, Row};
use crate::engine::conflict::claim::{Claims, SourceClaims};
use crate::engine::conflict::resolution::RowState;
use crate::engine::error::PlanError;
use crate::engine::filter::entry_filter::Eligibility;
use crate::engine::input::contents::{Found, OwnedReader};
use crate::engine::input::sources::{Entries, PreparedSource, Reader};
use crate::engine::map::contact_builder::{ContactBuilder, EntryContact, is_same};
use crate::engine::map::mapping::Mapper;
use crate::engine::report::sink::Sink;
use crate::engine::safety::totals::PairCounts;
use crate::engine::scratch::{Scratch, Sorted, Sorter};
use crate::model::reason::{Undecided, Unwanted};
use crate::model::{Attribute, Contact, ContactName, Entry, Essence, Key, SystemIdentity};
use std::collections::{BTreeMap, BTreeSet};

/// What the first walk leaves.
pub(in crate::engine) struct Walked {
    /// [`Row`]s by number.
    pub rows: Box<dyn Sorted>,
    pub claims: Box<dyn Sorted>,
    pub states: Vec<RowState>,
    pub pairs: BTreeMap<SystemIdentity, PairCounts>,
    /// Of contacts that were made for another entry than they are of now.
    pub inherited_names: BTreeSet<ContactName>,
}

pub(in crate::engine) struct FirstWalk<'a> {
    pub sources: &'a [PreparedSource<'a>],
    pub mapper: Mapper<'a>,
    pub builder: &'a ContactBuilder<'a>,
    pub can_hide: bool,
    pub allow_empty_source: bool,
    /// Contacts of the target can be found again: their documents need not go along.
    pub finds_again: bool,
}

/// Where rows and claims go.
struct Collector<'s> {
    rows: Box<dyn Sorter>,
    claims: Claims,
    states: Vec<RowState>,
    pairs: BTreeMap<SystemIdentity, PairCounts>,
    inherited_names: BTreeSet<ContactName>,
    encoder: Encoder,
    wants_rows: bool,
    sink: &'s mut dyn Sink,
}

impl FirstWalk<'_> {
    /// `entries` in order of `sources`.
    pub(in crate::engine) fn walk(
        &self,
        claims: Claims,
        mut owned: OwnedReader<'_>,
        entries: Vec<Entries<'_>>,
        scratch: &dyn Scratch,
        sink: &mut dyn Sink,
    ) -> Result<Walked, PlanError> {
        let rows = scratch.sorter().map_err(PlanError::Scratch)?;
        let mut collector = Collector {
            rows,
            claims,
            states: Vec::new(),
            pairs: BTreeMap::new(),
            inherited_names: BTreeSet::new(),
            encoder: Encoder::default(),
            wants_rows: sink.wants_rows(),
            sink,
        };
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
                let found = owned.of(&key)?;
                self.with_entry(index, key, entry, found, &owned, &mut collector)?;
            }
            if reader.count == 0 && !self.allow_empty_source {
                return Err(PlanError::SourceEmpty { connector: source.name.to_owned() });
            }
            collector.pairs.entry(source.identity.clone()).or_default().entries = reader.count;
        }
        while let Some((key, contacts)) = owned.before(None)? {
            self.without_entry(key, contacts, &mut collector)?;
        }
        let Collector { rows, claims, states, pairs, inherited_names, .. } = collector;
        Ok(Walked {
            rows: rows.finish().map_err(PlanError::Scratch)?,
            claims: claims.finish().map_err(PlanError::Scratch)?,
            states,
            pairs,
            inherited_names,
        })
    }

    fn without_entry(&self, key: Key, contacts: Vec<Contact>, collector: &mut Collector<'_>) -> Result<(), PlanError> {
        let source = self.sources.iter().position(|source| source.identity.as_str() == key.source());
        let reason = if source.is_some() { Unwanted::Absent } else { Unwanted::SourceRemoved };
        let row = Row {
            class: contacts[0].class(),
            source: source.map(|index| index as u16),
            state: state_beside(Eligibility::Unwanted(reason), contacts.len()),
            warnings: BTreeSet::new(),
            left_out: BTreeSet::new(),
            display_name: None,
            address: None,
            body: Body::Owned(contacts),
            key,
        };
        collector.add(row, None, None, self.builder)
    }

    fn with_entry(
        &self,
        index: usize,
        key: Key,
        mut entry: Entry,
        found: Found,
        owned: &OwnedReader<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), PlanError> {
        let source = &self.sources[index];
        let mut state = state_beside(source.filter.eligibility(&entry, &source.domains), found.len());
        let mut mapped = None;
        if state == Eligibility::Wanted {
            // Somebody who hides must not become visible to a whole company.
            let is_representable = self.can_hide || !entry.hidden;
            let mut copy = (!is_representable).then(|| entry.clone());
            let from = copy.as_mut().unwrap_or(&mut entry);
            match self.mapper.map(from, &source.domains, source.filter.accepts_foreign_domains()) {
                Ok(_) if !is_representable => state = Eligibility::Undecided(Undecided::NotRepresentable),
                Ok(wanted) => mapped = Some(wanted),
                Err(reason) => state = Eligibility::Undecided(reason),
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
            let plain = self.builder.of_entry(mapped, &row.key, &source.identity, &entry);
            match found {
                Found::Folded(there) if there.essence == Essence::of_wanted(&plain.contact) => {
                    let EntryContact { contact, warnings } = plain;
                    row.warnings = warnings;
                    let wanted = Contact { legacy_exchange_dn: there.legacy_exchange_dn, ..contact };
                    row.body = Body::Folded { wanted, document: (!self.finds_again).then_some(there.document) };
                }
                found => {
                    let existing = owned.contacts(found)?.pop();
                    let built = self.builder.build(plain, existing.as_ref());
                    row.warnings = built.warnings;
                    row.left_out = built.left_out;
                    row.body = match existing {
                        None => Body::New(built.contact),
                        Some(existing) if is_same(&existing, &built.contact) => Body::Same(existing),
                        Some(before) => Body::Differs { before, after: built.contact },
                    };
                }
            }
        } else {
            row.display_name = entry.attributes.get(&Attribute::DisplayName).cloned();
            row.address = entry.primary.clone();
            if found.len() > 0 {
                row.body = Body::Owned(owned.contacts(found)?);
            }
        }
        let claims = SourceClaims {
            source: index as u16,
            organization: source.organization,
            mailbox: PreparedSource::has_mailbox(&entry),
            own: source.domains.own,
        };
        collector.add(row, Some(&claims), entry.immutable_id.as_deref(), self.builder)
    }
}

/// Two contacts with one mark: nobody can say which is the right one.
fn state_beside(state: Eligibility, contacts: usize) -> Eligibility {
    if contacts > 1 { Eligibility::Undecided(Undecided::MarkTwice) } else { state }
}

impl Collector<'_> {
    fn add(
        &mut self,
        row: Row,
        source: Option<&SourceClaims<'_>>,
        join: Option<&str>,
        builder: &ContactBuilder<'_>,
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
        // The essence of a folded contact is also that of its name.
        let mut inherited = Vec::new();
        if !contacts.is_empty() && !matches!(row.body, Body::Folded { .. }) {
            let name = builder.name(&row.key);
            inherited.extend(contacts.iter().map(|contact| &contact.name).filter(|other| **other != name).cloned());
        }
        if self.wants_rows {
            self.sink.row(&row.key, &MatchKeys::of(&row, join, &inherited)).map_err(PlanError::Sink)?;
        }
        self.inherited_names.extend(inherited);
        self.states.push(RowState { state: row.state, has_contact: row.body.existing().is_some() });
        self.claims.row(number, &row, source, join).map_err(PlanError::Scratch)?;
        self.encoder.0.clear();
        self.encoder.row(&row);
        self.rows.push(&number.to_be_bytes(), &self.encoder.0).map_err(PlanError::Scratch)
    }
}

/// Nobody sees it any more, or it is on its way out.
pub(in crate::engine) fn is_leaving(contact: &Contact) -> bool {
    contact.hidden || contact.mark.hidden_since.is_some()
}
