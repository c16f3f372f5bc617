//! `CountryOrRegion` takes a code or a name, and is always shown as a friendly name.

use crate::model::Country;

/// The ISO code of what a client wrote; none where Exchange would not know it.
pub fn code(text: &str) -> Option<&'static str> {
    let text = text.trim();
    Country::by_code(text).or_else(|| Country::by_name(text)).map(|country| country.code)
}

/// What is shown for a stored code.
pub fn friendly_name(code: &str) -> &str {
    Country::by_code(code).map_or(code, |country| country.name)
}
