//! The objects of a cmdlet's result: their properties by name.

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One object. Unset texts are empty, and an empty text counts as absent.
#[derive(Debug, Clone)]
pub(super) struct Row {
    sheet: Arc<Sheet>,
    cells: Range<usize>,
}

/// The objects of a page.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) Vec<Row>);

/// What the rows of one page share: a thousand of them have twenty properties each, so all texts are kept in one, and
/// each name once.
#[derive(Debug, Default)]
struct Sheet {
    names: Vec<String>,
    texts: String,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    /// Its place among the names.
    name: u32,
    holds: Holds,
}

#[derive(Debug)]
enum Holds {
    Flag(bool),
    Text(Span),
    /// One text of a list; the others follow under the same name.
    Item(Span),
}

/// From where to where in the texts.
#[derive(Debug)]
struct Span(u32, u32);

impl Sheet {
    /// The place of a name, which is most likely the one after that of the property before.
    fn place(&mut self, name: &str, likely: usize) -> usize {
        if self.names.get(likely).is_some_and(|known| known == name) {
            return likely;
        }
        self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }

    fn keep<E: Error>(&mut self, text: &str) -> Result<Span, E> {
        let place = |length: usize| u32::try_from(length).map_err(|_| E::custom("the page is too long"));
        let start = place(self.texts.len())?;
        self.texts.push_str(text);
        Ok(Span(start, place(self.texts.len())?))
    }

    fn hold(&mut self, name: usize, holds: Holds) {
        self.cells.push(Cell { name: name as u32, holds });
    }

    fn text(&self, Span(start, end): &Span) -> &str {
        &self.texts[*start as usize..*end as usize]
    }
}

impl Row {
    fn holds(&self, name: &str) -> impl Iterator<Item = &Holds> {
        let place = self.sheet.names.iter().position(|known| known == name);
        let cells = if place.is_some() { &self.sheet.cells[self.cells.clone()] } else { &[] };
        cells.iter().filter(move |cell| place == Some(cell.name as usize)).map(|cell| &cell.holds)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.holds(name).find_map(|holds| match holds {
            Holds::Text(text) => Some(self.sheet.text(text)),
            _ => None,
        });
        found.filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.holds(name).any(|holds| matches!(holds, Holds::Flag(true)))
    }

    /// A list of one is sometimes told as the one.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = self.holds(name).filter_map(|holds| match holds {
            Holds::Text(text) | Holds::Item(text) => Some(self.sheet.text(text)),
            Holds::Flag(_) => None,
        });
        texts.filter(|text| !text.is_empty())
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Page)
    }
}

struct Page;

impl<'de> Visitor<'de> for Page {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
        let mut sheet = Sheet::default();
        let mut rows = Vec::new();
        while let Some(cells) = list.next_element_seed(Object(&mut sheet))? {
            rows.push(cells);
        }
        let sheet = Arc::new(sheet);
        Ok(Rows(rows.into_iter().map(|cells| Row { sheet: sheet.clone(), cells }).collect()))
    }
}

/// One object, without the types that go with its properties (`Guid@odata.type`).
struct Object<'s>(&'s mut Sheet);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Range<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Range<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(sheet) = self;
        let start = sheet.cells.len();
        let mut likely = 0;
        while let Some(name) = map.next_key_seed(Name { sheet: &mut *sheet, likely })? {
            match name {
                Some(name) => {
                    map.next_value_seed(Property { sheet: &mut *sheet, name, listed: false })?;
                    likely = name + 1;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(start..sheet.cells.len())
    }
}

/// The name of a property; none for what is no property.
struct Name<'s> {
    sheet: &'s mut Sheet,
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a property")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((!name.contains('@')).then(|| self.sheet.place(name, self.likely)))
    }
}

/// The value of a property, or one of its list. What is neither text nor flag is of no use here.
struct Property<'s> {
    sheet: &'s mut Sheet,
    name: usize,
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

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let text = self.sheet.keep(text)?;
        self.sheet.hold(self.name, if self.listed { Holds::Item(text) } else { Holds::Text(text) });
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        if !self.listed {
            self.sheet.hold(self.name, Holds::Flag(flag));
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
        let Self { sheet, name, .. } = self;
        while list.next_element_seed(Property { sheet: &mut *sheet, name, listed: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        serde_json::from_str::<Rows>(text).unwrap().0
    }

    #[test]
    fn values_are_lenient() {
        let found = rows(
            r##"[{"A": "", "B": null, "C": "x\u00fc", "D": ["x", "", 1, ["n"], {"o": "p"}, true], "E": {"F": ["y"]},
                "G@odata.type": "#Guid", "G": 7, "H": true, "I": false, "J": -0.5, "K": ["z", "x"]}]"##,
        )
        .remove(0);
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
    fn rows_are_kept_apart_whatever_the_order_of_their_properties() {
        let found = rows(r#"[{"A": "1", "B": "2"}, {"B": "3", "C": "4"}, {}, {"C": "5", "A": "6", "B": ["7", "8"]}]"#);
        let all = |name: &str| found.iter().map(|row| row.texts(name).collect::<String>()).collect::<Vec<_>>();
        assert_eq!(all("A"), ["1", "", "", "6"]);
        assert_eq!(all("B"), ["2", "3", "", "78"]);
        assert_eq!(all("C"), ["", "4", "", "5"]);
    }

    #[test]
    fn only_lists_of_objects_are_rows() {
        for other in ["{}", "[[]]", "[\"x\"]", "[null]", "[1]", "null"] {
            assert!(serde_json::from_str::<Rows>(other).is_err(), "{other}");
        }
    }
}
