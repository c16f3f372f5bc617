//! When to try again, and after how long. Pure: time and chance are arguments.

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::time::Duration;

/// Exponential waiting with jitter, so that many clients do not come back together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    pub first: Duration,
    pub most: Duration,
    /// Tries in all, the first one included.
    pub tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: 6 }
    }
}

impl Backoff {
    /// How long to wait after `failed` tries (from 1); `chance` is between 0 and 1. None = give up.
    pub fn delay(&self, failed: u32, chance: f64) -> Option<Duration> {
        if failed >= self.tries {
            return None;
        }
        let doubled = self.first.saturating_mul(1 << failed.saturating_sub(1).min(20));
        // Between a half and the whole: some waiting is certain, and no two clients wait the same.
        Some(doubled.min(self.most).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0))
    }
}

/// What an answer asks of the client. A service that says it in its body does so in its own
/// [`Observer`](super::Observer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The directory interprets it.
    Answer,
    /// Slow down, then again; never counts as a failed try.
    Throttled(Option<Duration>),
    /// A fault of the server: again, with growing patience.
    Faulty(Option<Duration>),
}

impl Retry {
    /// By status and headers alone, whatever the interface.
    pub fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::Throttled(retry_after(headers)),
            // A 503 that names a time is how some services throttle.
            StatusCode::SERVICE_UNAVAILABLE if headers.contains_key(RETRY_AFTER) => {
                Self::Throttled(retry_after(headers))
            }
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Faulty(retry_after(headers)),
            _ => Self::Answer,
        }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, whole or with a fraction, or a date, which counts from the
/// answer's own `Date`, so that no clock but the server's has a say. None = nothing usable: the client's own patience
/// holds.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = match text(headers, RETRY_AFTER)?.parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => date(headers, RETRY_AFTER)?.duration_since(date(headers, DATE)?).as_secs_f64().max(0.0),
    };
    (0.0..=86_400.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A date as HTTP writes it, which is a form of the mail's (RFC 5322).
fn date(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text(headers, name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_and_ends() {
        let backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(10), tries: 5 };
        let wait = |failed, chance| backoff.delay(failed, chance).map(|delay| delay.as_secs_f64());
        assert_eq!([wait(1, 0.0), wait(1, 1.0)], [Some(1.0), Some(2.0)]);
        assert_eq!([wait(2, 1.0), wait(3, 1.0), wait(4, 1.0)], [Some(4.0), Some(8.0), Some(10.0)]);
        assert_eq!(wait(5, 0.5), None);
        assert!(Backoff { tries: u32::MAX, ..backoff }.delay(u32::MAX - 1, 1.0).is_some());
    }

    #[test]
    fn a_status_says_what_to_do() {
        let with = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(RETRY_AFTER, value.parse().unwrap());
            }
            headers
        };
        let seconds = |s| Some(Duration::from_secs(s));
        for (status, header, wanted) in [
            (200, None, Retry::Answer),
            (400, None, Retry::Answer),
            (401, None, Retry::Answer),
            (429, None, Retry::Throttled(None)),
            (429, Some("7"), Retry::Throttled(seconds(7))),
            (429, Some("-1"), Retry::Throttled(None)),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), Retry::Throttled(None)),
            (503, Some("3"), Retry::Throttled(seconds(3))),
            (503, None, Retry::Faulty(None)),
            (500, None, Retry::Faulty(None)),
            (504, Some("2"), Retry::Faulty(seconds(2))),
        ] {
            assert_eq!(Retry::of(StatusCode::from_u16(status).unwrap(), &with(header)), wanted, "{status} {header:?}");
        }
    }

    #[test]
    fn a_date_counts_from_the_servers_own() {
        const NOW: &str = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (header, date, wanted) in [
            ("2.5", None, Some(2.5)),
            (" 30 ", Some(NOW), Some(30.0)),
            ("Wed, 21 Oct 2026 07:28:45 GMT", Some(NOW), Some(45.0)),
            ("Thu, 22 Oct 2026 07:28:00 GMT", Some(NOW), Some(86_400.0)),
            ("Thu, 22 Oct 2026 07:28:01 GMT", Some(NOW), None),
            ("Wed, 21 Oct 2026 07:27:00 GMT", Some(NOW), Some(0.0)),
            ("Wed, 21 Oct 2026 07:28:45 GMT", None, None),
            ("Wed, 21 Oct 2026 07:28:45 GMT", Some("now"), None),
            ("in a while", Some(NOW), None),
            ("", Some(NOW), None),
            ("NaN", Some(NOW), None),
            ("inf", Some(NOW), None),
            ("-1", Some(NOW), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, header.parse().unwrap());
            headers.extend(date.map(|date| (DATE, date.parse().unwrap())));
            assert_eq!(retry_after(&headers), wanted.map(Duration::from_secs_f64), "{header} {date:?}");
        }
    }
}
