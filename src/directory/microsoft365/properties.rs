//! One object of a cmdlet's result: its properties by their names.

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::Range;

/// By property. Unset texts are empty, and an empty text counts as absent.
///
/// Pages have a thousand rows with twenty properties each: all texts of a row, the names among them, are kept in one.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    texts: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
struct Cell {
    tag: u32,
    name: Range<usize>,
    holds: Holds,
}

/// Length and ends of a name: others are told apart by it without being compared.
fn tag(name: &str) -> u32 {
    let end = |byte: Option<&u8>| byte.copied().map_or(0, u32::from);
    let bytes = name.as_bytes();
    (bytes.len() as u32) << 16 | end(bytes.first()) << 8 | end(bytes.last())
}

#[derive(Debug, Clone)]
enum Holds {
    Flag(bool),
    Text(Range<usize>),
    /// One text of a list; the others follow under the same name.
    Item(Range<usize>),
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Properties)
    }
}

/// Leaves out the types that go with the properties (`Guid@odata.type`).
struct Properties;

impl<'de> Visitor<'de> for Properties {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let mut row = Row { texts: String::with_capacity(USUAL_TEXT), cells: Vec::with_capacity(USUAL_CELLS) };
        while let Some(name) = map.next_key_seed(Name(&mut row.texts))? {
            match name {
                Some(name) => map.next_value_seed(Property { row: &mut row, name, listed: false })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(row)
    }
}

/// What a row of a usual selection takes.
const USUAL_TEXT: usize = 1024;
const USUAL_CELLS: usize = 28;

fn keep(texts: &mut String, text: &str) -> Range<usize> {
    let start = texts.len();
    texts.push_str(text);
    start..texts.len()
}

/// The name of a property; none for what is no property.
struct Name<'r>(&'r mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<Range<usize>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a property")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((!name.contains('@')).then(|| keep(self.0, name)))
    }
}

/// The value of a property, or one of its list. What is neither text nor flag is of no use here.
struct Property<'r> {
    row: &'r mut Row,
    name: Range<usize>,
    listed: bool,
}

impl<'de> DeserializeSeed<'de> for Property<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Property<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a property")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let text = keep(&mut self.row.texts, text);
        let holds = if self.listed { Holds::Item(text) } else { Holds::Text(text) };
        self.row.hold(self.name, holds);
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        if !self.listed {
            self.row.hold(self.name, Holds::Flag(flag));
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.listed {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        let Property { row, name, .. } = self;
        while list.next_element_seed(Property { row: &mut *row, name: name.clone(), listed: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl Row {
    fn hold(&mut self, name: Range<usize>, holds: Holds) {
        self.cells.push(Cell { tag: tag(&self.texts[name.clone()]), name, holds });
    }

    fn cells(&self, name: &str) -> impl Iterator<Item = &Holds> {
        let tag = tag(name);
        let is_called = move |cell: &&Cell| cell.tag == tag && self.texts[cell.name.clone()] == *name;
        self.cells.iter().filter(is_called).map(|cell| &cell.holds)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.cells(name).find_map(|holds| match holds {
            Holds::Text(text) => Some(&self.texts[text.clone()]),
            _ => None,
        });
        found.filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.cells(name).any(|holds| matches!(holds, Holds::Flag(true)))
    }

    /// A list of one is sometimes told as the one.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = self.cells(name).filter_map(|holds| match holds {
            Holds::Text(text) | Holds::Item(text) => Some(&self.texts[text.clone()]),
            Holds::Flag(_) => None,
        });
        texts.filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lenient() {
        let found: Row = serde_json::from_str(
            r##"{"A": "", "B": null, "C": "x\u00fc", "D": ["x", "", 1, ["n"], {"o": "p"}, true], "E": {"F": ["y"]},
                "G@odata.type": "#Guid", "G": 7, "H": true, "I": false, "J": -0.5, "K": ["z", "x"]}"##,
        )
        .unwrap();
        assert_eq!((found.text("A"), found.text("B"), found.text("C")), (None, None, Some("xü")));
        let texts = |name| found.texts(name).collect::<Vec<_>>();
        assert_eq!((texts("D"), texts("C"), texts("K")), (vec!["x"], vec!["xü"], vec!["z", "x"]));
        assert_eq!(found.text("D"), None, "a list is no text");
        for name in ["E", "F", "G", "G@odata.type", "J", "absent"] {
            assert_eq!((found.text(name), texts(name), found.flag(name)), (None, vec![], false), "{name}");
        }
        assert_eq!([found.flag("H"), found.flag("I"), found.flag("C")], [true, false, false]);
    }

    #[test]
    fn only_objects_are_rows() {
        for other in ["[]", "\"x\"", "null", "1"] {
            assert!(serde_json::from_str::<Row>(other).is_err(), "{other}");
        }
    }
}
