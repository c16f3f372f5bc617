//! A plain client for tests of the sandbox, with as little cleverness as possible.

use crate::directory_support::microsoft365::{self, READ, WRITE, app};
pub use crate::directory_support::microsoft365::{CLIENT, SECRET, TENANT};
use galsync::sandbox::config::Config;
use galsync::sandbox::microsoft365::recipient::{Kind, Recipient};
use galsync::sandbox::{Handle, Sandbox};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// May read recipients only.
pub const READER: &str = "66666666-7777-8888-9999-000000000001";
/// Has the permission and no role.
pub const NOBODY: &str = "66666666-7777-8888-9999-000000000002";
/// One tenant with that many people; `more` are further settings of it.
pub fn config(people: usize, more: &str) -> Config {
    let secrets =
        format!("{{text: {{value: {SECRET}}}}}, {{text: {{value: old secret}}, expires: 2025-01-01T00:00:00Z}}");
    let apps = [
        format!("{{clientId: {CLIENT}, secrets: [{secrets}], roles: [{READ}], exchangeRoles: [{WRITE}]}}"),
        app(READER, "Exchange.ManageAsApp", "View-Only Recipients"),
        app(NOBODY, "Exchange.ManageAsApp", ""),
    ];
    let clock = serde_yaml::from_str("{start: 2026-01-01T00:00:00Z, speed: 0}").unwrap();
    Config { clock, ..microsoft365::config(people, &apps, more) }
}

pub struct Client {
    pub handle: Handle,
    pub http: reqwest::Client,
    pub graph_token: String,
    pub exchange_token: String,
}

/// All pages of one delta round, merged by id; the last word holds.
#[derive(Default)]
pub struct Round {
    pub objects: BTreeMap<String, Value>,
    pub members: BTreeMap<String, BTreeSet<String>>,
    pub left: BTreeMap<String, BTreeSet<String>>,
    pub link: String,
    pub told: usize,
    pub empty_pages: usize,
}

impl Client {
    pub async fn start(config: &Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let handle = Sandbox::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut client = Self { handle, http, graph_token: String::new(), exchange_token: String::new() };
        client.graph_token = client.token(CLIENT, "https://graph.microsoft.com/.default").await;
        client.exchange_token = client.token(CLIENT, "https://outlook.office365.com/.default").await;
        client
    }

    pub fn base_url(&self) -> &str {
        &self.handle.base_url
    }

    pub async fn token(&self, client: &str, scope: &str) -> String {
        let form =
            [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", SECRET), ("scope", scope)];
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", self.base_url());
        let body: Value = self.post_form(&url, form.iter().copied()).await.json().await.unwrap();
        body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }

    pub async fn post_form<'a>(&self, url: &str, form: impl Iterator<Item = (&'a str, &'a str)>) -> reqwest::Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap()
    }

    /// `path` may be a whole link. Time passes in these tests, so each request has a token of its own.
    pub async fn graph_raw(&self, path: &str) -> reqwest::Response {
        let url = if path.starts_with('/') { format!("{}{path}", self.base_url()) } else { path.to_owned() };
        let token = self.token(CLIENT, "https://graph.microsoft.com/.default").await;
        self.http.get(url).bearer_auth(token).send().await.unwrap()
    }

    pub async fn graph(&self, path: &str) -> (u16, Value) {
        let answer = self.graph_raw(path).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn delta(&self, start: &str) -> Round {
        let mut round = Round::default();
        let mut link = start.to_owned();
        loop {
            let answer = self.graph_raw(&link).await;
            let status = answer.status();
            let page: Value = answer.json().await.unwrap();
            assert_eq!(status, 200, "{page}");
            let value = page["value"].as_array().unwrap();
            round.empty_pages += usize::from(value.is_empty());
            for object in value {
                round.told += 1;
                let id = object["id"].as_str().unwrap().to_owned();
                for member in object["members@delta"].as_array().into_iter().flatten() {
                    let list = if member.get("@removed").is_some() { &mut round.left } else { &mut round.members };
                    list.entry(id.clone()).or_default().insert(member["id"].as_str().unwrap().to_owned());
                }
                round.objects.insert(id, object.clone());
            }
            match page["@odata.nextLink"].as_str() {
                Some(next) => link = next.to_owned(),
                None => {
                    round.link = page["@odata.deltaLink"].as_str().unwrap().to_owned();
                    return round;
                }
            }
        }
    }

    pub async fn post(&self, url: &str, body: &Value) -> (u16, Value) {
        let answer = self.post_raw(url, body, None).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn post_raw(&self, url: &str, body: &Value, page: Option<usize>) -> reqwest::Response {
        let token = self.token(CLIENT, "https://outlook.office365.com/.default").await;
        let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{TENANT}");
        let mut request = self.http.post(url).bearer_auth(token).header("X-AnchorMailbox", anchor).json(body);
        if let Some(page) = page {
            request = request.header("Prefer", format!("odata.maxpagesize={page}"));
        }
        request.send().await.unwrap()
    }

    pub async fn invoke_at(&self, query: &str, cmdlet: &str, parameters: Value, page: Option<usize>) -> (u16, Value) {
        let url = format!("{}/adminapi/beta/{TENANT}/InvokeCommand{query}", self.base_url());
        let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}});
        let answer = self.post_raw(&url, &body, page).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn invoke_raw(&self, cmdlet: &str, parameters: Value) -> reqwest::Response {
        let url = format!("{}/adminapi/beta/{TENANT}/InvokeCommand", self.base_url());
        self.post_raw(&url, &json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}), None).await
    }

    pub async fn invoke(&self, cmdlet: &str, parameters: Value) -> (u16, Value) {
        self.invoke_at("", cmdlet, parameters, None).await
    }

    pub async fn ok(&self, cmdlet: &str, parameters: Value) -> Value {
        let (status, body) = self.invoke(cmdlet, parameters).await;
        assert_eq!(status, 200, "{cmdlet}: {body}");
        body
    }

    /// Status and full name of the exception.
    pub async fn error(&self, cmdlet: &str, parameters: Value) -> (u16, String) {
        let (status, body) = self.invoke(cmdlet, parameters).await;
        let kind = body["error"]["innererror"]["internalexception"]["type"].as_str().unwrap_or_default();
        (status, kind.to_owned())
    }

    /// All pages of a cmdlet that reads.
    pub async fn all(&self, cmdlet: &str, parameters: Value, select: &str, page: usize) -> Vec<Value> {
        let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}});
        let mut url = format!("{}/adminapi/beta/{TENANT}/InvokeCommand?$select={select}", self.base_url());
        let mut all = Vec::new();
        loop {
            let answer = self.post_raw(&url, &body, Some(page)).await;
            let status = answer.status();
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(status, 200, "{answer}");
            all.extend(answer["value"].as_array().unwrap().iter().cloned());
            match answer["@odata.nextLink"].as_str() {
                Some(next) => next.clone_into(&mut url),
                None => return all,
            }
        }
    }

    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}/sandbox/{path}", self.base_url()));
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub async fn change(&self, changes: Value) {
        self.admin("POST", &format!("tenants/{TENANT}/changes"), changes).await;
    }

    /// The n-th object of a kind.
    pub fn someone(&self, kind: Kind, number: usize) -> Arc<Recipient> {
        self.handle.microsoft365.objects(TENANT).into_iter().filter(|object| object.kind == kind).nth(number).unwrap()
    }
}
