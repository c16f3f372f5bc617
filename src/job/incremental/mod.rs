//! A plan from the last one: only what changed since, and what that is connected with, is planned again. The result is
//! the one that planning everything would give; where that cannot be known, there is none, and everything is planned.

mod affected;
mod inputs;

use super::checkpoint::{Part, ReportedRow, replace, row_document};
use super::context::Context;
use super::error::Error;
use super::lookup::Lookup;
use super::plan_context::PlanContext;
use super::planning::{KeptContents, failed};
use crate::engine::{Failure, PlanDigests, PlanFinisher, PlanResult};
use crate::model::{Change, Digest, Key, SystemIdentity};
use crate::snapshot::{self, FileScratch, Frames, Kind, Replacement};
use crate::store::{self, Checkpoint};
use futures::future::try_join_all;
use futures::try_join;
use inputs::{Inputs, Side, SourceVersions};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Gets every change of the plan, and what is told of each row, in order.
pub(super) type Tell<'t> = &'t mut dyn FnMut(Option<&Change>, &RawValue) -> Result<(), Failure>;

/// Nothing where the last plan is of no use, or where too much changed.
pub(super) async fn plan(
    plan_context: &PlanContext<'_>,
    contents: &KeptContents,
    context: &Context<'_>,
    tell: Tell<'_>,
) -> Result<Option<(PlanResult, Checkpoint)>, Error> {
    match plan_from_checkpoint(plan_context, contents, context, tell).await {
        Err(Error::Store(error)) if error.is_absence() => {
            tracing::warn!(%error, "the last plan is of no use; planning everything");
            Ok(None)
        }
        planned => planned,
    }
}

async fn plan_from_checkpoint(
    plan_context: &PlanContext<'_>,
    contents: &KeptContents,
    context: &Context<'_>,
    tell: Tell<'_>,
) -> Result<Option<(PlanResult, Checkpoint)>, Error> {
    let Some(checkpoint) = usable(plan_context, contents.digest, context).await? else { return Ok(None) };
    let store = context.store;
    let mut sources = Vec::new();
    for (part, identity) in plan_context.simulate.sources.iter().zip(&plan_context.identities) {
        let Some(before) = checkpoint.sources.get(identity) else { return Ok(None) };
        let other = (*before != part.snapshot).then_some(&part.snapshot);
        sources.push((identity, before, other));
    }
    // To open a blob is to compute its digest; all processors take part.
    let open = |blob, kind| store.open_frames(blob, kind);
    let versions = sources.into_iter().map(async |(identity, before, after)| {
        let after = async {
            match after {
                Some(after) => open(after, Kind::Entries).await.map(Some),
                None => Ok(None),
            }
        };
        let (before, after) = try_join!(open(before, Kind::Entries), after)?;
        Ok::<_, store::Error>(SourceVersions { identity, before: Lookup::new(before), after: after.map(Lookup::new) })
    });
    let (sources, rows, reported) = try_join!(
        try_join_all(versions),
        open(&checkpoint.rows, Kind::Records),
        open(&checkpoint.reported, Kind::Records),
    )?;
    let inputs = Inputs { plan_context, sources, contents: Lookup::new(contents.frames()?) };
    let Some(keys) = inputs.affected(&rows, &reported)? else { return Ok(None) };
    let scratch = FileScratch::new(store.scratch());
    let mut before = Part::default();
    let old = inputs.plan(&keys, Side::Before, checkpoint.now, &scratch, &mut before)?;
    let mut after = Part::default();
    let new = inputs.plan(&keys, Side::After, plan_context.now, &scratch, &mut after)?;
    let Some(sums) = checkpoint.sums.replace(&old, &new).filter(|_| !after.renamed) else { return Ok(None) };
    // A source without anybody is refused, by who plans everything.
    let is_empty = |(source, _): &(SystemIdentity, String)| sums.pairs.get(source).is_none_or(|pair| pair.entries == 0);
    if !plan_context.simulate.rules.safety.allow_empty_source && plan_context.sources().iter().any(is_empty) {
        return Ok(None);
    }
    let rows = match before.rows == after.rows {
        true => checkpoint.rows,
        false => {
            let documents = after.rows.iter().map(|(key, links)| (key.clone(), row_document(links)));
            replace(&rows, &changes(&keys, documents.collect()), store).await?.0
        }
    };
    let documents = after.reported.into_iter().collect();
    let (reported, file) = replace(&reported, &changes(&keys, documents), store).await?;
    let mut digests = PlanDigests::new(&plan_context.identity, &plan_context.simulate.rules);
    Frames::open(file, Kind::Records)?.for_each(|record| -> Result<(), Error> {
        let row: ReportedRow<'_> =
            serde_json::from_slice(record.document).map_err(|error| snapshot::Error::document(0, &error))?;
        let change = row.change.map(|change| serde_json::from_str::<Change>(change.get()));
        let change = change.transpose().map_err(|error| snapshot::Error::document(0, &error))?;
        change.iter().for_each(|change| digests.add(change));
        tell(change.as_ref(), row.line).map_err(failed)
    })?;
    let conclusion = PlanFinisher {
        rules: &plan_context.simulate.rules,
        target: &plan_context.identity,
        sources: &plan_context.sources(),
        history: &plan_context.history(),
        now: plan_context.now,
    };
    let result = conclusion.finish(sums, digests);
    let checkpoint = plan_context.checkpoint(contents.digest, (rows, reported), &result);
    Ok(Some((result, checkpoint)))
}

/// The last plan, if it was made under the same rules and from the same contents.
async fn usable(
    plan_context: &PlanContext<'_>,
    contents: Digest,
    context: &Context<'_>,
) -> Result<Option<Checkpoint>, Error> {
    let checkpoint = context.store.latest_checkpoint(&plan_context.simulate.target.name).await?.map(|head| head.value);
    Ok(checkpoint.filter(|checkpoint| checkpoint.rules == plan_context.rules && checkpoint.contents == contents))
}

fn changes(keys: &BTreeSet<Key>, mut documents: BTreeMap<Key, Vec<u8>>) -> Vec<Replacement> {
    keys.iter().map(|key| (key.as_str().as_bytes().to_vec(), documents.remove(key))).collect()
}
