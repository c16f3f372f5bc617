//! Graph: delta rounds, members, and what it refuses.

use crate::client::{Client, TENANT, config};
use galsync::sandbox::microsoft365::recipient::{Kind, Recipient};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn a_delta_round_tells_everybody_and_the_next_only_changes() {
    let client = Client::start(&config(130, "graph: {deltaPageSize: 20, repeatEvery: 7, emptyPageEvery: 3}")).await;
    let start = "/v1.0/users/microsoft.graph.delta()?$select=displayName,mail";
    let round = client.delta(start).await;
    let expected = client
        .handle
        .microsoft365
        .objects(TENANT)
        .iter()
        .filter(|o| o.kind.resource().is_some_and(|r| format!("{r:?}") == "Users"))
        .count();
    assert_eq!(round.objects.len(), expected);
    assert!(round.empty_pages > 0, "no empty page was seen");
    assert!(round.told > expected, "no object was told twice");

    let quiet = client.delta(&round.link).await;
    assert!(quiet.objects.is_empty());

    let victim = client.someone(Kind::UserMailbox, 3);
    let renamed = client.someone(Kind::UserMailbox, 4);
    let untracked = client.someone(Kind::UserMailbox, 5);
    client
        .change(json!([
            {"delete": {"object": victim.primary()}},
            {"rename": {"object": renamed.primary(), "displayName": "Renamed Person"}},
            {"set": {"object": untracked.primary(), "attributes": {"Title": "Queen"}}},
        ]))
        .await;
    let round = client.delta(&quiet.link).await;
    let id = |recipient: &Recipient| recipient.external_id.unwrap().to_string();
    assert_eq!(round.objects[&id(&victim)]["@removed"]["reason"], "changed");
    assert_eq!(round.objects[&id(&renamed)]["displayName"], "Renamed Person");
    assert!(!round.objects.contains_key(&id(&untracked)), "a change of a property that is not selected");

    client.handle.advance(Duration::from_secs(31 * 86_400));
    let (status, body) = client.graph(&round.link).await;
    assert_eq!((status, body["error"]["code"].as_str().unwrap()), (400, "syncStateNotFound"));
    let round = client.delta(start).await;
    assert_eq!(round.objects[&id(&victim)]["@removed"]["reason"], "deleted");
}

#[tokio::test]
async fn members_come_in_slices_and_changes_of_them_are_told() {
    let client = Client::start(&config(60, "graph: {memberSlice: 7}")).await;
    let round = client.delta("/v1.0/groups/delta").await;
    let groups = client.handle.microsoft365.objects(TENANT);
    let big = groups.iter().filter(|o| o.kind == Kind::MailUniversalDistributionGroup);
    let big = big.max_by_key(|o| o.group.as_ref().unwrap().members.len()).unwrap();
    let size = big.group.as_ref().unwrap().members.len();
    assert!(size > 14, "the seed makes no big group");
    let id = big.external_id.unwrap().to_string();
    assert_eq!(round.members[&id].len(), size);

    let member = client.someone(Kind::SharedMailbox, 0);
    client.change(json!([{"addMember": {"group": big.primary(), "member": member.primary()}}])).await;
    let next = client.delta(&round.link).await;
    assert_eq!(next.members[&id], BTreeSet::from([member.external_id.unwrap().to_string()]));
    client.change(json!([{"removeMember": {"group": big.primary(), "member": member.primary()}}])).await;
    let next = client.delta(&next.link).await;
    assert!(next.left[&id].contains(&member.external_id.unwrap().to_string()));
}

#[tokio::test]
async fn lost_delta_state_is_told_in_both_ways() {
    let client = Client::start(&config(5, "")).await;
    let round = client.delta("/v1.0/users/delta?$select=mail").await;
    client.change(json!([{"loseDelta": "resyncRequired"}])).await;
    let answer = client.graph_raw(&round.link).await;
    assert_eq!(answer.status(), 410);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        location.contains("$deltatoken=&$select=mail") || location.contains("$deltatoken=&%24select=mail"),
        "{location}"
    );
    assert_eq!(client.delta(&location).await.objects.len(), round.objects.len());
}

#[tokio::test]
async fn graph_is_strict() {
    let client = Client::start(&config(5, "")).await;
    let user = client.someone(Kind::UserMailbox, 0).external_id.unwrap();
    for (path, status, code) in [
        ("/v1.0/users/delta?$select=displayName,mailnickname".to_owned(), 400, "Request_BadRequest"),
        ("/v1.0/users/delta?$top=5".to_owned(), 400, "Request_UnsupportedQuery"),
        ("/v1.0/users/delta?$deltatoken=rubbish".to_owned(), 400, "Request_BadRequest"),
        ("/v1.0/users?$top=1000".to_owned(), 400, "Request_BadRequest"),
        ("/v1.0/users?$filter=startswith(mail,'a')".to_owned(), 400, "Request_UnsupportedQuery"),
        ("/v1.0/users/00000000-0000-0000-0000-000000000000".to_owned(), 404, "Request_ResourceNotFound"),
        ("/v1.0/me".to_owned(), 400, "BadRequest"),
        (format!("/v1.0/groups/{user}"), 404, "Request_ResourceNotFound"),
        ("/v1.0/domains".to_owned(), 403, "Authorization_RequestDenied"),
    ] {
        let (found, body) = client.graph(&path).await;
        assert_eq!((found, body["error"]["code"].as_str().unwrap()), (status, code), "{path}: {body}");
    }
    let (_, body) = client.graph(&format!("/v1.0/users/{user}?$select=showInAddressList")).await;
    assert_eq!(body["showInAddressList"], Value::Null);
    let wrong = client.http.get(format!("{}/v1.0/users", client.base_url()));
    let wrong = wrong.bearer_auth(&client.exchange_token).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await.unwrap().contains("Invalid audience"));
}
