//! The token endpoint, and who may do what with its tokens.

use crate::client::{CLIENT, Client, SECRET, TENANT, config};
use serde_json::Value;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_wrong_secret_and_other_mistakes_are_told_by_number() {
    let client = Client::start(&config(0, "")).await;
    let form = |change: &[(&str, &str)]| {
        let mut form: BTreeMap<String, String> = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", SECRET),
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
