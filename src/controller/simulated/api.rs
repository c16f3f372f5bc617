//! An API server of plain data: what the operator's requests need of one, and a record of every write.

use super::line::{Access, Line, Passage};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Objects by path, such as `/apis/batch/v1/namespaces/n/jobs/a-source`.
#[derive(Default, Clone)]
pub struct Objects {
    pub by_path: BTreeMap<String, Value>,
    pub now: Timestamp,
    version: u64,
    /// Method and path of every write that was done, events aside.
    pub writes: Vec<String>,
    /// Every Job that was ever made.
    pub jobs: Vec<Value>,
    /// The notes of the events.
    pub notes: Vec<String>,
}

#[derive(Clone, Default)]
pub struct FakeApi(Arc<Mutex<Objects>>);

impl FakeApi {
    /// One that goes on from where another stands.
    pub fn from(objects: Objects) -> Self {
        Self(Arc::new(Mutex::new(objects)))
    }

    pub fn lock(&self) -> MutexGuard<'_, Objects> {
        self.0.lock().unwrap()
    }

    pub fn access(&self) -> Access {
        let line = Line::default();
        let router: Router = Router::new().fallback(answer).with_state((self.clone(), line.clone()));
        Access { client: kube::Client::new(router, "n"), line }
    }
}

async fn answer(State((api, line)): State<(FakeApi, Line)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let passage = line.pass(format!("{} {}", parts.method, parts.uri.path())).await;
    if passage == Passage::Blocked {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "the request did not arrive");
    }
    let answer = api.lock().answer(&parts.method, parts.uri.path(), parts.uri.query().unwrap_or_default(), &body);
    match passage {
        Passage::OneWay => refusal(StatusCode::GATEWAY_TIMEOUT, "Timeout", "the answer was lost"),
        Passage::Blocked | Passage::Free => answer,
    }
}

fn refusal(code: StatusCode, reason: &str, message: &str) -> Response {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": message, "code": code.as_u16() });
    (code, status.to_string()).into_response()
}

fn found(object: &Value) -> Response {
    Response::new(Body::from(object.to_string()))
}

/// A collection's path has an even number of parts behind the namespace.
fn is_collection(path: &str) -> bool {
    let behind = path.split_once("/namespaces/").map_or("", |(_, rest)| rest);
    behind.split('/').count() == 2
}

impl Objects {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: &Value) -> Response {
        let is_event = path.contains("/events");
        if *method != Method::GET && !is_event {
            let name = body["metadata"]["name"].as_str().filter(|_| *method == Method::POST);
            self.writes.push(name.map_or_else(|| format!("{method} {path}"), |name| format!("{method} {path}/{name}")));
        }
        let missing = || refusal(StatusCode::NOT_FOUND, "NotFound", path);
        match *method {
            Method::GET if is_collection(path) => self.list(path, query),
            Method::GET => self.by_path.get(path).map_or_else(missing, found),
            Method::POST if is_event => {
                self.notes.push(body["note"].as_str().unwrap_or_default().to_owned());
                found(body)
            }
            Method::POST => self.create(path, body),
            Method::PATCH if is_event => found(body),
            Method::PATCH => self.patch_status(path.trim_end_matches("/status"), body),
            Method::DELETE => self.delete(path, body),
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", path),
        }
    }

    fn list(&self, path: &str, query: &str) -> Response {
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let labels = query.get("labelSelector").cloned().unwrap_or_default();
        let matches = |object: &Value| {
            let wanted = labels.split(',').filter_map(|label| label.split_once('='));
            wanted.into_iter().all(|(name, value)| object["metadata"]["labels"][name] == value)
        };
        let prefix = format!("{path}/");
        let items: Vec<&Value> = self
            .by_path
            .iter()
            .filter(|(at, object)| at.starts_with(&prefix) && matches(object))
            .map(|(_, o)| o)
            .collect();
        found(&json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items }))
    }

    fn create(&mut self, path: &str, body: &Value) -> Response {
        let at = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
        if self.by_path.contains_key(&at) {
            return refusal(StatusCode::CONFLICT, "AlreadyExists", &at);
        }
        let created = self.put(&at, body.clone());
        if path.ends_with("/jobs") {
            self.jobs.push(created.clone());
        }
        found(&created)
    }

    /// Makes or replaces an object, as anybody may.
    pub fn put(&mut self, at: &str, mut object: Value) -> Value {
        self.version += 1;
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.entry("uid").or_insert_with(|| json!(format!("uid-{}", self.version)));
        metadata.entry("creationTimestamp").or_insert_with(|| json!(self.now.to_string()));
        metadata.entry("generation").or_insert_with(|| json!(1));
        metadata.insert("resourceVersion".to_owned(), json!(self.version.to_string()));
        self.by_path.insert(at.to_owned(), object.clone());
        object
    }

    fn patch_status(&mut self, at: &str, body: &Value) -> Response {
        let Some(mut object) = self.by_path.get(at).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NotFound", at);
        };
        let version = &body["metadata"]["resourceVersion"];
        if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
            return refusal(StatusCode::CONFLICT, "Conflict", "the object has been modified");
        }
        object["status"] = body["status"].clone();
        let written = self.put(at, object);
        found(&written)
    }

    /// In the foreground: a Job whose pod runs stays, marked, until the pod is gone.
    fn delete(&mut self, at: &str, body: &Value) -> Response {
        let Some(mut object) = self.by_path.get(at).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NotFound", at);
        };
        let wanted = &body["preconditions"]["uid"];
        if !wanted.is_null() && *wanted != object["metadata"]["uid"] {
            return refusal(StatusCode::CONFLICT, "Conflict", "another object of this name");
        }
        let runs = at.contains("/jobs/") && self.by_path.contains_key(&pod_path(&object));
        if runs {
            object["metadata"]["deletionTimestamp"] = json!(self.now.to_string());
            self.put(at, object);
        } else {
            self.by_path.remove(at);
        }
        found(&json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
    }
}

pub fn pod_path(job: &Value) -> String {
    format!("/api/v1/namespaces/n/pods/{}", job["metadata"]["uid"].as_str().unwrap())
}
