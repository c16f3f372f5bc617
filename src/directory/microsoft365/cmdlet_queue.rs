//! Puts cmdlets that wait at the same time into one request.
//!
//! Nothing waits for company: whoever calls when a place among the requests under way is free takes it, together with
//! all who called until then. So requests are full while places are scarce, and nobody loses time while they are not.
//! Cmdlets of one contact never meet in a request, since the next one is called after the last one's answer.
//!
//! There is no task of its own: one of the callers sends for all, and what it drops in mid-flight counts as lost.

use super::batch::Batch;
use super::cmdlet_error::Cmdlets;
use super::invocation::Invocation;
use crate::http::{self, Answer, Client, InFlight, Observer, Retry, TransportProblem, bearer};
use reqwest::StatusCode;
use reqwest::header::AUTHORIZATION;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// What came of one try of one cmdlet.
type Outcome = Result<(Answer, Retry), http::Error>;

/// The cmdlets of one tenant that wait for a place.
pub(super) struct CmdletQueue {
    /// Most cmdlets of one request.
    max_cmdlets: usize,
    /// The address of `$batch`.
    url: String,
    /// The service does not take batches.
    is_refused: AtomicBool,
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held by the one who waits for a place and gathers.
    turn: tokio::sync::Mutex<()>,
    number: AtomicU64,
}

struct Waiting {
    number: u64,
    call: Arc<Invocation>,
    token: String,
    /// None = it was not looked at; again at once.
    answered: oneshot::Sender<Option<Outcome>>,
}

impl CmdletQueue {
    pub(super) fn new(max_cmdlets: usize, url: String) -> Self {
        Self {
            max_cmdlets,
            url,
            is_refused: AtomicBool::new(false),
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            number: AtomicU64::new(0),
        }
    }

    /// Most cmdlets of one request.
    pub(super) fn max_cmdlets(&self) -> usize {
        if self.is_refused.load(Ordering::Relaxed) { 1 } else { self.max_cmdlets }
    }

    /// One try of a cmdlet, in the next request that goes.
    pub(super) async fn send(&self, client: &Client, call: &Arc<Invocation>, token: &str) -> Outcome {
        loop {
            let (answered, mut answer) = oneshot::channel();
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            self.waiting().push_back(Waiting { number, call: call.clone(), token: token.to_owned(), answered });
            let told = loop {
                tokio::select! {
                    biased;
                    told = &mut answer => break told,
                    turn = self.turn.lock() => {
                        if !self.waits(number) {
                            drop(turn);
                            break answer.await;
                        }
                        let in_flight = client.in_flight().await;
                        // All who can go on by now call before anything is sent.
                        tokio::task::yield_now().await;
                        let together = self.take();
                        drop(turn);
                        self.send_together(client, in_flight, together).await;
                    }
                }
            };
            match told {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                // Whoever sent it has gone: the answer is lost.
                Err(_) => {
                    let problem = TransportProblem::Broken { host: "the server".to_owned() };
                    return Err(http::Error::Transport { problem });
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().expect("no holder panics")
    }

    fn waits(&self, number: u64) -> bool {
        self.waiting().iter().any(|waiting| waiting.number == number)
    }

    /// Those who wait longest and are signed alike.
    fn take(&self) -> Vec<Waiting> {
        let most = self.max_cmdlets();
        let mut queue = self.waiting();
        queue.retain(|waiting| !waiting.answered.is_closed());
        let Some(token) = queue.front().map(|first| first.token.clone()) else { return Vec::new() };
        let alike = queue.iter().take(most).take_while(|waiting| waiting.token == token).count();
        queue.drain(..alike).collect()
    }

    async fn send_together(&self, client: &Client, in_flight: InFlight<'_>, together: Vec<Waiting>) {
        let Some(first) = together.first() else { return };
        in_flight.carries(together.len());
        let authorization = bearer(&first.token);
        let calls: Vec<&Invocation> = together.iter().map(|waiting| &*waiting.call).collect();
        let batch = (calls.len() > 1).then(|| Batch::new(&calls, &authorization));
        let request = match &batch {
            Some(batch) => batch.request(client.http(), &self.url, &first.call.anchor),
            None => first.call.request(client.http()),
        };
        let answer = match request.header(AUTHORIZATION, authorization.as_str()).build() {
            Ok(request) => in_flight.execute(request).await,
            Err(error) => Err(http::Error::Transport { problem: TransportProblem::of(&error) }),
        };
        let answers: Vec<Result<Answer, http::Error>> = match (answer, &batch) {
            (Ok(whole), Some(batch)) if whole.status.is_success() => {
                batch.answers(&whole).into_iter().map(Ok).collect()
            }
            (Ok(whole), Some(_)) if refuses_batches(&whole) => return self.forget(whole.status, together),
            // What concerns the whole concerns each.
            (answer, _) => together.iter().map(|_| answer.clone()).collect(),
        };
        for (waiting, answer) in together.into_iter().zip(answers) {
            let judged = answer.map(|answer| {
                let retry = in_flight.judge(&Cmdlets { just_made: waiting.call.just_made }, &answer);
                (answer, retry)
            });
            // Who does not listen any more has been dropped.
            let _ = waiting.answered.send(Some(judged));
        }
    }

    /// From now on each cmdlet goes by itself.
    fn forget(&self, status: StatusCode, together: Vec<Waiting>) {
        if !self.is_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                status = status.as_u16(),
                "Exchange Online does not take several cmdlets in one request (cmdletsPerRequest); each goes by itself"
            );
        }
        for waiting in together {
            let _ = waiting.answered.send(None);
        }
    }
}

/// An answer to the whole that is neither the service's trouble nor ours with token, role or rate: it takes no
/// batches, or not this one. Nothing of it was carried out.
fn refuses_batches(whole: &Answer) -> bool {
    let retry = Cmdlets { just_made: false }.judge(whole.status, &whole.headers, &whole.body);
    retry == Retry::Answer && ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&whole.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Settings;
    use serde_json::Map;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    /// Accepts one request and does not answer it; gives how many cmdlets are in it.
    async fn taken(listener: &TcpListener) -> (TcpStream, usize) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        while !text.contains("\r\n\r\n{") || !text.ends_with('}') {
            let read = stream.read(&mut bytes).await.unwrap();
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        (stream, text.matches("CmdletName").count())
    }

    #[tokio::test]
    async fn whoever_sent_for_others_and_is_gone_leaves_them_an_answer_that_is_lost() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/adminapi/beta/t", listener.local_addr().unwrap());
        let mut settings = Settings::default();
        // What is lost gives its place back, or nothing would go any more.
        settings.pace.max_concurrency = 1;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let client = Arc::new(Client::new(http, settings));
        let queue = Arc::new(CmdletQueue::new(10, format!("{base}/$batch")));
        let ask = |token: &'static str| {
            let (client, queue, url) = (client.clone(), queue.clone(), format!("{base}/InvokeCommand"));
            let call = Arc::new(Invocation::new(url, "t", "Set-Contact", &Map::new(), false));
            tokio::spawn(async move { queue.send(&client, &call, token).await })
        };
        let (first, second, later, otherwise) = (ask("a"), ask("a"), ask("a"), ask("b"));
        let (stream, cmdlets) = taken(&listener).await;
        assert_eq!(cmdlets, 3, "all who are signed alike go together");
        first.abort();
        for waiting in [second, later] {
            let lost = waiting.await.unwrap();
            assert!(matches!(lost, Err(http::Error::Transport { problem: TransportProblem::Broken { .. } })));
        }
        drop(stream);
        let (stream, cmdlets) = taken(&listener).await;
        assert_eq!(cmdlets, 1, "the one that is signed otherwise");
        drop(stream);
        assert!(matches!(otherwise.await.unwrap(), Err(http::Error::Transport { .. })));
        assert_eq!(client.counters().requests, 2);
    }
}
