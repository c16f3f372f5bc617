//! One attribute's value as every target takes it (mail-rules §10), so that the plan is what will be.

use crate::model::Attribute;
use crate::model::country::Country;
use crate::model::reason::Warning;
use std::collections::BTreeSet;

/// Trimmed, without control characters (a line break becomes a blank), cut; nothing where nothing is left. A
/// country becomes its ISO code, or nothing.
pub fn normalise(attribute: Attribute, value: &str, warnings: &mut BTreeSet<Warning>) -> Option<String> {
    if attribute == Attribute::Country {
        return country(value, warnings);
    }
    if is_clean(value, attribute.max_chars()) {
        return Some(value.to_owned());
    }
    let mut clean = String::with_capacity(value.len());
    let mut pending_blank = false;
    for character in value.trim().chars() {
        match character {
            '\r' | '\n' | '\t' => pending_blank = true,
            control if control.is_control() => {
                warnings.insert(Warning::ControlCharacters);
            }
            plain => {
                if std::mem::take(&mut pending_blank) && !clean.ends_with(' ') && plain != ' ' {
                    clean.push(' ');
                }
                clean.push(plain);
            }
        }
    }
    cut(&mut clean, attribute.max_chars(), warnings);
    let trimmed = clean.trim();
    match trimmed.len() {
        0 => None,
        all if all == clean.len() => Some(clean),
        _ => Some(trimmed.to_owned()),
    }
}

/// The same for a value that nobody else needs: one that is as it should be is not copied.
pub fn normalised(attribute: Attribute, value: String, warnings: &mut BTreeSet<Warning>) -> Option<String> {
    let as_it_should_be = attribute != Attribute::Country && is_clean(&value, attribute.max_chars());
    if as_it_should_be { Some(value) } else { normalise(attribute, &value, warnings) }
}

/// Nothing to be done about it: most values are so. A text has no more characters than bytes.
fn is_clean(value: &str, max_chars: usize) -> bool {
    let bytes = value.as_bytes();
    let fits = (1..=max_chars).contains(&bytes.len());
    // All bytes are looked at, so that several are at a time.
    let control = |found, byte: &u8| found | (*byte < 0x20) | (*byte == 0x7f);
    if !fits || bytes.iter().fold(false, control) {
        return false;
    }
    // The other control characters are U+0080 to U+009F, which begin with this byte.
    let no_control = bytes.is_ascii() || !bytes.contains(&0xC2);
    no_control && !value.starts_with(char::is_whitespace) && !value.ends_with(char::is_whitespace)
}

fn country(value: &str, warnings: &mut BTreeSet<Warning>) -> Option<String> {
    if value.trim().is_empty() {
        return None;
    }
    let found = Country::find(value).map(|country| country.code.to_owned());
    if found.is_none() {
        warnings.insert(Warning::CountryUnknown);
    }
    found
}

fn cut(text: &mut String, max_chars: usize, warnings: &mut BTreeSet<Warning>) {
    if text.len() <= max_chars {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
        text.truncate(text.trim_end().len());
        warnings.insert(Warning::Cut);
    }
}

/// A display name between prefix and suffix; where all is too long, the name is cut and they stay whole.
pub fn display_name(prefix: &str, name: &str, suffix: &str, warnings: &mut BTreeSet<Warning>) -> Option<String> {
    let around = prefix.chars().count() + suffix.chars().count();
    let mut name = normalise(Attribute::DisplayName, name, warnings)?;
    cut(&mut name, Attribute::DisplayName.max_chars().saturating_sub(around).max(1), warnings);
    let whole = [prefix, name.as_str(), suffix].concat();
    normalised(Attribute::DisplayName, whole, warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_targets_take_them() {
        use Attribute::*;
        let long = "ä".repeat(70);
        let cut_at_blank = format!("{} x", "a".repeat(63));
        for (attribute, given, wanted, warned) in [
            (Title, "Dr", Some("Dr"), None),
            (Title, "  Dr  ", Some("Dr"), None),
            (Title, " \t\r\n ", None, None),
            (Title, "", None, None),
            (Street, "Main St 1\r\nHouse B", Some("Main St 1 House B"), None),
            (Street, "Main St 1 \n House B", Some("Main St 1  House B"), None),
            (Title, "a\u{0}b", Some("ab"), Some(Warning::ControlCharacters)),
            (Department, long.as_str(), Some(&long[..128]), Some(Warning::Cut)),
            (Department, cut_at_blank.as_str(), Some(&cut_at_blank[..63]), Some(Warning::Cut)),
            (Country, "germany", Some("DE"), None),
            (Country, "Atlantis", None, Some(Warning::CountryUnknown)),
            (Country, " ", None, None),
            (Title, "Häuptling", Some("Häuptling"), None),
            (Title, "Häuptling\u{85}", Some("Häuptling"), None),
            (Title, "a\u{9f}b", Some("ab"), Some(Warning::ControlCharacters)),
            (Title, "\u{3000}Dr\u{a0}", Some("Dr"), None),
        ] {
            let mut warnings = BTreeSet::new();
            assert_eq!(normalised(attribute, given.to_owned(), &mut warnings).as_deref(), wanted, "{given:?}");
            assert_eq!(normalise(attribute, given, &mut BTreeSet::new()).as_deref(), wanted, "{given:?}");
            assert_eq!(warnings.into_iter().next(), warned, "{given:?}");
        }
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        let mut warnings = BTreeSet::new();
        for text in [" a\n\nb ", "\u{7}x \u{7}", &"x ".repeat(200), "ß\r\n"] {
            let once = normalise(Attribute::Office, text, &mut warnings);
            let twice = once.as_deref().and_then(|text| normalise(Attribute::Office, text, &mut warnings));
            assert_eq!(once, twice, "{text:?}");
        }
    }

    #[test]
    fn a_suffix_survives_a_long_name() {
        let mut warnings = BTreeSet::new();
        let name = display_name("", &"n".repeat(300), " (Contoso)", &mut warnings).unwrap();
        assert_eq!(name.chars().count(), 256);
        assert!(name.ends_with("n (Contoso)") && warnings.contains(&Warning::Cut));
        assert_eq!(display_name("X ", "Ada", "", &mut warnings).as_deref(), Some("X Ada"));
    }
}
