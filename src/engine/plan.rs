//! The steps of a plan, in their order.

use super::conflict::contest::contest;
use super::conflict::fate::Fates;
use super::diff::gather::{Gathered, Gatherer};
use super::diff::outcome::Settlement;
use super::diff::tally::Tally;
use super::error::PlanError;
use super::input::contents::read_taken;
use super::input::history::History;
use super::input::plan_input::PlanInput;
use super::input::sources::prepare;
use super::map::mapping::Mapper;
use super::map::shape::Shaper;
use super::report::result::PlanResult;
use super::report::sink::Sink;
use super::safety::conclude::{Conclusion, PlanDigests};
use super::safety::sums::Sums;
use super::scratch::Scratch;
use crate::model::SystemIdentity;
use crate::model::mark::MarkScope;
use crate::model::schedule::ForeignContact;

/// Computes the plan of one target: what its contacts are to become, given what the sources have.
///
/// The sink gets every change in order of its key, and a line for all that is not simply as it should be.
///
/// 1. What the target holds and is not ours is read: the addresses of every such object become claims.
/// 2. Entries and our contacts are walked side by side. Each entry is judged and mapped by itself; each address that
///    it wants, or that a contact has, becomes a claim.
/// 3. The claims, sorted by address, are contested: between sources, and with the target's own objects.
/// 4. The rows are walked again. What was judged and contested becomes a change, or nothing for a reason.
/// 5. The safety limits are counted.
///
/// Memory: a few bytes a row and a few for each contested address; the rest is in `scratch`.
pub fn plan(input: PlanInput<'_>, scratch: &dyn Scratch, sink: &mut dyn Sink) -> Result<PlanResult, PlanError> {
    let none = History::default();
    let (rules, history, now) = (input.rules, input.history.unwrap_or(&none), input.now);
    let target = input.target.identity.clone();
    let Computed { sums, digests, sources } = compute(input, rules.safety.allow_empty_source, scratch, sink)?;
    Ok(Conclusion { rules, target: &target, sources: &sources, history, now }.draw(sums, digests))
}

/// Like [`plan()`], of a part of the world that has nothing to do with the rest (see [`super::diff::links::Links`]): what it adds
/// to the sums of the whole.
pub fn plan_part(input: PlanInput<'_>, scratch: &dyn Scratch, sink: &mut dyn Sink) -> Result<Sums, PlanError> {
    Ok(compute(input, true, scratch, sink)?.sums)
}

struct Computed {
    sums: Sums,
    digests: PlanDigests,
    sources: Vec<(SystemIdentity, String)>,
}

fn compute(
    mut input: PlanInput<'_>,
    allow_empty_source: bool,
    scratch: &dyn Scratch,
    sink: &mut dyn Sink,
) -> Result<Computed, PlanError> {
    let none = History::default();
    let history = input.history.unwrap_or(&none);
    let sources = std::mem::take(&mut input.sources);
    let contents = std::mem::replace(&mut input.target.contents, Box::new(std::iter::empty()));
    let (sources, entries): (Vec<_>, Vec<_>) = prepare(&input, sources)?.into_iter().unzip();
    let rules = input.rules;
    let (capabilities, again) = (input.target.capabilities, input.target.again);
    let scope =
        MarkScope { owner: rules.owner.clone(), sync: rules.sync.clone(), target: input.target.identity.clone() };
    let shaper = Shaper { scope, normalize: input.target.normalize, ledger: input.ledger, x500: capabilities.x500 };
    let (claims, owned) = read_taken(contents, &shaper.scope, &rules.mapping, scratch)?;
    let gatherer = Gatherer {
        sources: &sources,
        mapper: Mapper::new(&rules.mapping, capabilities.x500),
        shaper: &shaper,
        can_hide: capabilities.can_hide,
        allow_empty_source,
        finds_again: again.is_some(),
    };
    let Gathered { rows, claims, states, pairs, inherited_names } =
        gatherer.gather(claims, owned, entries, scratch, sink)?;
    drop(gatherer);
    let adopt = rules.conflict.foreign_contact == ForeignContact::Adopt;
    let settlement = Settlement {
        rules,
        can_hide: capabilities.can_hide,
        pilots: sources.iter().map(|source| source.judge.is_pilot()).collect(),
        shaper,
        inherited_names,
        ledger: input.ledger,
        history,
        fates: Fates::new(contest(claims)?, states, adopt),
        now: input.now,
    };
    let mut tally = Tally::new(settlement, &sources, pairs, again);
    tally.walk(rows, scratch, sink)?;
    let Tally { sums, digests, .. } = tally;
    let sources = sources.iter().map(|source| (source.identity.clone(), source.name.to_owned())).collect();
    Ok(Computed { sums, digests, sources })
}
