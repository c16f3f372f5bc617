//! Simulate: reads the target, computes the plan, keeps it under its digest with a report of every change.

use super::error::Error;
use super::ground::Ground;
use super::phase::phase;
use super::plan_file::PlanWriter;
use super::planning::{self, KeptContents, Planned};
use super::report::Report;
use super::standing::Keeping;
use super::{context::Context, differential};
use crate::directory::Target;
use crate::engine::{Failure, Links, PlanResult, ReportLine, Sink};
use crate::model::observed::Counters;
use crate::model::safety::OnExceeded;
use crate::model::{Change, Key, SystemIdentity};
use crate::operation::{Outcome, PlanSummary, Request, SimulateRequest};
use crate::store::Standing;
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
    standing: Option<Standing>,
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
    let ground = Ground::survey(simulate, target, identity, context).await?;
    let history = ground.history.as_ref().map(|history| history.number);
    let mut tell = |change: Option<&Change>, line: &RawValue| {
        change.map_or(Ok(()), |change| sink.append(change))?;
        Ok(sink.report.line(&line)?)
    };
    if let Some((result, standing)) = differential::plan(&ground, &contents, context, &mut tell).await? {
        return Ok(Made { result, history, standing: Some(standing) });
    }
    sink.keeping = Some(Keeping::new(store)?);
    let digest = contents.digest;
    let Planned { result, .. } = planning::plan_all(&ground, contents.all()?, context, sink).await?;
    let standing = match sink.keeping.take() {
        Some(keeping) => Some(ground.standing(digest, keeping.keep(store).await?, &result)),
        None => None,
    };
    Ok(Made { result, history, standing })
}

async fn keep(
    simulate: &SimulateRequest,
    identity: &SystemIdentity,
    sink: PlanSink,
    made: Made,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Made { result, history, standing } = made;
    let PlanSink { plan, without_removals, report, keeping: _ } = sink;
    let (store, name, summary) = (context.store, &simulate.target.name, summary(&result));
    match without_removals {
        Some(held) if result.removals_held => held.keep(name, &summary, &result, store).await?,
        _ => plan.keep(name, &summary, &result, store).await?,
    }
    store.put_history(identity, &simulate.rules.sync, history, &result.history).await?;
    if let Some(standing) = standing {
        store.put_standing(name, &standing).await?;
    }
    let mut outcome = super::done(context);
    outcome.plan = Some(summary);
    outcome.report = Some(report.keep(&outcome, context).await?);
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
    report: Report,
    /// What the next plan can go on from; absent once there is too much of it.
    keeping: Option<Keeping>,
}

impl PlanSink {
    fn new(request: &Request, simulate: &SimulateRequest, context: &Context<'_>) -> Result<Self, Error> {
        let without_removals = match simulate.rules.safety.on_exceeded {
            OnExceeded::HoldDeletes => Some(PlanWriter::new(context.store)?),
            OnExceeded::Block => None,
        };
        let (plan, report) = (PlanWriter::new(context.store)?, Report::new(request, context)?);
        Ok(Self { plan, without_removals, report, keeping: None })
    }

    fn append(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(held) = self.without_removals.as_mut().filter(|_| !change.kind.removes()) {
            held.append(change)?;
        }
        Ok(self.plan.append(change)?)
    }
}

impl Sink for PlanSink {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(keeping) = &mut self.keeping {
            keeping.change(change)?;
        }
        self.append(change)
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        if let Some(keeping) = &mut self.keeping
            && !keeping.line(line)?
        {
            self.keeping = None;
        }
        Ok(self.report.line(line)?)
    }

    fn wants_rows(&self) -> bool {
        self.keeping.is_some()
    }

    fn row(&mut self, key: &Key, links: &Links) -> Result<(), Failure> {
        self.keeping.as_mut().map_or(Ok(()), |keeping| keeping.row(key, links))
    }
}
