//! Carrying changes out: in batches, at the pace that the connector allows, with a journal, through throttling and
//! short outages, until all is tried or somebody asks to stop.

use super::context::{Clock, Context, Phase};
use super::error::Error;
use super::phase::phase;
use super::planning::failed;
use crate::directory::{self, ChangeOutcome, ChangeResult, Target};
use crate::engine::{History, ToWrite};
use crate::model::connector::Connector;
use crate::model::counts::PlanCounts;
use crate::model::{Change, ChangeKind, Key, SyncId, SystemIdentity};
use crate::operation::Request;
use crate::report::{self, WriteResult, run_name};
use crate::store::LedgerLine;
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// How often an outage is waited for, and how long at first; each time twice as long.
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// A batch has no more changes than the connector permits requests in this time.
const SECONDS_A_BATCH: usize = 10;

/// One push at work.
pub(super) struct Executor<'a> {
    pub request: &'a Request,
    pub target: &'a dyn Target,
    pub connector: &'a Connector,
    /// How many changes there are.
    pub count: u64,
    /// A person approved them.
    pub by_person: bool,
    pub sync: &'a SyncId,
    pub context: &'a Context<'a>,
}

/// The target's history, and which one of the store it goes on from.
pub(super) struct Remembered {
    pub history: History,
    pub version: Option<u64>,
}

/// What became of it.
pub(super) struct Executed {
    pub report: report::Writer,
    pub refused: u64,
    pub deferred: u64,
    pub drifted: u64,
    pub waiting_until: Option<Timestamp>,
    /// Every change was tried.
    pub complete: bool,
    /// Why it ended before its end.
    pub ended: Result<(), Error>,
}

/// One line of the journal.
#[derive(Serialize)]
struct JournalLine<'a> {
    key: &'a Key,
    action: ChangeKind,
    result: WriteResult,
}

impl Executor<'_> {
    pub(super) async fn run(
        &self,
        mut changes: ToWrite,
        identity: &SystemIdentity,
        report: report::Writer,
        counts: &mut PlanCounts,
        remembered: &mut Remembered,
    ) -> Executed {
        let mut executed = Executed {
            report,
            refused: 0,
            deferred: 0,
            drifted: 0,
            waiting_until: None,
            complete: false,
            ended: Ok(()),
        };
        let batches = self.batches(&mut changes, identity, &mut executed, counts, remembered);
        let ended = phase("write", self.context, batches).await;
        executed.ended = ended;
        executed.complete = executed.ended.is_ok() && executed.waiting_until.is_none();
        executed
    }

    async fn batches(
        &self,
        changes: &mut ToWrite,
        identity: &SystemIdentity,
        executed: &mut Executed,
        counts: &mut PlanCounts,
        remembered: &mut Remembered,
    ) -> Result<(), Error> {
        let pace = Pace::new(self.connector.rate_limit.requests_per_second, self.context.clock);
        let mut late_ledger = self.context.store.ledger_additions();
        let mut tried = 0;
        let mut ended = Ok(());
        self.context.progress.at(Phase::Writing, tried, Some(self.count));
        let most = self.target.capabilities().await?.batch.min(pace.batch()).max(1);
        for number in 1.. {
            let batch = next_batch(changes, most)?;
            if batch.is_empty() {
                break;
            }
            self.remember_removals(&batch, identity, remembered).await?;
            let outcomes = match self.apply(&batch).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            };
            for (change, outcome) in batch.iter().zip(&outcomes) {
                self.note(change, outcome, executed, counts, &mut remembered.history)?;
                if let Some(line) = late_name(change, outcome) {
                    late_ledger.push(&line)?;
                }
            }
            self.journal(number, &batch, &outcomes).await?;
            tried += batch.len() as u64;
            self.context.progress.at(Phase::Writing, tried, Some(self.count));
            pace.keep(tried).await;
        }
        self.context.store.add_to_ledger(identity, late_ledger).await?;
        ended
    }

    /// Before anything is removed unasked it counts towards the sums of seven days: a push that is killed must not
    /// forget it. What was not removed after all is taken back by the next one that is kept.
    async fn remember_removals(
        &self,
        batch: &[Change],
        identity: &SystemIdentity,
        remembered: &mut Remembered,
    ) -> Result<(), Error> {
        let mut removals = batch.iter().filter(|change| change.kind().removes()).peekable();
        if self.by_person || removals.peek().is_none() {
            return Ok(());
        }
        let mut ahead = remembered.history.clone();
        removals.for_each(|change| ahead.record_removal(change, self.context.clock.now()));
        let version = self.context.store.put_history(identity, self.sync, remembered.version, &ahead).await?;
        remembered.version = Some(version);
        Ok(())
    }

    /// One batch, through throttling and short outages. Nothing is begun once somebody asked to stop.
    async fn apply(&self, batch: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        let mut wait = FIRST_WAIT;
        let mut outages = 0;
        loop {
            if self.context.stop.is_asked() {
                return Err(Error::Interrupted);
            }
            let pause = match self.target.apply(batch).await {
                Ok(outcomes) if outcomes.len() == batch.len() => return Ok(outcomes),
                Ok(_) => {
                    let hint = "it did not answer to every change".to_owned();
                    return Err(
                        directory::Error::Protocol { system: directory::SystemName::new("the target"), hint }.into()
                    );
                }
                // Throttling slows down and never fails; the Job's deadline is its only end.
                Err(directory::Error::Throttled { retry_after, .. }) => retry_after.unwrap_or(wait),
                Err(error) if error.is_transient() && outages + 1 < ATTEMPTS => {
                    outages += 1;
                    tracing::warn!(%error, outages, "trying the batch again");
                    wait
                }
                Err(error) => return Err(error.into()),
            };
            wait = (wait * 2).min(LONGEST_WAIT);
            tokio::select! {
                () = self.context.clock.sleep(pause) => {}
                () = self.context.stop.asked() => {}
            }
        }
    }

    fn note(
        &self,
        change: &Change,
        outcome: &ChangeOutcome,
        executed: &mut Executed,
        counts: &mut PlanCounts,
        history: &mut History,
    ) -> Result<(), Error> {
        let class = counts.of(change.class());
        match &outcome.result {
            ChangeResult::Done | ChangeResult::AlreadyDone => {
                *class.count(change.kind().class()) += 1;
                history.record_change(change, self.by_person, self.context.clock.now());
            }
            ChangeResult::Deferred => executed.deferred += 1,
            ChangeResult::Drifted => executed.drifted += 1,
            ChangeResult::Refused { .. } => {
                class.failed += 1;
                executed.refused += 1;
            }
            ChangeResult::QuotaExceeded { until } => {
                executed.deferred += 1;
                executed.waiting_until = Some(executed.waiting_until.map_or(*until, |known| known.max(*until)));
            }
        }
        let shown = change.latest();
        let name = crate::model::Attribute::DisplayName;
        executed.report.line(&report::Line {
            display_name: shown.attributes.get(&name).map(Cow::from),
            address: Some(shown.primary.as_str().into()),
            result: Some(result_of(&outcome.result)),
            hint: match &outcome.result {
                ChangeResult::Refused { hint } => Some(hint.into()),
                _ => None,
            },
            refused_values: Cow::Borrowed(&outcome.refused_values),
            before: change.before().map(Cow::Borrowed),
            after: change.after().map(Cow::Borrowed),
            ..report::Line::new(change.kind().into(), change.reason.label(), change.class(), change.key().as_str())
        })?;
        Ok(())
    }

    /// One object per batch, so that after a crash one sees how far it came.
    async fn journal(&self, number: u64, batch: &[Change], outcomes: &[ChangeOutcome]) -> Result<(), Error> {
        let mut text = Vec::new();
        for (change, outcome) in batch.iter().zip(outcomes) {
            let line = JournalLine { key: change.key(), action: change.kind(), result: result_of(&outcome.result) };
            serde_json::to_writer(&mut text, &line).expect("a line is plain data");
            text.push(b'\n');
        }
        let run = run_name(self.request.run.as_ref());
        let (connector, attempt) = (&self.connector.name, self.request.attempt);
        let key = format!("journals/{run}/push-{connector}-{attempt}-{number:06}.jsonl");
        Ok(self.context.store.put(&key, text).await?)
    }
}

fn result_of(result: &ChangeResult) -> WriteResult {
    match result {
        ChangeResult::Done => WriteResult::Done,
        ChangeResult::AlreadyDone => WriteResult::AlreadyDone,
        ChangeResult::Deferred => WriteResult::Deferred,
        ChangeResult::Drifted => WriteResult::Drifted,
        ChangeResult::Refused { .. } => WriteResult::Refused,
        ChangeResult::QuotaExceeded { .. } => WriteResult::QuotaExceeded,
    }
}

fn next_batch(changes: &mut ToWrite, most: usize) -> Result<Vec<Change>, Error> {
    changes.take(most).collect::<Result<_, _>>().map_err(failed)
}

/// The name that a removed contact had in the target, where only the removal told it.
fn late_name(change: &Change, outcome: &ChangeOutcome) -> Option<LedgerLine> {
    let before = change.before().filter(|_| change.after().is_none())?;
    let name = outcome.legacy_exchange_dn.as_ref()?;
    (before.legacy_exchange_dn.as_ref() != Some(name)).then(|| LedgerLine {
        key: change.key().clone(),
        primaries: [before.primary.clone()].into(),
        x500: [name.clone()].into(),
    })
}

/// Not faster than so many changes a second, on the whole.
struct Pace<'a> {
    per_second: Option<u32>,
    clock: &'a dyn Clock,
    started: Timestamp,
}

impl<'a> Pace<'a> {
    fn new(per_second: Option<u32>, clock: &'a dyn Clock) -> Self {
        Self { per_second: per_second.filter(|limit| *limit > 0), clock, started: clock.now() }
    }

    /// The most changes at once: a push that is asked to stop ends after its batch.
    fn batch(&self) -> usize {
        self.per_second.map_or(usize::MAX, |limit| limit as usize * SECONDS_A_BATCH)
    }

    async fn keep(&self, done: u64) {
        let Some(per_second) = self.per_second else { return };
        let due = Duration::from_secs_f64(done as f64 / f64::from(per_second));
        let passed = Duration::try_from(self.clock.now().duration_since(self.started)).unwrap_or_default();
        if let Some(rest) = due.checked_sub(passed) {
            self.clock.sleep(rest).await;
        }
    }
}
