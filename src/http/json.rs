//! Answers in JSON, and those that were cut off on the way.

use super::client::Observer;
use super::retry::Retry;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// How often an answer that looks whole and is not is asked for again.
pub const READINGS: usize = 3;

/// Whether a body can be a JSON object. Looking closer would mean to parse it twice.
pub fn looks_whole(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    body.first() == Some(&b'{') && body.last() == Some(&b'}')
}

/// Judges answers of a service that always gives a JSON object: a success with anything else comes from something in
/// between.
pub struct WholeJson;

impl Observer for WholeJson {
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Retry {
        match Retry::of(status, headers) {
            Retry::Answer if status.is_success() && !looks_whole(body) => Retry::Faulty(None),
            retry => retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_is_asked_for_again() {
        let faulty = Retry::Faulty(None);
        for (status, body, wanted) in [
            (200, r#" {"value": []} "#, Retry::Answer),
            (200, "{}\r\n", Retry::Answer),
            (200, r#"{"value": ["#, faulty),
            (200, "", faulty),
            (201, "<html>signed out</html>", faulty),
            (400, "<html>", Retry::Answer),
            (429, "", Retry::Throttled(None)),
            (502, "{}", faulty),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(WholeJson.judge(status, &HeaderMap::new(), body.as_bytes()), wanted, "{status} {body}");
        }
    }
}
