//! The second walk: each row's decision, counted, digested, and told to the sink.

use super::codec::{Decoder, Encoder, quiet_row};
use super::first_walk::is_leaving;
use super::row_decision::{DecidedRow, RowDecider, RowDecision, Successor};
use crate::engine::conflict::resolution::Resolution;
use crate::engine::error::PlanError;
use crate::engine::input::history::key_hash;
use crate::engine::input::plan_input::ContactLookup;
use crate::engine::input::sources::PreparedSource;
use crate::engine::report::sink::{ReportLine, Sink};
use crate::engine::safety::finish::PlanDigests;
use crate::engine::safety::totals::PairCounts;
use crate::engine::safety::totals::Totals;
use crate::engine::scratch::{Scratch, Sorted};
use crate::model::reason::{Undecided, Warning};
use crate::model::{Change, ChangeKind, EntryClass, SystemIdentity};
use std::collections::BTreeMap;

pub(in crate::engine) struct SecondWalk<'a> {
    pub decider: RowDecider<'a>,
    pub sources: &'a [PreparedSource<'a>],
    again: Option<ContactLookup<'a>>,
    /// Wanted and undecided entries by source.
    judged: Vec<(u64, u64)>,
    pub totals: Totals,
    pub digests: PlanDigests,
}

impl<'a> SecondWalk<'a> {
    pub(in crate::engine) fn new(
        decider: RowDecider<'a>,
        sources: &'a [PreparedSource<'a>],
        pairs: BTreeMap<SystemIdentity, PairCounts>,
        again: Option<ContactLookup<'a>>,
    ) -> Self {
        let digests = PlanDigests::new(&decider.builder.scope.target, decider.rules);
        let totals = Totals { pairs, ..Totals::default() };
        Self { decider, sources, again, judged: vec![(0, 0); sources.len()], totals, digests }
    }

    pub(in crate::engine) fn walk(
        &mut self,
        rows: Box<dyn Sorted>,
        scratch: &dyn Scratch,
        sink: &mut dyn Sink,
    ) -> Result<(), PlanError> {
        let (mut rows, mut successors) = match self.decider.resolutions.hands_over() {
            true => self.successors(rows, scratch)?,
            false => (rows, None),
        };
        let quick = !sink.wants_unchanged();
        while let Some((number, bytes)) = rows.next().map_err(PlanError::Scratch)? {
            let number = row_number(number);
            if quick
                && !self.decider.resolutions.is_noted(number)
                && let Some((class, source, key)) = quiet_row(bytes)
            {
                self.quiet(class, source, key);
                continue;
            }
            let row = Decoder(bytes).row(&self.decider.builder.scope, self.again)?;
            let successor = match (self.decider.resolutions.successor(number), &mut successors) {
                (Some(successor_number), Some(sorted)) => {
                    let record = sorted.next().map_err(PlanError::Scratch)?;
                    let (_, bytes) = record.ok_or(super::codec::Damaged)?;
                    let wanted = Decoder(bytes).contact(&self.decider.builder.scope)?;
                    Some(Successor { wanted, row: successor_number })
                }
                _ => None,
            };
            let decided = self.decider.decide(number, row, successor);
            self.add(&decided, sink)?;
        }
        for (source, (wanted, undecided)) in self.sources.iter().zip(&self.judged) {
            let pair = self.totals.pairs.entry(source.identity.clone()).or_default();
            (pair.wanted, pair.undecided) = (*wanted, *undecided);
        }
        Ok(())
    }

    /// Contacts that change hands: what the successors want, in order of the predecessors. Costs a walk of its own,
    /// which the other passes are spared.
    #[expect(clippy::type_complexity, reason = "a pair of cursors, used once")]
    fn successors(
        &self,
        mut rows: Box<dyn Sorted>,
        scratch: &dyn Scratch,
    ) -> Result<(Box<dyn Sorted>, Option<Box<dyn Sorted>>), PlanError> {
        let mut again = scratch.sorter().map_err(PlanError::Scratch)?;
        let mut successors = scratch.sorter().map_err(PlanError::Scratch)?;
        while let Some((number, bytes)) = rows.next().map_err(PlanError::Scratch)? {
            if let Some(predecessor) = self.decider.resolutions.predecessor(row_number(number)) {
                let row = Decoder(bytes).row(&self.decider.builder.scope, self.again)?;
                let mut encoder = Encoder::default();
                encoder.contact(row.body.wanted().expect("only a wanted row takes a contact over"));
                successors.push(&predecessor.to_be_bytes(), &encoder.0).map_err(PlanError::Scratch)?;
            }
            again.push(number, bytes).map_err(PlanError::Scratch)?;
        }
        let again = again.finish().map_err(PlanError::Scratch)?;
        Ok((again, Some(successors.finish().map_err(PlanError::Scratch)?)))
    }

    /// A contact that is as it should be.
    fn quiet(&mut self, class: EntryClass, source: Option<u16>, key: &str) {
        self.totals.counts.of(class).unchanged += 1;
        if let Some(source) = source {
            self.judged[usize::from(source)].0 += 1;
        }
        if !self.decider.history.pushed.is_empty() {
            self.confirm(crate::engine::input::history::key_text_hash(key));
        }
    }

    fn confirm(&mut self, hash: String) {
        if self.decider.history.pushed.contains_key(&hash) {
            self.totals.confirmed.insert(hash);
        }
    }

    fn add(&mut self, decided: &DecidedRow, sink: &mut dyn Sink) -> Result<(), PlanError> {
        if let Some(source) = decided.source {
            let (wanted, undecided) = &mut self.judged[usize::from(source)];
            match decided.resolution {
                Resolution::Wanted => *wanted += 1,
                Resolution::Undecided(reason) if is_doubt(reason) => *undecided += 1,
                _ => {}
            }
        }
        let reason = decided.decision.reason();
        match &decided.decision {
            RowDecision::Change(change) => self.change(change, sink)?,
            RowDecision::Withheld(change) => {
                self.totals.counts.of(change.class()).unchanged += 1;
                *self.totals.reasons.entry("Policy".to_owned()).or_default() += 1;
                if let Some(contact) = change.before().filter(|_| sink.wants_unchanged()) {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
            RowDecision::Unchanged(contact) => {
                self.totals.counts.of(decided.class).unchanged += 1;
                if !self.decider.history.pushed.is_empty() {
                    self.confirm(key_hash(&decided.key));
                }
                if sink.wants_unchanged() {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
            RowDecision::TakesOver => return Ok(()),
            RowDecision::Skipped(label) => {
                self.totals.counts.of(decided.class).skipped += 1;
                *self.totals.reasons.entry((*label).to_owned()).or_default() += 1;
            }
            RowDecision::Frozen(_, contact) => {
                let counts = self.totals.counts.of(decided.class);
                match decided.decision.action() {
                    crate::engine::report::sink::Action::Conflict => counts.conflict += 1,
                    _ => counts.undecided += 1,
                }
                *self.totals.reasons.entry(reason.to_owned()).or_default() += 1;
                if let Some(contact) = contact.as_ref().filter(|_| sink.wants_unchanged()) {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
        }
        self.tell(decided, reason, sink)
    }

    fn change(&mut self, change: &Change, sink: &mut dyn Sink) -> Result<(), PlanError> {
        *self.totals.counts.of(change.class()).count(change.kind().class()) += 1;
        self.digests.add(change);
        let mark = Some(&change.earliest().mark);
        if let Some(mark) = mark {
            let pair = self.totals.pairs.entry(mark.source.clone()).or_default();
            match change.kind() {
                ChangeKind::Create | ChangeKind::Adopt => pair.creates += 1,
                _ if change.kind().removes() => {
                    pair.removals += 1;
                    let hidden = change.before().is_some_and(is_leaving);
                    pair.removals_of_hidden += u64::from(hidden);
                    let lives_in_target = change.reason == crate::model::reason::ChangeReason::LivesInTarget;
                    pair.lives_in_target += u64::from(lives_in_target);
                }
                _ if change.is_strict_update() => pair.strict_updates += 1,
                _ => pair.updates += 1,
            }
        }
        sink.change(change).map_err(PlanError::Sink)
    }

    fn tell(&self, decided: &DecidedRow, reason: &'static str, sink: &mut dyn Sink) -> Result<(), PlanError> {
        let DecidedRow {
            number,
            key,
            class,
            source,
            resolution: _,
            decision,
            warnings,
            left_out,
            x500_for_mailbox,
            display_name,
            address,
        } = decided;
        // Said at every change, and no news where all stays as it is.
        let plain = [Warning::SecondaryInTargetDomain, Warning::CannotHide];
        if matches!(decision, RowDecision::Unchanged(_)) && warnings.iter().all(|warning| plain.contains(warning)) {
            return Ok(());
        }
        let (before, after) = match decision {
            RowDecision::Change(change) | RowDecision::Withheld(change) => (change.before(), change.after()),
            _ => (None, None),
        };
        let shown = after.or(before);
        let name = crate::model::Attribute::DisplayName;
        let line = ReportLine {
            action: decision.action(),
            reason,
            class: shown.map_or(*class, |contact| contact.class()),
            key,
            source: source.map_or("", |index| self.sources[usize::from(index)].name),
            display_name: shown.and_then(|c| c.attributes.get(&name)).or(display_name.as_ref()).map(String::as_str),
            address: shown.map(|contact| &contact.primary).or(address.as_ref()),
            warnings: warnings.clone(),
            left_out: left_out.clone(),
            holder: self.decider.resolutions.held_by(*number),
            x500_for_mailbox: x500_for_mailbox.clone(),
            before,
            after,
        };
        sink.line(&line).map_err(PlanError::Sink)
    }
}

fn row_number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Undecided by what was read, not by what a person decided or by what will pass (mail-rules §1).
fn is_doubt(reason: Undecided) -> bool {
    !matches!(reason, Undecided::OutsidePilot | Undecided::Protected | Undecided::Deferred)
}
