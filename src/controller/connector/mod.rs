//! Connectors: a Job verifies each once in a while and whenever it changes; status tells what came of it and
//! of the last pull.

mod act;
mod decide;
mod observe;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::samples;

use super::context::{Context, Guarded};
use super::error::Error;
use crate::api::GalSyncConnector;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use std::sync::Arc;
use tracing::Instrument;

pub async fn reconcile(connector: Arc<Guarded<GalSyncConnector>>, context: Arc<Context>) -> Result<Action, Error> {
    let (namespace, name) = (connector.namespace().ok_or(Error::Incomplete("namespace"))?, connector.name_any());
    if let Err(invalid) = &connector.0 {
        return super::invalid::report::<GalSyncConnector>(&context, &namespace, &name, invalid).await;
    }
    let span = tracing::info_span!("connector", namespace, connector = name);
    let work = async {
        context.wait_for_caches().await?;
        let _timer = context.metrics.time("connector");
        let Some(observation) = observe::observe(&context, &namespace, &name).await? else {
            return Ok(Action::await_change());
        };
        let decision = decide::decide(&observation, context.settings.start_deadline_seconds);
        act::act(&context, &observation, decision).await
    };
    work.instrument(span).await
}
