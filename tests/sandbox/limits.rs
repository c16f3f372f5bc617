//! What a tenant permits.

use crate::client::{Client, config};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn quotas_and_rates_hold() {
    let client =
        Client::start(&config(0, "exchange: {createQuota: {count: 3, window: 1h}, cmdletsPerSecond: 1.0, burst: 5}"))
            .await;
    client.admin("POST", "clock/advance", json!({"by": "1m"})).await;
    let make =
        |number: usize| json!({"Name": format!("p{number}"), "ExternalEmailAddress": format!("p{number}@b.example")});
    for number in 0..3 {
        client.ok("New-MailContact", make(number)).await;
    }
    assert!(client.error("New-MailContact", make(3)).await.1.ends_with("RecipientUsageExceededRecentQuotaException"));
    client.ok("Get-AcceptedDomain", json!({})).await;
    let answer = client.invoke_raw("Get-AcceptedDomain", json!({})).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    // Five at once, and one a second for the minute that the headers are about.
    assert_eq!(answer.headers()["rate-limit-limit"], "65");
    client.handle.advance(Duration::from_secs(3600));
    client.ok("New-MailContact", make(3)).await;
    let counters = client.admin("GET", "counters", Value::Null).await;
    let cmdlets = counters["exchange"][0]["cmdlets"].as_array().unwrap();
    assert!(cmdlets.contains(&json!({"cmdlet": "New-MailContact", "status": 200, "count": 4})), "{counters}");
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_the_tenant_permits() {
    let client = Client::start(&config(0, "exchange: {maxConcurrentRequests: 2, latency: 300ms}")).await;
    let answers = futures::future::join_all((0..6).map(|_| client.invoke_raw("Get-AcceptedDomain", json!({})))).await;
    let refused = answers.iter().filter(|answer| answer.status() == 429).count();
    // Six at once, of which two hold the places; how many came so late that one was free again is not known.
    assert!(refused >= 1 && answers.iter().filter(|answer| answer.status() == 200).count() == 6 - refused);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status() == 429)
            .all(|answer| answer.headers().contains_key("retry-after"))
    );
    let counters = client.admin("GET", "counters", Value::Null).await;
    assert_eq!(counters["exchange"][0]["mostInFlight"], 2);
}
