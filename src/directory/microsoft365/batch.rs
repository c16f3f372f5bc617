//! Several cmdlets in one request: `POST /adminapi/beta/{tenant}/$batch`. What is known of it comes from one program
//! of a third party: ten requests at most, answered in any order and told apart by their ids, and not every answer has
//! a status, headers or a body.

use super::invocation::{ANCHOR, Invocation, JSON, PAGE, post};
use crate::http::{Answer, new_id};
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// Without this preference the first cmdlet that fails would end the batch.
const GO_ON: &str = "odata.maxpagesize=1000;odata.continue-on-error";

/// A request that holds several cmdlets, and the ids by which their answers are known.
pub(super) struct Batch {
    ids: Vec<String>,
    body: String,
}

#[derive(Serialize)]
struct Requests<'a> {
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    method: &'static str,
    url: &'a str,
    headers: BTreeMap<&'static str, &'a str>,
    body: &'a RawValue,
}

#[derive(Deserialize)]
struct Responses<'b> {
    #[serde(borrow)]
    responses: Vec<&'b RawValue>,
}

#[derive(Deserialize)]
struct Response<'b> {
    id: String,
    status: Option<u16>,
    #[serde(default)]
    headers: Option<HashMap<String, Value>>,
    #[serde(borrow)]
    body: Option<&'b RawValue>,
}

impl Batch {
    /// Each call is signed by itself as well: the one program that is known to use batches does so.
    pub(super) fn new(calls: &[&Invocation], authorization: &str) -> Self {
        let ids: Vec<String> = calls.iter().map(|_| new_id()).collect();
        let requests = calls.iter().zip(&ids).map(|(call, id)| Request {
            id,
            method: "POST",
            url: &call.url,
            headers: BTreeMap::from([
                ("authorization", authorization),
                (ANCHOR, call.anchor.as_str()),
                ("prefer", PAGE),
                ("content-type", JSON),
            ]),
            body: &call.body,
        });
        let requests = Requests { requests: requests.collect() };
        let body = serde_json::to_string(&requests).expect("texts and JSON are JSON");
        Self { ids, body }
    }

    pub(super) fn request(&self, http: &reqwest::Client, url: &str, anchor: &str) -> reqwest::RequestBuilder {
        post(http, url, anchor, GO_ON).body(self.body.clone())
    }

    /// The answer to each call, in the order of the calls. One that is not among the responses is an empty body, like
    /// an answer of which nothing arrived: whether its cmdlet was carried out is not known.
    pub(super) fn answers(&self, whole: &Answer) -> Vec<Answer> {
        let responses = serde_json::from_slice::<Responses<'_>>(&whole.body).map(|all| all.responses);
        let mut by_id: HashMap<String, Answer> = HashMap::new();
        for response in responses.unwrap_or_default() {
            // One that cannot be read is as good as missing, and takes no other with it.
            if let Ok(response) = serde_json::from_str::<Response<'_>>(response.get()) {
                by_id.entry(response.id.clone()).or_insert_with(|| response.answer(whole));
            }
        }
        let lost = || Answer { status: whole.status, headers: whole.headers.clone(), body: Bytes::new() };
        self.ids.iter().map(|id| by_id.remove(id).unwrap_or_else(lost)).collect()
    }
}

impl Response<'_> {
    /// As if it had come alone. What the whole says in its headers holds for each, unless it says otherwise.
    fn answer(&self, whole: &Answer) -> Answer {
        let mut headers: HeaderMap = whole.headers.clone();
        for (name, value) in self.headers.iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(text)) {
                headers.insert(name, value);
            }
        }
        let text = self.body.map(RawValue::get).filter(|text| *text != "null");
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or_else(|| told_by(text.unwrap_or_default()));
        let body = match text {
            Some(text) => whole.body.slice_ref(text.as_bytes()),
            // A cmdlet that gives nothing.
            None => Bytes::from_static(b"{}"),
        };
        Answer { status, headers, body }
    }
}

/// The status of a response that names none: its error has a code.
fn told_by(body: &str) -> StatusCode {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match body["error"]["code"].as_str() {
        _ if body["error"].is_null() => StatusCode::OK,
        Some("NotFound") => StatusCode::NOT_FOUND,
        Some("Forbidden") => StatusCode::FORBIDDEN,
        Some("Unauthorized") => StatusCode::UNAUTHORIZED,
        Some("TooManyRequests") => StatusCode::TOO_MANY_REQUESTS,
        Some("ServiceUnavailable") => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Observer, Retry};
    use serde_json::{Map, json};

    fn call(cmdlet: &str) -> Invocation {
        let url = "https://exchange.test/adminapi/beta/t/InvokeCommand".to_owned();
        Invocation::new(url, "t", cmdlet, &Map::new(), false)
    }

    fn whole(body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("rate-limit-remaining", HeaderValue::from_static("7"));
        Answer { status: StatusCode::OK, headers, body: body.to_string().into_bytes().into() }
    }

    #[test]
    fn each_call_finds_its_own_answer() {
        let calls = [call("New-MailContact"), call("Set-Contact"), call("Set-MailContact"), call("Get-MailContact")];
        let batch = Batch::new(&calls.iter().collect::<Vec<_>>(), "Bearer token");
        let body: Value = serde_json::from_str(&batch.body).unwrap();
        let id = |at: usize| body["requests"][at]["id"].as_str().unwrap().to_owned();
        let third = &body["requests"][2];
        assert_eq!(third["body"]["CmdletInput"]["CmdletName"], "Set-MailContact");
        assert_eq!(third["headers"]["authorization"], "Bearer token");
        let answers = batch.answers(&whole(&json!({ "responses": [
            { "id": id(3) },
            { "id": "somebody else's", "status": 200, "body": {} },
            { "id": id(1), "status": 429, "headers": {"Retry-After": 3}, "body": {"error": {}} },
            { "id": id(0), "status": 200, "body": {"value": [{"Guid": "1"}]} },
        ] })));
        let seen: Vec<(u16, &[u8])> =
            answers.iter().map(|answer| (answer.status.as_u16(), answer.body.as_ref())).collect();
        assert_eq!(
            seen,
            [(200, b"{\"value\":[{\"Guid\":\"1\"}]}".as_slice()), (429, b"{\"error\":{}}"), (200, b""), (200, b"{}")]
        );
        assert_eq!(answers[1].headers["retry-after"], "3");
        assert!(answers.iter().all(|answer| answer.headers["rate-limit-remaining"] == "7"));
    }

    #[test]
    fn what_is_missing_or_not_whole_counts_as_lost() {
        let calls = [call("Set-Contact")];
        let batch = Batch::new(&calls.iter().collect::<Vec<_>>(), "Bearer token");
        for body in
            [json!({}), json!({"responses": []}), json!({"responses": [7]}), json!({"responses": {}}), json!("x")]
        {
            let answers = batch.answers(&whole(&body));
            let answer = &answers[0];
            let cmdlets = super::super::cmdlet_error::Cmdlets { just_made: false };
            let retry = cmdlets.judge(answer.status, &answer.headers, &answer.body);
            assert_eq!(retry, Retry::Faulty(None), "{body}");
        }
    }

    #[test]
    fn a_response_without_a_status_has_one_all_the_same() {
        for (body, status) in [
            (json!({"value": []}), 200),
            (json!({"error": {"code": "NotFound"}}), 404),
            (json!({"error": {"code": "TooManyRequests"}}), 429),
            (json!({"error": {"code": "BadRequest", "details": []}}), 400),
        ] {
            assert_eq!(told_by(&body.to_string()).as_u16(), status, "{body}");
        }
    }
}
