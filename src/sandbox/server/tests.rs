//! A second mail system: a list that tells what it was told. It is all that the server needs to know.

use super::call::{Call, Label, Reply};
use super::clock::Clock;
use super::limits::{Admission, Bucket};
use super::record::Shape;
use super::service::{Answer, Refused, Server, Service, System, TenantSummary, Tenants};
use super::settings::ClockSettings;
use super::{State, handle};
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// The one tenant, and the list that it has.
const TENANT: &str = "echo.example";

#[derive(Debug)]
struct Echo {
    heard: Mutex<Vec<String>>,
    rate: Mutex<Bucket>,
}

impl Tenants for Echo {
    fn list(&self) -> Vec<TenantSummary> {
        let objects = self.heard.lock().unwrap().len();
        vec![TenantSummary { id: "1".to_owned(), organization: TENANT.to_owned(), objects }]
    }

    fn names(&self, called: &str) -> Option<Vec<String>> {
        ["1", TENANT].contains(&called).then(|| vec!["1".to_owned(), TENANT.to_owned()])
    }

    fn dump(&self, _called: &str, _call: &Call) -> Result<Value, Refused> {
        Ok(json!(*self.heard.lock().unwrap()))
    }

    fn change(&self, _called: &str, changes: &[u8], _now: Timestamp) -> Result<usize, Refused> {
        let words: Vec<String> = serde_json::from_slice(changes).map_err(|e| Refused::Malformed(e.to_string()))?;
        let mut heard = self.heard.lock().unwrap();
        if words.iter().any(|word| heard.contains(word)) {
            return Err(Refused::Conflict("it was heard already".to_owned()));
        }
        heard.extend(words.clone());
        Ok(words.len())
    }
}

/// `GET` and `POST /echo/{tenant}`, and `/shout/{tenant}`, which is the same louder.
#[derive(Debug)]
struct EchoService {
    echo: Arc<Echo>,
    name: &'static str,
}

#[async_trait]
impl Service for EchoService {
    fn name(&self) -> &'static str {
        self.name
    }

    fn route(&self, call: &Call) -> Option<Label> {
        let called = call.path.strip_prefix('/')?.strip_prefix(self.name)?.strip_prefix('/')?;
        let tenant = self.echo.names(called).map(|_| TENANT.to_owned());
        Some(Label { service: self.name, tenant, operation: format!("{} words", call.method) })
    }

    fn admit(&self, label: &Label, now: Timestamp) -> Result<Admission, Reply> {
        let taken = match label.operation.as_str() {
            "POST words" => self.echo.rate.lock().unwrap().take(1.0, now),
            _ => Ok(()),
        };
        taken.map(|()| Admission::default()).map_err(|wait| self.refuse(429).retry_after(wait))
    }

    async fn answer(&self, call: &Call, _label: &Label, server: &dyn Server) -> Answer {
        let mut heard = self.echo.heard.lock().unwrap();
        if call.method == Method::POST {
            heard.push(String::from_utf8_lossy(&call.body).into_owned());
        }
        Answer::Whole(Reply::json(200, &json!({"words": *heard, "at": server.now()})))
    }

    fn effects(&self) -> &'static [&'static str] {
        if self.name == "echo" { &["silence"] } else { &[] }
    }

    fn fail(&self, _effect: &str, _call: &Call, _label: &Label, _now: Timestamp) -> Option<Reply> {
        self.echo.heard.lock().unwrap().clear();
        None
    }

    fn refuse(&self, status: u16) -> Reply {
        Reply::json(status, &json!({"echo": status}))
    }

    fn shape(&self) -> &'static Shape {
        &Shape { texts: &["kind"], ..Shape::EMPTY }
    }

    fn counters(&self) -> Option<Value> {
        (self.name == "echo").then(|| json!(self.echo.heard.lock().unwrap().len()))
    }
}

struct World(Arc<State>);

impl World {
    /// Two words a minute, after two at once.
    fn new() -> Self {
        let rate = Mutex::new(Bucket::new(1.0 / 30.0, 2.0));
        let echo = Arc::new(Echo { heard: Mutex::default(), rate });
        let service = |name| -> Box<dyn Service> { Box::new(EchoService { echo: echo.clone(), name }) };
        let system = System { name: "echo", tenants: echo.clone(), services: vec![service("echo"), service("shout")] };
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::new(&ClockSettings { start: Some(start), speed: 0.0 });
        Self(Arc::new(State::new(clock, vec![system], &[], 1, false).unwrap()))
    }

    /// Status, `Retry-After` and body; none = the connection broke.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, Option<String>, Value)> {
        let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        let response = handle(self.0.clone(), request).await;
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, retry_after) = (response.status().as_u16(), header("retry-after"));
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.ok()?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Some((status, retry_after, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.ask("GET", path, "").await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn faults(&self, rules: Value) -> (u16, Value) {
        let (status, _, body) = self.ask("PUT", "/sandbox/faults", &rules.to_string()).await.unwrap();
        (status, body)
    }
}

#[tokio::test]
async fn faults_strike_a_service_by_its_name_and_operation() {
    let world = World::new();
    world.ask("POST", "/echo/1", "one").await.unwrap();
    let put = async |then: Value| {
        let rules =
            json!([{"on": {"service": "echo", "tenant": TENANT, "operation": "GET *"}, "times": 1, "then": then}]);
        assert_eq!(world.faults(rules).await.0, 204, "{then}");
    };
    put(json!({"status": {"status": 503, "retryAfter": "90s"}})).await;
    assert_eq!(world.get("/shout/1").await["words"], json!(["one"]), "another service");
    assert_eq!(world.ask("GET", "/echo/1", "").await.unwrap(), (503, Some("90".to_owned()), json!({"echo": 503})));
    assert_eq!(world.get("/echo/1").await["words"], json!(["one"]), "the rule has ended");
    for broken in ["cutRequest", "cutAnswer", "noAnswer"] {
        put(json!(broken)).await;
        assert_eq!(world.ask("GET", "/echo/1", "").await, None, "{broken}");
    }
    put(json!("withoutList")).await;
    assert_eq!(world.get("/echo/1").await, json!({"at": "2026-01-01T00:00:00Z"}));
    put(json!("silence")).await;
    assert_eq!(world.get("/shout/1").await["words"], json!(["one"]));
    assert_eq!(world.get("/echo/1").await["words"], json!([]), "its own effect, and then carried out");
    let struck = world.get("/sandbox/faults").await;
    assert_eq!((&struck[0]["rule"]["then"], &struck[0]["struck"]), (&json!("silence"), &json!(1)));
}

#[tokio::test]
async fn rules_that_can_strike_nothing_here_are_refused() {
    let world = World::new();
    for (rule, sentence) in [
        (
            json!({"on": {"service": "graph"}, "then": "repeat"}),
            "faults[0].on.service: there is no service 'graph'; write one of echo, shout",
        ),
        (json!({"then": "transient"}), "faults[0].then: no service has the effect 'transient'"),
        (json!({"on": {"service": "shout"}, "then": "silence"}), "faults[0].then: shout does not have the effect"),
    ] {
        let (status, body) = world.faults(json!([rule])).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().starts_with(sentence), "{body}");
    }
}

#[tokio::test]
async fn limits_and_the_clock_are_the_sandboxs_own() {
    let world = World::new();
    let post = async || world.ask("POST", "/echo/1", "x").await.unwrap();
    assert_eq!((post().await.0, post().await.0), (200, 200));
    assert_eq!(post().await, (429, Some("30".to_owned()), json!({"echo": 429})));
    assert_eq!(world.get("/echo/1").await["at"], "2026-01-01T00:00:00Z", "reads are not limited");
    world.ask("POST", "/sandbox/clock/advance", r#"{"by": "30s"}"#).await.unwrap();
    assert_eq!(post().await.2["at"], "2026-01-01T00:00:30Z");
}

#[tokio::test]
async fn requests_are_counted_and_recorded_by_service() {
    let world = World::new();
    world.ask("POST", "/shout/echo.example?loud=yes", r#"{"kind": "word", "text": "hello"}"#).await.unwrap();
    assert_eq!(world.ask("GET", "/nobody/1", "").await.unwrap().0, 404);
    let counters = world.get("/sandbox/counters").await;
    let requests = counters["requests"].as_array().unwrap();
    for line in [
        json!({"tenant": TENANT, "service": "shout", "operation": "POST words", "status": 200, "count": 1}),
        json!({"tenant": "", "service": "other", "operation": "GET unknown", "status": 404, "count": 1}),
    ] {
        assert!(requests.contains(&line), "{counters}");
    }
    assert_eq!(counters["echo"], 1);
    let record = world.get("/sandbox/record").await;
    assert_eq!(record, "POST /shout/{tenant}?loud=yes {kind: \"word\", text: text}\n");
}

#[tokio::test]
async fn tenants_are_told_dumped_and_changed() {
    let world = World::new();
    let change = async |tenant: &str, body: &str| {
        let (status, _, body) = world.ask("POST", &format!("/sandbox/tenants/{tenant}/changes"), body).await.unwrap();
        (status, body)
    };
    assert_eq!(change("1", r#"["one", "two"]"#).await, (200, json!({"applied": 2})));
    assert_eq!(change(TENANT, r#"["one"]"#).await, (409, json!({"error": "it was heard already"})));
    assert_eq!(change(TENANT, "{}").await.0, 400);
    assert_eq!(change("2", "[]").await, (404, json!({"error": "there is no tenant 2"})));
    assert_eq!(world.get("/sandbox/tenants/1").await, json!(["one", "two"]));
    let all = json!([{"system": "echo", "id": "1", "organization": TENANT, "objects": 2}]);
    assert_eq!(world.get("/sandbox/tenants").await, all);
}
