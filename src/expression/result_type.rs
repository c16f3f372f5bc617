//! Of which type an expression's value is, where its tree tells.

use super::names::index_of;
use super::record::{Record, Type};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

/// A type that the tree's value has, at least for some records, and that does not fit.
pub(super) fn misfit<R: Record>(tree: &IdedExpr, fields: &[R::Field], fits: &dyn Fn(Type) -> bool) -> Option<Type> {
    match &tree.expr {
        Expr::Call(CallExpr { func_name, args, .. }) if func_name == operators::CONDITIONAL => {
            args.iter().skip(1).find_map(|arm| misfit::<R>(arm, fields, fits))
        }
        _ => type_of::<R>(tree, fields).filter(|found| !fits(*found)),
    }
}

/// Nothing where only evaluating tells.
fn type_of<R: Record>(tree: &IdedExpr, fields: &[R::Field]) -> Option<Type> {
    match &tree.expr {
        Expr::Literal(literal) => Some(match literal {
            LiteralValue::Boolean(_) => Type::Boolean,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::Null => Type::Null,
            LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
            LiteralValue::Bytes(_) => Type::Other,
        }),
        Expr::Ident(name) => Some(R::field_type(*fields.get(index_of(name)?)?).into()),
        Expr::Call(call) => of_call::<R>(call, fields),
        // What a macro such as `exists` adds up begins with a value of the type that comes out.
        Expr::Comprehension(fold) => match &fold.result.expr {
            Expr::Ident(name) if *name == fold.accu_var => type_of::<R>(&fold.accu_init, fields),
            _ => type_of::<R>(&fold.result, fields),
        },
        Expr::List(_) => Some(Type::List),
        Expr::Map(_) | Expr::Struct(_) => Some(Type::Other),
        Expr::Select(_) | Expr::Unspecified => None,
    }
}

fn of_call<R: Record>(call: &CallExpr, fields: &[R::Field]) -> Option<Type> {
    match call.func_name.as_str() {
        operators::LOGICAL_NOT
        | operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
        | operators::IN => Some(Type::Boolean),
        "contains" | "startsWith" | "endsWith" | "matches" => Some(Type::Boolean),
        "string" | "lowerAscii" | "upperAscii" | "trim" | "replace" => Some(Type::Text),
        "size" | "int" | "double" => Some(Type::Number),
        operators::ADD => call.args.iter().find_map(|part| type_of::<R>(part, fields)),
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO | operators::NEGATE => {
            Some(Type::Number)
        }
        _ => None,
    }
}
