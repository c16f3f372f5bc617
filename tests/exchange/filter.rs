//! Search filters (RFC 4511 §4.5.1.7) over the fake's objects.

use super::fake::Object;
use ldap3::asn1::{PL, StructureTag};

fn parts(tag: &StructureTag) -> &[StructureTag] {
    match &tag.payload {
        PL::C(parts) => parts,
        PL::P(_) => &[],
    }
}

pub fn text(tag: &StructureTag) -> String {
    match &tag.payload {
        PL::P(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PL::C(_) => String::new(),
    }
}

pub fn matches(filter: &StructureTag, object: &Object) -> bool {
    let inner = parts(filter);
    let values = |name: &StructureTag| object.texts(&text(name));
    match filter.id {
        0 => inner.iter().all(|part| matches(part, object)),
        1 => inner.iter().any(|part| matches(part, object)),
        2 => !matches(&inner[0], object),
        3 => {
            let wanted = text(&inner[1]);
            values(&inner[0]).iter().any(|value| value.eq_ignore_ascii_case(&wanted))
        }
        4 => {
            let initial = text(&parts(&inner[1])[0]).to_lowercase();
            values(&inner[0]).iter().any(|value| value.to_lowercase().starts_with(&initial))
        }
        5 | 6 => {
            let wanted: i64 = text(&inner[1]).parse().expect("only numbers are compared here");
            let fits = |value: i64| if filter.id == 5 { value >= wanted } else { value <= wanted };
            values(&inner[0]).iter().any(|value| value.parse().is_ok_and(fits))
        }
        7 => !object.texts(&text(filter)).is_empty() || text(filter).eq_ignore_ascii_case("objectClass"),
        other => panic!("the fake does not know the filter {other}"),
    }
}
