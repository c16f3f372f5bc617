//! How far apart a schedule's passes are: what is overdue is told by it.

use crate::api::GalSyncSchedule;
use crate::api::convert::timing;
use crate::model::timing::{CronTiming, Timing};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Mutex;

/// The longest gap of each cron expression in its time zone, which takes too long to find anew at each scrape.
#[derive(Default)]
pub struct Gaps(Mutex<HashMap<[String; 2], Option<u64>>>);

impl Gaps {
    /// The longest time between two regular passes; None for a schedule that does not say.
    pub fn seconds(&self, schedule: &GalSyncSchedule) -> Option<u64> {
        let spec = &schedule.spec;
        let Some(expression) = &spec.schedule else {
            return spec.interval.as_ref().and_then(|interval| interval.seconds());
        };
        let zone = spec.time_zone.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut known = self.0.lock().expect("no holder of the lock panics");
        *known.entry([expression.to_string(), zone]).or_insert_with(|| match timing(schedule) {
            Ok(Timing::Cron(cron)) => longest(&cron, Timestamp::now()),
            _ => None,
        })
    }
}

/// Of the times from `from` on: of eight days, which have a weekend, and of at least a dozen.
fn longest(cron: &CronTiming, from: Timestamp) -> Option<u64> {
    let eight_days = SignedDuration::from_hours(8 * 24);
    let mut longest = None;
    let mut last = cron.after(from)?;
    for count in 1.. {
        let Some(next) = cron.after(last) else { break };
        longest = longest.max(Some(next.duration_since(last)));
        if count >= 12 && next.duration_since(from) > eight_days {
            break;
        }
        last = next;
    }
    longest.and_then(|gap| u64::try_from(gap.as_secs()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_spans_nights_weekends_and_months() {
        let from: Timestamp = "2026-01-07T12:00:00Z".parse().unwrap();
        let hours = |expression: &str| {
            let cron = CronTiming::parse(expression, "UTC").unwrap();
            longest(&cron, from).unwrap() as f64 / 3_600.0
        };
        assert_eq!(hours("0 2 * * *"), 24.0);
        assert_eq!(hours("0 2 * * 1-5"), 72.0);
        assert_eq!(hours("0 8-17 * * 1-5"), 63.0);
        assert_eq!(hours("*/15 * * * *"), 0.25);
        assert_eq!(hours("0 2 1 * *"), 31.0 * 24.0);
    }
}
