//! The shapes of requests: each different one once, without ids, tokens and values, so that a change in how a
//! client uses the protocol is a visible difference between two lists.

use super::call::Call;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

#[derive(Debug, Default)]
pub struct Record(Mutex<BTreeSet<String>>);

/// Headers that belong to the protocol.
const HEADERS: &[&str] = &[
    "prefer",
    "x-prefer",
    "x-anchormailbox",
    "x-responseformat",
    "x-serializationlevel",
    "content-type",
    "consistencylevel",
];

/// Form fields whose values say how the protocol is used.
const OPEN_FIELDS: &[&str] = &["grant_type", "scope", "client_assertion_type"];

/// Texts of a body that are kept.
const OPEN_KEYS: &[&str] = &["CmdletName", "@odata.type", "ResultSize", "method"];

impl Record {
    /// `names` are the tenant's, which are left out.
    pub fn add(&self, call: &Call, names: &[String]) {
        let line = line(call, names);
        self.0.lock().expect("no holder of the lock panics").insert(line);
    }

    /// All different lines, sorted.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no holder of the lock panics").iter().cloned().collect()
    }

    pub fn clear(&self) {
        self.0.lock().expect("no holder of the lock panics").clear();
    }
}

fn line(call: &Call, names: &[String]) -> String {
    let mut line = format!("{} {}", call.method, without_ids(&call.path, names));
    for (index, (name, value)) in call.query.iter().enumerate() {
        line.push(if index == 0 { '?' } else { '&' });
        line.push_str(name);
        line.push('=');
        line.push_str(&match name.trim_start_matches('$').to_lowercase().as_str() {
            "skiptoken" | "deltatoken" if value != "latest" && !value.is_empty() => "{opaque}".to_owned(),
            "filter" => without_literals(&without_ids(value, names)),
            _ => without_ids(value, names),
        });
    }
    for name in HEADERS {
        if let Some(value) = call.header(name) {
            line.push_str(&format!(" {name}: {}", without_ids(value, names)));
        }
    }
    if call.body.is_empty() {
        return line;
    }
    let is_form = call.header("content-type").is_some_and(|value| value.contains("form-urlencoded"));
    let body = match serde_json::from_slice::<Value>(&call.body) {
        _ if is_form => form(&call.body),
        Ok(body) => shape(&body, "", names),
        Err(_) => "{bytes}".to_owned(),
    };
    format!("{line} {body}")
}

fn form(body: &[u8]) -> String {
    let fields: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |(name, value): (&String, &String)| {
        let value = if OPEN_FIELDS.contains(&name.as_str()) { value.as_str() } else { "{text}" };
        format!("{name}={value}")
    };
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

/// The value with types in place of values; equal shapes in a list are told once.
fn shape(value: &Value, key: &str, names: &[String]) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) if OPEN_KEYS.contains(&key) => format!("{text:?}"),
        Value::String(text) if key == "Filter" => format!("{:?}", without_literals(text)),
        Value::String(text) if key == "url" => {
            let path = url::Url::parse(text).map_or_else(
                |_| text.clone(),
                |url| url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path())),
            );
            format!("{:?}", without_ids(&path, names))
        }
        Value::String(text) if HEADERS.contains(&key.to_lowercase().as_str()) => {
            format!("{:?}", without_ids(text, names))
        }
        Value::String(_) => "text".to_owned(),
        Value::Array(list) => {
            let shapes: BTreeSet<String> = list.iter().map(|item| shape(item, "", names)).collect();
            format!("[{}]", shapes.into_iter().collect::<Vec<_>>().join(" | "))
        }
        Value::Object(object) => {
            let mut fields: Vec<String> =
                object.iter().map(|(key, value)| format!("{key}: {}", shape(value, key, names))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Names of the tenant and everything that looks like a GUID.
fn without_ids(text: &str, names: &[String]) -> String {
    let mut text = text.to_owned();
    for name in names {
        text = text.replace(name.as_str(), "{tenant}");
    }
    let mut out = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        match rest.get(..36).filter(|start| super::guid::Guid::parse(start).is_ok()) {
            Some(_) => {
                out.push_str("{id}");
                rest = &rest[36..];
            }
            None => {
                let first = rest.chars().next().expect("rest is not empty");
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// `Name -eq 'x'` → `Name -eq '…'`.
fn without_literals(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match (c, inside) {
            ('\'', false) => out.push_str("'…'"),
            ('\'', true) => {}
            (_, true) => continue,
            (c, false) => out.push(c),
        }
        if c == '\'' {
            inside = !inside;
        }
    }
    // A doubled quotation mark is one literal.
    out.replace("'…''…'", "'…'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, Method};

    #[test]
    fn a_line_has_the_shape_and_no_value() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("authorization", "Bearer secret".parse().unwrap());
        let id = "11111111-2222-3333-4444-555555555555";
        let body = r##"{"CmdletInput":{"CmdletName":"Set-MailContact","Parameters":{"Identity":"x","EmailAddresses":{"@odata.type":"#Exchange.GenericHashTable","Add":["a@b","c@d"]},"Filter":"Name -eq 'O''Brien' -and x -like 'y*'"}}}"##;
        let call = Call {
            method: Method::POST,
            path: format!("/adminapi/beta/{id}/InvokeCommand"),
            query: vec![("$select".to_owned(), "Name,Guid".to_owned()), ("$skiptoken".to_owned(), "abc".to_owned())],
            headers,
            body: body.into(),
            base_url: "http://x".to_owned(),
        };
        assert_eq!(
            line(&call, &[id.to_owned()]),
            "POST /adminapi/beta/{tenant}/InvokeCommand?$select=Name,Guid&$skiptoken={opaque} content-type: application/json \
             {CmdletInput: {CmdletName: \"Set-MailContact\", Parameters: {EmailAddresses: {@odata.type: \"#Exchange.GenericHashTable\", Add: [text]}, \
             Filter: \"Name -eq '…' -and x -like '…'\", Identity: text}}}"
        );
    }
}
