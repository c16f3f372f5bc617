//! The approved set: of the changes of a plan that was approved, those that a plan made now still wants, and
//! whose contact is as it was (design §4, "Approval"). Walks both in the order of their keys.

use super::error::Error;
use crate::engine::{Failure, ReportLine, Sink};
use crate::model::{Change, ChangeKind, Contact, Digest};

/// Where the approved changes come from.
pub(super) trait Approved {
    /// In order of their keys.
    fn next(&mut self) -> Result<Option<Change>, Error>;
}

/// What became of an approved change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be carried out.
    Holds,
    /// An earlier push did it.
    AlreadyDone,
    /// It no longer fits; left to the next pass.
    Drifted,
}

/// Takes the plan that is made now, and says of each approved change how it stands.
pub(super) struct Intersection<A, F> {
    approved: A,
    next: Option<Change>,
    standing: F,
    /// Changes that nobody approved; left to the next pass.
    pub unapproved: u64,
}

impl<A: Approved, F: FnMut(Change, Standing) -> Result<(), Error>> Intersection<A, F> {
    pub(super) fn new(mut approved: A, standing: F) -> Result<Self, Error> {
        let next = approved.next()?;
        Ok(Self { approved, next, standing, unapproved: 0 })
    }

    /// The approved change of this key; of those before it the plan says nothing.
    fn seek(&mut self, key: &str) -> Result<Option<Change>, Error> {
        while let Some(next) = self.next.take_if(|next| next.key.as_str() < key) {
            self.next = self.approved.next()?;
            let standing = standing_of_unmentioned(&next);
            (self.standing)(next, standing)?;
        }
        let Some(found) = self.next.take_if(|next| next.key.as_str() == key) else { return Ok(None) };
        self.next = self.approved.next()?;
        Ok(Some(found))
    }

    /// To be called when the plan is finished; gives back where the approved changes came from.
    pub(super) fn finish(mut self) -> Result<(A, u64), Error> {
        while let Some(next) = self.next.take() {
            self.next = self.approved.next()?;
            let standing = standing_of_unmentioned(&next);
            (self.standing)(next, standing)?;
        }
        Ok((self.approved, self.unapproved))
    }

    fn planned_again(&mut self, change: &Change) -> Result<(), Error> {
        match self.seek(change.key.as_str())? {
            Some(approved) if is_same(&approved, change) => (self.standing)(change.clone(), Standing::Holds),
            Some(approved) => (self.standing)(approved, Standing::Drifted),
            None => {
                self.unapproved += 1;
                Ok(())
            }
        }
    }

    fn stays(&mut self, contact: &Contact) -> Result<(), Error> {
        let Some(approved) = self.seek(contact.key().as_str())? else { return Ok(()) };
        let is_done = approved.after.as_deref().is_some_and(|after| content(after) == content(contact));
        (self.standing)(approved, if is_done { Standing::AlreadyDone } else { Standing::Drifted })
    }
}

/// The plan neither changes nor keeps a contact of this key: there is none any more, or none is wanted.
fn standing_of_unmentioned(change: &Change) -> Standing {
    match change.kind {
        ChangeKind::Delete | ChangeKind::Unmark | ChangeKind::Release => Standing::AlreadyDone,
        // Done before, it stands under its new key; the target says so, or refuses.
        ChangeKind::Remark => Standing::Holds,
        _ => Standing::Drifted,
    }
}

fn is_same(approved: &Change, now: &Change) -> bool {
    let same = |a: &Option<Box<Contact>>, b: &Option<Box<Contact>>| match (a, b) {
        (Some(a), Some(b)) => a.key() == b.key() && content(a) == content(b),
        (None, None) => true,
        _ => false,
    };
    approved.kind == now.kind && same(&approved.before, &now.before) && same(&approved.after, &now.after)
}

/// When a contact was hidden is not part of what was approved.
fn content(contact: &Contact) -> Digest {
    let mut timeless = contact.clone();
    timeless.mark.hidden_since = None;
    timeless.digest()
}

impl<A: Approved, F: FnMut(Change, Standing) -> Result<(), Error>> Sink for Intersection<A, F> {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        Ok(self.planned_again(change)?)
    }

    fn line(&mut self, _: &ReportLine<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn wants_unchanged(&self) -> bool {
        true
    }

    fn unchanged(&mut self, contact: &Contact) -> Result<(), Failure> {
        Ok(self.stays(contact)?)
    }
}
