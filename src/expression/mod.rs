//! CEL over one record: parsed and checked once, where a person wrote it, and evaluated for each record with only the
//! fields that it names.
//!
//! An expression knows its names and types from a [`Record`]; which records there are is no business of this layer.
//! Compared, printed and serialized, an expression is its text.

mod error;
mod functions;
mod names;
mod predicate;
mod record;
mod result_type;
#[cfg(test)]
mod tests;

pub use error::{ExpressionError, Failed};
pub use record::{FieldType, Record, Type};

use cel::context::VariableResolver;
use cel::parser::Parser;
use cel::{IdedExpr, Value};
use functions::FUNCTIONS;
use predicate::Predicate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// What an expression gives: `bool`, or a text that may be absent.
pub trait Output: Sized {
    /// What a person is told to write.
    const WANTED: Type;

    fn fits(found: Type) -> bool;

    fn from_value(value: Value) -> Option<Self>;

    /// What a predicate says, where that is what is asked for.
    fn from_predicate(truth: bool) -> Option<Self>;
}

impl Output for bool {
    const WANTED: Type = Type::Boolean;

    fn fits(found: Type) -> bool {
        found == Type::Boolean
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn from_predicate(truth: bool) -> Option<Self> {
        Some(truth)
    }
}

/// A text, or null for none; an empty text is none.
impl Output for Option<String> {
    const WANTED: Type = Type::Text;

    fn fits(found: Type) -> bool {
        matches!(found, Type::Text | Type::Null)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(text) if text.is_empty() => Some(None),
            Value::String(text) => Some(Some(Arc::unwrap_or_clone(text))),
            Value::Null => Some(None),
            _ => None,
        }
    }

    fn from_predicate(_: bool) -> Option<Self> {
        None
    }
}

/// An expression over `R` that gives a `T`. Cheap to clone.
pub struct Expression<R: Record, T> {
    parsed: Arc<Parsed<R>>,
    gives: PhantomData<fn() -> T>,
}

struct Parsed<R: Record> {
    text: String,
    /// Each `entry.<field>` is a variable of its own, so that evaluating builds nothing but the values that are
    /// asked for.
    tree: IdedExpr,
    /// The same as `tree`, where that is simple enough.
    predicate: Option<Predicate<R::Field>>,
    /// By the number of their variable.
    fields: Vec<R::Field>,
}

impl<R: Record, T: Output> Expression<R, T> {
    /// Names and, as far as the text tells, the type of what it gives are checked.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut tree = Parser::default().parse(text).map_err(|errors| {
            let first = errors.errors.first().map_or(String::new(), |error| error.msg.clone());
            ExpressionError::Syntax(first.lines().next().unwrap_or_default().to_owned())
        })?;
        let fields = names::resolve_names::<R>(&mut tree)?;
        if let Some(found) = result_type::misfit::<R>(&tree, &fields, &T::fits) {
            return Err(ExpressionError::WrongType { wanted: T::WANTED, found });
        }
        let predicate = Predicate::of::<R>(&tree, &fields);
        let parsed = Arc::new(Parsed { text: text.to_owned(), tree, predicate, fields });
        Ok(Self { parsed, gives: PhantomData })
    }

    pub fn evaluate(&self, record: &R) -> Result<T, Failed> {
        let predicate = self.parsed.predicate.as_ref();
        if let Some(given) = predicate.and_then(|predicate| T::from_predicate(predicate.holds(record))) {
            return Ok(given);
        }
        self.interpret(record)
    }

    /// By CEL's evaluator.
    fn interpret(&self, record: &R) -> Result<T, Failed> {
        let values = self.parsed.fields.iter().map(|field| value(record, *field)).collect();
        let fields = Fields(values);
        let mut context = FUNCTIONS.new_inner_scope();
        context.set_variable_resolver(&fields);
        let value = Value::resolve(&self.parsed.tree, &context).map_err(|_| Failed)?;
        T::from_value(value).ok_or(Failed)
    }
}

impl<R: Record, T> Expression<R, T> {
    /// As it was written.
    pub fn text(&self) -> &str {
        &self.parsed.text
    }

    /// The fields that it names.
    pub fn fields(&self) -> &[R::Field] {
        &self.parsed.fields
    }
}

impl<R: Record, T> Clone for Expression<R, T> {
    fn clone(&self) -> Self {
        Self { parsed: self.parsed.clone(), gives: PhantomData }
    }
}

impl<R: Record, T> fmt::Debug for Expression<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl<R: Record, T> PartialEq for Expression<R, T> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl<R: Record, T> Eq for Expression<R, T> {}

impl<R: Record, T> Serialize for Expression<R, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de, R: Record, T: Output> Deserialize<'de> for Expression<R, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn value<R: Record>(record: &R, field: R::Field) -> Value {
    let text = |text: &str| Value::String(Arc::new(text.to_owned()));
    match R::field_type(field) {
        FieldType::Text => text(record.text(field)),
        FieldType::List => Value::List(Arc::new(record.list(field).into_iter().map(text).collect())),
        FieldType::Flag => Value::Bool(record.flag(field)),
    }
}

/// The values of the fields that an expression names, by the number of their variable.
struct Fields(Vec<Value>);

impl VariableResolver for Fields {
    fn resolve(&self, variable: &str) -> Option<Value> {
        self.0.get(names::index_of(variable)?).cloned()
    }
}
