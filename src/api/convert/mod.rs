//! From the wire to checked settings. What the schema could not refuse is refused here, with the field's path.

mod connector;
mod filters;
mod schedule;

pub use connector::checked_connector;
pub use filters::{connector_filters, schedule_filters};
pub use schedule::{approval_expiry, freezes, punctuality, removal_rules, source_rules, sync_id, target_rules, timing};

use super::text::{DomainName, DurationText, Expression as ExpressionText};
use crate::expression::{Expression, Output};
use crate::model::{Domain, Entry};
use std::collections::BTreeSet;
use std::fmt;

/// A field whose value means nothing, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct InvalidField {
    /// As in `spec.filters.domains.include[2]`.
    pub path: String,
    pub problem: String,
}

/// Where a conversion stands in the manifest.
#[derive(Debug, Clone)]
pub struct At(String);

impl At {
    pub fn spec() -> Self {
        Self("spec".to_owned())
    }

    pub fn field(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    pub fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    pub fn refuse(&self, problem: impl fmt::Display) -> InvalidField {
        InvalidField { path: self.0.clone(), problem: problem.to_string() }
    }
}

fn seconds(at: &At, text: &DurationText) -> Result<u64, InvalidField> {
    text.seconds().ok_or_else(|| at.refuse("write a time span of hours, minutes and seconds, such as 24h or 1h30m"))
}

/// Every item parsed, the first that fails with its index.
fn each<T, U, C, E>(at: &At, items: &[T], parse: impl Fn(&T) -> Result<U, E>) -> Result<C, InvalidField>
where
    C: FromIterator<U>,
    E: fmt::Display,
{
    items.iter().enumerate().map(|(index, item)| parse(item).map_err(|error| at.item(index).refuse(error))).collect()
}

fn domains(at: &At, names: &[DomainName]) -> Result<BTreeSet<Domain>, InvalidField> {
    each(at, names, |name| Domain::parse(name.as_str()))
}

fn expression<T: Output>(at: &At, text: &ExpressionText) -> Result<Expression<Entry, T>, InvalidField> {
    Expression::parse(text.as_str()).map_err(|error| at.refuse(error))
}
