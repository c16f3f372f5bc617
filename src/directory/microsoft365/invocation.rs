//! One cmdlet as it goes over the wire: `POST /adminapi/beta/{tenant}/InvokeCommand`.

use crate::http::new_id;
use reqwest::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Objects of one page.
pub(super) const PAGE: &str = "odata.maxpagesize=1000";
pub(super) const JSON: &str = "application/json; charset=utf-8";
/// Which mailbox a request is about: the same one always, so that all requests of a tenant go the same way.
pub(super) const ANCHOR: &str = "x-anchormailbox";
/// The mailbox by which every tenant's requests are routed, so that what was written can be read again.
const SYSTEM_MAILBOX: &str = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}";

/// A cmdlet with its parameters, ready to be sent.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) url: String,
    pub(super) anchor: String,
    pub(super) body: Box<RawValue>,
    /// Its object was made a moment ago.
    pub(super) just_made: bool,
}

impl Invocation {
    pub(super) fn new(
        url: String,
        tenant: &str,
        cmdlet: &str,
        parameters: &Map<String, Value>,
        just_made: bool,
    ) -> Self {
        let body = json!({ "CmdletInput": { "CmdletName": cmdlet, "Parameters": parameters } });
        let body = serde_json::value::to_raw_value(&body).expect("a value of JSON is JSON");
        Self { url, anchor: format!("APP:{SYSTEM_MAILBOX}@{tenant}"), body, just_made }
    }

    /// The request that carries this cmdlet alone.
    pub(super) fn request(&self, http: &reqwest::Client) -> reqwest::RequestBuilder {
        post(http, &self.url, &self.anchor, PAGE).body(self.body.get().to_owned())
    }
}

/// A request to the cmdlet endpoint without its body.
pub(super) fn post(http: &reqwest::Client, url: &str, anchor: &str, prefer: &str) -> reqwest::RequestBuilder {
    http.post(url)
        .header(CONTENT_TYPE, JSON)
        .header(ANCHOR, anchor)
        .header("prefer", prefer)
        .header("x-responseformat", "json")
        .header("accept-language", "en-US")
        .header("client-request-id", new_id())
}
