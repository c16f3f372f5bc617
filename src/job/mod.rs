//! Runs one operation: a [`Request`] in, an [`Outcome`] out. The same code serves a Job in the cluster and the
//! local mode; what differs comes in the [`Context`].
//!
//! One file per operation. `pull.rs` reads a source into a snapshot (`read.rs`), `simulate.rs` reads a target and
//! plans (`planning.rs`, from the last plan `incremental/`; `plan_file.rs`), `push.rs` plans again and carries out
//! what was planned before and still holds (`executor.rs`). Each works in phases (`phase.rs`).

mod checkpoint;
mod collect_garbage;
mod context;
mod error;
mod executor;
mod filtering;
mod incremental;
mod lookup;
mod phase;
mod plan_context;
pub mod plan_file;
mod planning;
mod pull;
mod push;
mod read;
mod simulate;
mod verify;

pub use context::{Clock, Context, Phase, Progress, Stop, SystemClock};
pub use error::Error;

use crate::model::observed::Counters;
use crate::operation::{Operation, Outcome, Reason, Request, Verdict};
use crate::report;
use tracing::Instrument;

/// Runs the operation to its end, whatever that is: an error becomes the outcome's reason and sentence.
pub async fn execute(request: &Request, context: &Context<'_>) -> Outcome {
    let span = tracing::info_span!(
        "operation",
        run = report::run_name(request.run.as_ref()),
        operation = request.operation.kind().name(),
        connector = request.operation.connector().map_or("", |connector| connector.name.as_str()),
        attempt = request.attempt,
    );
    to_the_end(request, context).instrument(span).await
}

async fn to_the_end(request: &Request, context: &Context<'_>) -> Outcome {
    let started = context.clock.now();
    tracing::info!("started");
    let mut counters = Counters::default();
    let result = match &request.operation {
        // A push stops between two batches, so that it can say what it did.
        Operation::Push { simulate, plan } => push::push(request, simulate, plan, context, &mut counters).await,
        _ => tokio::select! {
            result = run(request, context, &mut counters) => result,
            () = context.stop.asked() => Err(Error::Interrupted),
        },
    };
    let finished = context.clock.now();
    let mut outcome = result.unwrap_or_else(|error| {
        let mut outcome = Outcome::new(Verdict::Failed, error.reason(), error.sentence(), started, finished);
        outcome.retry_at = error.retry_at();
        outcome
    });
    (outcome.started, outcome.finished, outcome.counters) = (started, finished, counters);
    let Outcome { verdict, reason, message, .. } = &outcome;
    match verdict {
        Verdict::Failed => tracing::error!(reason = reason.label(), message, "failed"),
        _ => tracing::info!(?verdict, reason = reason.label(), message, "finished"),
    }
    outcome
}

async fn run(request: &Request, context: &Context<'_>, counters: &mut Counters) -> Result<Outcome, Error> {
    match &request.operation {
        Operation::Verify { connector, read } => verify::verify(request, connector, read, context, counters).await,
        Operation::Pull { connector, read, full } => {
            let source = context.directories.source(connector, read)?;
            let asked = pull::Pull { connector, scope: read, full: *full };
            let result = pull::pull(request, asked, source.as_ref(), context).await;
            *counters = source.counters();
            result
        }
        Operation::Simulate(simulate) => simulate::simulate(request, simulate, context, counters).await,
        Operation::Push { simulate, plan } => push::push(request, simulate, plan, context, counters).await,
        Operation::EmptyCache { connector } => {
            context.store.empty_cache(&connector.name).await?;
            Ok(done(context))
        }
        Operation::CollectGarbage { keep_reports_seconds, keep_logs_seconds, keep_snapshots } => {
            collect_garbage::collect(*keep_reports_seconds, *keep_logs_seconds, *keep_snapshots, context).await
        }
    }
}

/// Success with nothing more to say; [`execute`] fills in the times.
fn done(context: &Context<'_>) -> Outcome {
    let now = context.clock.now();
    Outcome::new(Verdict::Succeeded, Reason::Completed, "", now, now)
}
