//! What a push may write: the changes of the approved plan that still fit, and no others (design §4).

use super::error::Failure;
use super::report::result::{PlanHeader, PlanResult};
use super::report::sink::{ReportLine, Sink};
use super::scratch::{Scratch, Sorted, Sorter};
use crate::model::{Change, ChangeKind, Contact, Replacement, Step};

/// Why a push refuses the whole plan: simulate again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanChanged {
    #[error("the plan was made for another target")]
    Target,
    #[error("the plan was made by another owner or for another synchronization")]
    Owner,
    #[error("the policy is no longer that of the plan")]
    Policy,
    #[error("a source has lost many of its entries since the plan was made")]
    SourceShrank,
}

impl PlanHeader {
    /// Whether the plan may be pushed at all, given what was computed now. That all sources were complete is the
    /// caller's to know.
    pub fn still_holds(&self, now: &PlanResult) -> Result<(), PlanChanged> {
        let Self { target, owner, sync, policy, unsafe_reasons: _, losses } = self;
        if *target != now.header.target {
            return Err(PlanChanged::Target);
        }
        if *owner != now.header.owner || *sync != now.header.sync {
            return Err(PlanChanged::Owner);
        }
        if *policy != now.header.policy {
            return Err(PlanChanged::Policy);
        }
        match now.header.losses.is_subset(losses) {
            true => Ok(()),
            false => Err(PlanChanged::SourceShrank),
        }
    }
}

/// A sink for the plan that a push computes: compares it with the approved one as it comes.
pub struct ApprovedSet<'a> {
    plan: Box<dyn Iterator<Item = Result<Change, Failure>> + 'a>,
    next: Option<Change>,
    writes: Box<dyn Sorter>,
    counts: ApprovedCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApprovedCounts {
    /// Approved, and still fits.
    pub to_write: u64,
    /// Approved, but the contact is not what it was, or is to become something else now.
    pub drifted: u64,
    /// Approved, and carried out by an earlier push.
    pub already_done: u64,
    /// New since the plan was made.
    pub not_approved: u64,
}

impl<'a> ApprovedSet<'a> {
    /// `plan` = the approved changes in order of their keys.
    pub fn new(
        plan: impl Iterator<Item = Result<Change, Failure>> + 'a,
        scratch: &dyn Scratch,
    ) -> Result<Self, Failure> {
        let mut set =
            Self { plan: Box::new(plan), next: None, writes: scratch.sorter()?, counts: ApprovedCounts::default() };
        set.advance()?;
        Ok(set)
    }

    fn advance(&mut self) -> Result<Option<Change>, Failure> {
        let next = self.plan.next().transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// The approved change of this key; those before it are no longer wanted by anything that is there.
    fn approved(&mut self, key: &crate::model::Key) -> Result<Option<Change>, Failure> {
        while self.next.as_ref().is_some_and(|approved| *approved.key() < *key) {
            if let Some(approved) = self.advance()? {
                self.without_contact(&approved);
            }
        }
        match &self.next {
            Some(approved) if *approved.key() == *key => self.advance(),
            _ => Ok(None),
        }
    }

    /// Neither a change now, nor a contact of that key: a removal is done, all else has lost its ground.
    fn without_contact(&mut self, approved: &Change) {
        use ChangeKind::*;
        match approved.kind() {
            Delete | Release | Unmark | Remark => self.counts.already_done += 1,
            Create | Adopt | Update | Unhide | Hide => self.counts.drifted += 1,
        }
    }

    /// The changes to write, in the order in which they must be: what frees addresses first, creates last.
    pub fn finish(mut self) -> Result<(ToWrite, ApprovedCounts), Failure> {
        while let Some(approved) = self.advance()? {
            self.without_contact(&approved);
        }
        Ok((ToWrite(self.writes.finish()?), self.counts))
    }
}

impl Sink for ApprovedSet<'_> {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        let Some(approved) = self.approved(change.key())? else {
            self.counts.not_approved += 1;
            return Ok(());
        };
        if !is_same(&approved, change) {
            self.counts.drifted += 1;
            return Ok(());
        }
        self.counts.to_write += 1;
        let mut key = vec![phase(change)];
        key.extend_from_slice(change.key().as_str().as_bytes());
        self.writes.push(&key, &serde_json::to_vec(change)?)
    }

    fn line(&mut self, _: &ReportLine<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn wants_unchanged(&self) -> bool {
        true
    }

    fn unchanged(&mut self, contact: &Contact) -> Result<(), Failure> {
        if let Some(approved) = self.approved(&contact.key())? {
            match approved.after().is_some_and(|after| after.digest() == contact.digest()) {
                true => self.counts.already_done += 1,
                false => self.counts.drifted += 1,
            }
        }
        Ok(())
    }
}

fn is_same(approved: &Change, now: &Change) -> bool {
    let digest = |contact: Option<&Contact>| contact.map(Contact::digest);
    let after_key = |change: &Change| change.after().map(Contact::key);
    approved.kind() == now.kind()
        && after_key(approved) == after_key(now)
        && digest(approved.before()) == digest(now.before())
        && digest(approved.after()) == digest(now.after())
}

/// Release before take (mail-rules §6): 0 = deletes and updates that only free addresses, 1 = other updates,
/// 2 = creates.
pub fn phase(change: &Change) -> u8 {
    match &change.step {
        Step::Remove { .. } => 0,
        Step::Create(_) | Step::Replace { how: Replacement::Adopt, .. } => 2,
        Step::Replace { before, after, .. } => {
            let (before, after) = (addresses(before), addresses(after));
            u8::from(!(after.is_subset(&before) && after != before))
        }
    }
}

fn addresses(contact: &Contact) -> std::collections::BTreeSet<&crate::model::SmtpAddress> {
    [&contact.primary, &contact.delivery].into_iter().chain(&contact.secondary).collect()
}

/// The changes of a push in order; each self-contained.
pub struct ToWrite(Box<dyn Sorted>);

impl Iterator for ToWrite {
    type Item = Result<Change, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.0.next().transpose()?;
        Some(record.and_then(|(_, bytes)| Ok(serde_json::from_slice(bytes)?)))
    }
}
