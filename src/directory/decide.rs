//! What becomes of a change beside what the target holds now: one decision for all targets, pure. A writer looks the
//! object up, asks here, and does what it is told.
//!
//! | change | nothing there | ours, as planned before | ours, as planned after | ours, otherwise | free | another's |
//! |---|---|---|---|---|---|---|
//! | create | create | – | already done | write | complete if half made, else refuse | refuse |
//! | adopt | drifted | – | already done | drifted | write if it has the address, else drifted | drifted |
//! | update, unhide, remark, hide | drifted | write | already done | drifted | drifted | drifted |
//! | delete, release | already done | delete | – | drifted | drifted | drifted |
//! | unmark | already done | unmark | – | drifted | already done | drifted |
//!
//! *Ours* asks for the mark of the contact itself: another key is *ours, otherwise*. What is adopted is never deleted,
//! and what is not adopted never un-marked. Whatever is not exactly as the plan saw it is left to the next pass.

use super::{ChangeOutcome, ChangeResult};
use crate::model::taken::smtp_value;
use crate::model::{Change, Contact, OwnerMark, Removal, Replacement, SmtpAddress, Step};

/// The object that a change is about, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// It carries our mark, this one.
    Ours(Box<Contact>),
    /// A mail contact without any mark that may be written. With the mark that it will get, without hashes: so all of
    /// its values are somebody else's.
    Free(Box<Contact>),
    /// It carries no mark, and may not be written: something else than a mail contact, or directory-synchronized.
    Unmarked,
    /// It carries another's mark.
    Other,
}

/// What a writer does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision<'c> {
    /// Make an object.
    Create(&'c Contact),
    /// Turn the object from what it is into what it shall be.
    Write { current: Box<Contact>, after: &'c Contact },
    /// Remove the object.
    Delete,
    /// Take our mark and our values off; the object stays.
    Unmark { current: Box<Contact> },
    /// Nothing is to be written.
    Leave(ChangeResult),
}

/// Of the address that an object without any is given where a contact must have one, so that the next plan sees the
/// difference. Nobody has mail there.
const LOST_DOMAIN: &str = "lost.invalid";

/// The address for an object that lost its own.
pub(super) fn lost_address(mark: &OwnerMark) -> SmtpAddress {
    let address = format!("{}@{LOST_DOMAIN}", mark.anchor.as_str().replace(['@', ' '], "-"));
    SmtpAddress::parse(&address)
        .unwrap_or_else(|_| SmtpAddress::parse(&format!("contact@{LOST_DOMAIN}")).expect("an address of plain letters"))
}

pub(super) const NAME_TAKEN: &str = "another object has the contact's name or alias; rename or remove it";

/// What to do for `change`, where `found` is the object with its handle, or with its name where it has no handle.
pub(super) fn decide(change: &Change, found: Found) -> Decision<'_> {
    match &change.step {
        Step::Create(after) => create(after, found),
        Step::Replace { how: Replacement::Adopt, before, after } => adopt(before, after, found),
        Step::Replace { before, after, .. } => update(before, after, found),
        Step::Remove { how: Removal::Unmark, before } => unmark(before, found),
        Step::Remove { how: Removal::Delete | Removal::Release, before } => delete(before, found),
    }
}

/// Also asked by a writer whose creation met an object of the contact's name.
pub(super) fn create(after: &Contact, found: Found) -> Decision<'_> {
    match found {
        Found::Nothing => Decision::Create(after),
        Found::Ours(current) if stands_as(&current, after) => Decision::Leave(ChangeResult::AlreadyDone),
        Found::Ours(current) if current.key() == after.key() => Decision::Write { current, after },
        // Made by an earlier push that was cut off before it could write the mark.
        Found::Free(current)
            if current.name.as_str().eq_ignore_ascii_case(after.name.as_str())
                && (current.delivery == after.delivery || current.delivery.domain() == LOST_DOMAIN) =>
        {
            Decision::Write { current, after }
        }
        _ => Decision::Leave(ChangeResult::Refused { hint: NAME_TAKEN.to_owned() }),
    }
}

fn update<'c>(before: &Contact, after: &'c Contact, found: Found) -> Decision<'c> {
    match found {
        Found::Ours(current) if stands_as(&current, after) => Decision::Leave(ChangeResult::AlreadyDone),
        Found::Ours(current) if is_as_planned(&current, before) => Decision::Write { current, after },
        _ => Decision::Leave(ChangeResult::Drifted),
    }
}

fn adopt<'c>(before: &Contact, after: &'c Contact, found: Found) -> Decision<'c> {
    match found {
        Found::Ours(current) if stands_as(&current, after) => Decision::Leave(ChangeResult::AlreadyDone),
        Found::Free(current) if holds(&current, before) => Decision::Write { current, after },
        _ => Decision::Leave(ChangeResult::Drifted),
    }
}

fn delete<'c>(before: &Contact, found: Found) -> Decision<'c> {
    match found {
        Found::Nothing => Decision::Leave(ChangeResult::AlreadyDone),
        Found::Ours(current) if !current.mark.adopted && is_as_planned(&current, before) => Decision::Delete,
        _ => Decision::Leave(ChangeResult::Drifted),
    }
}

fn unmark<'c>(before: &Contact, found: Found) -> Decision<'c> {
    match found {
        Found::Nothing | Found::Free(_) | Found::Unmarked => Decision::Leave(ChangeResult::AlreadyDone),
        Found::Ours(current) if current.mark.adopted && is_as_planned(&current, before) => Decision::Unmark { current },
        _ => Decision::Leave(ChangeResult::Drifted),
    }
}

/// It is what the change leads to, down to the mark.
fn stands_as(current: &Contact, after: &Contact) -> bool {
    current.digest() == after.digest() && current.mark == after.mark
}

/// It is what the plan saw; the digest has the key in it.
fn is_as_planned(current: &Contact, before: &Contact) -> bool {
    current.digest() == before.digest()
}

/// The address for which a contact is adopted.
fn holds(current: &Contact, before: &Contact) -> bool {
    [&current.primary, &current.delivery].contains(&&before.primary)
        || current.foreign_values.contains(&smtp_value(&before.primary))
}

/// The mark as it is before any value was added: with it, all values of an object read as somebody else's.
pub(super) fn without_values(mark: &OwnerMark) -> OwnerMark {
    OwnerMark { value_hashes: Default::default(), ..mark.clone() }
}

/// The mark by which an unmarked object is read.
pub(super) fn mark_to_be(change: &Change) -> OwnerMark {
    without_values(&change.latest().mark)
}

/// An outcome without anything else to tell.
pub(super) fn only(result: ChangeResult) -> ChangeOutcome {
    ChangeOutcome { result, refused_values: Vec::new(), legacy_exchange_dn: None }
}

/// An outcome about an object whose own legacyExchangeDN was read.
pub(super) fn about(result: ChangeResult, legacy_exchange_dn: Option<&str>) -> ChangeOutcome {
    ChangeOutcome { legacy_exchange_dn: legacy_exchange_dn.map(str::to_owned), ..only(result) }
}

pub(super) fn refused(hint: impl Into<String>) -> ChangeOutcome {
    only(ChangeResult::Refused { hint: hint.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason::ChangeReason;
    use crate::model::{Attribute, ChangeKind, ContactName};
    use ChangeKind::*;

    fn contact(mark: &str, title: &str) -> Contact {
        let mark = OwnerMark::parse(mark).unwrap();
        let address = SmtpAddress::parse("ada@b.test").unwrap();
        Contact {
            name: ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key()),
            mark,
            primary: address.clone(),
            delivery: address,
            secondary: Default::default(),
            x500: Default::default(),
            hidden: false,
            attributes: [(Attribute::Title, title.to_owned())].into(),
            handle: Some("1".into()),
            legacy_exchange_dn: None,
            foreign_values: Default::default(),
        }
    }

    const MADE: &str = "gs1;prod;contoso;t-1;s-1;a-1;;-;";
    const ADOPTED: &str = "gs1;prod;contoso;t-1;s-1;a-1;a;-;";
    const ANOTHER: &str = "gs1;prod;contoso;t-1;s-1;a-2;;-;";

    fn change(kind: ChangeKind, mark: &str) -> Change {
        let (before, after) = (contact(mark, "before"), contact(mark, "after"));
        let (before, after) = match kind {
            Create => (None, Some(after)),
            Delete | Release | Unmark => (Some(before), None),
            _ => (Some(before), Some(after)),
        };
        Change::of(kind, ChangeReason::Changed, before, after).unwrap()
    }

    fn told(decision: &Decision<'_>) -> &'static str {
        match decision {
            Decision::Create(_) => "create",
            Decision::Write { .. } => "write",
            Decision::Delete => "delete",
            Decision::Unmark { .. } => "unmark",
            Decision::Leave(ChangeResult::AlreadyDone) => "already",
            Decision::Leave(ChangeResult::Drifted) => "drifted",
            Decision::Leave(ChangeResult::Refused { .. }) => "refuse",
            Decision::Leave(_) => "something else",
        }
    }

    /// The whole table: every kind beside everything that can stand there.
    #[test]
    fn every_change_beside_everything_that_can_stand_there() {
        let ours = |mark: &str, title: &str| Found::Ours(Box::new(contact(mark, title)));
        let mut renamed = contact(MADE, "somebody's");
        renamed.name = ContactName::existing("Ada");
        let mut elsewhere = contact(MADE, "somebody's");
        elsewhere.primary = SmtpAddress::parse("bea@b.test").unwrap();
        elsewhere.delivery = elsewhere.primary.clone();
        let mut second = elsewhere.clone();
        second.foreign_values.insert("smtp:ada@b.test".into());
        let mut moved = contact(MADE, "after");
        moved.mark.hidden_since = Some("2026-03-01T10:00:00Z".parse().unwrap());
        let free = |contact: &Contact| Found::Free(Box::new(contact.clone()));
        let found = [
            ("nothing", Found::Nothing),
            ("before", ours(MADE, "before")),
            ("before, adopted", ours(ADOPTED, "before")),
            ("after", ours(MADE, "after")),
            ("after, with another mark", Found::Ours(Box::new(moved))),
            ("neither", ours(MADE, "by hand")),
            ("another key", ours(ANOTHER, "before")),
            ("free, of the name", free(&contact(MADE, "somebody's"))),
            ("free, of another name", free(&renamed)),
            ("free, of another address", free(&elsewhere)),
            ("free, with the address as a second one", free(&second)),
            ("unmarked", Found::Unmarked),
            ("other", Found::Other),
        ];
        #[rustfmt::skip]
        let table: &[(ChangeKind, &str, [&str; 13])] = &[
            // nothing, before, adopted, after, mark, neither, key, free, name, address, second, unmarked, other
            (Create, MADE, ["create", "write", "write", "already", "write", "write", "refuse", "write", "refuse", "refuse", "refuse", "refuse", "refuse"]),
            (Adopt, MADE, ["drifted", "drifted", "drifted", "already", "drifted", "drifted", "drifted", "write", "write", "drifted", "write", "drifted", "drifted"]),
            (Update, MADE, ["drifted", "write", "drifted", "already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Unhide, MADE, ["drifted", "write", "drifted", "already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Remark, MADE, ["drifted", "write", "drifted", "already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Hide, MADE, ["drifted", "write", "drifted", "already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Delete, MADE, ["already", "delete", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Delete, ADOPTED, ["already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Release, MADE, ["already", "delete", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted"]),
            (Unmark, ADOPTED, ["already", "drifted", "unmark", "drifted", "drifted", "drifted", "drifted", "already", "already", "already", "already", "already", "drifted"]),
            (Unmark, MADE, ["already", "drifted", "drifted", "drifted", "drifted", "drifted", "drifted", "already", "already", "already", "already", "already", "drifted"]),
        ];
        for (kind, mark, wanted) in table {
            let change = change(*kind, mark);
            for ((name, found), wanted) in found.iter().zip(wanted) {
                let decision = decide(&change, found.clone());
                assert_eq!(told(&decision), *wanted, "{kind:?} of {mark} beside {name}");
            }
        }
    }

    /// Nothing that is not ours is ever removed, and nothing without the address is ever taken over.
    #[test]
    fn nobody_elses_object_is_removed() {
        for kind in [Create, Adopt, Update, Unhide, Remark, Hide, Delete, Unmark, Release] {
            for found in [Found::Unmarked, Found::Other, Found::Free(Box::new(contact(MADE, "before")))] {
                let change = change(kind, MADE);
                let decision = decide(&change, found);
                assert!(!matches!(decision, Decision::Delete | Decision::Unmark { .. }), "{kind:?}: {decision:?}");
            }
        }
    }
}
