//! How far a plan may go unasked (mail-rules §7). Counted per (source, target) pair; what a person must see is
//! said in one sentence with numbers.

use super::totals::PairCounts;
use crate::engine::input::history::History;
use crate::model::SystemIdentity;
use crate::model::reason::UnsafeReason;
use crate::model::safety::{OnExceeded, Safety};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One pair with what is known of its source.
pub(in crate::engine) struct Pair<'a> {
    pub source: &'a SystemIdentity,
    /// Name of the connector; absent for a source that is no longer in the schedule.
    pub name: Option<&'a str>,
    pub counts: PairCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::engine) struct Assessment {
    pub reasons: BTreeSet<UnsafeReason>,
    pub message: String,
    pub removals_held: bool,
    /// Sources that shrank or are empty: their last count stays in the history until somebody approved.
    pub shrunk: BTreeSet<SystemIdentity>,
    /// The reasons about them.
    pub losses: BTreeSet<UnsafeReason>,
}

/// These ask about removals only, so that holding the removals answers them.
fn is_about_removals(reason: UnsafeReason) -> bool {
    use UnsafeReason::*;
    matches!(
        reason,
        TooManyDeletes
            | TooManyDeletesInSevenDays
            | WouldBecomeEmpty
            | SourceEmpty
            | SourceShrank
            | SourceRemoved
            | NoHistory
    )
}

pub(in crate::engine) fn assess(pairs: &[Pair<'_>], safety: &Safety, history: &History, now: Timestamp) -> Assessment {
    let mut assessment = Assessment::default();
    let mut sentences: Vec<String> = Vec::new();
    for pair in pairs {
        let found = assess_pair(pair, safety, history, now);
        for (reason, sentence) in found {
            if matches!(reason, UnsafeReason::SourceShrank | UnsafeReason::SourceEmpty) {
                assessment.shrunk.insert(pair.source.clone());
                assessment.losses.insert(reason);
            }
            assessment.reasons.insert(reason);
            sentences.push(sentence);
        }
    }
    let removals: u64 = pairs.iter().map(|pair| pair.counts.removals).sum();
    if safety.on_exceeded == OnExceeded::HoldDeletes
        && removals > 0
        && assessment.reasons.iter().any(|reason| is_about_removals(*reason))
    {
        assessment.reasons.retain(|reason| !is_about_removals(*reason));
        assessment.removals_held = true;
        sentences.push(format!("{removals} hides and deletes are held"));
    }
    let lives_in_target: u64 = pairs.iter().map(|pair| pair.counts.lives_in_target).sum();
    if !sentences.is_empty() && lives_in_target > 0 {
        sentences.push(format!("{lives_in_target} of the removed live in the target now"));
    }
    assessment.message = sentences.join("; ");
    assessment
}

fn contacts(number: u64) -> String {
    if number == 1 { "1 contact".to_owned() } else { format!("{number} contacts") }
}

/// `part` of `whole`, in percent, rounded up so that what is over a limit also reads so.
fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 100 } else { (u128::from(part) * 100).div_ceil(u128::from(whole)) as u64 }
}

fn exceeds(part: u64, whole: u64, limit: u64) -> bool {
    u128::from(part) * 100 > u128::from(whole) * u128::from(limit)
}

fn assess_pair(pair: &Pair<'_>, safety: &Safety, history: &History, now: Timestamp) -> Vec<(UnsafeReason, String)> {
    let Pair { source, name, counts } = pair;
    let removed_source = name.is_none();
    let name = name.map_or_else(|| "a source that is no longer in the schedule".to_owned(), str::to_owned);
    let mut found = Vec::new();
    let mut add = |reason: UnsafeReason, sentence: String| found.push((reason, sentence));
    let known = history.pairs.get(*source);
    let changes = counts.creates + counts.strict_updates + counts.updates + counts.removals;
    let unfinished = known.is_some_and(|pair| pair.first_sync_started && !pair.first_sync_done);
    let first_sync =
        changes > 0 && (unfinished || counts.contacts == 0 && !known.is_some_and(|pair| pair.first_sync_done));
    if first_sync {
        add(UnsafeReason::FirstSync, format!("the first sync of {name} would create {}", contacts(counts.creates)));
    }
    // In a directory of ten one change is ten percent: as many as may always be deleted never make a plan unsafe.
    let few = safety.always_allowed_deletes;
    let removals = counts.removals;
    let recent = history.recent_deletes(source, now);
    if removals > 0 {
        let too_many = |deletes: u64| {
            deletes > safety.max_deletes
                || deletes > few && exceeds(deletes, counts.contacts, safety.max_delete_percent)
        };
        if removed_source {
            let sentence = format!("{} of {name} would be hidden or deleted", contacts(removals));
            add(UnsafeReason::SourceRemoved, sentence);
        }
        if too_many(removals) {
            add(
                UnsafeReason::TooManyDeletes,
                format!(
                    "{removals} of {} contacts of {name} ({} %) would be hidden or deleted",
                    counts.contacts,
                    percent(removals, counts.contacts)
                ),
            );
        } else if recent > 0 && too_many(removals + recent) {
            add(
                UnsafeReason::TooManyDeletesInSevenDays,
                format!(
                    "{removals} contacts of {name} would be hidden or deleted, after {recent} in the last seven days"
                ),
            );
        }
        let shown = counts.contacts - counts.hidden;
        let would_be_empty =
            !removed_source && shown > 0 && counts.hides_and_shown_removals() >= shown && counts.creates == 0
                || !removed_source && removals >= counts.contacts && counts.creates == 0;
        if would_be_empty {
            add(UnsafeReason::WouldBecomeEmpty, format!("no contact of {name} would be left"));
        }
        if !removed_source && last_entries(source, history).is_none() {
            let sentence =
                format!("nothing is known of the last passes, and {} of {name} would go", contacts(removals));
            add(UnsafeReason::NoHistory, sentence);
        }
    }
    if !first_sync {
        let most = safety.max_creates.max(counts.contacts.saturating_mul(safety.max_create_percent) / 100);
        if counts.creates > most {
            let sentence = format!("{} of {name} would be created, {most} may be", contacts(counts.creates));
            add(UnsafeReason::TooManyCreates, sentence);
        }
    }
    let updates = [
        (
            UnsafeReason::TooManyStrictUpdates,
            counts.strict_updates,
            safety.max_strict_update_percent,
            "address, name or visibility",
        ),
        (UnsafeReason::TooManyUpdates, counts.updates, safety.max_update_percent, "other attributes"),
    ];
    for (reason, updates, limit, what) in updates {
        if updates > few && exceeds(updates, counts.contacts, limit) {
            let share = percent(updates, counts.contacts);
            let all = counts.contacts;
            add(reason, format!("{updates} of {all} contacts of {name} ({share} %) would change in {what}"));
        }
    }
    let judged = counts.wanted + counts.undecided;
    if counts.undecided > few && exceeds(counts.undecided, judged, safety.max_undecided_percent) {
        let share = percent(counts.undecided, judged);
        let sentence = format!("{} of {judged} entries of {name} ({share} %) cannot be judged", counts.undecided);
        add(UnsafeReason::TooManyUndecided, sentence);
    }
    if !removed_source {
        let (before, what) = match last_entries(source, history) {
            Some(entries) => (entries, "entries"),
            None => (counts.contacts, "marked contacts"),
        };
        let lost = before.saturating_sub(counts.entries);
        if counts.entries == 0 && before > 0 {
            add(UnsafeReason::SourceEmpty, format!("{name} has no entries, after {before} {what}"));
        } else if lost > few && exceeds(lost, before, safety.max_source_shrink_percent) {
            let sentence = format!("{name} has {} entries, after {before} {what}", counts.entries);
            add(UnsafeReason::SourceShrank, sentence);
        }
    }
    found
}

/// Absent = the pair has no history (mail-rules §7).
fn last_entries(source: &SystemIdentity, history: &History) -> Option<u64> {
    history.sources.get(source).map(|source| source.entries)
}

impl PairCounts {
    /// Removals of contacts that people see.
    fn hides_and_shown_removals(&self) -> u64 {
        self.removals - self.removals_of_hidden
    }
}

/// The pairs whose first sync begins or goes on with this plan.
pub(in crate::engine) fn first_syncs<'a>(
    pairs: &'a [Pair<'_>],
    history: &'a History,
) -> impl Iterator<Item = &'a SystemIdentity> {
    pairs.iter().filter_map(move |pair| {
        let done = history.pairs.get(pair.source).is_some_and(|pair| pair.first_sync_done);
        (pair.counts.contacts == 0 && pair.counts.creates > 0 && !done && pair.name.is_some()).then_some(pair.source)
    })
}
