//! Exchange: cmdlets one by one.

use crate::client::{Client, NOBODY, READER, TENANT, config};
use galsync::sandbox::microsoft365::recipient::Kind;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

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
    let expected = client.handle.microsoft365.objects(TENANT).iter().filter(|o| o.kind.in_exchange()).count();
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
    let hidden = client.handle.microsoft365.objects(TENANT).iter().filter(|o| o.kind.in_exchange() && o.hidden).count();
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
    let reader = client.token(READER, "https://outlook.office365.com/.default").await;
    assert_eq!(send(&reader, Some(&anchor), &url).await, 200);
    let new = json!({"CmdletInput": {"CmdletName": "New-MailContact", "Parameters": {"Name": "x", "ExternalEmailAddress": "x@b.example"}}});
    let answer =
        client.http.post(&url).bearer_auth(&reader).header("X-AnchorMailbox", &anchor).json(&new).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("is not recognized"));
    let nobody = client.token(NOBODY, "https://outlook.office365.com/.default").await;
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
