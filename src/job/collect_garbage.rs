//! Garbage collection: once a day and namespace.

use super::context::Context;
use super::error::Error;
use crate::operation::Outcome;
use crate::store::Retention;
use jiff::SignedDuration;

/// Longer than any operation runs: what nothing names may be a writer's that is not done yet.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn collect(
    keep_reports_seconds: u64,
    keep_logs_seconds: u64,
    keep_snapshots: u32,
    context: &Context<'_>,
) -> Result<Outcome, Error> {
    let span = |seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let retention = Retention {
        keep_snapshots: keep_snapshots.max(2) as usize,
        keep_reports: span(keep_reports_seconds),
        keep_logs: span(keep_logs_seconds),
        grace: GRACE,
    };
    let collected = context.store.collect_garbage(&retention, context.clock.now()).await?;
    tracing::info!(?collected, "collected garbage");
    Ok(super::done(context))
}
