//! The operator's memory, under the name that every client library gives it.

use super::catalogue::MEMORY;
use prometheus::Gauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Reads the figure at each scrape.
pub(super) struct ResidentMemory(Gauge);

impl ResidentMemory {
    pub(super) fn new() -> prometheus::Result<Self> {
        Gauge::new(MEMORY.name, MEMORY.help).map(Self)
    }
}

impl Collector for ResidentMemory {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(kilobytes) = resident_kilobytes() else { return Vec::new() };
        self.0.set(f64::from(kilobytes) * 1_024.0);
        self.0.collect()
    }
}

/// None where the system does not say.
fn resident_kilobytes() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?.parse().ok()
}
