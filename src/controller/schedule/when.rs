//! When the next pass is due. Pure, and the one place that knows about time.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Passes come at fixed times that differ from schedule to schedule, so that a cluster's schedules do not all
/// begin at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    interval: i64,
    offset: i64,
}

impl Rhythm {
    pub fn every(interval_seconds: u64, uid: &str) -> Self {
        let interval = i64::try_from(interval_seconds).unwrap_or(i64::MAX).max(1);
        let hash = Sha256::digest(uid.as_bytes());
        let number = u64::from_be_bytes(hash[..8].try_into().expect("a digest has 32 bytes"));
        let offset = i64::try_from(number % interval.unsigned_abs()).expect("it is smaller than the interval");
        Self { interval, offset }
    }

    /// The last of the fixed times that is not after `time`.
    fn not_after(self, time: Timestamp) -> Timestamp {
        let second = time.as_second();
        let at = second - (second - self.offset).rem_euclid(self.interval);
        Timestamp::from_second(at).unwrap_or(time)
    }

    /// The pass after one that was due at `last`: the first fixed time at least half an interval later, so that
    /// the first pass, which comes when the schedule is made, is not followed by the second at once.
    pub fn after(self, last: Timestamp) -> Timestamp {
        let earliest = last.checked_add(SignedDuration::from_secs(self.interval / 2)).unwrap_or(last);
        let before = self.not_after(earliest);
        if before == earliest && before > last {
            return before;
        }
        before.checked_add(SignedDuration::from_secs(self.interval)).unwrap_or(earliest)
    }

    /// The time that the pass which begins now was due: of several missed ones the latest, so that there is at
    /// most one to catch up.
    pub fn due(self, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let next = self.after(last);
        (next <= now).then(|| self.not_after(now).max(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_day_of_passes() {
        let rhythm = Rhythm { interval: 100, offset: 30 };
        for (last, next) in [(0, 130), (20, 130), (79, 130), (80, 130), (81, 230), (130, 230), (230, 330)] {
            assert_eq!(rhythm.after(at(last)), at(next), "after {last}");
        }
        for (last, now, due) in [
            (130, 229, None),
            (130, 230, Some(230)),
            (130, 300, Some(230)),
            // Three were missed: one is caught up.
            (130, 560, Some(530)),
            // The clock jumped back.
            (130, 50, None),
        ] {
            assert_eq!(rhythm.due(at(last), at(now)), due.map(at), "last {last}, now {now}");
        }
    }

    proptest! {
        #[test]
        fn passes_come_in_time_and_never_twice(interval in 60_u64..100_000, uid in "[a-z0-9]{1,20}", start in 0_i64..2_000_000_000) {
            let rhythm = Rhythm::every(interval, &uid);
            let interval = i64::try_from(interval).unwrap();
            let mut last = at(start);
            for turn in 0..5 {
                let next = rhythm.after(last);
                let gap = next.duration_since(last).as_secs();
                if turn == 0 {
                    prop_assert!(gap * 2 >= interval - 1 && gap * 2 <= 3 * interval + 1);
                } else {
                    prop_assert_eq!(gap, interval);
                }
                prop_assert_eq!(rhythm.due(last, at(next.as_second() - 1)), None);
                prop_assert_eq!(rhythm.due(last, next), Some(next));
                last = next;
            }
        }
    }
}
