//! The steps of a plan, in their order.

use super::contest::contest;
use super::error::PlanError;
use super::fate::Fates;
use super::gather::{Gathered, Gatherer, read_contents};
use super::history::{History, SourceHistory};
use super::input::PlanInput;
use super::mapping::Mapper;
use super::outcome::Settlement;
use super::report::Sink;
use super::result::{PlanHeader, PlanResult};
use super::safety::{Assessment, Pair, assess, first_syncs};
use super::scratch::Scratch;
use super::shape::Shaper;
use super::sources::prepare;
use super::tally::Tally;
use crate::model::SystemIdentity;
use crate::model::mark::MarkScope;
use crate::model::schedule::ForeignContact;
use std::collections::BTreeMap;

/// Computes the plan of one target: what its contacts are to become, given what the sources have.
///
/// The sink gets every change in order of its key, and a line for all that is not simply as it should be.
///
/// 1. The target is read: our contacts are sorted by key; every other object's addresses become claims.
/// 2. Entries and contacts are walked side by side. Each entry is judged and mapped by itself; each address that
///    it wants, or that a contact has, becomes a claim.
/// 3. The claims, sorted by address, are contested: between sources, and with the target's own objects.
/// 4. The rows are walked again. What was judged and contested becomes a change, or nothing for a reason.
/// 5. The safety limits are counted.
///
/// Memory: a few bytes a row and a few for each contested address; the rest is in `scratch`.
pub fn plan(mut input: PlanInput<'_>, scratch: &dyn Scratch, sink: &mut dyn Sink) -> Result<PlanResult, PlanError> {
    let none = History::default();
    let history = input.history.unwrap_or(&none);
    let sources = std::mem::take(&mut input.sources);
    let contents = std::mem::replace(&mut input.target.contents, Box::new(std::iter::empty()));
    let (sources, entries): (Vec<_>, Vec<_>) = prepare(&input, sources)?.into_iter().unzip();
    let rules = input.rules;
    let limits = input.target.limits;
    let scope =
        MarkScope { owner: rules.owner.clone(), sync: rules.sync.clone(), target: input.target.identity.clone() };
    let shaper = Shaper { scope, normalize: input.target.normalize, ledger: input.ledger, x500: limits.x500 };
    let contents = read_contents(contents, &shaper, scratch)?;
    let gatherer = Gatherer {
        sources: &sources,
        mapper: Mapper::new(&rules.mapping, limits.x500)?,
        mapping: &rules.mapping,
        shaper: &shaper,
        can_hide: limits.can_hide,
        allow_empty_source: rules.safety.allow_empty_source,
    };
    let Gathered { rows, claims, states, pairs, inherited_names } = gatherer.gather(contents, entries, scratch)?;
    drop(gatherer);
    let adopt = rules.conflict.foreign_contact == ForeignContact::Adopt;
    let settlement = Settlement {
        rules,
        can_hide: limits.can_hide,
        pilots: sources.iter().map(|source| source.judge.is_pilot()).collect(),
        shaper,
        inherited_names,
        ledger: input.ledger,
        history,
        fates: Fates::new(contest(claims)?, states, adopt),
        now: input.now,
    };
    let mut tally = Tally::new(settlement, &sources, pairs);
    tally.walk(rows, scratch, sink)?;
    Ok(result(&input, history, tally))
}

fn result(input: &PlanInput<'_>, known: &History, tally: Tally<'_>) -> PlanResult {
    let rules = input.rules;
    let name = |identity: &SystemIdentity| {
        tally.sources.iter().find(|source| source.identity == *identity).map(|source| source.name)
    };
    let pairs: Vec<Pair<'_>> =
        tally.pairs.iter().map(|(source, counts)| Pair { source, name: name(source), counts: *counts }).collect();
    let Assessment { reasons, message, removals_held, shrunk, losses } =
        assess(&pairs, &rules.safety, known, input.now);
    let entries: BTreeMap<SystemIdentity, u64> =
        tally.sources.iter().map(|source| (source.identity.clone(), tally.pairs[&source.identity].entries)).collect();
    let mut history = known.clone();
    for source in first_syncs(&pairs, known) {
        history.pairs.entry(source.clone()).or_default().first_sync_started = true;
    }
    for hash in &tally.confirmed {
        history.pushed.entry(hash.clone()).and_modify(|pushed| pushed.confirmed = true);
    }
    if reasons.is_empty() && !removals_held {
        for (source, &entries) in entries.iter().filter(|(source, _)| !shrunk.contains(source)) {
            history.sources.insert(source.clone(), SourceHistory { entries });
        }
    }
    let removals: u64 = pairs.iter().map(|pair| pair.counts.removals).sum();
    PlanResult {
        digest: tally.digest(removals_held),
        header: PlanHeader {
            target: input.target.identity.clone(),
            owner: rules.owner.clone(),
            sync: rules.sync.clone(),
            policy: rules.policy,
            unsafe_reasons: reasons.clone(),
            losses,
        },
        counts: tally.counts,
        reasons: tally.reasons.clone(),
        unsafe_reasons: reasons,
        unsafe_message: message,
        removals_held,
        held: if removals_held { removals } else { 0 },
        managed: pairs.iter().map(|pair| pair.counts.contacts).sum(),
        entries,
        history,
        pairs: tally.pairs.clone(),
    }
}
