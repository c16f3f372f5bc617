//! Sends requests of one connector: paced, retried, counted.

use super::error::{Error, TransportProblem};
use super::pacing::{Feedback, PaceSettings, Pacer, Permit};
use super::retry::{Backoff, Retry};
use crate::model::observed::Counters;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub pace: PaceSettings,
    pub backoff: Backoff,
    /// For the whole of one request, its body included.
    pub timeout: Duration,
    /// How often in a row one request lets itself be told to wait.
    pub patience: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: PaceSettings::default(),
            backoff: Backoff::default(),
            timeout: Duration::from_secs(300),
            patience: 50,
        }
    }
}

/// An answer with its whole body, whatever its status, unless the client was to try again.
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
        let (mut failed, mut refused) = (0, 0);
        loop {
            let request =
                build(&self.http).map_err(|error| Error::Transport { problem: TransportProblem::of(&error) })?;
            let outcome = self.once(observer, request).await;
            let (asked, error) = match outcome {
                Ok((answer, Retry::Answer)) => return Ok(answer),
                Ok((_, Retry::Throttled(wait))) => {
                    refused += 1;
                    if refused > self.settings.patience {
                        return Err(Error::Throttled { retry_after: wait });
                    }
                    // The pacer holds everybody back for as long as the server said.
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok((answer, Retry::Faulty(wait))) => {
                    (wait, Error::Unavailable { status: answer.status.as_u16(), tries: failed + 1 })
                }
                Err(Error::Transport { problem }) if !problem.is_transient() => {
                    return Err(Error::Transport { problem });
                }
                Err(error) => (None, error),
            };
            failed += 1;
            let Some(delay) = self.settings.backoff.delay(failed, self.chance()) else { return Err(error) };
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(asked.unwrap_or(delay).max(delay)).await;
        }
    }

    async fn once<O: Observer + ?Sized>(&self, observer: &O, request: Request) -> Result<(Answer, Retry), Error> {
        let sent = self.permit().await;
        // A future that is dropped in mid-flight must give its place back.
        let mut place = Place { client: self, sent, feedback: Feedback::Silent };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let transport = |error: reqwest::Error| Error::Transport { problem: TransportProblem::of(&error) };
        let exchange = async {
            let response = self.http.execute(request).await.map_err(transport)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes().await.map_err(transport)?;
            Ok::<_, Error>(Answer { status, headers, body })
        };
        let answer = match tokio::time::timeout(self.settings.timeout, exchange).await {
            Ok(answer) => answer?,
            Err(_) => {
                let problem = TransportProblem::Timeout { host: "the server".to_owned() };
                return Err(Error::Transport { problem });
            }
        };
        self.bytes_read.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
        let retry = observer.judge(answer.status, &answer.headers, &answer.body);
        place.feedback = match retry {
            Retry::Throttled(retry_after) => {
                self.throttled.fetch_add(1, Ordering::Relaxed);
                Feedback::Throttled { retry_after }
            }
            Retry::Faulty(_) => Feedback::Silent,
            Retry::Answer => observer.budget(&answer.headers),
        };
        Ok((answer, retry))
    }

    /// Waits for its turn; gives the time of sending.
    async fn permit(&self) -> Duration {
        loop {
            // Made before asking, so that a place that becomes free in between is not missed.
            let freed = self.done.notified();
            let now = self.began.elapsed();
            let permit = self.pacer.lock().expect("no holder of the pacer panics").permit(now);
            match permit {
                Permit::Go => return now,
                Permit::Wait(time) => tokio::time::sleep(time).await,
                Permit::Full => freed.await,
            }
        }
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

/// A request's place among those under way.
struct Place<'a> {
    client: &'a Client,
    sent: Duration,
    feedback: Feedback,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let now = self.client.began.elapsed();
        self.client.pacer.lock().expect("no holder of the pacer panics").done(self.sent, now, self.feedback);
        self.client.done.notify_one();
    }
}
