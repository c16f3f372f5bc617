//! Whether a connector can be read, and what its administrator should know.

use super::changes;
use super::connection::Session;
use super::entry::{CLASSES, Seen};
use super::forest;
use super::names;
use super::search::Query;
use super::source::{ExchangeSource, NamingContext};
use crate::directory::Error;
use crate::model::observed::Verification;
use crate::model::{Attribute, Entry};
use jiff::Timestamp;
use std::collections::BTreeSet;

const SAMPLE: i32 = 200;

pub(super) async fn verify(source: &ExchangeSource) -> Result<Verification, Error> {
    let contexts = source.naming_contexts(None).await?;
    let session = &contexts.first().expect("there is at least one base").session;
    let mut found = Verification { identity: forest::identity(session).await?.to_string(), ..Verification::default() };
    let entries = sample(source, &contexts).await?;
    found.can_read = true;
    found.domains = forest::accepted_domains(session).await?;
    if found.domains.is_empty() {
        let own = entries.iter().filter(|entry| entry.recipient_type.is_delivered_at_primary());
        let domain = |entry: &Entry| {
            entry.primary.as_ref().and_then(|address| crate::model::Domain::parse(address.domain()).ok())
        };
        found.domains = own.filter_map(domain).collect();
    }
    found.warnings = warnings(source, &entries);
    for context in &contexts {
        if !changes::can_see_deleted(&context.session, &context.dn).await? {
            found.warnings.push(format!(
                "the account may not read deleted objects in {}, so that every pull is a full one; \
                 grant it List Contents and Read Property on the container Deleted Objects (dsacls)",
                context.dn
            ));
        }
    }
    found.credential_expires = password_expiry(session, source.access.username()).await?;
    Ok(found)
}

async fn sample(source: &ExchangeSource, contexts: &[NamingContext]) -> Result<Vec<Entry>, Error> {
    let shape = source.shape(contexts);
    let mut entries = Vec::new();
    for context in contexts {
        for base in &context.bases {
            let filter = format!("(&(mailNickname=*){CLASSES})");
            let query = Query::subtree(base, filter, &shape.ldap_attributes()).at_most(SAMPLE);
            let seen = context.session.find(&query).await?;
            entries.extend(seen.iter().filter_map(|record| match shape.see(record) {
                Seen::Entry(entry) => Some(*entry),
                _ => None,
            }));
        }
    }
    Ok(entries)
}

fn warnings(source: &ExchangeSource, entries: &[Entry]) -> Vec<String> {
    if entries.is_empty() {
        return vec![
            "no mail-enabled object was found; are the base DNs right, and may the account read there?".into(),
        ];
    }
    let known: BTreeSet<Attribute> = entries.iter().flat_map(|entry| entry.attributes.keys().copied()).collect();
    let missing: Vec<&str> = source.scope.attributes.difference(&known).map(|attribute| attribute.name()).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let names = missing.join(", ");
    vec![format!("none of {} recipients looked at has a value in {names}; may the account read it?", entries.len())]
}

/// When the password of the connector's own account runs out; absent where it never does or may not be known.
pub(super) async fn password_expiry(session: &Session, username: &str) -> Result<Option<Timestamp>, Error> {
    let name = names::filter_value(username);
    let short = username.rsplit('\\').next().unwrap_or(username);
    let short = names::filter_value(short);
    let filter = format!(
        "(&(objectCategory=person)(|(userPrincipalName={name})(sAMAccountName={short})(distinguishedName={name})))"
    );
    let base = &session.root.default_naming_context;
    let query = Query::subtree(base, filter, &["msDS-UserPasswordExpiryTimeComputed"]);
    let found = session.find(&query).await?;
    Ok(found.first().and_then(|own| own.number("msDS-UserPasswordExpiryTimeComputed")).and_then(file_time))
}

/// Hundreds of nanoseconds since 1601; 0 and the largest number mean never.
fn file_time(ticks: i64) -> Option<Timestamp> {
    const EPOCH_SECONDS: i64 = 11_644_473_600;
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    Timestamp::from_second(ticks / 10_000_000 - EPOCH_SECONDS).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_windows_are_read() {
        assert_eq!(file_time(132_539_328_000_000_000).unwrap().to_string(), "2021-01-01T00:00:00Z");
        assert_eq!((file_time(0), file_time(i64::MAX)), (None, None));
    }
}
