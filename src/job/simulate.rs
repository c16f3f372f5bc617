//! Simulate: reads the target, computes the plan, keeps it under its digest with a report of every change.

use super::context::Context;
use super::error::Error;
use super::plan_file::PlanWriter;
use super::planning::{self, Planned};
use super::report::Report;
use crate::engine::{Failure, PlanResult, ReportLine, Sink};
use crate::model::Change;
use crate::model::observed::Counters;
use crate::model::safety::OnExceeded;
use crate::operation::{Outcome, PlanSummary, Request, SimulateRequest};

pub(super) async fn simulate(
    request: &Request,
    simulate: &SimulateRequest,
    context: &Context<'_>,
    counters: &mut Counters,
) -> Result<Outcome, Error> {
    let target = context.directories.target(&simulate.target, &simulate.rules)?;
    let identity = target.identity().await?;
    let contents = planning::contents(simulate, target.as_ref(), &identity, context).await;
    *counters = target.counters();
    let mut sink = PlanSink {
        plan: PlanWriter::new(context.store)?,
        without_removals: match simulate.rules.safety.on_exceeded {
            OnExceeded::HoldDeletes => Some(PlanWriter::new(context.store)?),
            OnExceeded::Block => None,
        },
        report: Report::new(request, context)?,
    };
    let Planned { result, history } =
        planning::plan(simulate, target.as_ref(), identity.clone(), contents?, context, &mut sink).await?;
    let PlanSink { plan, without_removals, report } = sink;
    let (name, summary) = (&simulate.target.name, summary(&result));
    match without_removals {
        Some(held) if result.removals_held => held.keep(name, &summary, &result, context.store).await?,
        _ => plan.keep(name, &summary, &result, context.store).await?,
    }
    context.store.put_history(&identity, &simulate.rules.sync, history, &result.history).await?;
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
}

impl Sink for PlanSink {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(held) = self.without_removals.as_mut().filter(|_| !change.kind.removes()) {
            held.append(change)?;
        }
        Ok(self.plan.append(change)?)
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        Ok(self.report.line(line)?)
    }
}
