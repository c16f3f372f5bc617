//! What a service may permit: a rate with bursts, a number of requests in flight, a quota per window.

use super::settings::Span;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A token bucket.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    left: f64,
    filled: Option<Timestamp>,
}

impl Bucket {
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, left: burst, filled: None }
    }

    /// Takes `cost`, or says how long to wait until it is there.
    pub fn take(&mut self, cost: f64, now: Timestamp) -> Result<(), Duration> {
        let passed = self.filled.map_or(0.0, |filled| now.duration_since(filled).as_secs_f64().max(0.0));
        self.filled = Some(now);
        self.left = (self.left + passed * self.per_second).min(self.burst);
        if self.left + 1e-9 >= cost {
            self.left -= cost;
            return Ok(());
        }
        let missing = (cost - self.left) / self.per_second;
        Err(Duration::try_from_secs_f64(missing).unwrap_or(Duration::MAX))
    }

    /// Which part of it is taken, from 0 to 1.
    pub fn taken(&self) -> f64 {
        1.0 - self.left.max(0.0) / self.burst.max(1.0)
    }

    /// How many may come within so long from now.
    pub fn left_within(&self, window: Duration) -> u64 {
        (self.left.max(0.0) + self.per_second * window.as_secs_f64()) as u64
    }

    /// The most that may come within so long.
    pub fn most_within(&self, window: Duration) -> u64 {
        (self.burst + self.per_second * window.as_secs_f64()) as u64
    }
}

/// At most `count` events in any `window`.
#[derive(Debug)]
pub struct Window {
    count: usize,
    window: Span,
    events: VecDeque<Timestamp>,
}

impl Window {
    pub fn new(count: usize, window: Span) -> Self {
        Self { count, window, events: VecDeque::new() }
    }

    /// Whether one more event is permitted now. It does not count it.
    pub fn permits(&mut self, now: Timestamp) -> bool {
        while self.events.front().is_some_and(|event| super::clock::after(*event, self.window) <= now) {
            self.events.pop_front();
        }
        self.events.len() < self.count
    }

    pub fn count(&mut self, now: Timestamp) {
        self.events.push_back(now);
    }
}

/// Requests in flight, with the most that ever were.
#[derive(Debug, Default)]
pub struct InFlight {
    now: AtomicU32,
    most: AtomicU32,
}

/// One request in flight, until it is dropped.
#[derive(Debug)]
pub struct Permit(Arc<InFlight>);

/// A request was let in.
#[derive(Debug, Default)]
pub struct Admission {
    /// How long it takes in the real world.
    pub latency: Duration,
    /// The place that it holds meanwhile, where places are counted.
    pub place: Option<Permit>,
}

impl InFlight {
    /// Counts one more, unless `limit` are there already.
    pub fn enter(self: &Arc<Self>, limit: Option<u32>) -> Option<Permit> {
        let entered = self.now.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (limit.is_none_or(|limit| now < limit)).then_some(now + 1)
        });
        let now = entered.ok()? + 1;
        self.most.fetch_max(now, Ordering::AcqRel);
        Some(Permit(self.clone()))
    }

    pub fn now(&self) -> u32 {
        self.now.load(Ordering::Acquire)
    }

    pub fn most(&self) -> u32 {
        self.most.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    fn start() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(2.0, 3.0);
        let given = (0..10).filter(|_| bucket.take(1.0, start()).is_ok()).count();
        assert_eq!(given, 3);
        assert_eq!(bucket.take(1.0, start()), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(1.0, start() + 500.milliseconds()), Ok(()));
        assert!(bucket.take(1.0, start() + 500.milliseconds()).is_err());
    }

    #[test]
    fn a_window_forgets_what_is_older() {
        let mut window = Window::new(2, Span::seconds(60));
        for _ in 0..2 {
            assert!(window.permits(start()));
            window.count(start());
        }
        assert!(!window.permits(start() + 59.seconds()));
        assert!(window.permits(start() + 60.seconds()));
    }

    #[test]
    fn no_more_enter_than_are_permitted() {
        let gate = Arc::new(InFlight::default());
        let first = gate.enter(Some(2));
        let second = gate.enter(Some(2));
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(Some(2)).is_none());
        drop(first);
        assert!(gate.enter(Some(2)).is_some());
        assert_eq!((gate.now(), gate.most()), (1, 2));
    }
}
