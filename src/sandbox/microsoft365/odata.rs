//! Options of a query as OData has them.

use crate::sandbox::server::call::Call;

/// The first value of an option such as `$select`; clients may leave the `$` out.
pub fn option<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    let bare = name.trim_start_matches('$');
    let found = call.query.iter().find(|(key, _)| key.trim_start_matches('$').eq_ignore_ascii_case(bare));
    found.map(|(_, value)| value.as_str())
}
