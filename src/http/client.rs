//! Sends requests of one connector: paced, retried, counted.

use super::error::{Error, TransportProblem};
use super::pacing::{Feedback, PaceSettings, Pacer, Permit};
use super::retry::{Backoff, Retry};
use crate::model::observed::Counters;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub pace: PaceSettings,
    pub backoff: Backoff,
    /// For the whole of one request, its body included. Long: the services cut off what takes too long themselves,
    /// Exchange Online after fifteen minutes.
    pub timeout: Duration,
    /// How often in a row one request lets itself be told to wait.
    pub max_waits: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: PaceSettings::default(),
            backoff: Backoff::default(),
            timeout: Duration::from_secs(900),
            max_waits: 50,
        }
    }
}

/// An answer with its whole body, whatever its status, unless the client was to try again.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
}

/// Looks at each answer before the client decides what to do with it: a service can throttle, or fail for a
/// moment, in words of its own.
pub trait Observer: Send + Sync {
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Retry {
        let _ = body;
        Retry::of(status, headers)
    }

    /// What an answer that is not refused says about the budget.
    fn budget(&self, headers: &HeaderMap) -> Feedback {
        let _ = headers;
        Feedback::Accepted
    }
}

/// Judges by status and headers alone.
impl Observer for () {}

pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    pacer: Mutex<Pacer>,
    done: Notify,
    began: Instant,
    requests: AtomicU64,
    throttled: AtomicU64,
    retries: AtomicU64,
    bytes_read: AtomicU64,
    chance: AtomicU64,
}

impl Client {
    pub fn new(http: reqwest::Client, settings: Settings) -> Self {
        Self {
            http,
            settings,
            pacer: Mutex::new(Pacer::new(settings.pace)),
            done: Notify::new(),
            began: Instant::now(),
            requests: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            chance: AtomicU64::new(u64::from(std::process::id()) | 1),
        }
    }

    /// For building requests.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub fn counters(&self) -> Counters {
        Counters {
            requests: self.requests.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            peak_memory_bytes: 0,
        }
    }

    /// Sends what `build` makes, anew for each try, until there is an answer to interpret.
    ///
    /// Only requests that may be repeated belong here; one that may not says so with `observer`, or is sent with
    /// a `build` that first looks what became of the last try.
    pub async fn send<O, B>(&self, observer: &O, mut build: B) -> Result<Answer, Error>
    where
        O: Observer + ?Sized,
        B: FnMut(&reqwest::Client) -> reqwest::Result<Request>,
    {
        let mut retries = self.retry_state();
        loop {
            let request =
                build(&self.http).map_err(|error| Error::Transport { problem: TransportProblem::of(&error) })?;
            if let Some(answer) = retries.judged(self.once(observer, request).await).await? {
                return Ok(answer);
            }
        }
    }

    async fn once<O: Observer + ?Sized>(&self, observer: &O, request: Request) -> Result<(Answer, Retry), Error> {
        // A future that is dropped in mid-flight gives its place back.
        let in_flight = self.in_flight().await;
        let answer = in_flight.execute(request).await?;
        let retry = in_flight.judge(observer, &answer);
        Ok((answer, retry))
    }

    /// For a call whose tries are made elsewhere: as many, and as far apart, as [`Client::send`] makes.
    pub fn retry_state(&self) -> RetryState<'_> {
        RetryState { client: self, failed: 0, refused: 0 }
    }

    /// Waits until one request may go. What goes into it may be decided afterwards, so that it holds all that came
    /// in the meantime.
    pub async fn in_flight(&self) -> InFlight<'_> {
        let sent = self.permit().await;
        InFlight { client: self, sent }
    }

    /// How many requests may be under way at once.
    pub fn max_in_flight(&self) -> usize {
        self.settings.pace.max_concurrency.max(1) as usize
    }

    /// Waits for its turn; gives the time of sending.
    async fn permit(&self) -> Duration {
        loop {
            // Made before asking, so that a place that becomes free in between is not missed.
            let freed = self.done.notified();
            let now = self.began.elapsed();
            let permit = self.pacer().permit(now);
            match permit {
                Permit::Go => return now,
                Permit::Wait(time) => tokio::time::sleep(time).await,
                Permit::Full => freed.await,
            }
        }
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().expect("no holder of the pacer panics")
    }

    /// A number between 0 and 1 for jitter; xorshift, which is all that spreading out needs.
    fn chance(&self) -> f64 {
        let mut x = self.chance.load(Ordering::Relaxed) ^ (self.began.elapsed().as_nanos() as u64) << 1 | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.chance.store(x, Ordering::Relaxed);
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How often one call was tried, and what came of it.
pub struct RetryState<'a> {
    client: &'a Client,
    failed: u32,
    refused: u32,
}

impl RetryState<'_> {
    /// An answer to interpret; none = now is the time to try again.
    ///
    /// # Errors
    /// The last try's, once there have been enough.
    pub async fn judged(&mut self, outcome: Result<(Answer, Retry), Error>) -> Result<Option<Answer>, Error> {
        let Self { client, .. } = *self;
        let (asked, error) = match outcome {
            Ok((answer, Retry::Answer)) => return Ok(Some(answer)),
            Ok((_, Retry::Throttled(wait))) => {
                self.refused += 1;
                if self.refused > client.settings.max_waits {
                    return Err(Error::Throttled { retry_after: wait });
                }
                // The pacer holds everybody back for as long as the server said.
                client.retries.fetch_add(1, Ordering::Relaxed);
                return Ok(None);
            }
            Ok((answer, Retry::Faulty(wait))) => {
                (wait, Error::Unavailable { status: answer.status.as_u16(), tries: self.failed + 1 })
            }
            Err(Error::Transport { problem }) if !problem.is_transient() => {
                return Err(Error::Transport { problem });
            }
            Err(error) => (None, error),
        };
        self.failed += 1;
        let Some(delay) = client.settings.backoff.delay(self.failed, client.chance()) else { return Err(error) };
        client.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(asked.unwrap_or(delay).max(delay)).await;
        Ok(None)
    }
}

/// A request's place among those under way, until it is dropped.
pub struct InFlight<'a> {
    client: &'a Client,
    sent: Duration,
}

impl InFlight<'_> {
    /// The request carries so many calls; each of them counts.
    pub fn carries(&self, calls: usize) {
        self.client.pacer().carries(calls.saturating_sub(1));
    }

    /// Sends it, once.
    pub async fn execute(&self, request: Request) -> Result<Answer, Error> {
        let client = self.client;
        client.requests.fetch_add(1, Ordering::Relaxed);
        let transport = |error: reqwest::Error| Error::Transport { problem: TransportProblem::of(&error) };
        let exchange = async {
            let response = client.http.execute(request).await.map_err(transport)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes().await.map_err(transport)?;
            Ok::<_, Error>(Answer { status, headers, body })
        };
        let answer = match tokio::time::timeout(client.settings.timeout, exchange).await {
            Ok(answer) => answer?,
            Err(_) => {
                let problem = TransportProblem::Timeout { host: "the server".to_owned() };
                return Err(Error::Transport { problem });
            }
        };
        client.bytes_read.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
        Ok(answer)
    }

    /// What to do with the answer to one call; the pacer hears what it says about speed.
    pub fn judge<O: Observer + ?Sized>(&self, observer: &O, answer: &Answer) -> Retry {
        let retry = observer.judge(answer.status, &answer.headers, &answer.body);
        let feedback = match retry {
            Retry::Throttled(retry_after) => {
                self.client.throttled.fetch_add(1, Ordering::Relaxed);
                Feedback::Throttled { retry_after }
            }
            Retry::Faulty(_) => Feedback::Silent,
            Retry::Answer => observer.budget(&answer.headers),
        };
        let now = self.client.began.elapsed();
        self.client.pacer().heard(self.sent, now, feedback);
        retry
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.client.pacer().done();
        self.client.done.notify_one();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Throttles with 403 and a reason in the body, as some services do.
    struct ByReason;

    impl Observer for ByReason {
        fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Retry {
            let too_fast = [&b"rateLimitExceeded"[..], b"quotaExceeded"];
            let says = |reason: &[u8]| body.windows(reason.len()).any(|part| part == reason);
            match status {
                StatusCode::FORBIDDEN if too_fast.into_iter().any(says) => {
                    Retry::Throttled(super::super::retry_after(headers))
                }
                _ => Retry::of(status, headers),
            }
        }
    }

    #[tokio::test]
    async fn a_service_throttles_in_words_of_its_own() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for (status, body) in [
                ("403 Forbidden\r\nRetry-After: 0.01", r#"{"reason":"rateLimitExceeded"}"#),
                ("503 Service Unavailable", "busy"),
                ("403 Forbidden", r#"{"reason":"forbidden"}"#),
            ] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        let backoff = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let client = Client::new(http, Settings { backoff, ..Settings::default() });
        let answer = client.send(&ByReason, |http| http.get(&url).build()).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (403, &br#"{"reason":"forbidden"}"#[..]));
        let counters = client.counters();
        assert_eq!((counters.requests, counters.throttled, counters.retries), (3, 1, 2));
    }
}
