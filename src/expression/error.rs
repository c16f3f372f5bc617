//! Why a text is no expression, or an expression gave nothing.

use super::record::Type;

/// Why a text is no expression over a record. The person who wrote it corrects it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("this is not a CEL expression ({0}); an example is !entry.department.startsWith('Board')")]
    Syntax(String),
    #[error("{record} has no field {field:?}")]
    UnknownField { record: &'static str, field: String },
    #[error("there is no variable {name:?}; fields are written {record}.<field>")]
    UnknownVariable { record: &'static str, name: String },
    #[error("there is no function {0:?}")]
    UnknownFunction(String),
    #[error("a macro's variable may not be named {0}")]
    Shadowed(&'static str),
    #[error("this gives {found}, where {wanted} is needed")]
    WrongType { wanted: Type, found: Type },
}

/// The expression failed for one record; what it said may hold personal data and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;
