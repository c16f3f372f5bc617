//! Two candidates and an API server that knows one Lease.

use super::*;
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Server {
    lease: Option<Value>,
    version: u64,
    /// Somebody else writes between the next read and the next write.
    races: bool,
}

impl Server {
    fn answer(&mut self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        let refused = |code: StatusCode, reason: &str| {
            (code, json!({ "kind": "Status", "status": "Failure", "reason": reason, "code": code.as_u16() }))
        };
        if *method == Method::GET {
            return match &self.lease {
                Some(lease) => (StatusCode::OK, lease.clone()),
                None => refused(StatusCode::NOT_FOUND, "NotFound"),
            };
        }
        let written: Value = serde_json::from_slice(body).unwrap();
        if std::mem::take(&mut self.races) {
            self.version += 1;
            self.lease.get_or_insert_with(|| json!({}))["metadata"]["resourceVersion"] =
                json!(self.version.to_string());
        }
        if *method == Method::POST && self.lease.is_some() {
            return refused(StatusCode::CONFLICT, "AlreadyExists");
        }
        if *method == Method::PUT {
            let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
            let current = version(self.lease.as_ref().expect("it was read before"));
            assert!(version(&written).is_string(), "a write without the version that was read");
            if current != version(&written) {
                return refused(StatusCode::CONFLICT, "Conflict");
            }
        }
        self.version += 1;
        let mut written = written;
        written["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(written.clone());
        (StatusCode::OK, written)
    }
}

fn client(server: &Arc<Mutex<Server>>) -> Client {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = Arc::clone(server);
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let (status, answer) = server.lock().unwrap().answer(&parts.method, &body);
            let body = Body::from(serde_json::to_vec(&answer).unwrap());
            send.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    Client::new(service, "operators")
}

fn candidate(server: &Arc<Mutex<Server>>, holder: &str) -> Candidate {
    let settings =
        LeaseSettings { namespace: "operators".to_owned(), name: "galsync".to_owned(), holder: holder.to_owned() };
    Candidate::new(&client(server), &settings)
}

fn transitions(server: &Mutex<Server>) -> Value {
    server.lock().unwrap().lease.as_ref().unwrap()["spec"]["leaseTransitions"].clone()
}

/// Makes the candidate see the holding for so much longer.
fn wait(candidate: &mut Candidate, seconds: u64) {
    candidate.seen.as_mut().unwrap().since -= Duration::from_secs(seconds);
}

#[tokio::test]
async fn of_two_one_holds_it_until_it_is_silent() {
    let server = Arc::default();
    let (mut first, mut second) = (candidate(&server, "a"), candidate(&server, "b"));
    assert_eq!(first.look().await.unwrap(), Look::Ours);
    let theirs = |holder: &Candidate, look: Look| match look {
        Look::Theirs { holder: named, .. } => assert_eq!(named, holder.me),
        other => panic!("{other:?}"),
    };
    theirs(&first, second.look().await.unwrap());
    wait(&mut second, 31);
    // A renewal in time counts, however long the other has waited.
    assert_eq!(first.look().await.unwrap(), Look::Ours);
    theirs(&first, second.look().await.unwrap());
    wait(&mut second, 31);
    assert_eq!(second.look().await.unwrap(), Look::Ours);
    assert_eq!(transitions(&server), 1);
    // The first one wakes and must not believe that it still holds it.
    theirs(&second, first.look().await.unwrap());
}

#[tokio::test]
async fn a_restart_under_the_same_name_is_another_holder() {
    let server = Arc::default();
    let (mut before, mut after) = (candidate(&server, "pod"), candidate(&server, "pod"));
    assert_eq!(before.look().await.unwrap(), Look::Ours);
    assert!(matches!(after.look().await.unwrap(), Look::Theirs { .. }));
}

#[tokio::test]
async fn who_writes_second_has_not_got_it() {
    let server: Arc<Mutex<Server>> = Arc::default();
    let (mut first, mut second) = (candidate(&server, "a"), candidate(&server, "b"));
    server.lock().unwrap().races = true;
    assert_eq!(first.look().await.unwrap(), Look::Raced, "created by another one meanwhile");
    assert_eq!(first.look().await.unwrap(), Look::Ours);
    second.look().await.unwrap();
    wait(&mut second, 31);
    server.lock().unwrap().races = true;
    assert_eq!(second.look().await.unwrap(), Look::Raced);
}

#[tokio::test]
async fn given_back_it_is_taken_at_once() {
    let server = Arc::default();
    let (mut first, mut second) = (candidate(&server, "a"), candidate(&server, "b"));
    let held = first.acquire(|| panic!("nobody else is there")).await;
    assert!(matches!(second.look().await.unwrap(), Look::Theirs { .. }));
    held.release().await;
    assert_eq!(second.look().await.unwrap(), Look::Ours);
    // What is another's is not given back.
    let late = Held { candidate: &mut first, renewed: Instant::now() };
    late.release().await;
    assert_eq!(second.look().await.unwrap(), Look::Ours);
    assert_eq!(transitions(&server), 1);
}
