//! An object of any form, kept as text: as a tree of maps it would take ten times the memory, and an operator keeps
//! thousands of them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;

/// JSON with its keys in order, so that equal objects are equal texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyObject(Box<str>);

impl AnyObject {
    pub fn of(object: &impl Serialize) -> Self {
        let value = serde_json::to_value(object).expect("what is kept is plain data");
        Self(value.to_string().into())
    }

    /// `None` where it has another form.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }
}

impl Serialize for AnyObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read::<Value>().expect("it was made from JSON").serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer)?.to_string().into()))
    }
}

/// Its form is versioned in itself.
impl JsonSchema for AnyObject {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AnyObject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_comes_back_as_it_was() {
        let value = json!({ "b": [1, 2.5, null], "a": { "x": "ö", "big": u64::MAX } });
        let kept = AnyObject::of(&value);
        assert_eq!(kept.read::<Value>(), Some(value.clone()));
        assert_eq!(serde_json::to_value(&kept).unwrap(), value);
        assert_eq!(serde_json::from_value::<AnyObject>(value).unwrap(), kept);
    }
}
