//! What becomes of one row's contact (mail-rules §1, §4, §6): a change, or nothing for a reason.

use super::row::{Body, Row};
use crate::engine::conflict::resolution::{Resolution, Resolutions};
use crate::engine::input::history::{History, content_hash, key_hash};
use crate::engine::input::ledger::Ledger;
use crate::engine::map::contact_builder::{ContactBuilder, drop_values};
use crate::engine::report::sink::Action;
use crate::model::reason::{ChangeReason, Undecided, Unwanted, Warning};
use crate::model::safety::Policy;
use crate::model::schedule::TargetRules;
use crate::model::{Change, ChangeKind, Contact, ContactName, EntryClass, Key, Removal, Replacement};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Everything that decides about a row beside the row itself.
pub(in crate::engine) struct RowDecider<'a> {
    pub rules: &'a TargetRules,
    pub can_hide: bool,
    /// By source: only some persons are created and updated, nothing is removed.
    pub pilots: Vec<bool>,
    pub builder: ContactBuilder<'a>,
    /// Names that are in use although another entry would give them.
    pub inherited_names: BTreeSet<ContactName>,
    pub ledger: &'a dyn Ledger,
    pub history: &'a History,
    pub resolutions: Resolutions,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum RowDecision {
    Change(Change),
    /// The policy does not allow it.
    Withheld(Change),
    /// In order; the contact as it is.
    Unchanged(Contact),
    /// No contact, and none wanted; label of the reason.
    Skipped(&'static str),
    /// Not decided; the contact that stays as it is, if there is one.
    Frozen(Undecided, Option<Contact>),
    /// It gets the contact of another row; that row tells of it.
    TakesOver,
}

impl RowDecision {
    pub(in crate::engine) fn action(&self) -> Action {
        match self {
            Self::Change(change) => change.kind().into(),
            Self::Withheld(_) => Action::Withhold,
            Self::Unchanged(_) | Self::TakesOver => Action::Keep,
            Self::Skipped(_) => Action::Skip,
            Self::Frozen(reason, _) if reason.is_conflict() => Action::Conflict,
            Self::Frozen(..) => Action::Undecided,
        }
    }

    pub(in crate::engine) fn reason(&self) -> &'static str {
        match self {
            Self::Change(change) | Self::Withheld(change) => change.reason.label(),
            Self::Unchanged(_) | Self::TakesOver => "",
            Self::Skipped(label) => label,
            Self::Frozen(reason, _) => reason.label(),
        }
    }
}

/// A row with its decision.
pub(in crate::engine) struct DecidedRow {
    pub number: u32,
    pub key: Key,
    pub class: EntryClass,
    pub source: Option<u16>,
    pub resolution: Resolution,
    pub decision: RowDecision,
    pub warnings: BTreeSet<Warning>,
    pub left_out: BTreeSet<String>,
    pub x500_for_mailbox: BTreeSet<String>,
    pub display_name: Option<String>,
    pub address: Option<crate::model::SmtpAddress>,
}

/// The contact that another row's entry wants, for a row whose contact it takes over.
pub(in crate::engine) struct Successor {
    pub wanted: Contact,
    pub row: u32,
}

impl RowDecider<'_> {
    pub(in crate::engine) fn decide(&self, number: u32, row: Row, successor: Option<Successor>) -> DecidedRow {
        let resolution = self.resolutions.resolution(number);
        let Row { key, class, source, state: _, warnings, left_out, display_name, address, body } = row;
        let shown = body.wanted().or(body.existing());
        let name = crate::model::Attribute::DisplayName;
        let display_name = display_name.or_else(|| shown.and_then(|contact| contact.attributes.get(&name).cloned()));
        let address = address.or_else(|| shown.map(|contact| contact.primary.clone()));
        let mut decided = DecidedRow {
            number,
            key,
            class,
            source,
            resolution,
            decision: RowDecision::TakesOver,
            warnings,
            left_out,
            x500_for_mailbox: BTreeSet::new(),
            display_name,
            address,
        };
        let decision = match (successor, resolution) {
            (Some(successor), _) => self.hand_over(body, resolution, successor, &mut decided),
            (None, Resolution::Wanted) => self.keep(number, body, &mut decided),
            (None, Resolution::Undecided(reason)) => RowDecision::Frozen(reason, body.into_existing()),
            (None, Resolution::Shadowed) => self.remove(number, body, "Shadowed", ChangeReason::Shadowed, &mut decided),
            (None, Resolution::Unwanted(Unwanted::JoinedElsewhere)) => {
                let label = Unwanted::JoinedElsewhere.label();
                self.remove(number, body, label, ChangeReason::Shadowed, &mut decided)
            }
            (None, Resolution::Unwanted(reason)) => {
                self.remove(number, body, reason.label(), reason.change_reason(), &mut decided)
            }
        };
        decided.decision = self.allow(decision);
        decided
    }

    /// The policy, and what did not stay as it was pushed before.
    fn allow(&self, decision: RowDecision) -> RowDecision {
        let RowDecision::Change(change) = decision else { return decision };
        let allowed = match self.rules.policy {
            Policy::CreateOnly => matches!(change.kind(), ChangeKind::Create | ChangeKind::Adopt),
            Policy::Upsert => !change.kind().removes(),
            Policy::Sync => true,
        };
        if !allowed {
            return RowDecision::Withheld(change);
        }
        match self.is_in_vain(&change) {
            Some(reason) => RowDecision::Frozen(reason, change.into_before()),
            None => RowDecision::Change(change),
        }
    }

    /// Just this was written twice already, and did not stay.
    fn is_in_vain(&self, change: &Change) -> Option<Undecided> {
        let after = change.after().filter(|_| !self.history.pushed.is_empty())?;
        let pushed = self.history.pushed.get(&key_hash(&after.key()))?;
        if pushed.times < 2 || pushed.after != content_hash(after.digest()) {
            return None;
        }
        let somebody_else = change.kind() == ChangeKind::Create || pushed.confirmed;
        Some(if somebody_else { Undecided::Contested } else { Undecided::NotConverging })
    }

    fn keep(&self, number: u32, body: Body, decided: &mut DecidedRow) -> RowDecision {
        let drops = self.resolutions.dropped(number);
        let mut drop_from = |contact: &mut Contact| {
            let dropped = drop_values(contact, &drops);
            if !dropped.is_empty() {
                decided.warnings.insert(Warning::SecondaryHeld);
                decided.left_out.extend(dropped);
            }
        };
        match body {
            Body::New(_) if self.resolutions.predecessor(number).is_some() => RowDecision::TakesOver,
            Body::New(mut contact) => {
                drop_from(&mut contact);
                self.create(number, contact)
            }
            Body::Same(contact) => {
                let mut after = contact.clone();
                drop_from(&mut after);
                if after == contact { RowDecision::Unchanged(contact) } else { update(contact, after) }
            }
            Body::Differs { before, mut after } => {
                drop_from(&mut after);
                match crate::engine::map::contact_builder::is_same(&before, &after) {
                    true => RowDecision::Unchanged(before),
                    false => update(before, after),
                }
            }
            Body::Nothing | Body::Owned(_) => unreachable!("a wanted row has a wanted contact"),
            Body::Folded { .. } => unreachable!("a folded contact reads back as a whole one"),
        }
    }

    fn create(&self, number: u32, mut after: Contact) -> RowDecision {
        let key = after.key();
        let mut attempts = 2..;
        let first = after.name.clone();
        while self.inherited_names.contains(&after.name) {
            after.name = first.alternative(attempts.next().expect("the numbers do not end"));
        }
        RowDecision::Change(match self.resolutions.found_in_target(number) {
            Some((holder, true)) => {
                after.handle = Some(holder.handle.clone());
                Change::create(ChangeReason::HalfMade, after)
            }
            Some((holder, false)) => {
                after.handle = Some(holder.handle.clone());
                after.name = ContactName::existing(holder.name.clone());
                after.mark.adopted = true;
                Change::replace(Replacement::Adopt, ChangeReason::Adopted, as_found(&after), after)
            }
            None if self.ledger.knows(&key) => Change::create(ChangeReason::Returned, after),
            None => Change::create(ChangeReason::New, after),
        })
    }

    fn hand_over(
        &self,
        body: Body,
        resolution: Resolution,
        successor: Successor,
        decided: &mut DecidedRow,
    ) -> RowDecision {
        let before = body.into_existing().expect("only a row with one contact gives it away");
        let Successor { wanted, row } = successor;
        let built = self.builder.merge(wanted, &before, std::mem::take(&mut decided.warnings));
        let mut after = built.contact;
        decided.warnings = built.warnings;
        decided.left_out = built.left_out;
        let dropped = drop_values(&mut after, &self.resolutions.dropped(row));
        if !dropped.is_empty() {
            decided.warnings.insert(Warning::SecondaryHeld);
            decided.left_out.extend(dropped);
        }
        let same_source = before.mark.source == after.mark.source;
        let reason = match resolution {
            Resolution::Unwanted(Unwanted::Absent) if same_source => ChangeReason::Reanchored,
            _ => ChangeReason::Shadowed,
        };
        replace(Replacement::Remark, reason, before, after)
    }

    fn remove(
        &self,
        number: u32,
        body: Body,
        label: &'static str,
        reason: ChangeReason,
        decided: &mut DecidedRow,
    ) -> RowDecision {
        let Some(before) = body.into_existing() else { return RowDecision::Skipped(label) };
        if decided.source.is_some_and(|source| self.pilots[usize::from(source)]) {
            return RowDecision::Frozen(Undecided::OutsidePilot, Some(before));
        }
        let safety = &self.rules.safety;
        if safety.protects(&before.primary) || safety.protects(&before.delivery) {
            return RowDecision::Frozen(Undecided::Protected, Some(before));
        }
        let lives_in_target = reason == ChangeReason::LivesInTarget;
        if lives_in_target {
            decided.x500_for_mailbox = before.x500.iter().chain(&before.legacy_exchange_dn).cloned().collect();
        }
        if before.mark.adopted {
            return remove(Removal::Unmark, reason, before);
        }
        if lives_in_target {
            return remove(Removal::Release, reason, before);
        }
        if self.resolutions.is_in_the_way(number) {
            return remove(Removal::Release, ChangeReason::AddressNeeded, before);
        }
        if self.rules.hide_for_seconds == 0 {
            return remove(Removal::Delete, reason, before);
        }
        self.hide(number, before, reason, decided)
    }

    fn hide(&self, number: u32, before: Contact, reason: ChangeReason, decided: &mut DecidedRow) -> RowDecision {
        let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let since = before.mark.hidden_since;
        let waited = since.map(|since| now.as_second().saturating_sub(since.as_second()));
        if waited.is_some_and(|waited| waited >= self.rules.hide_for_seconds.min(i64::MAX as u64) as i64) {
            return remove(Removal::Delete, ChangeReason::HiddenLongEnough, before);
        }
        let mut after = before.clone();
        after.hidden |= self.can_hide;
        after.mark.hidden_since = since.or(Some(now));
        let given_up = drop_values(&mut after, &self.resolutions.dropped(number));
        decided.left_out.extend(given_up);
        if !self.can_hide && since.is_none() {
            decided.warnings.insert(Warning::CannotHide);
        }
        if since.is_none() || before.hidden != after.hidden {
            return replace(Replacement::Hide, reason, before, after);
        }
        if after == before {
            return RowDecision::Unchanged(before);
        }
        replace(Replacement::Update, ChangeReason::AddressNeeded, before, after)
    }
}

fn update(before: Contact, after: Contact) -> RowDecision {
    let (how, reason) = if before.mark.hidden_since.is_some() {
        (Replacement::Unhide, ChangeReason::Returned)
    } else if before.hidden && !after.hidden {
        (Replacement::Unhide, ChangeReason::ShownAgain)
    } else {
        (Replacement::Update, ChangeReason::Changed)
    };
    replace(how, reason, before, after)
}

fn replace(how: Replacement, reason: ChangeReason, before: Contact, after: Contact) -> RowDecision {
    RowDecision::Change(Change::replace(how, reason, before, after))
}

fn remove(how: Removal, reason: ChangeReason, before: Contact) -> RowDecision {
    RowDecision::Change(Change::remove(how, reason, before))
}

/// A foreign contact as far as it is known: by its address.
fn as_found(after: &Contact) -> Contact {
    let mut before = after.clone();
    before.mark.value_hashes.clear();
    before.secondary.clear();
    before.x500.clear();
    before.attributes.clear();
    before
}
