//! The sandbox from outside: over HTTP, as a client sees it.
#![allow(clippy::unwrap_used)] // a test may panic

mod sandbox_batch;
mod sandbox_support;

use galsync::sandbox::config::Config;
use galsync::sandbox::microsoft365::recipient::Kind;
use sandbox_support::{Client, TENANT, config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[tokio::test]
async fn a_wrong_secret_and_other_mistakes_are_told_by_number() {
    let client = Client::start(&config(0, "")).await;
    let form = |change: &[(&str, &str)]| {
        let mut form: BTreeMap<String, String> = [
            ("grant_type", "client_credentials"),
            ("client_id", sandbox_support::CLIENT),
            ("client_secret", sandbox_support::SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ]
        .iter()
        .chain(change)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        form.retain(|_, value| !value.is_empty());
        form
    };
    for (tenant, change, status, code) in [
        (TENANT, vec![], 200, 0),
        ("contoso.example", vec![], 200, 0),
        ("fabrikam.example", vec![], 400, 90002),
        (TENANT, vec![("client_id", "00000000-0000-0000-0000-000000000001")], 400, 700016),
        (TENANT, vec![("client_secret", "wrong")], 401, 7000215),
        (TENANT, vec![("client_secret", "old secret")], 401, 7000222),
        (TENANT, vec![("client_secret", "")], 401, 7000218),
        (TENANT, vec![("scope", "https://graph.microsoft.com/User.Read.All")], 400, 1002012),
        (TENANT, vec![("scope", "https://vault.azure.net/.default")], 400, 500011),
        (TENANT, vec![("grant_type", "password")], 400, 70003),
        (
            TENANT,
            vec![
                ("client_assertion", "x.y.z"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ],
            400,
            50027,
        ),
    ] {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", client.base_url());
        let answer =
            client.post_form(&url, form(&change).iter().map(|(name, value)| (name.as_str(), value.as_str()))).await;
        assert_eq!(answer.status(), status, "{change:?}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error_codes"][0].as_u64().unwrap_or_default(), code, "{body}");
        if code > 0 {
            assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
        }
    }
}

#[tokio::test]
async fn a_delta_round_tells_everybody_and_the_next_only_changes() {
    let client = Client::start(&config(130, "graph: {deltaPageSize: 20, repeatEvery: 7, emptyPageEvery: 3}")).await;
    let start = "/v1.0/users/microsoft.graph.delta()?$select=displayName,mail";
    let round = client.delta(start).await;
    let expected = client
        .handle
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
    let id =
        |recipient: &galsync::sandbox::microsoft365::recipient::Recipient| recipient.external_id.unwrap().to_string();
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
    let groups = client.handle.objects(TENANT);
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
    client.admin("POST", &format!("tenants/{TENANT}/lose-delta"), json!({"tell": "410"})).await;
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

#[tokio::test]
async fn recipients_come_in_pages_by_post_of_the_same_body() {
    let client = Client::start(&config(120, "")).await;
    let all = client
        .all(
            "Get-Recipient",
            json!({"ResultSize": "Unlimited"}),
            "Guid,RecipientTypeDetails,HiddenFromAddressListsEnabled",
            50,
        )
        .await;
    let expected = client.handle.objects(TENANT).iter().filter(|o| o.kind.in_exchange()).count();
    assert_eq!(all.len(), expected);
    let kinds: BTreeSet<&str> = all.iter().map(|o| o["RecipientTypeDetails"].as_str().unwrap()).collect();
    assert!(kinds.len() >= 10, "{kinds:?}");
    assert_eq!(all[0]["Guid@data.type"], "System.Guid");

    let visible = client
        .all(
            "Get-Recipient",
            json!({"ResultSize": "Unlimited", "Filter": "HiddenFromAddressListsEnabled -eq 'False'"}),
            "Guid",
            500,
        )
        .await;
    let hidden = client.handle.objects(TENANT).iter().filter(|o| o.kind.in_exchange() && o.hidden).count();
    assert_eq!(visible.len() + hidden, expected);

    let (_, body) = client.invoke_at("?$select=Guid", "Get-Recipient", json!({"ResultSize": 7}), Some(5)).await;
    let link = body["@odata.nextLink"].as_str().unwrap().to_owned();
    let (status, _) =
        client.post(&link, &json!({"CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {}}})).await;
    assert_eq!(status, 400, "another body at a next link");
    let (_, body) = client
        .post(&link, &json!({"CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {"ResultSize": 7}}}))
        .await;
    assert_eq!(body["value"].as_array().unwrap().len(), 2);
    assert!(body["@adminapi.warnings"][0].as_str().unwrap().starts_with("There are more results"), "{body}");
}

#[tokio::test]
async fn the_life_of_a_contact() {
    let client =
        Client::start(&config(3, "exchange: {addressHeldFor: 1h, readAfterWriteLag: 5s}\n    graph: {lag: 5m}")).await;
    let clock = |seconds| client.handle.advance(Duration::from_secs(seconds));
    let round = client.delta("/v1.0/contacts/delta").await;
    let made = client
        .ok(
            "New-MailContact",
            json!({"Name": "gs-1", "Alias": "gs-1", "ExternalEmailAddress": "ada@b.example", "DisplayName": "Ada"}),
        )
        .await;
    let guid = made["value"][0]["Guid"].as_str().unwrap().to_owned();
    let set = json!({"Identity": guid, "Title": "CTO", "CountryOrRegion": "de", "Phone": "+49 1"});
    assert_eq!(client.invoke("Set-Contact", set.clone()).await.0, 404, "the lag after a write");
    clock(5);
    client.ok("Set-Contact", set).await;
    let edit = json!({"@odata.type": "#Exchange.GenericHashTable", "Add": ["x500:/o=x/cn=y", "smtp:ada2@b.example"]});
    client
        .ok("Set-MailContact", json!({"Identity": guid, "EmailAddresses": edit, "CustomAttribute15": "gs1;mark"}))
        .await;
    let same = client.ok("Set-MailContact", json!({"Identity": guid, "CustomAttribute15": "gs1;mark"})).await;
    assert!(same["@adminapi.warnings"][0].as_str().unwrap().contains("no settings"), "{same}");

    let read = client.ok("Get-Contact", json!({"Identity": guid})).await["value"][0].clone();
    assert_eq!((read["CountryOrRegion"].as_str(), read["Title"].as_str()), (Some("Germany"), Some("CTO")));
    let found =
        client.ok("Get-Recipient", json!({"Filter": "CustomAttribute15 -like 'gs1;*'"})).await["value"][0].clone();
    assert_eq!(found["EmailAddresses"], json!(["SMTP:ada@b.example", "x500:/o=x/cn=y", "smtp:ada2@b.example"]));

    assert!(client.delta(&round.link).await.objects.is_empty(), "Graph knows too early");
    clock(300);
    let told = client.delta(&round.link).await;
    assert_eq!(told.objects.len(), 1);

    let remove = |confirm: Option<bool>| json!({"Identity": guid, "Confirm": confirm.unwrap_or(true)});
    assert_eq!(client.invoke("Remove-MailContact", remove(None)).await.0, 400, "nobody answers the question");
    client.ok("Remove-MailContact", remove(Some(false))).await;
    let again = json!({"Name": "gs-1", "Alias": "gs-1", "ExternalEmailAddress": "ada@b.example"});
    assert_eq!(
        client.error("New-MailContact", again.clone()).await.1,
        "Microsoft.Exchange.Management.Tasks.WLCDManagedMemberExistsException"
    );
    clock(3600);
    client.ok("New-MailContact", again).await;
    let gone = client.delta(&told.link).await;
    let reasons: BTreeSet<String> =
        gone.objects.values().filter_map(|o| Some(o.get("@removed")?["reason"].as_str()?.to_owned())).collect();
    assert_eq!(reasons, BTreeSet::from(["deleted".to_owned()]));
}

#[tokio::test]
async fn every_encoding_of_an_error_comes_and_each_tells_the_same() {
    let client = Client::start(&config(0, "")).await;
    let mut forms = BTreeSet::new();
    for _ in 0..5 {
        let (status, body) = client.invoke("Get-Recipient", json!({"Identity": "nobody@x.example"})).await;
        assert_eq!(status, 404);
        assert_eq!(body["error"]["message"], "Error executing cmdlet");
        let internal = &body["error"]["innererror"]["internalexception"];
        assert!(internal["type"].as_str().unwrap().ends_with("ManagementObjectNotFoundException"));
        let message = body["error"]["details"][0]["message"].as_str().unwrap_or("none").to_owned();
        assert!(message == "none" || message.contains("nobody@x.example"), "{message}");
        forms.insert(message.chars().take(5).collect::<String>());
    }
    assert_eq!(forms.len(), 5, "{forms:?}");
}

#[tokio::test]
async fn mistakes_with_contacts_are_refused_as_exchange_does() {
    let client = Client::start(&config(20, "")).await;
    let holder = client.someone(Kind::UserMailbox, 0);
    let contact = client
        .ok("New-MailContact", json!({"Name": "one", "Alias": "one", "ExternalEmailAddress": "one@b.example"}))
        .await;
    let guid = contact["value"][0]["Guid"].as_str().unwrap().to_owned();
    client.change(json!([{"add": {"kind": "MailContact", "displayName": "Synced", "externalAddress": "synced@b.example", "dirSynced": true}}])).await;
    for (cmdlet, parameters, status, kind) in [
        (
            "New-MailContact",
            json!({"Name": "one", "ExternalEmailAddress": "two@b.example"}),
            400,
            "ADObjectAlreadyExistsException",
        ),
        (
            "New-MailContact",
            json!({"Name": "two", "Alias": "one", "ExternalEmailAddress": "two@b.example"}),
            400,
            "WLCDManagedMemberExistsException",
        ),
        (
            "New-MailContact",
            json!({"Name": "two", "ExternalEmailAddress": holder.primary()}),
            400,
            "WLCDManagedMemberExistsException",
        ),
        ("New-MailContact", json!({"Name": "two"}), 400, "AmbiguousParameterSetException"),
        (
            "New-MailContact",
            json!({"Name": "two", "ExternalEmailAddress": "two"}),
            400,
            "ParameterTransformationException",
        ),
        (
            "New-MailContact",
            json!({"Name": "two", "ExternalEmailAddress": "two@b.example", "PrimarySmtpAddress": "x@b.example"}),
            400,
            "AmbiguousParameterSetException",
        ),
        (
            "New-MailContact",
            json!({"Name": "x".repeat(65), "ExternalEmailAddress": "two@b.example"}),
            400,
            "DataValidationException",
        ),
        ("Set-Contact", json!({"Identity": "one@b.example", "Title": "x"}), 404, "ManagementObjectNotFoundException"),
        ("Set-Contact", json!({"Identity": guid, "Department": "x".repeat(65)}), 400, "DataValidationException"),
        (
            "Set-Contact",
            json!({"Identity": guid, "CountryOrRegion": "Atlantis"}),
            400,
            "ParameterTransformationException",
        ),
        ("Set-Contact", json!({"Identity": guid, "CustomAttribute1": "x"}), 400, "AmbiguousParameterSetException"),
        (
            "Set-MailContact",
            json!({"Identity": guid, "HiddenFromAddressListsEnabled": "yes"}),
            400,
            "ParameterTransformationException",
        ),
        (
            "Set-MailContact",
            json!({"Identity": guid, "EmailAddresses": {"Add": ["smtp:x@b.example"]}}),
            400,
            "ParameterTransformationException",
        ),
        (
            "Set-MailContact",
            json!({"Identity": guid, "EmailAddresses": {"@odata.type": "#Exchange.GenericHashTable", "Remove": ["smtp:one@b.example"]}}),
            400,
            "DataValidationException",
        ),
        (
            "Set-MailContact",
            json!({"Identity": guid, "EmailAddresses": {"@odata.type": "#Exchange.GenericHashTable", "Add": [format!("X500:{}", holder.legacy_dn)]}}),
            400,
            "WLCDManagedMemberExistsException",
        ),
        (
            "Set-MailContact",
            json!({"Identity": "synced@b.example", "CustomAttribute1": "x"}),
            400,
            "InvalidOperationOnSyncedObjectException",
        ),
        (
            "Remove-MailContact",
            json!({"Identity": holder.primary(), "Confirm": false}),
            404,
            "ManagementObjectNotFoundException",
        ),
        ("Get-Recipient", json!({"Filter": "PrimarySmtpAddress -eq 'a@b'"}), 400, "ParameterTransformationException"),
        ("Get-Recipient", json!({"RecipientTypeDetails": "NoSuchThing"}), 400, "ParameterTransformationException"),
        ("Get-Everything", json!({}), 403, "CommandNotFoundException"),
    ] {
        let (found, name) = client.error(cmdlet, parameters.clone()).await;
        assert_eq!(found, status, "{cmdlet} {parameters}");
        assert!(name.ends_with(kind), "{cmdlet} {parameters}: {name}");
    }
}

#[tokio::test]
async fn headers_roles_and_tenants_are_checked() {
    let client = Client::start(&config(0, "")).await;
    let body = json!({"CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {}}});
    let url = format!("{}/adminapi/beta/{TENANT}/InvokeCommand", client.base_url());
    let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
    let send = async |token: &str, anchor: Option<&str>, url: &str| {
        let mut request = client.http.post(url).bearer_auth(token).json(&body);
        if let Some(anchor) = anchor {
            request = request.header("X-AnchorMailbox", anchor);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let token = client.exchange_token.as_str();
    assert_eq!(send(token, Some(&anchor), &url).await, 200);
    assert_eq!(send(token, None, &url).await, 400);
    assert_eq!(send(token, Some("APP:x@fabrikam.example"), &url).await, 400);
    assert_eq!(send(&client.graph_token, Some(&anchor), &url).await, 401);
    assert_eq!(send(token, Some(&anchor), &url.replace(TENANT, "99999999-2222-3333-4444-555555555555")).await, 401);
    let reader = client.token(sandbox_support::READER, "https://outlook.office365.com/.default").await;
    assert_eq!(send(&reader, Some(&anchor), &url).await, 200);
    let new = json!({"CmdletInput": {"CmdletName": "New-MailContact", "Parameters": {"Name": "x", "ExternalEmailAddress": "x@b.example"}}});
    let answer =
        client.http.post(&url).bearer_auth(&reader).header("X-AnchorMailbox", &anchor).json(&new).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("is not recognized"));
    let nobody = client.token(sandbox_support::NOBODY, "https://outlook.office365.com/.default").await;
    let answer = client
        .http
        .post(&url)
        .bearer_auth(&nobody)
        .header("X-AnchorMailbox", &anchor)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.bytes().await.unwrap().iter().all(|byte| *byte == 0));
}

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

#[tokio::test]
async fn faults_strike_by_rule() {
    let client = Client::start(&config(3, "")).await;
    let list = "/v1.0/users";
    let rules = |then: Value| json!([{"on": {"service": "graph", "call": "GET users"}, "times": 1, "then": then}]);
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
        .admin("PUT", "faults", json!([{"on": {"call": "Get-AcceptedDomain"}, "times": 1, "then": "transient"}]))
        .await;
    let (status, kind) = client.error("Get-AcceptedDomain", json!({})).await;
    assert_eq!(status, 400);
    assert!(["Busy", "NotAvailable", "Transient", "Communication"].iter().any(|part| kind.contains(part)), "{kind}");
    client.admin("PUT", "faults", json!([{"on": {"call": "New-MailContact"}, "times": 1, "then": "repeat"}])).await;
    let (_, kind) =
        client.error("New-MailContact", json!({"Name": "twice", "ExternalEmailAddress": "twice@b.example"})).await;
    assert!(kind.ends_with("ADObjectAlreadyExistsException"), "{kind}");
    assert_eq!(client.all("Get-MailContact", json!({"Filter": "Name -eq 'twice'"}), "Name", 10).await.len(), 1);
}

#[tokio::test]
async fn a_source_directory_finds_what_it_needs() {
    let client = Client::start(&config(150, "")).await;
    let groups = client.all("Get-DistributionGroup", json!({"ResultSize": "Unlimited"}), "Guid,RequireSenderAuthenticationEnabled,AcceptMessagesOnlyFromSendersOrMembers,HiddenGroupMembershipEnabled", 100).await;
    assert!(groups.iter().any(|group| group["RequireSenderAuthenticationEnabled"] == true));
    assert!(groups.iter().any(|group| !group["AcceptMessagesOnlyFromSendersOrMembers"].as_array().unwrap().is_empty()));
    let unified = client
        .all("Get-UnifiedGroup", json!({"ResultSize": "Unlimited"}), "Guid,HiddenGroupMembershipEnabled", 100)
        .await;
    assert!(unified.iter().any(|group| group["HiddenGroupMembershipEnabled"] == true));
    let dynamic = client.all("Get-DynamicDistributionGroup", json!({}), "Guid,ExternalDirectoryObjectId", 100).await;
    assert!(!dynamic.is_empty() && dynamic.iter().all(|group| group["ExternalDirectoryObjectId"] == ""));
    let group = client.someone(Kind::MailUniversalDistributionGroup, 0);
    let members = client.all("Get-DistributionGroupMember", json!({"Identity": group.primary()}), "Guid", 9).await;
    assert_eq!(members.len(), group.group.as_ref().unwrap().members.len());
    let domains = client.all("Get-AcceptedDomain", json!({}), "DomainName,Default", 10).await;
    assert_eq!(domains.len(), 2);
    let organization = client.all("Get-OrganizationConfig", json!({}), "Name,Guid", 10).await;
    assert_eq!(organization[0]["Guid"], TENANT);
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
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("example") && !line.contains(TENANT) && !line.contains(sandbox_support::SECRET))
    );
}

#[test]
fn the_example_is_right() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/sandbox.yaml");
    Config::load(&path).unwrap();
}
