//! Expressions that need no evaluator: comparisons of texts, flags, and what connects them. Nearly all filters are
//! such, and with millions of records the evaluator is a tenth of a plan. Whatever is not known here stays with it.

use super::names::index_of;
use super::record::{FieldType, Record};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

/// A truth value about a record that cannot fail, and is what CEL says of the same tree.
pub(super) enum Predicate<F> {
    Constant(bool),
    Flag(F),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Same(Box<Self>, Box<Self>),
    Compare(Comparison, Text<F>, Text<F>),
    /// `text in [text, …]`
    OneOf(Text<F>, Vec<Text<F>>),
    /// `text in entry.<list>`
    Listed(Text<F>, F),
}

#[derive(Clone, Copy)]
pub(super) enum Comparison {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
}

pub(super) enum Text<F> {
    Field(F),
    Literal(String),
}

impl<F: Copy + Eq> Predicate<F> {
    /// Of a compiled tree, whose variables are those of `fields`.
    pub(super) fn of<R: Record<Field = F>>(tree: &IdedExpr, fields: &[F]) -> Option<Self> {
        match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Self::Constant(*value.inner())),
            Expr::Ident(_) => field::<R>(tree, fields, FieldType::Flag).map(Self::Flag),
            Expr::Call(call) => Self::of_call::<R>(call, fields),
            _ => None,
        }
    }

    fn of_call<R: Record<Field = F>>(call: &CallExpr, fields: &[F]) -> Option<Self> {
        let truth = |tree: &IdedExpr| Self::of::<R>(tree, fields).map(Box::new);
        let text = |tree: &IdedExpr| Text::of::<R>(tree, fields);
        let (name, target) = (call.func_name.as_str(), call.target.as_deref());
        Some(match (name, target, call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [of]) => Self::Not(truth(of)?),
            (operators::LOGICAL_AND, None, [left, right]) => Self::And(truth(left)?, truth(right)?),
            (operators::LOGICAL_OR, None, [left, right]) => Self::Or(truth(left)?, truth(right)?),
            (operators::EQUALS, None, [left, right]) => Self::equal::<R>(left, right, fields)?,
            (operators::NOT_EQUALS, None, [left, right]) => Self::Not(Box::new(Self::equal::<R>(left, right, fields)?)),
            (operators::IN, None, [left, right]) => match &right.expr {
                Expr::List(list) if list.optional_indices.is_empty() => {
                    Self::OneOf(text(left)?, list.elements.iter().map(text).collect::<Option<_>>()?)
                }
                _ => Self::Listed(text(left)?, field::<R>(right, fields, FieldType::List)?),
            },
            (name, Some(of), [with]) => Self::Compare(Comparison::of(name)?, text(of)?, text(with)?),
            _ => return None,
        })
    }

    fn equal<R: Record<Field = F>>(left: &IdedExpr, right: &IdedExpr, fields: &[F]) -> Option<Self> {
        match (Text::of::<R>(left, fields), Text::of::<R>(right, fields)) {
            (Some(left), Some(right)) => Some(Self::Compare(Comparison::Equals, left, right)),
            (None, None) => Some(Self::Same(Self::of::<R>(left, fields)?.into(), Self::of::<R>(right, fields)?.into())),
            _ => None,
        }
    }

    pub(super) fn holds<R: Record<Field = F>>(&self, record: &R) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Flag(field) => record.flag(*field),
            Self::Not(of) => !of.holds(record),
            Self::And(left, right) => left.holds(record) && right.holds(record),
            Self::Or(left, right) => left.holds(record) || right.holds(record),
            Self::Same(left, right) => left.holds(record) == right.holds(record),
            Self::Compare(comparison, left, right) => comparison.holds(left.value(record), right.value(record)),
            Self::OneOf(text, list) => {
                let text = text.value(record);
                list.iter().any(|one| one.value(record) == text)
            }
            Self::Listed(text, list) => record.list(*list).contains(&text.value(record)),
        }
    }
}

impl Comparison {
    fn of(function: &str) -> Option<Self> {
        Some(match function {
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equals => left == right,
            Self::StartsWith => left.starts_with(right),
            Self::EndsWith => left.ends_with(right),
            Self::Contains => left.contains(right),
        }
    }
}

impl<F: Copy + Eq> Text<F> {
    fn of<R: Record<Field = F>>(tree: &IdedExpr, fields: &[F]) -> Option<Self> {
        match &tree.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(Self::Literal(text.inner().to_owned())),
            Expr::Ident(_) => field::<R>(tree, fields, FieldType::Text).map(Self::Field),
            _ => None,
        }
    }

    fn value<'a, R: Record<Field = F>>(&'a self, record: &'a R) -> &'a str {
        match self {
            Self::Field(field) => record.text(*field),
            Self::Literal(text) => text,
        }
    }
}

fn field<R: Record>(tree: &IdedExpr, fields: &[R::Field], of: FieldType) -> Option<R::Field> {
    match &tree.expr {
        Expr::Ident(name) => fields.get(index_of(name)?).copied().filter(|field| R::field_type(*field) == of),
        _ => None,
    }
}
