//! Whose turn it is. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// How long a Lease holds after it was renewed, as it is written into it.
pub const HOLDS_FOR: Duration = Duration::from_secs(30);
/// A holder that could not renew for so long ends itself. Smaller than [`HOLDS_FOR`], so that it has ended before
/// another one begins, also where the two clocks do not run alike.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(20);
/// How often a holder renews.
pub const RENEW_EVERY: Duration = Duration::from_secs(8);
/// How often one that stands by looks; a Lease that was given back is taken no later.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When to try again what the API server did not answer.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Who holds the Lease, and how the holder last showed that it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Absent: it was given back.
    pub holder: Option<String>,
    /// The holder's own time, compared with itself only: the clocks of machines differ.
    pub renewed: Option<jiff::Timestamp>,
    pub holds_for: Duration,
}

/// A holding, and since when *we* see it unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub holding: Holding,
    pub since: Instant,
}

impl Seen {
    /// What is seen now. The same holding again is as old as it was.
    pub fn again(before: Option<Self>, holding: Holding, now: Instant) -> Self {
        match before {
            Some(before) if before.holding == holding => before,
            _ => Self { holding, since: now },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is ours.
    Renew,
    /// It is nobody's, or its holder is silent for too long.
    Take,
    /// Another one's; look again then.
    StandBy(Duration),
}

/// `seen` is absent when there is no Lease yet.
pub fn turn(me: &str, seen: Option<&Seen>, now: Instant) -> Turn {
    let Some(Seen { holding, since }) = seen else { return Turn::Take };
    match holding.holder.as_deref() {
        None | Some("") => Turn::Take,
        Some(holder) if holder == me => Turn::Renew,
        Some(_) => {
            let left = (*since + holding.holds_for).saturating_duration_since(now);
            if left.is_zero() { Turn::Take } else { Turn::StandBy(left.min(LOOK_EVERY)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(holder: Option<&str>, renewed: i64, holds_for: u64) -> Holding {
        Holding {
            holder: holder.map(str::to_owned),
            renewed: jiff::Timestamp::from_second(renewed).ok(),
            holds_for: Duration::from_secs(holds_for),
        }
    }

    #[test]
    fn the_turn_follows_from_holder_and_silence() {
        let since = Instant::now();
        let at = |seconds: u64| since + Duration::from_secs(seconds);
        let wait = |seconds: u64| Turn::StandBy(Duration::from_secs(seconds));
        for (holder, holds_for, now, wanted) in [
            (Some("me"), 30, at(0), Turn::Renew),
            // Ours although long silent: nobody else took it, and only a write with its version makes it ours again.
            (Some("me"), 30, at(500), Turn::Renew),
            (None, 30, at(0), Turn::Take),
            (Some(""), 30, at(0), Turn::Take),
            (Some("other"), 30, at(0), wait(5)),
            (Some("other"), 30, at(27), wait(3)),
            (Some("other"), 30, at(30), Turn::Take),
            (Some("other"), 30, at(31), Turn::Take),
            // The holder's own word for how long it holds counts, not ours.
            (Some("other"), 60, at(31), wait(5)),
            (Some("other"), 0, at(0), Turn::Take),
        ] {
            let seen = Seen { holding: held(holder, 1, holds_for), since };
            assert_eq!(turn("me", Some(&seen), now), wanted, "{holder:?} for {holds_for} s at {:?}", now - since);
        }
        assert_eq!(turn("me", None, since), Turn::Take);
    }

    #[test]
    fn only_a_holder_that_shows_no_life_grows_old() {
        let first = Instant::now();
        let later = first + Duration::from_secs(25);
        let seen = Seen::again(None, held(Some("other"), 1, 30), first);
        assert_eq!(seen.since, first);
        assert_eq!(Seen::again(Some(seen.clone()), held(Some("other"), 1, 30), later).since, first);
        // A renewal with a time of the past is one all the same: the holder's clock may go wrong.
        for holding in [held(Some("other"), 2, 30), held(Some("other"), -5, 30), held(Some("third"), 1, 30)] {
            assert_eq!(Seen::again(Some(seen.clone()), holding, later).since, later);
        }
    }

    #[test]
    fn a_holder_has_ended_before_another_one_begins() {
        assert!(RENEW_EVERY * 2 < GIVE_UP_AFTER && GIVE_UP_AFTER + LOOK_EVERY < HOLDS_FOR);
    }
}
