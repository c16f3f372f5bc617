//! The table of names and types that an expression is checked against, and where their values come from.

use std::fmt;

/// The types of values that expressions can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Boolean,
    Number,
    List,
    Null,
    /// What nobody asks for: bytes, maps.
    Other,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::List => "a list",
            Self::Null => "null",
            Self::Other => "something else",
        })
    }
}

impl From<FieldType> for Type {
    fn from(field: FieldType) -> Self {
        match field {
            FieldType::Text => Self::Text,
            FieldType::List => Self::List,
            FieldType::Flag => Self::Boolean,
        }
    }
}

/// The type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Text,
    /// A list of texts.
    List,
    Flag,
}

/// What an expression speaks of: it writes `<variable>.<field>`. Values that are not there are empty, so that an
/// expression need not ask first.
pub trait Record {
    /// The name by which an expression calls the record.
    const VARIABLE: &'static str;

    type Field: Copy + Eq + Send + Sync + 'static;

    /// The field of this name.
    fn field(name: &str) -> Option<Self::Field>;

    fn field_type(field: Self::Field) -> FieldType;

    /// The value of a field that is a text; of another an empty one.
    fn text(&self, field: Self::Field) -> &str;

    /// The values of a field that is a list; of another none.
    fn list(&self, field: Self::Field) -> Vec<&str>;

    /// Whether a field that is a flag is set.
    fn flag(&self, field: Self::Field) -> bool;
}
