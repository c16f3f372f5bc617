//! What a target remembers between passes: small, kept in the store beside the ledger, not a cache (design §4).

use crate::model::{Change, Digest, Key, SystemIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many pushed contacts are remembered; those of a first push beyond it are remembered when pushed again.
const MAX_PUSHED: usize = 20_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Sums reach back this far; pushed contacts are forgotten later, and tried anew then.
const WINDOW_DAYS: i64 = 7;
const FORGET_DAYS: i64 = 30;

/// History of one target under one schedule. The engine reads it and says what it becomes; a job stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct History {
    pub sources: BTreeMap<SystemIdentity, SourceHistory>,
    pub pairs: BTreeMap<SystemIdentity, PairHistory>,
    /// By [`key_hash`]: what was pushed lately, to find out what does not stay as it was pushed.
    pub pushed: BTreeMap<String, Pushed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct SourceHistory {
    /// Entries of the last read whose plan was safe or approved.
    pub entries: u64,
}

/// One (source, target) pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PairHistory {
    /// The first sync was planned; it stays one until [`PairHistory::first_sync_done`].
    pub first_sync_started: bool,
    pub first_sync_done: bool,
    pub days: Vec<DaySum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DaySum {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// Hides count as deletes.
    pub deletes: u64,
}

/// A contact as it was written, by hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushed {
    pub after: String,
    /// How often just this was written.
    pub times: u32,
    /// It was read back once as it was written: what changes it later is somebody else.
    pub confirmed: bool,
    pub day: i64,
}

/// Names an entry in the history without naming the person.
pub fn key_hash(key: &Key) -> String {
    key_text_hash(key.as_str())
}

pub(in crate::engine) fn key_text_hash(key: &str) -> String {
    Digest::of(key.as_bytes()).hex()[..16].to_owned()
}

pub(in crate::engine) fn content_hash(digest: Digest) -> String {
    digest.hex()[..16].to_owned()
}

pub(in crate::engine) fn day(now: Timestamp) -> i64 {
    now.as_second().div_euclid(SECONDS_PER_DAY)
}

impl History {
    /// Hides and deletes of the pair over the last seven days, this one included.
    pub fn recent_deletes(&self, source: &SystemIdentity, now: Timestamp) -> u64 {
        let Some(pair) = self.pairs.get(source) else { return 0 };
        pair.days.iter().filter(|sum| day(now) - sum.day < WINDOW_DAYS).map(|sum| sum.deletes).sum()
    }

    /// To be called for each change that was carried out. `approved` = a person approved the plan: what a person
    /// has seen does not count towards the totals that guard against unseen losses.
    pub fn record_change(&mut self, change: &Change, approved: bool, now: Timestamp) {
        let today = day(now);
        if let Some(after) = change.after() {
            let hash = key_hash(&after.key());
            let content = content_hash(after.digest());
            let known = self.pushed.get(&hash).filter(|pushed| pushed.after == content);
            let times = known.map_or(1, |pushed| pushed.times + 1);
            let confirmed = known.is_some_and(|pushed| pushed.confirmed);
            if self.pushed.len() < MAX_PUSHED || self.pushed.contains_key(&hash) {
                self.pushed.insert(hash, Pushed { after: content, times, confirmed, day: today });
            }
        }
        if !approved {
            self.record_removal(change, now);
        }
    }

    /// Counts a removal that nobody has seen towards the totals; anything else is no removal. Also to be called for one
    /// that is only begun: it says nothing about what was written.
    pub fn record_removal(&mut self, change: &Change, now: Timestamp) {
        let Some(before) = change.before().filter(|_| change.kind().removes()) else { return };
        let today = day(now);
        let days = &mut self.pairs.entry(before.mark.source.clone()).or_default().days;
        match days.iter_mut().find(|sum| sum.day == today) {
            Some(sum) => sum.deletes += 1,
            None => days.push(DaySum { day: today, deletes: 1 }),
        }
    }

    /// To be called when a push ended. `entries` is the plan's; `complete` = every change of the approved set was
    /// tried, so that first syncs are over; `approved` = a person approved it, so that totals begin anew and sources
    /// count as what they are now (after a safe plan they do anyway).
    pub fn record_push(
        &mut self,
        entries: &BTreeMap<SystemIdentity, u64>,
        complete: bool,
        approved: bool,
        now: Timestamp,
    ) {
        let today = day(now);
        for (source, &entries) in entries {
            if approved {
                self.sources.insert(source.clone(), SourceHistory { entries });
            }
            if let Some(pair) = self.pairs.get_mut(source).filter(|pair| complete && pair.first_sync_started) {
                pair.first_sync_done = true;
            }
        }
        for pair in self.pairs.values_mut() {
            pair.days.retain(|sum| !approved && today - sum.day < WINDOW_DAYS);
        }
        self.pushed.retain(|_, pushed| today - pushed.day < FORGET_DAYS);
    }
}
