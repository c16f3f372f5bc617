//! Push: plans again from what the target holds now, and carries out those changes of the approved plan that
//! still hold. Repeating a push that was cut off does nothing twice.

use super::context::Context;
use super::error::Error;
use super::executor::{Executed, Executor, Remembered};
use super::phase::phase;
use super::plan_file::{Header, PlanReader};
use super::planning::{self, Contents, Planned, Read};
use super::simulate::summary;
use crate::directory::Target;
use crate::engine::{ApprovedCounts, ApprovedSet, Failure, LedgerRecord, ReportLine, Sink, ToWrite};
use crate::model::counts::PlanCounts;
use crate::model::observed::Counters;
use crate::model::{Change, Contact, Digest, SystemIdentity};
use crate::operation::{Outcome, Reason, Request, SimulateRequest, Verdict};
use crate::report;
use crate::snapshot::FileScratch;
use crate::store::LedgerAdditions;

pub(super) async fn push(
    request: &Request,
    simulate: &SimulateRequest,
    plan: &Digest,
    context: &Context<'_>,
    counters: &mut Counters,
) -> Result<Outcome, Error> {
    let approved = PlanReader::open(plan, context.store).await?;
    let target = context.directories.target(&simulate.target, &simulate.rules)?;
    let result = async {
        let identity = phase("sign in", context, async { Ok(target.identity().await?) }).await?;
        let prepared = tokio::select! {
            prepared = prepare(simulate, target.as_ref(), &identity, approved, context) => prepared?,
            () = context.stop.asked() => return Err(Error::Interrupted),
        };
        carry_out(request, simulate, target.as_ref(), identity, prepared, context).await
    };
    let result = result.await;
    *counters = target.counters();
    result
}

/// The approved set in the order of carrying it out, and all that was found out about it.
struct Prepared {
    changes: ToWrite,
    counts: ApprovedCounts,
    ledger: LedgerAdditions,
    header: Header,
    planned: Planned,
}

async fn prepare(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: &SystemIdentity,
    mut approved: PlanReader,
    context: &Context<'_>,
) -> Result<Prepared, Error> {
    let Read { file, own_domains, .. } = planning::read_target(target, context).await?;
    let contents = (Contents::of(file)?, own_domains);
    let scratch = FileScratch::new(context.store.scratch());
    let (changes, counts, ledger, planned) = {
        let plan = std::iter::from_fn(|| approved.next().map_err(Failure::from).transpose());
        let set = ApprovedSet::new(plan, &scratch).map_err(planning::failed)?;
        let mut sink = Comparing { set, ledger: context.store.ledger_additions() };
        let planned = planning::plan(simulate, target, identity.clone(), contents, context, &mut sink).await?;
        let Comparing { set, ledger } = sink;
        let (changes, counts) = set.finish().map_err(planning::failed)?;
        (changes, counts, ledger, planned)
    };
    let header = approved.header().cloned().expect("a plan that was read to its end has a header");
    if let Err(changed) = header.made_for.still_holds(&planned.result) {
        return Err(Error::refused(Reason::PlanChanged, format!("{changed}; simulate again")));
    }
    Ok(Prepared { changes, counts, ledger, header, planned })
}

/// Compares the plan that is made now with the approved one, and remembers for the ledger what removals lose.
struct Comparing<'a> {
    set: ApprovedSet<'a>,
    ledger: LedgerAdditions,
}

impl Sink for Comparing<'_> {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(record) = LedgerRecord::of(change) {
            self.ledger.push(&record.into())?;
        }
        self.set.change(change)
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        self.set.line(line)
    }

    fn wants_unchanged(&self) -> bool {
        self.set.wants_unchanged()
    }

    fn unchanged(&mut self, contact: &Contact) -> Result<(), Failure> {
        self.set.unchanged(contact)
    }
}

async fn carry_out(
    request: &Request,
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: SystemIdentity,
    prepared: Prepared,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Prepared { changes, counts: approved, ledger, header, planned } = prepared;
    let store = context.store;
    let by_person = !header.made_for.unsafe_reasons.is_empty();
    let mut remembered = Remembered { history: planned.result.history.clone(), version: planned.history };
    let mut counts = carried_over(&planned.result.counts);
    // Before the first delete: what a contact was known by must not be lost with it.
    store.add_to_ledger(&identity, ledger).await?;
    // What is written now, no earlier read of the target has seen.
    if approved.to_write > 0 {
        store.forget_contents(&simulate.target.name).await?;
    }
    let (connector, sync) = (&simulate.target, &simulate.rules.sync);
    let work = Executor { request, target, connector, count: approved.to_write, by_person, sync, context };
    let report = report::Writer::new(request, store, context.clock.now())?;
    let executed = work.run(changes, &identity, report, &mut counts, &mut remembered).await;
    let Executed { report, refused, mut deferred, waiting_until, drifted: drifted_late, complete, ended } = executed;
    let drifted = approved.drifted + drifted_late;
    if waiting_until.is_some() {
        deferred = deferred.max(1);
    }
    let Remembered { mut history, version } = remembered;
    history.record_push(&header.entries, complete, by_person, context.clock.now());
    let recorded = store.put_history(&identity, sync, version, &history).await;
    let (verdict, reason) = match (&ended, waiting_until, refused) {
        (Err(error), ..) => (Verdict::Failed, error.reason()),
        (Ok(()), Some(_), _) => (Verdict::QuotaExceeded, Reason::QuotaExceeded),
        (Ok(()), None, 0) => (Verdict::Succeeded, Reason::Completed),
        (Ok(()), None, _) => (Verdict::PartiallySucceeded, Reason::ChangesRefused),
    };
    let pushed = PushSummary { refused, drifted, deferred, approved };
    let mut message = pushed.sentence();
    if let Err(error) = &ended {
        message = format!("{}; {message}", error.sentence()).trim_end_matches("; ").to_owned();
    }
    let mut outcome = super::done(context);
    (outcome.verdict, outcome.reason, outcome.message) = (verdict, reason, message.chars().take(1_000).collect());
    outcome.retry_at = waiting_until.or_else(|| ended.as_ref().err().and_then(Error::retry_at));
    let mut plan = summary(&planned.result);
    (plan.digest, plan.counts, plan.drifted, plan.deferred) = (header.digest, counts, drifted, deferred);
    plan.unsafe_reasons = header.made_for.unsafe_reasons.clone();
    plan.unsafe_message.clear();
    outcome.plan = Some(plan);
    outcome.report = Some(report.keep(&outcome, store).await?);
    recorded?;
    Ok(outcome)
}

/// The counts of what is not to be changed; what is carried out is added as it happens.
fn carried_over(planned: &PlanCounts) -> PlanCounts {
    let mut counts = *planned;
    for part in [&mut counts.users, &mut counts.groups, &mut counts.contacts] {
        (part.create, part.update, part.hide, part.delete, part.failed) = (0, 0, 0, 0, 0);
    }
    counts
}

struct PushSummary {
    refused: u64,
    drifted: u64,
    deferred: u64,
    approved: ApprovedCounts,
}

impl PushSummary {
    /// Only what a person may want to look after.
    fn sentence(&self) -> String {
        let Self { refused, drifted, deferred, approved } = *self;
        let parts = [
            (refused, "refused by the target (see the report)"),
            (deferred, "put off until the target takes them"),
            (drifted, "no longer fit and left to the next pass"),
            (approved.not_approved, "new since the plan and left to the next pass"),
            (approved.already_done, "done by an earlier push"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        told.collect::<Vec<_>>().join(", ")
    }
}
