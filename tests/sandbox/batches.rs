//! `$batch`: each request in it is answered as if it had come alone.

use crate::client::{Client, NOBODY, TENANT, config};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GO_ON: &str = "odata.maxpagesize=1000;odata.continue-on-error";

fn anchor() -> String {
    format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}")
}

fn url(client: &Client, endpoint: &str) -> String {
    format!("{}/adminapi/beta/{TENANT}/{endpoint}", client.base_url())
}

fn request(client: &Client, id: &str, cmdlet: &str, parameters: Value) -> Value {
    json!({"id": id, "method": "POST", "url": url(client, "InvokeCommand"), "headers": {"X-AnchorMailbox": anchor()},
        "body": {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}})
}

fn new_contact(client: &Client, number: usize) -> Value {
    let address = format!("p{number}@b.example");
    let parameters = json!({"Name": format!("p{number}"), "ExternalEmailAddress": address});
    request(client, &number.to_string(), "New-MailContact", parameters)
}

async fn send(client: &Client, prefer: &str, requests: &[Value]) -> reqwest::Result<(u16, Value)> {
    let request = client.http.post(url(client, "$batch")).bearer_auth(&client.exchange_token);
    let request = request.header("X-AnchorMailbox", anchor()).header("Prefer", prefer);
    let answer = request.json(&json!({ "requests": requests })).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

/// The answers by their ids.
async fn answers(client: &Client, prefer: &str, requests: &[Value]) -> BTreeMap<String, Value> {
    let (status, body) = send(client, prefer, requests).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let responses = body["responses"].as_array().unwrap().iter();
    responses.map(|response| (response["id"].as_str().unwrap().to_owned(), response.clone())).collect()
}

fn statuses(answers: &BTreeMap<String, Value>) -> Vec<u64> {
    answers.values().map(|answer| answer["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_batch_answers_each_request_for_itself_and_in_no_order() {
    let client = Client::start(&config(0, "")).await;
    let mut requests: Vec<Value> = (0..10).map(|number| new_contact(&client, number)).collect();
    requests[3]["body"]["CmdletInput"]["Parameters"]["ExternalEmailAddress"] = json!("broken");
    let (status, body) = send(&client, GO_ON, &requests).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let responses = body["responses"].as_array().unwrap();
    let order: Vec<&str> = responses.iter().map(|response| response["id"].as_str().unwrap()).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_ne!(order, sorted, "whoever goes by the order finds out");
    for response in responses {
        let wanted = if response["id"] == "3" { 400 } else { 200 };
        assert_eq!(response["status"], wanted, "{response}");
        assert!(response["headers"]["request-id"].is_string(), "{response}");
    }
    assert_eq!(client.all("Get-MailContact", json!({}), "Name", 100).await.len(), 9);
    let counters = client.admin("GET", "counters", Value::Null).await.to_string();
    assert!(counters.contains("\"$batch\"") && counters.contains("\"$batch New-MailContact\""), "{counters}");
}

#[tokio::test]
async fn without_continue_on_error_the_first_failure_ends_the_batch() {
    let client = Client::start(&config(0, "")).await;
    let mut requests: Vec<Value> = (0..4).map(|number| new_contact(&client, number)).collect();
    requests[1]["body"]["CmdletInput"]["Parameters"]["ExternalEmailAddress"] = json!("broken");
    let told = answers(&client, "odata.maxpagesize=1000", &requests).await;
    assert_eq!(statuses(&told), [200, 400]);
    assert_eq!(client.all("Get-MailContact", json!({}), "Name", 100).await.len(), 1);
}

#[tokio::test]
async fn a_batch_that_is_not_well_formed_is_refused_as_a_whole() {
    let client = Client::start(&config(0, "")).await;
    let of = |count: usize| (0..count).map(|number| new_contact(&client, number)).collect::<Vec<_>>();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut requests = of(3);
        change(&mut requests[1]);
        requests
    };
    for (requests, words) in [
        (vec![], "from 1 to 10"),
        (of(11), "from 1 to 10"),
        (changed(&|request| request["id"] = json!("0")), "must differ"),
        (changed(&|request| drop(request.as_object_mut().unwrap().remove("id"))), "has no id"),
        (changed(&|request| request["id"] = json!("")), "has no id"),
        (changed(&|request| drop(request.as_object_mut().unwrap().remove("method"))), "The body is not"),
        (changed(&|request| request["dependsOn"] = json!(["0"])), "The body is not"),
    ] {
        let (status, body) = send(&client, GO_ON, &requests).await.unwrap();
        assert_eq!(status, 400, "{words}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(words), "{words}: {body}");
    }
    assert!(client.all("Get-MailContact", json!({}), "Name", 100).await.is_empty(), "none of them was carried out");
    let nobody = client.token(NOBODY, "https://outlook.office365.com/.default").await;
    let whole = async |token: &str, anchored: bool| {
        let mut request = client.http.post(url(&client, "$batch")).bearer_auth(token);
        if anchored {
            request = request.header("X-AnchorMailbox", anchor());
        }
        request.json(&json!({ "requests": of(1) })).send().await.unwrap().status().as_u16()
    };
    assert_eq!(whole(&client.exchange_token, false).await, 400);
    assert_eq!(whole(&client.graph_token, true).await, 401);
    assert_eq!(whole(&nobody, true).await, 403);
}

#[tokio::test]
async fn one_request_that_is_wrong_is_refused_by_itself() {
    let client = Client::start(&config(0, "")).await;
    let base = url(&client, "InvokeCommand");
    let read = |id: &str| request(&client, id, "Get-MailContact", json!({}));
    for (name, value, status, words) in [
        ("url", json!(url(&client, "$batch")), 400, "is not InvokeCommand of this organization"),
        ("url", json!(base.replace(TENANT, "99999999-2222-3333-4444-555555555555")), 400, "this organization"),
        ("url", json!(base.replace("InvokeCommand", "Mailbox")), 400, "is not InvokeCommand"),
        ("url", json!(format!("{base}?$select=NoSuchThing")), 400, "$select"),
        ("url", json!(format!("/adminapi/beta/{TENANT}/InvokeCommand?$select=Name")), 200, ""),
        ("method", json!("GET"), 405, "POST only"),
        ("headers", json!({}), 400, "X-AnchorMailbox is missing"),
        ("headers", json!({"X-AnchorMailbox": "APP:x@fabrikam.example"}), 400, "another organization"),
        ("headers", json!({"X-AnchorMailbox": anchor(), "Content-Type": "text/xml"}), 415, "application/json"),
        ("headers", json!({"X-AnchorMailbox": anchor(), "Authorization": "Bearer x"}), 401, "token"),
        ("headers", json!({"X-AnchorMailbox": anchor(), "a b": "c"}), 400, "malformed"),
        ("body", json!({"CmdletName": "Get-MailContact"}), 400, "CmdletInput"),
    ] {
        let mut wrong = read("wrong");
        wrong[name] = value.clone();
        let told = answers(&client, GO_ON, &[read("a"), wrong, read("b")]).await;
        assert_eq!((told["a"]["status"].as_u64(), told["b"]["status"].as_u64()), (Some(200), Some(200)), "{value}");
        assert_eq!(told["wrong"]["status"], status, "{value}: {}", told["wrong"]);
        assert!(told["wrong"]["body"].to_string().contains(words), "{value}: {}", told["wrong"]);
    }
}

#[tokio::test]
async fn each_cmdlet_of_a_batch_counts_against_rate_and_quota() {
    let limits = "exchange: {createQuota: {count: 4, window: 1h}, cmdletsPerSecond: 1.0, burst: 6}";
    let client = Client::start(&config(0, limits)).await;
    let requests: Vec<Value> = (0..10).map(|number| new_contact(&client, number)).collect();
    let told = answers(&client, GO_ON, &requests).await;
    let mut seen = statuses(&told);
    seen.sort_unstable();
    assert_eq!(seen, [200, 200, 200, 200, 400, 400, 429, 429, 429, 429]);
    for answer in told.values() {
        match answer["status"].as_u64() {
            Some(429) => assert_eq!(answer["headers"]["retry-after"], "1", "{answer}"),
            Some(400) => assert!(answer["body"].to_string().contains("RecipientUsageExceededRecentQuota"), "{answer}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn each_cmdlet_of_a_batch_that_is_carried_out_holds_a_place() {
    let most = async |side_by_side: usize| {
        let limits = format!("exchange: {{maxConcurrentRequests: 3, latency: 50ms, batchSideBySide: {side_by_side}}}");
        let client = Client::start(&config(0, &limits)).await;
        let requests: Vec<Value> = (0..10).map(|number| new_contact(&client, number)).collect();
        let told = answers(&client, GO_ON, &requests).await;
        let refused = told.values().filter(|answer| answer["status"] == 429).count();
        assert!(told.values().filter(|answer| answer["status"] == 429).all(|a| a["headers"]["retry-after"] == "1"));
        let counters = client.admin("GET", "counters", Value::Null).await;
        (counters["exchange"][0]["mostInFlight"].as_u64().unwrap(), refused)
    };
    assert_eq!(most(1).await, (1, 0), "one after the other");
    let (in_flight, refused) = most(10).await;
    assert!(in_flight == 3 && refused > 0, "{in_flight} {refused}");
}

#[tokio::test]
async fn rules_strike_one_request_of_a_batch_or_all_of_it() {
    let client = Client::start(&config(0, "")).await;
    let put = async |operation: &str, then: Value| {
        let rule = json!([{"on": {"service": "exchange", "operation": operation}, "when": {"call": 2}, "times": 1, "then": then}]);
        client.admin("PUT", "faults", rule).await;
    };
    let reads: Vec<Value> = (0..4).map(|id| request(&client, &id.to_string(), "Get-MailContact", json!({}))).collect();
    for (then, status) in [
        (json!({"status": {"status": 503, "retryAfter": "7s"}}), 503),
        (json!("expiredToken"), 401),
        (json!("transient"), 400),
        (json!("accessDenied"), 403),
        (json!("repeat"), 200),
        (json!("wrongBody"), 200),
    ] {
        put("Get-MailContact", then.clone()).await;
        let told = answers(&client, GO_ON, &reads).await;
        assert_eq!(statuses(&told), [200, status, 200, 200], "{then}");
        assert_eq!(told["1"]["body"].is_string(), then == "wrongBody", "{}", told["1"]);
    }
    put("Get-MailContact", json!("noAnswer")).await;
    let told = answers(&client, GO_ON, &reads).await;
    assert_eq!(told.keys().collect::<Vec<_>>(), ["0", "2", "3"]);
    for cut in ["cutAnswer", "cutRequest"] {
        put("Get-MailContact", json!(cut)).await;
        assert!(send(&client, GO_ON, &reads).await.is_err(), "{cut} of one cuts the whole");
    }
    put("$batch", json!({"status": {"status": 404}})).await;
    assert_eq!(send(&client, GO_ON, &reads).await.unwrap().0, 200, "the first");
    assert_eq!(send(&client, GO_ON, &reads).await.unwrap().0, 404, "the second");
}
