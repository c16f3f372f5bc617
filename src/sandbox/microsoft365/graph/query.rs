//! The query of a request, checked as strictly as Graph does.

use super::error::GraphError;
use super::properties;
use super::route::type_name;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::odata;
use crate::sandbox::microsoft365::recipient::Resource;
use crate::sandbox::server::call::Call;

/// Most ids in one `$filter`.
const MAX_IDS: usize = 50;

/// `$select`, or what comes without it.
pub fn select(call: &Call, resource: Resource, alone: bool) -> Result<Option<Vec<&'static str>>, GraphError> {
    let Some(text) = odata::option(call, "$select") else { return Ok(None) };
    selected(text.split(','), resource, alone).map(Some)
}

/// Names of properties, checked one by one.
pub fn selected<'a>(
    names: impl Iterator<Item = &'a str>,
    resource: Resource,
    alone: bool,
) -> Result<Vec<&'static str>, GraphError> {
    let find = |name: &str| {
        let name = name.trim();
        properties::find(resource, name, alone).ok_or_else(|| GraphError::Select(name.to_owned(), type_name(resource)))
    };
    names.map(find).collect()
}

/// `$filter=id eq 'a' or id eq 'b'`; nothing else is understood.
pub fn ids(call: &Call) -> Result<Option<Vec<Guid>>, GraphError> {
    let Some(text) = odata::option(call, "$filter") else { return Ok(None) };
    let wrong = || GraphError::Unsupported(format!("$filter={text}"));
    let mut ids = Vec::new();
    for part in text.split(" or ") {
        let value = part.trim().strip_prefix("id eq ").ok_or_else(wrong)?.trim().trim_matches('\'');
        ids.push(Guid::parse(value).map_err(|_| wrong())?);
    }
    if ids.len() > MAX_IDS { Err(wrong()) } else { Ok(Some(ids)) }
}

/// `$top`, from 1 to 999.
pub fn top(call: &Call) -> Result<Option<usize>, GraphError> {
    let Some(text) = odata::option(call, "$top") else { return Ok(None) };
    let number = text.parse().ok().filter(|number| (1..=999).contains(number));
    number.map(Some).ok_or_else(|| GraphError::Value("$top", text.to_owned()))
}

/// Refuses every parameter that is not named.
pub fn only(call: &Call, known: &[&str]) -> Result<(), GraphError> {
    let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name.trim_start_matches('$')));
    match call.query.iter().find(|(name, _)| !is_known(name)) {
        Some((name, _)) => Err(GraphError::Unsupported(name.clone())),
        None => Ok(()),
    }
}
