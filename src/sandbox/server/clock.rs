//! The sandbox's own time: it may start anywhere, run faster than real time or stand still, and it can be moved
//! on, so that tests of expiry and quotas need not wait.

use super::settings::{ClockSettings, Span};
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub struct Clock {
    started: Instant,
    origin: Timestamp,
    /// Seconds of the sandbox per real second; 0 = stands still.
    speed: f64,
    advanced: Mutex<SignedDuration>,
}

impl Clock {
    pub fn new(settings: &ClockSettings) -> Self {
        Self {
            started: Instant::now(),
            origin: settings.start.unwrap_or_else(Timestamp::now),
            speed: settings.speed,
            advanced: Mutex::new(SignedDuration::ZERO),
        }
    }

    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::from_secs_f64(self.started.elapsed().as_secs_f64() * self.speed);
        let advanced = *self.advanced.lock().expect("no holder of the lock panics");
        self.origin.saturating_add(elapsed + advanced).expect("signed durations saturate")
    }

    /// Moves the sandbox's time on; it never goes back.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut advanced = self.advanced.lock().expect("no holder of the lock panics");
        *advanced = advanced.saturating_add(by);
    }
}

/// `time` plus `span`, at the end of time if need be.
pub fn after(time: Timestamp, span: Span) -> Timestamp {
    let span = SignedDuration::try_from(span.0).unwrap_or(SignedDuration::MAX);
    time.saturating_add(span).expect("signed durations saturate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_still_moves_only_when_told() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::new(&ClockSettings { start: Some(start), speed: 0.0 });
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_secs(7 * 86_400));
        assert_eq!(clock.now().to_string(), "2026-01-08T00:00:00Z");
    }
}
