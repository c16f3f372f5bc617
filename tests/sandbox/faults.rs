//! Faults by rule, and the record of requests.

use crate::client::{Client, SECRET, TENANT, config};
use serde_json::{Value, json};

#[tokio::test]
async fn faults_strike_by_rule() {
    let client = Client::start(&config(3, "")).await;
    let list = "/v1.0/users";
    let rules = |then: Value| json!([{"on": {"service": "graph", "operation": "GET users"}, "times": 1, "then": then}]);
    let put = async |then: Value| client.admin("PUT", "faults", rules(then)).await;
    put(json!({"status": {"status": 503, "retryAfter": "7s"}})).await;
    let answer = client.graph_raw(list).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "7"));
    assert_eq!(client.graph(list).await.0, 200, "the rule has ended");
    put(json!("expiredToken")).await;
    let (status, body) = client.graph(list).await;
    assert_eq!((status, body["error"]["code"].as_str().unwrap()), (401, "InvalidAuthenticationToken"));
    for cut in ["cutAnswer", "cutRequest"] {
        put(json!(cut)).await;
        let request = client.http.get(format!("{}{list}", client.base_url())).bearer_auth(&client.graph_token);
        let failed = match request.send().await {
            Ok(answer) => answer.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(failed, "{cut} arrived whole");
    }
    put(json!("wrongBody")).await;
    assert!(client.graph_raw(list).await.text().await.unwrap().starts_with("<html>"));
    client
        .admin("PUT", "faults", json!([{"on": {"operation": "Get-AcceptedDomain"}, "times": 1, "then": "transient"}]))
        .await;
    let (status, kind) = client.error("Get-AcceptedDomain", json!({})).await;
    assert_eq!(status, 400);
    assert!(["Busy", "NotAvailable", "Transient", "Communication"].iter().any(|part| kind.contains(part)), "{kind}");
    client
        .admin("PUT", "faults", json!([{"on": {"operation": "New-MailContact"}, "times": 1, "then": "repeat"}]))
        .await;
    let (_, kind) =
        client.error("New-MailContact", json!({"Name": "twice", "ExternalEmailAddress": "twice@b.example"})).await;
    assert!(kind.ends_with("ADObjectAlreadyExistsException"), "{kind}");
    assert_eq!(client.all("Get-MailContact", json!({"Filter": "Name -eq 'twice'"}), "Name", 10).await.len(), 1);
}

#[tokio::test]
async fn the_record_has_each_shape_once() {
    let client = Client::start(&config(5, "")).await;
    for _ in 0..3 {
        client.delta("/v1.0/users/delta?$select=mail").await;
    }
    client.ok("Get-Recipient", json!({"Filter": "EmailAddresses -eq 'a@b.example'"})).await;
    let lines = client.handle.state.record.lines();
    let delta: Vec<&String> = lines.iter().filter(|line| line.contains("/users/delta")).collect();
    assert_eq!(delta, ["GET /v1.0/users/delta?$select=mail"]);
    assert!(
        lines.iter().any(|line| line.contains("{tenant}/InvokeCommand") && line.contains("EmailAddresses -eq '…'")),
        "{lines:#?}"
    );
    assert!(lines.iter().all(|line| !line.contains("example") && !line.contains(TENANT) && !line.contains(SECRET)));
}
