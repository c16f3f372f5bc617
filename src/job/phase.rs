//! The parts of an operation: each is a span of the log, within that of the operation, and says what it took.

use super::context::Context;
use super::error::Error;
use tracing::Instrument;

/// Works in a span of its own. A failure is told once, at the end of the operation.
pub(super) async fn phase<T>(
    name: &'static str,
    context: &Context<'_>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let started = context.clock.now();
    let timed = async {
        let result = work.await;
        let seconds = context.clock.now().duration_since(started).as_secs_f64();
        match &result {
            Ok(_) => tracing::info!(seconds, "phase ended"),
            Err(_) => tracing::info!(seconds, "phase failed"),
        }
        result
    };
    timed.instrument(tracing::info_span!("phase", phase = name)).await
}
