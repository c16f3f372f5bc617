//! The steps of a plan, in their order.

use super::conflict::find::find_conflicts;
use super::conflict::resolution::Resolutions;
use super::diff::first_walk::{FirstWalk, Walked};
use super::diff::row_decision::RowDecider;
use super::diff::second_walk::SecondWalk;
use super::error::PlanError;
use super::input::contents::read_taken;
use super::input::history::History;
use super::input::plan_input::PlanInput;
use super::input::sources::prepare;
use super::map::contact_builder::ContactBuilder;
use super::map::mapping::Mapper;
use super::report::result::PlanResult;
use super::report::sink::Sink;
use super::safety::finish::{PlanDigests, PlanFinisher};
use super::safety::totals::Totals;
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
/// 3. The claims, sorted by address, are compared: between sources, and with the target's own objects. The conflicts
///    are resolved.
/// 4. The rows are walked again. What was judged and resolved becomes a change, or nothing for a reason.
/// 5. The safety limits are counted.
///
/// Memory: a few bytes a row and a few for each contested address; the rest is in `scratch`.
pub fn plan(input: PlanInput<'_>, scratch: &dyn Scratch, sink: &mut dyn Sink) -> Result<PlanResult, PlanError> {
    let none = History::default();
    let (rules, history, now) = (input.rules, input.history.unwrap_or(&none), input.now);
    let target = input.target.identity.clone();
    let Computed { totals, digests, sources } = compute(input, rules.safety.allow_empty_source, scratch, sink)?;
    Ok(PlanFinisher { rules, target: &target, sources: &sources, history, now }.finish(totals, digests))
}

/// Like [`plan()`], of a part of the world that has nothing to do with the rest (see [`super::MatchKeys`]): what it
/// adds to the totals of the whole.
pub fn plan_part(input: PlanInput<'_>, scratch: &dyn Scratch, sink: &mut dyn Sink) -> Result<Totals, PlanError> {
    Ok(compute(input, true, scratch, sink)?.totals)
}

struct Computed {
    totals: Totals,
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
    let builder =
        ContactBuilder { scope, normalize: input.target.normalize, ledger: input.ledger, x500: capabilities.x500 };
    let (claims, owned) = read_taken(contents, &builder.scope, &rules.mapping, scratch)?;
    let first_walk = FirstWalk {
        sources: &sources,
        mapper: Mapper::new(&rules.mapping, capabilities.x500),
        builder: &builder,
        can_hide: capabilities.can_hide,
        allow_empty_source,
        finds_again: again.is_some(),
    };
    let Walked { rows, claims, states, pairs, inherited_names } =
        first_walk.walk(claims, owned, entries, scratch, sink)?;
    drop(first_walk);
    let adopt = rules.conflict.foreign_contact == ForeignContact::Adopt;
    let decider = RowDecider {
        rules,
        can_hide: capabilities.can_hide,
        pilots: sources.iter().map(|source| source.filter.is_pilot()).collect(),
        builder,
        inherited_names,
        ledger: input.ledger,
        history,
        resolutions: Resolutions::new(find_conflicts(claims)?, states, adopt),
        now: input.now,
    };
    let mut second_walk = SecondWalk::new(decider, &sources, pairs, again);
    second_walk.walk(rows, scratch, sink)?;
    let SecondWalk { totals, digests, .. } = second_walk;
    let sources = sources.iter().map(|source| (source.identity.clone(), source.name.to_owned())).collect();
    Ok(Computed { totals, digests, sources })
}
