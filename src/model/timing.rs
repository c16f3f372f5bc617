//! When a schedule is due. Pure: the time is an argument, so that clock jumps and daylight saving are tables.

use super::Digest;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    #[error("{expression:?} is no cron expression of five fields: {problem}")]
    Cron { expression: String, problem: String },
    #[error("{0:?} is no time zone of the IANA list, such as Europe/Berlin")]
    TimeZone(String),
    #[error("{0:?} never comes")]
    Never(String),
}

/// How a schedule says when.
#[expect(clippy::large_enum_variant, reason = "there is one for each schedule, and it lives for one decision")]
#[derive(Debug, Clone)]
pub enum Timing {
    /// Every so often. All schedules of one interval are spread over it by their UID.
    Interval(SignedDuration),
    Cron(CronTiming),
}

/// Times of a cron expression in one time zone. Where clocks go forward, a time that is left out comes at the first
/// moment after; where they go back, a time that comes twice is taken once.
#[derive(Debug, Clone)]
pub struct CronTiming {
    cron: Cron,
    zone: TimeZone,
}

impl CronTiming {
    pub fn parse(expression: &str, zone: &str) -> Result<Self, TimingError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser
            .parse(expression)
            .map_err(|error| TimingError::Cron { expression: expression.to_owned(), problem: error.to_string() })?;
        let zone = TimeZone::get(zone).map_err(|_| TimingError::TimeZone(zone.to_owned()))?;
        let timing = Self { cron, zone };
        // 30 February is well-formed and never comes; better known now than never.
        let start = Timestamp::constant(1_700_000_000, 0);
        timing.after(start).ok_or_else(|| TimingError::Never(expression.to_owned()))?;
        Ok(timing)
    }

    /// The first time after `time`.
    pub fn after(&self, time: Timestamp) -> Option<Timestamp> {
        let zoned = time.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&zoned, false).ok().map(|next| next.timestamp())
    }

    /// The last time at or before `time`.
    pub fn before(&self, time: Timestamp) -> Option<Timestamp> {
        let zoned = time.to_zoned(self.zone.clone());
        self.cron.find_previous_occurrence(&zoned, true).ok().map(|last| last.timestamp())
    }
}

/// A window in which nothing is pushed.
#[derive(Debug, Clone)]
pub struct Freeze {
    pub starts: CronTiming,
    pub lasts: SignedDuration,
}

impl Freeze {
    /// When the window that `now` lies in ends; None outside.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.starts.before(now)?.checked_add(self.lasts).ok()?;
        (end > now).then_some(end)
    }
}

/// When the last of the windows that `now` lies in ends; one that begins before the end of another prolongs it.
pub fn frozen_until(windows: &[Freeze], now: Timestamp) -> Option<Timestamp> {
    let mut until = None;
    // Windows that follow each other without end are one that never ends; a year of them is enough to know.
    for _ in 0..366 {
        let at = until.unwrap_or(now);
        match windows.iter().filter_map(|window| window.until(at)).max() {
            Some(end) if Some(end) > until => until = Some(end),
            _ => break,
        }
    }
    until
}

/// What a schedule remembers in its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remembered {
    /// When the time came for which the last pass was made.
    pub last: Option<Timestamp>,
    /// How many passes in a row have failed, and when the last of them ended.
    pub failures: u32,
    pub last_failure: Option<Timestamp>,
}

/// What [`due`] takes beside the times.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub uid: &'a str,
    pub created: Timestamp,
    /// How late a pass may start; absent = however late.
    pub starting_deadline: Option<SignedDuration>,
    /// The first wait after a failure; doubled with each, at most the time to the next regular pass.
    pub retry_after: SignedDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Start a pass for this time. `missed` = earlier times that went by and are not made up for.
    Now { time: Timestamp, missed: bool },
    /// Nothing before this time. `missed` = a time went by that was too late to start.
    At { next: Timestamp, missed: bool },
}

/// Whether a pass is due now, or when. However many times went by, at most one is made up for.
pub fn due(timing: &Timing, terms: Terms<'_>, remembered: Remembered, now: Timestamp) -> Due {
    // A clock that jumped back leaves times in the future behind; they must not hold the schedule for years.
    let last = remembered.last.filter(|last| *last <= now);
    let next = match last {
        Some(last) => regular_after(timing, terms.uid, last),
        None => first(timing, terms),
    };
    let retry = retry(terms, remembered, now).filter(|time| *time < next);
    let next = retry.unwrap_or(next);
    if next > now {
        return Due::At { next, missed: false };
    }
    let latest = latest_until(timing, terms.uid, next, now);
    match terms.starting_deadline {
        Some(deadline) if now.duration_since(latest) > deadline => {
            Due::At { next: regular_after(timing, terms.uid, latest), missed: true }
        }
        _ => Due::Now { time: latest, missed: latest != next },
    }
}

/// A new schedule by interval begins at once, so that a person sees something happen.
fn first(timing: &Timing, terms: Terms<'_>) -> Timestamp {
    match timing {
        Timing::Interval(_) => terms.created,
        Timing::Cron(cron) => cron.after(terms.created).unwrap_or(Timestamp::MAX),
    }
}

fn regular_after(timing: &Timing, uid: &str, last: Timestamp) -> Timestamp {
    match timing {
        Timing::Cron(cron) => cron.after(last).unwrap_or(Timestamp::MAX),
        Timing::Interval(interval) => {
            let next = grid_after(*interval, uid, last);
            // The first pass is off the grid: two passes are never closer than half an interval.
            let soon = next.duration_since(last) < *interval / 2;
            if soon { next.checked_add(*interval).unwrap_or(Timestamp::MAX) } else { next }
        }
    }
}

/// The newest time from `next` on that is not after `now`.
fn latest_until(timing: &Timing, uid: &str, next: Timestamp, now: Timestamp) -> Timestamp {
    let latest = match timing {
        Timing::Cron(cron) => cron.before(now),
        Timing::Interval(interval) => grid_after(*interval, uid, now).checked_sub(*interval).ok(),
    };
    latest.filter(|latest| *latest > next).unwrap_or(next)
}

/// Whole intervals since the epoch, shifted by a part of the interval that the UID decides.
/// The next time of this rhythm, which is shifted by the UID so that not all come together.
pub fn grid_after(interval: SignedDuration, uid: &str, time: Timestamp) -> Timestamp {
    let step = interval.as_secs().max(1);
    let hash = Digest::of(uid.as_bytes());
    let number = hash.as_bytes()[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let offset = i64::try_from(number % step.unsigned_abs()).unwrap_or(0);
    let steps = (time.as_second() - offset).div_euclid(step) + 1;
    Timestamp::from_second(steps * step + offset).unwrap_or(Timestamp::MAX)
}

fn retry(terms: Terms<'_>, remembered: Remembered, now: Timestamp) -> Option<Timestamp> {
    let failed = remembered.last_failure.filter(|time| *time <= now)?;
    let doublings = remembered.failures.checked_sub(1)?.min(16);
    failed.checked_add(terms.retry_after.checked_mul(1 << doublings)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn terms(created: &str) -> Terms<'static> {
        Terms { uid: "7f3c", created: at(created), starting_deadline: None, retry_after: SignedDuration::from_mins(5) }
    }

    fn cron(expression: &str, zone: &str) -> CronTiming {
        CronTiming::parse(expression, zone).expect("a good expression")
    }

    #[test]
    fn expressions_are_checked_at_once() {
        for (expression, zone, wanted) in [
            ("0 2 * * *", "Europe/Berlin", "good"),
            ("@daily", "UTC", "good"),
            ("0 2 * *", "UTC", "no cron"),
            ("0 0 2 * * *", "UTC", "no cron"),
            ("61 2 * * *", "UTC", "no cron"),
            ("0 2 30 2 *", "UTC", "never"),
            ("0 2 * * *", "Europe/Atlantis", "no time zone"),
            ("", "UTC", "no cron"),
        ] {
            let got = match CronTiming::parse(expression, zone) {
                Ok(_) => "good".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(got.contains(wanted), "{expression:?} in {zone}: {got}");
        }
    }

    #[test]
    fn daylight_saving_neither_loses_nor_doubles_a_night() {
        // Berlin goes forward on 29 March 2026 at 02:00 and back on 25 October 2026 at 03:00.
        let nightly = cron("30 2 * * *", "Europe/Berlin");
        for (after, wanted) in [
            ("2026-03-27T12:00:00Z", "2026-03-28T01:30:00Z"),
            ("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
            ("2026-03-29T12:00:00Z", "2026-03-30T00:30:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
            ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ] {
            assert_eq!(nightly.after(at(after)), Some(at(wanted)), "after {after}");
        }
    }

    #[test]
    fn an_interval_begins_at_once_and_keeps_its_own_time_of_day() {
        let timing = Timing::Interval(SignedDuration::from_hours(24));
        let terms = terms("2026-01-01T00:00:00Z");
        let now = at("2026-01-01T00:00:05Z");
        assert_eq!(due(&timing, terms, Remembered::default(), now), Due::Now { time: terms.created, missed: false });
        let mut last = terms.created;
        for day in 0..5 {
            let remembered = Remembered { last: Some(last), ..Remembered::default() };
            let Due::At { next, missed: false } = due(&timing, terms, remembered, last) else { panic!("not yet due") };
            let gap = next.duration_since(last);
            if day > 0 {
                assert_eq!(gap, SignedDuration::from_hours(24));
            }
            assert!((12..=36).contains(&gap.as_hours()), "{gap}");
            last = next;
        }
    }

    #[test]
    fn schedules_of_one_interval_are_spread() {
        let interval = SignedDuration::from_hours(1);
        let last = at("2026-01-01T00:00:00Z");
        let times = (0..60).map(|number| grid_after(interval, &format!("uid-{number}"), last));
        let minutes: std::collections::BTreeSet<i64> = times.map(|time| time.as_second() / 60).collect();
        assert!(minutes.len() > 30, "{} different minutes", minutes.len());
    }

    #[test]
    fn after_downtime_there_is_one_pass() {
        let terms = terms("2026-01-01T00:00:00Z");
        let remembered = Remembered { last: Some(at("2026-01-05T02:00:00Z")), ..Remembered::default() };
        let nightly = Timing::Cron(cron("0 2 * * *", "UTC"));
        let now = at("2026-01-10T09:00:00Z");
        let latest = at("2026-01-10T02:00:00Z");
        assert_eq!(due(&nightly, terms, remembered, now), Due::Now { time: latest, missed: true });
        let remembered = Remembered { last: Some(latest), ..Remembered::default() };
        let next = at("2026-01-11T02:00:00Z");
        assert_eq!(due(&nightly, terms, remembered, now), Due::At { next, missed: false });
    }

    #[test]
    fn what_is_too_late_waits_for_the_next_time() {
        let terms = Terms { starting_deadline: Some(SignedDuration::from_hours(1)), ..terms("2026-01-01T00:00:00Z") };
        let remembered = Remembered { last: Some(at("2026-01-09T02:00:00Z")), ..Remembered::default() };
        let nightly = Timing::Cron(cron("0 2 * * *", "UTC"));
        for (now, wanted) in [
            ("2026-01-10T01:59:00Z", Due::At { next: at("2026-01-10T02:00:00Z"), missed: false }),
            ("2026-01-10T02:59:00Z", Due::Now { time: at("2026-01-10T02:00:00Z"), missed: false }),
            ("2026-01-10T03:01:00Z", Due::At { next: at("2026-01-11T02:00:00Z"), missed: true }),
        ] {
            assert_eq!(due(&nightly, terms, remembered, at(now)), wanted, "{now}");
        }
    }

    #[test]
    fn failures_are_tried_again_more_and_more_slowly() {
        let terms = terms("2026-01-01T00:00:00Z");
        let daily = Timing::Cron(cron("0 2 * * *", "UTC"));
        let failed = at("2026-01-10T02:10:00Z");
        let next = |failures| {
            let last = Some(at("2026-01-10T02:00:00Z"));
            match due(&daily, terms, Remembered { last, failures, last_failure: Some(failed) }, failed) {
                Due::At { next, .. } => next,
                Due::Now { .. } => panic!("not at once"),
            }
        };
        assert_eq!(next(0), at("2026-01-11T02:00:00Z"));
        assert_eq!(next(1), at("2026-01-10T02:15:00Z"));
        assert_eq!(next(2), at("2026-01-10T02:20:00Z"));
        assert_eq!(next(4), at("2026-01-10T02:50:00Z"));
        assert_eq!(next(30), at("2026-01-11T02:00:00Z"), "never later than the regular time");
        // A short interval is never overtaken by retries.
        let often = Timing::Interval(SignedDuration::from_mins(2));
        let remembered = Remembered { last: Some(failed), failures: 3, last_failure: Some(failed) };
        let Due::At { next, .. } = due(&often, terms, remembered, failed) else { panic!("not at once") };
        assert!(next.duration_since(failed) <= SignedDuration::from_mins(3));
    }

    #[test]
    fn a_clock_that_jumped_back_does_not_stop_the_schedule() {
        let terms = terms("2026-01-01T00:00:00Z");
        let remembered = Remembered { last: Some(at("2036-01-01T00:00:00Z")), ..Remembered::default() };
        let nightly = Timing::Cron(cron("0 2 * * *", "UTC"));
        let now = at("2026-01-02T03:00:00Z");
        assert_eq!(due(&nightly, terms, remembered, now), Due::Now { time: at("2026-01-02T02:00:00Z"), missed: true });
    }

    #[test]
    fn windows_in_which_nothing_is_pushed() {
        let freeze = Freeze { starts: cron("0 0 24 12 *", "Europe/Berlin"), lasts: SignedDuration::from_hours(72) };
        for (now, wanted) in [
            ("2026-12-23T22:59:59Z", None),
            ("2026-12-23T23:00:00Z", Some("2026-12-26T23:00:00Z")),
            ("2026-12-26T22:59:59Z", Some("2026-12-26T23:00:00Z")),
            ("2026-12-26T23:00:00Z", None),
        ] {
            assert_eq!(freeze.until(at(now)), wanted.map(at), "{now}");
        }
        // A second window that begins within the first prolongs it.
        let more = Freeze { starts: cron("0 12 26 12 *", "Europe/Berlin"), lasts: SignedDuration::from_hours(48) };
        let windows = [freeze, more];
        assert_eq!(frozen_until(&windows, at("2026-12-24T00:00:00Z")), Some(at("2026-12-28T11:00:00Z")));
        assert_eq!(frozen_until(&windows, at("2026-12-28T11:00:00Z")), None);
        assert_eq!(frozen_until(&[], at("2026-12-24T00:00:00Z")), None);
        let always = Freeze { starts: cron("0 * * * *", "UTC"), lasts: SignedDuration::from_hours(2) };
        assert!(frozen_until(&[always], at("2026-12-24T00:00:00Z")).is_some(), "an endless one ends the search");
    }
}
