//! Simulate: reads the target, computes the plan, keeps it under its digest with a report of every change.

use super::checkpoint::CheckpointWriter;
use super::error::Error;
use super::phase::phase;
use super::plan_context::PlanContext;
use super::plan_file::PlanWriter;
use super::planning::{self, KeptContents, Planned};
use super::{context::Context, incremental};
use crate::directory::Target;
use crate::engine::{Failure, MatchKeys, PlanResult, ReportLine, Sink};
use crate::model::observed::Counters;
use crate::model::safety::OnExceeded;
use crate::model::{Change, Key, SystemIdentity};
use crate::operation::{Outcome, PlanSummary, Request, SimulateRequest};
use crate::report;
use crate::store::Checkpoint;
use serde_json::value::RawValue;

pub(super) async fn simulate(
    request: &Request,
    simulate: &SimulateRequest,
    context: &Context<'_>,
    counters: &mut Counters,
) -> Result<Outcome, Error> {
    let target = context.directories.target(&simulate.target, &simulate.rules)?;
    let identity = phase("sign in", context, async { Ok(target.identity().await?) }).await?;
    let contents = planning::contents(simulate, target.as_ref(), &identity, context).await;
    *counters = target.counters();
    let contents = contents?;
    let mut sink = PlanSink::new(request, simulate, context)?;
    let made = planned(simulate, target.as_ref(), identity.clone(), contents, &mut sink, context);
    let made = phase("plan", context, made).await?;
    phase("keep", context, keep(simulate, &identity, sink, made, context)).await
}

/// A plan, the number of the history that it was made with, and what the next one can go on from.
struct Made {
    result: PlanResult,
    history: Option<u64>,
    checkpoint: Option<Checkpoint>,
}

/// Goes on from the last plan where that is possible, and plans the whole otherwise.
async fn planned(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: SystemIdentity,
    contents: KeptContents,
    sink: &mut PlanSink,
    context: &Context<'_>,
) -> Result<Made, Error> {
    let store = context.store;
    let plan_context = PlanContext::load(simulate, target, identity, contents.own_domains.clone(), context).await?;
    let history = plan_context.history.as_ref().map(|history| history.number);
    let mut tell = |change: Option<&Change>, line: &RawValue| {
        change.map_or(Ok(()), |change| sink.append(change))?;
        Ok(sink.report.repeat(line)?)
    };
    if let Some((result, checkpoint)) = incremental::plan(&plan_context, &contents, context, &mut tell).await? {
        return Ok(Made { result, history, checkpoint: Some(checkpoint) });
    }
    sink.checkpoint = Some(CheckpointWriter::new(store)?);
    let digest = contents.digest;
    let Planned { result, .. } = planning::plan_all(&plan_context, contents.all()?, context, sink).await?;
    let checkpoint = match sink.checkpoint.take() {
        Some(checkpoint) => Some(plan_context.checkpoint(digest, checkpoint.keep(store).await?, &result)),
        None => None,
    };
    Ok(Made { result, history, checkpoint })
}

async fn keep(
    simulate: &SimulateRequest,
    identity: &SystemIdentity,
    sink: PlanSink,
    made: Made,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Made { result, history, checkpoint } = made;
    let PlanSink { plan, without_removals, report, checkpoint: _ } = sink;
    let (store, name, summary) = (context.store, &simulate.target.name, summary(&result));
    match without_removals {
        Some(held) if result.removals_held => held.keep(name, &summary, &result, store).await?,
        _ => plan.keep(name, &summary, &result, store).await?,
    }
    store.put_history(identity, &simulate.rules.sync, history, &result.history).await?;
    if let Some(checkpoint) = checkpoint {
        store.put_checkpoint(name, &checkpoint).await?;
    }
    let mut outcome = super::done(context);
    outcome.plan = Some(summary);
    outcome.report = Some(report.keep(&outcome, store).await?);
    Ok(outcome)
}

pub(super) fn summary(result: &PlanResult) -> PlanSummary {
    PlanSummary {
        digest: result.digest,
        counts: result.counts,
        unsafe_reasons: result.unsafe_reasons.clone(),
        unsafe_message: result.unsafe_message.clone(),
        held: result.held,
        managed: result.managed,
        reasons: result.reasons.clone(),
        drifted: 0,
        deferred: 0,
    }
}

struct PlanSink {
    plan: PlanWriter,
    /// For a plan whose removals turn out to be held.
    without_removals: Option<PlanWriter>,
    report: report::Writer,
    /// What the next plan can go on from; absent once there is too much of it.
    checkpoint: Option<CheckpointWriter>,
}

impl PlanSink {
    fn new(request: &Request, simulate: &SimulateRequest, context: &Context<'_>) -> Result<Self, Error> {
        let without_removals = match simulate.rules.safety.on_exceeded {
            OnExceeded::HoldDeletes => Some(PlanWriter::new(context.store)?),
            OnExceeded::Block => None,
        };
        let (plan, report) =
            (PlanWriter::new(context.store)?, report::Writer::new(request, context.store, context.clock.now())?);
        Ok(Self { plan, without_removals, report, checkpoint: None })
    }

    fn append(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(held) = self.without_removals.as_mut().filter(|_| !change.kind().removes()) {
            held.append(change)?;
        }
        Ok(self.plan.append(change)?)
    }
}

impl Sink for PlanSink {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.change(change)?;
        }
        self.append(change)
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        let row = line.key;
        let line = report::Line::from(line);
        if let Some(checkpoint) = &mut self.checkpoint
            && !checkpoint.line(row, &line)?
        {
            self.checkpoint = None;
        }
        Ok(self.report.line(&line)?)
    }

    fn wants_rows(&self) -> bool {
        self.checkpoint.is_some()
    }

    fn row(&mut self, key: &Key, links: &MatchKeys) -> Result<(), Failure> {
        self.checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.row(key, links))
    }
}
