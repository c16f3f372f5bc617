//! Verify: signs in, tries what reading and writing need, and says which of them works.

use super::context::Context;
use super::error::Error;
use crate::directory;
use crate::model::SyncId;
use crate::model::connector::{Connector, ReadScope};
use crate::model::mapping::Mapping;
use crate::model::observed::{Counters, Verification};
use crate::model::safety::{Policy, Safety};
use crate::model::schedule::{Conflict, TargetRules};
use crate::operation::{Outcome, Reason, Request};

pub(super) async fn verify(
    request: &Request,
    connector: &Connector,
    read: &ReadScope,
    context: &Context<'_>,
    counters: &mut Counters,
) -> Result<Outcome, Error> {
    let source = context.directories.source(connector, read)?;
    let reading = source.verify().await;
    *counters = source.counters();
    let writing = match context.directories.target(connector, &probing(request)) {
        Ok(target) => {
            let writing = target.verify().await;
            add(counters, target.counters());
            writing
        }
        Err(error) => Err(error),
    };
    let mut outcome = super::done(context);
    outcome.verification = Some(join(reading, writing)?);
    Ok(outcome)
}

/// Any rules will do: nothing is written.
fn probing(request: &Request) -> TargetRules {
    TargetRules {
        owner: request.owner.clone(),
        sync: SyncId::new("verify").expect("a plain word"),
        policy: Policy::CreateOnly,
        mapping: Mapping::default(),
        safety: Safety::default(),
        hide_for_seconds: 0,
        conflict: Conflict::default(),
    }
}

pub(super) fn add(counters: &mut Counters, more: Counters) {
    let Counters { requests, throttled, retries, bytes_read, peak_memory_bytes } = more;
    counters.requests += requests;
    counters.throttled += throttled;
    counters.retries += retries;
    counters.bytes_read += bytes_read;
    counters.peak_memory_bytes = counters.peak_memory_bytes.max(peak_memory_bytes);
}

/// A right that is missing on one side is no failure: many connectors only read, or only write.
fn join(
    reading: Result<Verification, directory::Error>,
    writing: Result<Verification, directory::Error>,
) -> Result<Verification, Error> {
    use directory::Error as E;
    let reading = match reading {
        Ok(found) => found,
        Err(E::Forbidden { system, action, hint }) => Verification {
            warnings: vec![format!("cannot read: {system} does not permit {action}: {hint}")],
            ..Default::default()
        },
        Err(error) => return Err(error.into()),
    };
    let writing = match writing {
        Ok(found) => found,
        Err(E::Forbidden { system, action, hint }) => Verification {
            warnings: vec![format!("cannot write: {system} does not permit {action}: {hint}")],
            ..Default::default()
        },
        // Not set up as a target.
        Err(E::Configuration(_) | E::NotSupported(_)) => Verification::default(),
        Err(error) => return Err(error.into()),
    };
    if !reading.can_read && !writing.can_write {
        let mut warnings = reading.warnings;
        warnings.extend(writing.warnings);
        return Err(Error::refused(Reason::InsufficientPermission, warnings.join("; ")));
    }
    let mut warnings = reading.warnings;
    warnings.extend(writing.warnings.into_iter().filter(|warning| !warnings.contains(warning)).collect::<Vec<_>>());
    Ok(Verification {
        identity: if reading.identity.is_empty() { writing.identity } else { reading.identity },
        can_read: reading.can_read,
        can_write: writing.can_write,
        domains: reading.domains.into_iter().chain(writing.domains).collect(),
        warnings,
        credential_expires: reading.credential_expires.or(writing.credential_expires),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(can_read: bool, can_write: bool) -> Result<Verification, directory::Error> {
        Ok(Verification { identity: "system-1".into(), can_read, can_write, ..Verification::default() })
    }

    fn forbidden() -> Result<Verification, directory::Error> {
        Err(directory::Error::Forbidden {
            system: directory::SystemName::new("s"),
            action: "this".into(),
            hint: "grant it".into(),
        })
    }

    #[test]
    fn one_side_is_enough_and_none_is_not() {
        let both = join(found(true, false), found(false, true)).unwrap();
        assert!(both.can_read && both.can_write && both.warnings.is_empty());
        let reads = join(found(true, false), forbidden()).unwrap();
        assert!(reads.can_read && !reads.can_write);
        assert_eq!(reads.warnings, ["cannot write: s does not permit this: grant it"]);
        let only_source = join(found(true, false), Err(directory::Error::Configuration("no OU".into()))).unwrap();
        assert!(!only_source.can_write && only_source.warnings.is_empty());
        assert_eq!(join(forbidden(), forbidden()).unwrap_err().reason(), Reason::InsufficientPermission);
        let unreachable =
            || Err(directory::Error::Unavailable { system: directory::SystemName::new("s"), hint: "x".into() });
        assert_eq!(join(unreachable(), found(false, true)).unwrap_err().reason(), Reason::Unreachable);
        assert_eq!(join(found(true, false), unreachable()).unwrap_err().reason(), Reason::Unreachable);
    }
}
