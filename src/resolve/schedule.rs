//! Whether a schedule is able to run, as far as its manifests tell.

use super::NotRunnable;
use super::namespace::{Namespace, checked, schedule_name, sources, targets};
use crate::api::GalSyncSchedule;
use crate::api::convert::{InvalidField, approval_expiry, freezes, punctuality, source_rules, target_rules, timing};
use crate::model::OwnerId;
use crate::model::timing::Timing;
use jiff::SignedDuration;

/// What a schedule says about time.
pub struct Times {
    pub timing: Timing,
    pub retry_after: SignedDuration,
    pub starting_deadline: Option<SignedDuration>,
}

/// The schedule's times, if all its fields mean something.
pub fn checked_times(schedule: &GalSyncSchedule, owner: &OwnerId) -> Result<Times, InvalidField> {
    (0..schedule.spec.sources.len()).try_for_each(|index| source_rules(schedule, index).map(drop))?;
    (0..schedule.spec.targets.len()).try_for_each(|index| target_rules(schedule, index, owner).map(drop))?;
    freezes(schedule)?;
    approval_expiry(schedule)?;
    let (retry_after, starting_deadline) = punctuality(schedule)?;
    Ok(Times { timing: timing(schedule)?, retry_after, starting_deadline })
}

/// What a person must put right before passes of the schedule begin. What only shows once a system has been asked,
/// as that an account may not write, is not in manifests.
pub fn ready(namespace: &Namespace<'_>, schedule: &GalSyncSchedule, owner: &OwnerId) -> Result<(), NotRunnable> {
    checked_times(schedule, owner).map_err(|error| NotRunnable::schedule(schedule_name(schedule), error))?;
    for name in sources(schedule).chain(targets(schedule)) {
        let connector = checked(namespace.usable_connector(name)?)?;
        if connector.authoritative_domains.is_empty() {
            return Err(NotRunnable::DomainsUnknown(connector.name));
        }
    }
    Ok(())
}
