//! A list in a page of JSON, still as it came.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A list in JSON, a part of an answer's body. To look for its end and the next page's link is a fraction of the
/// work of reading its objects, which can be done while the next page is on its way.
#[derive(Debug, Clone, Default)]
pub struct LazyList(Bytes);

/// `deserialize_with` for a field that may be absent; `null` stays what it is, which is no list.
pub fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl LazyList {
    /// `list` is a part of `body`; absent, it is empty.
    pub fn new(body: &Bytes, list: Option<&RawValue>) -> Self {
        Self(list.map(|list| body.slice_ref(list.get().as_bytes())).unwrap_or_default())
    }

    pub fn is_absent(&self) -> bool {
        self.0.is_empty()
    }

    /// Its objects; those of an absent list are none.
    ///
    /// # Errors
    /// It is no list, or an object in it is not as it should be.
    pub fn read<T: DeserializeOwned + Default>(&self) -> serde_json::Result<T> {
        if self.is_absent() { Ok(T::default()) } else { serde_json::from_slice(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Page<'b> {
        #[serde(default, borrow, deserialize_with = "present")]
        value: Option<&'b RawValue>,
    }

    fn read(body: &'static str) -> serde_json::Result<Vec<u8>> {
        let body = Bytes::from_static(body.as_bytes());
        LazyList::new(&body, serde_json::from_slice::<Page<'_>>(&body)?.value).read()
    }

    #[test]
    fn a_list_is_read_out_of_its_page() {
        assert_eq!(read(r#"{"a": 1, "value": [ 1, 2 ], "next": "x"}"#).unwrap(), [1, 2]);
        assert_eq!(read(r#"{"a": 1}"#).unwrap(), [0; 0]);
        assert!(read(r#"{"value": [1, "2"]}"#).is_err());
        assert!(read(r#"{"value": {}}"#).is_err());
        assert!(read(r#"{"value": null}"#).is_err());
        assert!(read(r#"{"value": [1, 2"#).is_err());
    }
}
