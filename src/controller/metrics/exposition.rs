//! The page at `/metrics`.

use super::StateMetrics;
use prometheus::{Registry, TextEncoder};
use std::sync::{Arc, OnceLock};

/// What the process counts, and once it works what it knows of objects.
#[derive(Clone, Default)]
pub struct Exposition {
    pub registry: Registry,
    state: Arc<OnceLock<StateMetrics>>,
}

impl Exposition {
    /// From now on the page has the figures of objects. A process begins to work once.
    pub fn show(&self, state: StateMetrics) {
        let _ = self.state.set(state);
    }

    /// The page, part by part: the whole of it may be many megabytes.
    pub fn parts(&self) -> prometheus::Result<impl Iterator<Item = String> + Send + use<>> {
        let process = TextEncoder::new().encode_to_string(&self.registry.gather())?;
        let objects = self.state.get().map(StateMetrics::figures);
        Ok(std::iter::once(process).chain(objects.into_iter().flat_map(|figures| figures.parts())))
    }
}
