//! From what a plan adds up to what it is: its digest, and whether a person must look.

use super::limits::{Assessment, Pair, assess, first_syncs};
use super::totals::Totals;
use crate::engine::input::history::History;
use crate::engine::input::history::SourceHistory;
use crate::engine::report::result::{PlanHeader, PlanResult};
use crate::model::digest::Canonical;
use crate::model::safety::{OnExceeded, Policy};
use crate::model::schedule::TargetRules;
use crate::model::{Change, Digest, SystemIdentity};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The digest of a plan as its changes are told, in order.
pub struct PlanDigests {
    all: Canonical,
    /// Without removals, where they may be held.
    kept: Option<Canonical>,
}

/// The name of a policy in a digest; never changed.
fn policy_name(policy: Policy) -> &'static str {
    match policy {
        Policy::CreateOnly => "CreateOnly",
        Policy::Upsert => "Upsert",
        Policy::Sync => "Sync",
    }
}

impl PlanDigests {
    pub fn new(target: &SystemIdentity, rules: &TargetRules) -> Self {
        let mut all = Canonical::new("plan/1");
        for text in [target.as_str(), rules.owner.as_str(), rules.sync.as_str(), policy_name(rules.policy)] {
            all.text(text);
        }
        let kept = (rules.safety.on_exceeded == OnExceeded::HoldDeletes).then(|| all.clone());
        Self { all, kept }
    }

    pub fn add(&mut self, change: &Change) {
        change.add_to(&mut self.all);
        if let Some(kept) = self.kept.as_mut().filter(|_| !change.kind().removes()) {
            change.add_to(kept);
        }
    }

    fn finish(self, without_removals: bool) -> Digest {
        match self.kept {
            Some(kept) if without_removals => kept.finish(),
            _ => self.all.finish(),
        }
    }
}

/// What a plan is concluded with, beside its totals.
pub struct PlanFinisher<'a> {
    pub rules: &'a TargetRules,
    pub target: &'a SystemIdentity,
    /// The sources with the names of their connectors, the target itself aside.
    pub sources: &'a [(SystemIdentity, String)],
    /// As it was before.
    pub history: &'a History,
    pub now: Timestamp,
}

impl PlanFinisher<'_> {
    pub fn finish(&self, totals: Totals, digests: PlanDigests) -> PlanResult {
        let Self { rules, target, sources, history: known, now } = self;
        let name = |identity: &SystemIdentity| {
            sources.iter().find(|(source, _)| source == identity).map(|(_, name)| name.as_str())
        };
        let pairs = totals.pairs.iter().map(|(source, counts)| Pair { source, name: name(source), counts: *counts });
        let pairs: Vec<Pair<'_>> = pairs.collect();
        let Assessment { reasons, message, removals_held, shrunk, losses } = assess(&pairs, &rules.safety, known, *now);
        let entries: BTreeMap<SystemIdentity, u64> =
            sources.iter().map(|(source, _)| (source.clone(), totals.pairs[source].entries)).collect();
        let mut history = (*known).clone();
        for source in first_syncs(&pairs, known) {
            history.pairs.entry(source.clone()).or_default().first_sync_started = true;
        }
        for hash in &totals.confirmed {
            history.pushed.entry(hash.clone()).and_modify(|pushed| pushed.confirmed = true);
        }
        if reasons.is_empty() && !removals_held {
            for (source, &entries) in entries.iter().filter(|(source, _)| !shrunk.contains(source)) {
                history.sources.insert(source.clone(), SourceHistory { entries });
            }
        }
        let removals: u64 = pairs.iter().map(|pair| pair.counts.removals).sum();
        let managed = pairs.iter().map(|pair| pair.counts.contacts).sum();
        drop(pairs);
        PlanResult {
            digest: digests.finish(removals_held),
            header: PlanHeader {
                target: (*target).clone(),
                owner: rules.owner.clone(),
                sync: rules.sync.clone(),
                policy: rules.policy,
                unsafe_reasons: reasons.clone(),
                losses,
            },
            unsafe_reasons: reasons,
            unsafe_message: message,
            removals_held,
            held: if removals_held { removals } else { 0 },
            managed,
            entries,
            history,
            counts: totals.counts,
            reasons: totals.reasons,
            pairs: totals.pairs,
        }
    }
}
