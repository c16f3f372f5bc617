//! The second walk: each row's verdict, counted, digested, and told to the sink.

use super::codec::{Decoder, Encoder, quiet_row};
use super::gather::is_leaving;
use super::outcome::{Settled, Settlement, Successor, Verdict};
use crate::engine::conflict::fate::Fate;
use crate::engine::error::PlanError;
use crate::engine::input::history::key_hash;
use crate::engine::input::plan_input::FindAgain;
use crate::engine::input::sources::PreparedSource;
use crate::engine::report::result::PairCounts;
use crate::engine::report::sink::{ReportLine, Sink};
use crate::engine::safety::conclude::PlanDigests;
use crate::engine::safety::sums::Sums;
use crate::engine::scratch::{Scratch, Sorted};
use crate::model::reason::{Undecided, Warning};
use crate::model::{Change, ChangeKind, EntryClass, SystemIdentity};
use std::collections::BTreeMap;

pub(in crate::engine) struct Tally<'a> {
    pub settlement: Settlement<'a>,
    pub sources: &'a [PreparedSource<'a>],
    again: Option<FindAgain<'a>>,
    /// Wanted and undecided entries by source.
    judged: Vec<(u64, u64)>,
    pub sums: Sums,
    pub digests: PlanDigests,
}

impl<'a> Tally<'a> {
    pub(in crate::engine) fn new(
        settlement: Settlement<'a>,
        sources: &'a [PreparedSource<'a>],
        pairs: BTreeMap<SystemIdentity, PairCounts>,
        again: Option<FindAgain<'a>>,
    ) -> Self {
        let digests = PlanDigests::new(&settlement.shaper.scope.target, settlement.rules);
        let sums = Sums { pairs, ..Sums::default() };
        Self { settlement, sources, again, judged: vec![(0, 0); sources.len()], sums, digests }
    }

    pub(in crate::engine) fn walk(
        &mut self,
        rows: Box<dyn Sorted>,
        scratch: &dyn Scratch,
        sink: &mut dyn Sink,
    ) -> Result<(), PlanError> {
        let (mut rows, mut successors) = match self.settlement.fates.hands_over() {
            true => self.successors(rows, scratch)?,
            false => (rows, None),
        };
        let quick = !sink.wants_unchanged();
        while let Some((number, bytes)) = rows.next().map_err(PlanError::Scratch)? {
            let number = row_number(number);
            if quick
                && !self.settlement.fates.is_noted(number)
                && let Some((class, source, key)) = quiet_row(bytes)
            {
                self.quiet(class, source, key);
                continue;
            }
            let row = Decoder(bytes).row(&self.settlement.shaper.scope, self.again)?;
            let successor = match (self.settlement.fates.gives_to(number), &mut successors) {
                (Some(taker), Some(sorted)) => {
                    let record = sorted.next().map_err(PlanError::Scratch)?;
                    let (_, bytes) = record.ok_or(super::codec::Damaged)?;
                    let wanted = Decoder(bytes).contact(&self.settlement.shaper.scope)?;
                    Some(Successor { wanted, row: taker })
                }
                _ => None,
            };
            let settled = self.settlement.settle(number, row, successor);
            self.add(&settled, sink)?;
        }
        for (source, (wanted, undecided)) in self.sources.iter().zip(&self.judged) {
            let pair = self.sums.pairs.entry(source.identity.clone()).or_default();
            (pair.wanted, pair.undecided) = (*wanted, *undecided);
        }
        Ok(())
    }

    /// Contacts that change hands: what the takers want, in order of the givers. Costs a walk of its own, which
    /// the other passes are spared.
    #[expect(clippy::type_complexity, reason = "a pair of cursors, used once")]
    fn successors(
        &self,
        mut rows: Box<dyn Sorted>,
        scratch: &dyn Scratch,
    ) -> Result<(Box<dyn Sorted>, Option<Box<dyn Sorted>>), PlanError> {
        let mut again = scratch.sorter().map_err(PlanError::Scratch)?;
        let mut successors = scratch.sorter().map_err(PlanError::Scratch)?;
        while let Some((number, bytes)) = rows.next().map_err(PlanError::Scratch)? {
            if let Some(giver) = self.settlement.fates.takes_from(row_number(number)) {
                let row = Decoder(bytes).row(&self.settlement.shaper.scope, self.again)?;
                let mut encoder = Encoder::default();
                encoder.contact(row.body.wanted().expect("only a wanted row takes a contact over"));
                successors.push(&giver.to_be_bytes(), &encoder.0).map_err(PlanError::Scratch)?;
            }
            again.push(number, bytes).map_err(PlanError::Scratch)?;
        }
        let again = again.finish().map_err(PlanError::Scratch)?;
        Ok((again, Some(successors.finish().map_err(PlanError::Scratch)?)))
    }

    /// A contact that is as it should be.
    fn quiet(&mut self, class: EntryClass, source: Option<u16>, key: &str) {
        self.sums.counts.of(class).unchanged += 1;
        if let Some(source) = source {
            self.judged[usize::from(source)].0 += 1;
        }
        if !self.settlement.history.pushed.is_empty() {
            self.confirm(crate::engine::input::history::key_text_hash(key));
        }
    }

    fn confirm(&mut self, hash: String) {
        if self.settlement.history.pushed.contains_key(&hash) {
            self.sums.confirmed.insert(hash);
        }
    }

    fn add(&mut self, settled: &Settled, sink: &mut dyn Sink) -> Result<(), PlanError> {
        if let Some(source) = settled.source {
            let (wanted, undecided) = &mut self.judged[usize::from(source)];
            match settled.fate {
                Fate::Wanted => *wanted += 1,
                Fate::Undecided(reason) if is_doubt(reason) => *undecided += 1,
                _ => {}
            }
        }
        let reason = settled.verdict.reason();
        match &settled.verdict {
            Verdict::Change(change) => self.change(change, sink)?,
            Verdict::Withheld(change) => {
                self.sums.counts.of(change.class()).unchanged += 1;
                *self.sums.reasons.entry("Policy".to_owned()).or_default() += 1;
                if let Some(contact) = change.before().filter(|_| sink.wants_unchanged()) {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
            Verdict::Unchanged(contact) => {
                self.sums.counts.of(settled.class).unchanged += 1;
                if !self.settlement.history.pushed.is_empty() {
                    self.confirm(key_hash(&settled.key));
                }
                if sink.wants_unchanged() {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
            Verdict::TakesOver => return Ok(()),
            Verdict::Skipped(label) => {
                self.sums.counts.of(settled.class).skipped += 1;
                *self.sums.reasons.entry((*label).to_owned()).or_default() += 1;
            }
            Verdict::Frozen(_, contact) => {
                let counts = self.sums.counts.of(settled.class);
                match settled.verdict.action() {
                    crate::engine::report::sink::Action::Conflict => counts.conflict += 1,
                    _ => counts.undecided += 1,
                }
                *self.sums.reasons.entry(reason.to_owned()).or_default() += 1;
                if let Some(contact) = contact.as_ref().filter(|_| sink.wants_unchanged()) {
                    sink.unchanged(contact).map_err(PlanError::Sink)?;
                }
            }
        }
        self.tell(settled, reason, sink)
    }

    fn change(&mut self, change: &Change, sink: &mut dyn Sink) -> Result<(), PlanError> {
        *self.sums.counts.of(change.class()).count(change.kind().class()) += 1;
        self.digests.add(change);
        let mark = Some(&change.earliest().mark);
        if let Some(mark) = mark {
            let pair = self.sums.pairs.entry(mark.source.clone()).or_default();
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

    fn tell(&self, settled: &Settled, reason: &'static str, sink: &mut dyn Sink) -> Result<(), PlanError> {
        let Settled {
            number,
            key,
            class,
            source,
            fate: _,
            verdict,
            warnings,
            left_out,
            x500_for_mailbox,
            display_name,
            address,
        } = settled;
        // Said at every change, and no news where all stays as it is.
        let plain = [Warning::SecondaryInTargetDomain, Warning::CannotHide];
        if matches!(verdict, Verdict::Unchanged(_)) && warnings.iter().all(|warning| plain.contains(warning)) {
            return Ok(());
        }
        let (before, after) = match verdict {
            Verdict::Change(change) | Verdict::Withheld(change) => (change.before(), change.after()),
            _ => (None, None),
        };
        let shown = after.or(before);
        let name = crate::model::Attribute::DisplayName;
        let line = ReportLine {
            action: verdict.action(),
            reason,
            class: shown.map_or(*class, |contact| contact.class()),
            key,
            source: source.map_or("", |index| self.sources[usize::from(index)].name),
            display_name: shown.and_then(|c| c.attributes.get(&name)).or(display_name.as_ref()).map(String::as_str),
            address: shown.map(|contact| &contact.primary).or(address.as_ref()),
            warnings: warnings.clone(),
            left_out: left_out.clone(),
            holder: self.settlement.fates.held_by(*number),
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
