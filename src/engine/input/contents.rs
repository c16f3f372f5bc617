//! What a target holds, as the first walk reads it: claims of what is not ours, then our contacts by key.

use super::plan_input::{LazyContact, TargetContent};
use crate::engine::conflict::claim::Claims;
use crate::engine::error::{Failure, PlanError};
use crate::engine::scratch::Scratch;
use crate::model::mapping::Mapping;
use crate::model::mark::MarkScope;
use crate::model::{Contact, Key};

type Contents<'a> = Box<dyn Iterator<Item = Result<TargetContent, Failure>> + 'a>;

/// Reads all that is not ours; what is ours is still to be read.
pub(in crate::engine) fn read_taken<'a>(
    mut contents: Contents<'a>,
    scope: &'a MarkScope,
    mapping: &'a Mapping,
    scratch: &dyn Scratch,
) -> Result<(Claims, OwnedReader<'a>), PlanError> {
    let mut claims = Claims::new(scratch.sorter().map_err(PlanError::Scratch)?);
    let first = loop {
        match contents.next().transpose().map_err(PlanError::Target)? {
            Some(TargetContent::Taken(taken)) => claims.taken(&taken).map_err(PlanError::Scratch)?,
            first => break first,
        }
    };
    let mut owned = OwnedReader { contents, scope, mapping, next: None };
    owned.next = owned.prepare(first)?;
    Ok((claims, owned))
}

/// The contacts in order of their keys.
pub(in crate::engine) struct OwnedReader<'a> {
    contents: Contents<'a>,
    scope: &'a MarkScope,
    mapping: &'a Mapping,
    next: Option<(Key, Existing)>,
}

enum Existing {
    Whole(Box<Contact>),
    Folded(LazyContact),
}

/// All contacts of one key.
pub(in crate::engine) enum Found {
    /// One.
    Folded(LazyContact),
    /// Any number; more than one carry the same mark.
    Contacts(Vec<Contact>),
}

impl Found {
    pub(in crate::engine) fn len(&self) -> usize {
        match self {
            Self::Folded(_) => 1,
            Self::Contacts(contacts) => contacts.len(),
        }
    }
}

impl OwnedReader<'_> {
    fn prepare(&self, content: Option<TargetContent>) -> Result<Option<(Key, Existing)>, PlanError> {
        Ok(match content {
            Some(TargetContent::Owned(contact)) => Some((contact.key(), Existing::Whole(contact))),
            Some(TargetContent::Folded(contact)) => Some((contact.key.clone(), Existing::Folded(contact))),
            Some(TargetContent::Taken(_)) => return Err(PlanError::UnsortedTarget),
            None => None,
        })
    }

    fn advance(&mut self) -> Result<Option<Existing>, PlanError> {
        let content = self.contents.next().transpose().map_err(PlanError::Target)?;
        let next = self.prepare(content)?;
        if next.as_ref().zip(self.next.as_ref()).is_some_and(|((next, _), (last, _))| next < last) {
            return Err(PlanError::UnsortedTarget);
        }
        Ok(std::mem::replace(&mut self.next, next).map(|(_, existing)| existing))
    }

    fn whole(&self, existing: Existing) -> Result<Contact, PlanError> {
        let mut contact = match existing {
            Existing::Whole(contact) => *contact,
            Existing::Folded(contact) => contact.unfold().map_err(PlanError::Target)?,
        };
        if !contact.mark.is_of(self.scope) {
            return Err(PlanError::ForeignMark);
        }
        // Custom attributes that nothing maps belong to others.
        contact.attributes.retain(|attribute, _| self.mapping.manages(*attribute));
        Ok(contact)
    }

    pub(in crate::engine) fn contacts(&self, found: Found) -> Result<Vec<Contact>, PlanError> {
        match found {
            Found::Folded(contact) => Ok(vec![self.whole(Existing::Folded(contact))?]),
            Found::Contacts(contacts) => Ok(contacts),
        }
    }

    /// All contacts of the next key, if it comes before `limit`.
    pub(in crate::engine) fn before(&mut self, limit: Option<&Key>) -> Result<Option<(Key, Vec<Contact>)>, PlanError> {
        match &self.next {
            Some((key, _)) if limit.is_none_or(|limit| key < limit) => {
                let key = key.clone();
                let found = self.of(&key)?;
                Ok(Some((key, self.contacts(found)?)))
            }
            _ => Ok(None),
        }
    }

    pub(in crate::engine) fn of(&mut self, wanted: &Key) -> Result<Found, PlanError> {
        let mut all = Vec::new();
        while self.next.as_ref().is_some_and(|(key, _)| key == wanted) {
            match self.advance()? {
                Some(Existing::Folded(only))
                    if all.is_empty() && self.next.as_ref().is_none_or(|(key, _)| key != wanted) =>
                {
                    return Ok(Found::Folded(only));
                }
                existing => all.extend(existing),
            }
        }
        let mut contacts = all.into_iter().map(|one| self.whole(one)).collect::<Result<Vec<Contact>, _>>()?;
        // Those with one mark are told apart by how the target names them.
        contacts.sort_by(|a, b| (&a.handle, &a.name).cmp(&(&b.handle, &b.name)));
        Ok(Found::Contacts(contacts))
    }
}
