//! The shapes of requests: each different one once, without ids, tokens and values, so that a change in how a
//! client uses the protocol is a visible difference between two lists.

use super::call::Call;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

#[derive(Debug, Default)]
pub struct Record(Mutex<BTreeSet<String>>);

/// What of a protocol's requests is kept; all else is told by its type. Names of parameters are compared without case
/// and without a `$` in front, names of headers without case.
#[derive(Debug)]
pub struct Shape {
    /// Headers that belong to the protocol, in a body as well, with their values.
    pub headers: &'static [&'static str],
    /// Fields of a form whose values say how the protocol is used.
    pub form_fields: &'static [&'static str],
    /// Keys of a JSON body whose texts are kept.
    pub texts: &'static [&'static str],
    /// Parameters and keys that hold a filter, which is kept but for its literals in single quotation marks.
    pub filters: &'static [&'static str],
    /// Keys of a body that hold a URL, which is kept from the path on.
    pub urls: &'static [&'static str],
    /// Parameters that hold what the server gave out, such as a page token.
    pub opaque: &'static [&'static str],
    /// Values that stay even there.
    pub constants: &'static [&'static str],
    /// How many bytes of an id a text begins with, where it does.
    pub id: fn(&str) -> Option<usize>,
}

impl Shape {
    /// Keeps method, path, names and types.
    pub const EMPTY: Self = Self {
        headers: &[],
        form_fields: &[],
        texts: &[],
        filters: &[],
        urls: &[],
        opaque: &[],
        constants: &[],
        id: |_| None,
    };
}

impl Record {
    /// `names` are the tenant's, which are left out.
    pub fn add(&self, call: &Call, shape: &Shape, names: &[String]) {
        let line = Line { shape, names }.of(call);
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

/// How the line of one request is made.
struct Line<'a> {
    shape: &'a Shape,
    names: &'a [String],
}

fn has(names: &[&str], name: &str) -> bool {
    let name = name.trim_start_matches('$');
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Line<'_> {
    fn of(&self, call: &Call) -> String {
        let mut line = format!("{} {}", call.method, self.without_ids(&call.path));
        for (index, (name, value)) in call.query.iter().enumerate() {
            line.push(if index == 0 { '?' } else { '&' });
            line.push_str(name);
            line.push('=');
            let stays = value.is_empty() || self.shape.constants.contains(&value.as_str());
            line.push_str(&if has(self.shape.opaque, name) && !stays {
                "{opaque}".to_owned()
            } else if has(self.shape.filters, name) {
                without_literals(&self.without_ids(value))
            } else {
                self.without_ids(value)
            });
        }
        for name in self.shape.headers {
            if let Some(value) = call.header(name) {
                line.push_str(&format!(" {name}: {}", self.without_ids(value)));
            }
        }
        if call.body.is_empty() {
            return line;
        }
        let is_form = call.header("content-type").is_some_and(|value| value.contains("form-urlencoded"));
        let body = match serde_json::from_slice::<Value>(&call.body) {
            _ if is_form => self.form(&call.body),
            Ok(body) => self.value(&body, ""),
            Err(_) => "{bytes}".to_owned(),
        };
        format!("{line} {body}")
    }

    fn form(&self, body: &[u8]) -> String {
        let fields: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let field = |(name, value): (&String, &String)| {
            let value = if self.shape.form_fields.contains(&name.as_str()) { value.as_str() } else { "{text}" };
            format!("{name}={value}")
        };
        fields.iter().map(field).collect::<Vec<_>>().join("&")
    }

    /// The value with types in place of values; equal shapes in a list are told once.
    fn value(&self, value: &Value, key: &str) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(_) => "number".to_owned(),
            Value::String(text) if self.shape.texts.contains(&key) => format!("{text:?}"),
            Value::String(text) if has(self.shape.filters, key) => format!("{:?}", without_literals(text)),
            Value::String(text) if self.shape.urls.contains(&key) => {
                let path = url::Url::parse(text).map_or_else(
                    |_| text.clone(),
                    |url| url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path())),
                );
                format!("{:?}", self.without_ids(&path))
            }
            Value::String(text) if has(self.shape.headers, key) => format!("{:?}", self.without_ids(text)),
            Value::String(_) => "text".to_owned(),
            Value::Array(list) => {
                let shapes: BTreeSet<String> = list.iter().map(|item| self.value(item, "")).collect();
                format!("[{}]", shapes.into_iter().collect::<Vec<_>>().join(" | "))
            }
            Value::Object(object) => {
                let mut fields: Vec<String> =
                    object.iter().map(|(key, value)| format!("{key}: {}", self.value(value, key))).collect();
                fields.sort();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    /// Without names of the tenant and everything that looks like an id.
    fn without_ids(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in self.names {
            text = text.replace(name.as_str(), "{tenant}");
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            match (self.shape.id)(rest) {
                Some(length) => {
                    out.push_str("{id}");
                    rest = &rest[length..];
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }
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
