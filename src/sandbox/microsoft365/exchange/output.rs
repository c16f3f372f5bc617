//! What a cmdlet gives back, and how far a list has come.

use crate::sandbox::microsoft365::directory::Number;
use serde_json::{Value, json};

/// Result of one cmdlet.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub value: Vec<Value>,
    pub warnings: Vec<String>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

/// Place in a list: after which object, and how many were told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    pub after: Option<Number>,
    pub told: usize,
}

impl Output {
    pub fn one(value: Value) -> Self {
        Self { value: vec![value], ..Self::default() }
    }

    /// The body of a 200.
    pub fn body(&self, organization: &str, base_url: &str, next: Option<String>) -> Value {
        let mut body = json!({
            "@odata.context": format!("{base_url}/adminapi/beta/{organization}/$metadata#Collection(Exchange.GenericHashTable)"),
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": self.warnings,
            "value": self.value,
        });
        if let Some(next) = next {
            body["@odata.nextLink"] = Value::String(next);
        }
        body
    }
}
