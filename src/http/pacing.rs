//! How fast to ask: finds a server's limit and stays just under it. Pure; time is an argument.
//!
//! Until the first refusal the rate grows by a quarter each second. From then on the limit lies between the highest
//! rate that went well for a while and the lowest that was refused; the gap is halved and halved again, and a
//! percent above is probed each minute, since limits move. A service that tells its budget in headers is believed.

use std::time::Duration;

/// Growth each second until the first refusal.
const GROWTH: f64 = 1.25;
/// How long a rate has to go well before it counts as good.
const TRIAL: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(60);
const PROBE_STEP: f64 = 1.01;
/// A refusal so soon after the last wait is of the same jam: the server's window is still full.
const JAM: Duration = Duration::from_secs(3);
/// Which part of a budget told in headers is used.
const SHARE: f64 = 0.98;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceSettings {
    /// Requests a second at the beginning.
    pub initial_rate: f64,
    /// Never faster than this.
    pub max_rate: f64,
    /// Requests under way at once.
    pub max_concurrency: u32,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self { initial_rate: 10.0, max_rate: 10_000.0, max_concurrency: 8 }
    }
}

/// What an answer said about speed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feedback {
    Accepted,
    /// Refused for its rate; not before this time again.
    Throttled {
        retry_after: Option<Duration>,
    },
    /// The server says how much is left until when.
    Budget {
        remaining: u64,
        reset_in: Duration,
    },
    /// No word about speed: an error, a broken connection.
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Permit {
    /// Send now.
    Go,
    /// Ask again after this time.
    Wait(Duration),
    /// As many as may be are under way; ask again when one is done.
    Full,
}

/// The state of one budget. All times are since the same beginning.
#[derive(Debug, Clone)]
pub struct Pacer {
    settings: PaceSettings,
    rate: f64,
    /// The lowest rate that was refused; absent before the first refusal.
    refused: Option<f64>,
    /// The highest rate that went well.
    good: f64,
    in_flight: u32,
    /// When the next request may go.
    next: Duration,
    blocked_until: Duration,
    adjusted: Duration,
    accepted: u64,
    /// Refusals of one jam, so that each waits longer than the one before.
    jammed: u32,
}

impl Pacer {
    pub fn new(settings: PaceSettings) -> Self {
        Self {
            rate: settings.initial_rate.min(settings.max_rate),
            settings,
            refused: None,
            good: 0.1,
            in_flight: 0,
            next: Duration::ZERO,
            blocked_until: Duration::ZERO,
            adjusted: Duration::ZERO,
            accepted: 0,
            jammed: 0,
        }
    }

    /// Requests a second at present.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Asks to send one request; `Go` takes the place.
    pub fn permit(&mut self, now: Duration) -> Permit {
        self.adjust(now);
        if self.in_flight >= self.settings.max_concurrency.max(1) {
            return Permit::Full;
        }
        let earliest = self.next.max(self.blocked_until);
        if earliest > now {
            return Permit::Wait(earliest - now);
        }
        // A tenth of a second of unused time may be caught up, no more: limits are watched in short windows.
        let behind = now.saturating_sub(Duration::from_millis(100));
        self.next = self.next.max(behind) + Duration::from_secs_f64(1.0 / self.rate);
        self.in_flight += 1;
        Permit::Go
    }

    /// The request that was let go just now carries so many further calls, each of which counts like one that comes
    /// alone.
    pub fn carries(&mut self, further: usize) {
        self.next += Duration::from_secs_f64(further as f64 / self.rate);
    }

    /// One request is done; its place is free.
    pub fn done(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// What the answer to one call said, which was sent at `sent`.
    pub fn heard(&mut self, sent: Duration, now: Duration, feedback: Feedback) {
        match feedback {
            Feedback::Silent => {}
            Feedback::Accepted => self.accepted += 1,
            Feedback::Budget { remaining, reset_in } => {
                self.accepted += 1;
                self.believe(remaining, reset_in, now);
            }
            Feedback::Throttled { retry_after } => self.refuse(sent, now, retry_after),
        }
    }

    /// Spreads what is left over the time that is left. Plenty is no reason to hurry: only a budget that would
    /// run out slows down.
    fn believe(&mut self, remaining: u64, reset_in: Duration, now: Duration) {
        let fair = remaining as f64 * SHARE / reset_in.as_secs_f64().max(0.1);
        if fair < self.rate {
            self.refused = Some(self.rate);
            self.set(fair, now);
        }
    }

    fn refuse(&mut self, sent: Duration, now: Duration, retry_after: Option<Duration>) {
        let asked = retry_after.unwrap_or(Duration::from_secs(1));
        // Requests that were under way when the last refusal came teach nothing new.
        if sent < self.blocked_until || sent < self.adjusted && self.jammed > 0 {
            self.blocked_until = self.blocked_until.max(now + asked);
            return;
        }
        let jam = self.refused.is_some() && sent < self.blocked_until + JAM && self.blocked_until > Duration::ZERO;
        let (factor, wait) = if jam {
            self.jammed = (self.jammed + 1).min(5);
            (0.85, Duration::from_secs(1 << self.jammed))
        } else {
            self.jammed = 0;
            let found = self.refused.is_some();
            // It is what really came that was too much.
            let passed = now.saturating_sub(self.adjusted).as_secs_f64();
            if !found && passed >= 0.2 && self.accepted > 0 {
                self.rate = self.rate.min(self.accepted as f64 / passed * 1.1);
            }
            self.refused = Some(self.rate);
            // A limit that sank below what was good makes the search begin anew below it.
            if self.good >= self.rate {
                self.good = self.rate * 0.5;
            }
            (if found { (self.good * 0.995 / self.rate).max(0.9) } else { 0.5 }, Duration::ZERO)
        };
        self.blocked_until = self.blocked_until.max(now + asked.max(wait));
        self.set(self.rate * factor, self.blocked_until);
    }

    fn set(&mut self, rate: f64, now: Duration) {
        self.rate = rate.clamp(0.1, self.settings.max_rate.max(0.1));
        self.adjusted = now;
        self.accepted = 0;
    }

    fn adjust(&mut self, now: Duration) {
        let close = self.refused.is_some_and(|refused| self.rate >= refused * 0.98);
        let every = match self.refused {
            None => Duration::from_secs(1),
            Some(_) if close => PROBE_EVERY,
            Some(_) => TRIAL,
        };
        if now < self.adjusted + every {
            return;
        }
        // Growth is earned: a rate that is not used says nothing about the limit.
        let used = self.accepted as f64 / (now - self.adjusted).as_secs_f64();
        if used < self.rate * 0.8 {
            self.adjusted = now;
            self.accepted = 0;
            return;
        }
        let rate = match self.refused {
            None => self.rate * GROWTH,
            Some(refused) => {
                self.good = self.good.max(self.rate);
                self.jammed = 0;
                if close {
                    self.refused = Some(refused.max(self.rate * PROBE_STEP / 0.985));
                    self.rate * PROBE_STEP
                } else {
                    (self.rate + refused * 0.985) / 2.0
                }
            }
        };
        self.set(rate, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// A server that takes `limit` requests in each window and refuses more.
    struct Server {
        limit: usize,
        window: Duration,
        taken: VecDeque<Duration>,
    }

    impl Server {
        fn ask(&mut self, now: Duration) -> Feedback {
            while self.taken.front().is_some_and(|time| *time + self.window <= now) {
                self.taken.pop_front();
            }
            if self.taken.len() < self.limit {
                self.taken.push_back(now);
                return Feedback::Accepted;
            }
            let oldest = self.taken.front().copied().unwrap_or(now);
            Feedback::Throttled { retry_after: Some((oldest + self.window).saturating_sub(now)) }
        }
    }

    /// Sends as fast as the pacer lets it; each request takes 80 ms. Gives the number accepted and refused.
    fn drive(pacer: &mut Pacer, server: &mut Server, seconds: u64) -> (u64, u64) {
        let mut now = Duration::ZERO;
        let mut flying: VecDeque<(Duration, Duration, Feedback)> = VecDeque::new();
        let (mut accepted, mut refused) = (0, 0);
        while now < Duration::from_secs(seconds) {
            while flying.front().is_some_and(|(_, done, _)| *done <= now) {
                let (sent, done, feedback) = flying.pop_front().expect("there is one");
                match feedback {
                    Feedback::Throttled { .. } => refused += 1,
                    _ => accepted += 1,
                }
                pacer.heard(sent, done, feedback);
                pacer.done();
            }
            if pacer.permit(now) == Permit::Go {
                flying.push_back((now, now + Duration::from_millis(80), server.ask(now)));
            } else {
                now += Duration::from_millis(1);
            }
        }
        (accepted, refused)
    }

    #[test]
    fn finds_a_limit_and_stays_under_it() {
        for (limit, window) in [(300, 10), (50, 1), (1500, 30), (5, 1)] {
            let mut pacer = Pacer::new(PaceSettings { max_concurrency: 32, ..PaceSettings::default() });
            let mut server = Server { limit, window: Duration::from_secs(window), taken: VecDeque::new() };
            let (accepted, refused) = drive(&mut pacer, &mut server, 1200);
            let permitted = limit as f64 / window as f64 * 1200.0;
            let used = accepted as f64 / permitted;
            let share = refused as f64 / (accepted + refused) as f64;
            assert!(used >= 0.95, "{limit}/{window} s: only {:.1} % of the permitted rate", used * 100.0);
            assert!(share < 0.01, "{limit}/{window} s: {:.2} % refused", share * 100.0);
        }
    }

    #[test]
    fn a_rate_that_few_places_never_reach_is_no_measure() {
        let settings = PaceSettings { initial_rate: 100.0, max_concurrency: 2, ..PaceSettings::default() };
        let mut pacer = Pacer::new(settings);
        let mut server = Server { limit: 10, window: Duration::from_secs(1), taken: VecDeque::new() };
        // Two places of 80 ms each are 25 a second.
        let (accepted, refused) = drive(&mut pacer, &mut server, 120);
        assert!(refused < 30, "{refused} refused while it looked for the limit");
        assert!(accepted > 850, "{accepted} of 1200, the search included");
    }

    #[test]
    fn waits_as_long_as_the_server_says() {
        let mut pacer = Pacer::new(PaceSettings::default());
        let at = Duration::from_secs;
        assert_eq!(pacer.permit(at(0)), Permit::Go);
        pacer.heard(at(0), at(1), Feedback::Throttled { retry_after: Some(at(30)) });
        pacer.done();
        assert_eq!(pacer.permit(at(2)), Permit::Wait(at(29)));
        assert_eq!(pacer.permit(at(31)), Permit::Go);
    }

    #[test]
    fn never_more_under_way_than_allowed() {
        let mut pacer =
            Pacer::new(PaceSettings { initial_rate: 1000.0, max_concurrency: 2, ..PaceSettings::default() });
        let at = Duration::from_secs;
        assert_eq!(
            [pacer.permit(at(1)), pacer.permit(at(2)), pacer.permit(at(3))],
            [Permit::Go, Permit::Go, Permit::Full]
        );
        pacer.done();
        assert_eq!(pacer.permit(at(4)), Permit::Go);
    }

    #[test]
    fn a_budget_in_headers_is_spread() {
        let mut pacer = Pacer::new(PaceSettings { initial_rate: 100.0, ..PaceSettings::default() });
        let at = Duration::from_secs;
        pacer.heard(at(0), at(0), Feedback::Budget { remaining: 1000, reset_in: at(100) });
        assert!((pacer.rate() - 9.8).abs() < 0.01, "{}", pacer.rate());
        pacer.heard(at(0), at(1), Feedback::Budget { remaining: 100_000, reset_in: at(100) });
        assert!((pacer.rate() - 9.8).abs() < 0.01, "plenty is no reason to hurry");
    }

    #[test]
    fn what_comes_together_counts_one_by_one() {
        let settings = PaceSettings { initial_rate: 10.0, max_rate: 10.0, max_concurrency: 5 };
        let mut pacer = Pacer::new(settings);
        let at = Duration::from_secs;
        assert_eq!(pacer.permit(at(10)), Permit::Go);
        pacer.carries(9);
        // A tenth of a second is caught up, and nine tenths are to come.
        assert_eq!(pacer.permit(at(10)), Permit::Wait(Duration::from_millis(900)));
        for _ in 0..9 {
            pacer.heard(at(10), at(10), Feedback::Accepted);
        }
        pacer.heard(at(10), at(10), Feedback::Throttled { retry_after: Some(at(3)) });
        assert_eq!(pacer.permit(at(11)), Permit::Wait(at(2)), "one of ten holds all back");
        pacer.done();
        assert_eq!(pacer.permit(at(13)), Permit::Go);
    }
}
