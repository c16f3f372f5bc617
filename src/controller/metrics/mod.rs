//! Figures at `/metrics`. Counters and histograms are raised where things happen ([`Metrics`]); what merely stands is
//! read from the caches at every scrape ([`StateMetrics`]). Either way the figures of an object vanish with it.

pub mod catalogue;
mod counters;
mod exposition;
mod gaps;
mod memory;
mod object_counters;
mod series;
mod state;

#[cfg(test)]
mod tests;

pub use counters::Metrics;
pub use exposition::Exposition;
pub use state::StateMetrics;
