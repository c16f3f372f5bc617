//! Expressions that need no evaluator: comparisons of texts, flags, and what connects them. Nearly all filters are
//! such, and with millions of entries the evaluator is a tenth of a plan. Whatever is not known here stays with it.

use super::compiler::index_of;
use super::field::Field;
use crate::model::Entry;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use std::borrow::Cow;

/// A truth value about an entry that cannot fail, and is what CEL says of the same tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Constant(bool),
    Flag(Field),
    Not(Box<Truth>),
    Both(Box<Truth>, Box<Truth>),
    Either(Box<Truth>, Box<Truth>),
    Same(Box<Truth>, Box<Truth>),
    Compare(Comparison, Text, Text),
    /// `text in [text, …]`
    OneOf(Text, Vec<Text>),
    /// `text in entry.<list>`
    Listed(Text, Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Field(Field),
    Literal(String),
}

impl Truth {
    /// Of a compiled tree, whose variables are those of `fields`.
    pub(super) fn of(tree: &IdedExpr, fields: &[Field]) -> Option<Self> {
        match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Self::Constant(*value.inner())),
            Expr::Ident(_) => field(tree, fields).filter(|field| field.is_flag()).map(Self::Flag),
            Expr::Call(call) => Self::of_call(call, fields),
            _ => None,
        }
    }

    fn of_call(call: &CallExpr, fields: &[Field]) -> Option<Self> {
        let truth = |tree: &IdedExpr| Self::of(tree, fields).map(Box::new);
        let text = |tree: &IdedExpr| Text::of(tree, fields);
        let (name, target) = (call.func_name.as_str(), call.target.as_deref());
        Some(match (name, target, call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [of]) => Self::Not(truth(of)?),
            (operators::LOGICAL_AND, None, [left, right]) => Self::Both(truth(left)?, truth(right)?),
            (operators::LOGICAL_OR, None, [left, right]) => Self::Either(truth(left)?, truth(right)?),
            (operators::EQUALS, None, [left, right]) => Self::equal(left, right, fields)?,
            (operators::NOT_EQUALS, None, [left, right]) => Self::Not(Box::new(Self::equal(left, right, fields)?)),
            (operators::IN, None, [left, right]) => match &right.expr {
                Expr::List(list) if list.optional_indices.is_empty() => {
                    Self::OneOf(text(left)?, list.elements.iter().map(text).collect::<Option<_>>()?)
                }
                _ => Self::Listed(text(left)?, field(right, fields).filter(|field| field.is_list())?),
            },
            (name, Some(of), [with]) => Self::Compare(Comparison::of(name)?, text(of)?, text(with)?),
            _ => return None,
        })
    }

    fn equal(left: &IdedExpr, right: &IdedExpr, fields: &[Field]) -> Option<Self> {
        match (Text::of(left, fields), Text::of(right, fields)) {
            (Some(left), Some(right)) => Some(Self::Compare(Comparison::Equals, left, right)),
            (None, None) => Some(Self::Same(Self::of(left, fields)?.into(), Self::of(right, fields)?.into())),
            _ => None,
        }
    }

    pub(super) fn holds(&self, entry: &Entry) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Flag(field) => field.flag(entry),
            Self::Not(of) => !of.holds(entry),
            Self::Both(left, right) => left.holds(entry) && right.holds(entry),
            Self::Either(left, right) => left.holds(entry) || right.holds(entry),
            Self::Same(left, right) => left.holds(entry) == right.holds(entry),
            Self::Compare(comparison, left, right) => comparison.holds(&left.value(entry), &right.value(entry)),
            Self::OneOf(text, list) => {
                let text = text.value(entry);
                list.iter().any(|one| one.value(entry) == text)
            }
            Self::Listed(text, list) => list.texts(entry).contains(&&*text.value(entry)),
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

impl Text {
    fn of(tree: &IdedExpr, fields: &[Field]) -> Option<Self> {
        match &tree.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(Self::Literal(text.inner().to_owned())),
            Expr::Ident(_) => field(tree, fields).filter(|field| field.is_text()).map(Self::Field),
            _ => None,
        }
    }

    fn value<'a>(&'a self, entry: &'a Entry) -> Cow<'a, str> {
        match self {
            Self::Field(field) => field.text(entry),
            Self::Literal(text) => Cow::Borrowed(text),
        }
    }
}

fn field(tree: &IdedExpr, fields: &[Field]) -> Option<Field> {
    match &tree.expr {
        Expr::Ident(name) => fields.get(index_of(name)?).copied(),
        _ => None,
    }
}
