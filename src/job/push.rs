//! Push: plans again from what the target holds now, and carries out those changes of the approved plan that
//! still hold. Repeating a push that was cut off does nothing twice.

use super::approved::{Approved, Intersection, Standing};
use super::carry_out::{CarryOut, Worked};
use super::context::Context;
use super::error::Error;
use super::plan_file::{Header, PlanReader};
use super::planning::{self, Planned, Read};
use super::report::Report;
use super::simulate::summary;
use crate::engine::{LedgerRecord, PlanResult};
use crate::model::change::ChangeClass;
use crate::model::counts::PlanCounts;
use crate::model::observed::Counters;
use crate::model::reason::UnsafeReason;
use crate::model::{Change, ChangeKind, Contact, Digest, SystemIdentity};
use crate::operation::{Outcome, Reason, Request, SimulateRequest, Verdict};
use crate::snapshot::Sorter;
use crate::store::LedgerAdditions;
use std::collections::BTreeSet;

/// Bytes that the sort into the order of carrying out keeps before it goes to files.
const SORT_MEMORY: usize = 16 << 20;

impl Approved for PlanReader {
    fn next(&mut self) -> Result<Option<Change>, Error> {
        PlanReader::next(self)
    }
}

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
        let identity = target.identity().await?;
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
    changes: crate::snapshot::Sorted,
    /// How many of them there are.
    count: u64,
    done_before: Vec<Change>,
    drifted: u64,
    unapproved: u64,
    ledger: LedgerAdditions,
    header: Header,
    planned: Planned,
}

async fn prepare(
    simulate: &SimulateRequest,
    target: &dyn crate::directory::Target,
    identity: &SystemIdentity,
    approved: PlanReader,
    context: &Context<'_>,
) -> Result<Prepared, Error> {
    let Read { file, .. } = planning::read_target(target, context).await?;
    let contents = planning::boxed(crate::store::read_contents(file)?);
    let mut sorter = Sorter::new(context.store.scratch(), SORT_MEMORY);
    let mut ledger = context.store.ledger_additions();
    let (mut count, mut drifted, mut done_before) = (0, 0, Vec::new());
    let mut intersection = Intersection::new(approved, |change, standing| {
        match standing {
            Standing::Holds => {
                count += 1;
                if let Some(record) = LedgerRecord::of(&change) {
                    ledger.push(&record.into())?;
                }
                let key = format!("{} {}", phase(&change), change.key);
                sorter.push(key.as_bytes(), &serde_json::to_vec(&change).expect("a change is plain data"))?;
            }
            Standing::AlreadyDone => done_before.push(change),
            Standing::Drifted => drifted += 1,
        }
        Ok(())
    })?;
    let planned = planning::plan(simulate, target, identity.clone(), contents, context, &mut intersection).await?;
    let (approved, unapproved) = intersection.finish()?;
    let header = approved.header().cloned().expect("a plan that was read to its end has a header");
    refuse_another_plan(&header, &planned.result)?;
    Ok(Prepared { changes: sorter.finish()?, count, done_before, drifted, unapproved, ledger, header, planned })
}

/// What was approved was approved for this target, owner, schedule and policy, and for sources that were there.
fn refuse_another_plan(header: &Header, now: &PlanResult) -> Result<(), Error> {
    let before = &header.made_for;
    let changed = |what: &str| {
        Err(Error::refused(Reason::PlanChanged, format!("{what} changed since the plan was made; simulate again")))
    };
    if before.target != now.header.target {
        return changed("the identity of the target");
    }
    if before.owner != now.header.owner || before.sync != now.header.sync {
        return changed("owner.id or syncId");
    }
    if before.policy != now.header.policy {
        return changed("the policy");
    }
    let lost = [UnsafeReason::SourceShrank, UnsafeReason::SourceEmpty, UnsafeReason::SourceRemoved];
    let lost = lost.iter().find(|r| now.unsafe_reasons.contains(r) && !before.unsafe_reasons.contains(r));
    match lost {
        Some(reason) => changed(&format!("a source ({reason})")),
        None => Ok(()),
    }
}

/// Release before take (mail-rules §6): what only frees addresses, then what changes them, then what is new.
fn phase(change: &Change) -> u8 {
    match (change.kind.class(), &change.before, &change.after) {
        (ChangeClass::Delete, ..) => 1,
        (ChangeClass::Update | ChangeClass::Hide, Some(before), Some(after))
            if addresses(after).is_subset(&addresses(before)) =>
        {
            2
        }
        (ChangeClass::Update | ChangeClass::Hide, ..) => 3,
        (ChangeClass::Create, ..) if change.kind == ChangeKind::Adopt => 4,
        (ChangeClass::Create, ..) => 5,
    }
}

fn addresses(contact: &Contact) -> BTreeSet<String> {
    let shown = [&contact.primary, &contact.delivery].map(|address| format!("smtp:{address}"));
    contact.added_values().chain(shown).collect()
}

async fn carry_out(
    request: &Request,
    simulate: &SimulateRequest,
    target: &dyn crate::directory::Target,
    identity: SystemIdentity,
    prepared: Prepared,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let Prepared { changes, count, done_before, drifted, unapproved, ledger, header, planned } = prepared;
    let store = context.store;
    let by_person = !header.made_for.unsafe_reasons.is_empty();
    let now = context.clock.now();
    let mut history = planned.result.history.clone();
    let mut counts = carried_over(&planned.result.counts);
    for change in &done_before {
        *counts.of(change.class).count(change.kind.class()) += 1;
        history.record_change(change, by_person, now);
    }
    // Before the first delete: what a contact was known by must not be lost with it.
    store.add_to_ledger(&identity, ledger).await?;
    // What is written now, no earlier read of the target has seen.
    if count > 0 {
        store.forget_contents(&simulate.target.name).await?;
    }
    let work = CarryOut { request, target, connector: &simulate.target, count, by_person, context };
    let report = Report::new(request, context)?;
    let worked = work.run(changes, &identity, report, &mut counts, &mut history).await;
    let Worked { report, refused, mut deferred, parked_until, drifted: drifted_late, complete, ended } = worked;
    let drifted = drifted + drifted_late;
    if parked_until.is_some() {
        deferred = deferred.max(1);
    }
    history.record_push(&header.entries, complete, by_person, context.clock.now());
    let recorded = store.put_history(&identity, &simulate.rules.sync, planned.history, &history).await;
    let (verdict, reason) = match (&ended, parked_until, refused) {
        (Err(error), ..) => (Verdict::Failed, error.reason()),
        (Ok(()), Some(_), _) => (Verdict::Paused, Reason::QuotaExceeded),
        (Ok(()), None, 0) => (Verdict::Succeeded, Reason::Completed),
        (Ok(()), None, _) => (Verdict::PartiallySucceeded, Reason::ChangesRefused),
    };
    let told = Told { refused, drifted, deferred, unapproved };
    let mut message = told.sentence();
    if let Err(error) = &ended {
        message = format!("{}; {message}", error.sentence()).trim_end_matches("; ").to_owned();
    }
    let mut outcome = super::done(context);
    (outcome.verdict, outcome.reason, outcome.message) = (verdict, reason, message.chars().take(1_000).collect());
    outcome.retry_at = parked_until.or_else(|| ended.as_ref().err().and_then(Error::retry_at));
    let mut plan = summary(&planned.result);
    (plan.digest, plan.counts, plan.drifted, plan.deferred) = (header.digest, counts, drifted, deferred);
    plan.unsafe_reasons = header.made_for.unsafe_reasons.clone();
    plan.unsafe_message.clear();
    outcome.plan = Some(plan);
    outcome.report = Some(report.keep(&outcome, context).await?);
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

struct Told {
    refused: u64,
    drifted: u64,
    deferred: u64,
    unapproved: u64,
}

impl Told {
    /// Only what a person may want to look after.
    fn sentence(&self) -> String {
        let Self { refused, drifted, deferred, unapproved } = *self;
        let parts = [
            (refused, "refused by the target (see the report)"),
            (deferred, "put off until the target takes them"),
            (drifted, "no longer fit and left to the next pass"),
            (unapproved, "new since the plan and left to the next pass"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        told.collect::<Vec<_>>().join(", ")
    }
}
