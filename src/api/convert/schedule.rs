//! A schedule's manifest → checked rules for each source and target.

use super::{At, InvalidField, each, expression, schedule_filters, seconds};
use crate::api::mapping::{AttributeAction, AttributeRule, Mapping};
use crate::api::safety::{OnEmptySource, Safety};
use crate::api::schedule::{FreezeWindow, GalSyncSchedule};
use crate::api::text::{DurationText, ShortText};
use crate::model::mapping as checked_mapping;
use crate::model::safety as checked_safety;
use crate::model::schedule::{Conflict, SourceRules, TargetRules};
use crate::model::timing::{CronTiming, Freeze, Timing, TimingError};
use crate::model::{Attribute, Domain, OwnerId, SyncId};
use jiff::SignedDuration;
use kube::ResourceExt;

/// `spec.syncId`, or `<namespace>/<name>`.
pub fn sync_id(schedule: &GalSyncSchedule) -> Result<SyncId, InvalidField> {
    let text = schedule
        .spec
        .sync_id
        .clone()
        .unwrap_or_else(|| format!("{}/{}", schedule.namespace().unwrap_or_default(), schedule.name_any()));
    SyncId::new(text).map_err(|error| At::spec().field("syncId").refuse(error))
}

/// When the schedule's passes come.
pub fn timing(schedule: &GalSyncSchedule) -> Result<Timing, InvalidField> {
    let (at, spec) = (At::spec(), &schedule.spec);
    match (&spec.interval, &spec.schedule) {
        (Some(interval), None) => {
            let at = at.field("interval");
            Ok(Timing::Interval(duration(&at, interval)?))
        }
        (None, Some(expression)) => Ok(Timing::Cron(cron(&at.field("schedule"), expression, spec.time_zone.as_ref())?)),
        _ => Err(at.refuse("write exactly one of interval and schedule")),
    }
}

fn cron(at: &At, expression: &ShortText, zone: Option<&ShortText>) -> Result<CronTiming, InvalidField> {
    let zone = zone.map_or("UTC", |zone| zone.as_str());
    CronTiming::parse(expression.as_str(), zone).map_err(|error| match error {
        TimingError::TimeZone(_) => At::spec().field("timeZone").refuse(error),
        TimingError::Cron { .. } | TimingError::Never(_) => at.refuse(error),
    })
}

/// The windows in which nothing is pushed.
pub fn freezes(schedule: &GalSyncSchedule) -> Result<Vec<Freeze>, InvalidField> {
    let spec = &schedule.spec;
    let one = |(index, window): (usize, &FreezeWindow)| {
        let at = At::spec().field("freeze").item(index);
        let starts = cron(&at.field("schedule"), &window.schedule, spec.time_zone.as_ref())?;
        Ok(Freeze { starts, lasts: duration(&at.field("duration"), &window.duration)? })
    };
    spec.freeze.iter().flatten().enumerate().map(one).collect()
}

/// The wait after a failure, and how late a pass may start.
pub fn punctuality(schedule: &GalSyncSchedule) -> Result<(SignedDuration, Option<SignedDuration>), InvalidField> {
    let (at, spec) = (At::spec(), &schedule.spec);
    let retry = duration(&at.field("retry").field("after"), &spec.retry.after)?;
    let deadline = spec.starting_deadline.as_ref().map(|text| duration(&at.field("startingDeadline"), text));
    Ok((retry, deadline.transpose()?))
}

/// How long a plan waits for approval before a later one takes its place, in seconds.
pub fn approval_expiry(schedule: &GalSyncSchedule) -> Result<u64, InvalidField> {
    seconds(&At::spec().field("approval").field("expiresAfter"), &schedule.spec.approval.expires_after)
}

fn duration(at: &At, text: &DurationText) -> Result<SignedDuration, InvalidField> {
    Ok(SignedDuration::from_secs(i64::try_from(seconds(at, text)?).unwrap_or(i64::MAX)))
}

/// The rules of the source at this place of `spec.sources`.
pub fn source_rules(schedule: &GalSyncSchedule, index: usize) -> Result<SourceRules, InvalidField> {
    let at = At::spec().field("sources").item(index);
    let source = schedule.spec.sources.get(index).ok_or_else(|| at.refuse("there is no such source"))?;
    Ok(SourceRules { filters: schedule_filters(&at.field("filters"), source.filters.as_ref())? })
}

/// The rules of the target at this place of `spec.targets`.
pub fn target_rules(schedule: &GalSyncSchedule, index: usize, owner: &OwnerId) -> Result<TargetRules, InvalidField> {
    let spec = &schedule.spec;
    let at = At::spec();
    let at_target = at.field("targets").item(index);
    let target = spec.targets.get(index).ok_or_else(|| at_target.refuse("there is no such target"))?;
    Ok(TargetRules {
        owner: owner.clone(),
        sync: sync_id(schedule)?,
        policy: spec.policy.into(),
        mapping: mapping(&at_target.field("mapping"), target.mapping.as_ref())?,
        safety: safety(&at.field("safety"), &spec.safety)?,
        hide_for_seconds: seconds(&at.field("removal").field("hideFor"), &spec.removal.hide_for)?,
        conflict: Conflict { foreign_contact: spec.conflict.foreign_contact.into() },
    })
}

/// The rules under which all contacts of the schedule leave a target, also one that it no longer names: at once, as
/// nobody would be there to delete hidden ones later, and whole or not at all.
pub fn removal_rules(schedule: &GalSyncSchedule, owner: &OwnerId) -> Result<TargetRules, InvalidField> {
    let limits = safety(&At::spec().field("safety"), &schedule.spec.safety)?;
    Ok(TargetRules {
        owner: owner.clone(),
        sync: sync_id(schedule)?,
        policy: checked_safety::Policy::Sync,
        mapping: checked_mapping::Mapping::default(),
        safety: checked_safety::Safety { on_exceeded: checked_safety::OnExceeded::Block, ..limits },
        hide_for_seconds: 0,
        conflict: Conflict::default(),
    })
}

fn mapping(at: &At, written: Option<&Mapping>) -> Result<checked_mapping::Mapping, InvalidField> {
    let Some(written) = written else { return Ok(checked_mapping::Mapping::default()) };
    let Mapping { display_name_prefix, display_name_suffix, routing, secondary_addresses, attributes } = written;
    let routing = routing.as_ref().map(|routing| routing.domains.as_slice()).unwrap_or_default();
    Ok(checked_mapping::Mapping {
        display_name_prefix: display_name_prefix.clone().unwrap_or_default().0,
        display_name_suffix: display_name_suffix.clone().unwrap_or_default().0,
        routing_domains: each(&at.field("routing").field("domains"), routing, |name| Domain::parse(name.as_str()))?,
        secondary_addresses: (*secondary_addresses).into(),
        attributes: attributes
            .iter()
            .map(|(name, rule)| {
                let at = at.field("attributes").field(name);
                let attribute =
                    Attribute::parse(name).ok_or_else(|| at.refuse("there is no attribute of this name"))?;
                Ok((attribute, attribute_rule(&at, rule)?))
            })
            .collect::<Result<_, InvalidField>>()?,
    })
}

fn attribute_rule(at: &At, rule: &AttributeRule) -> Result<checked_mapping::AttributeRule, InvalidField> {
    use checked_mapping::AttributeRule as Checked;
    match (&rule.action, &rule.value, &rule.expression) {
        (Some(AttributeAction::Copy), None, None) => Ok(Checked::Copy),
        (Some(AttributeAction::Drop), None, None) => Ok(Checked::Drop),
        (None, Some(value), None) => Ok(Checked::Constant(value.to_string())),
        (None, None, Some(text)) => Ok(Checked::Expression(expression(&at.field("expression"), text)?)),
        _ => Err(at.refuse("write exactly one of action, value and expression")),
    }
}

fn safety(at: &At, written: &Safety) -> Result<checked_safety::Safety, InvalidField> {
    let Safety {
        max_deletes,
        max_delete_percent,
        always_allowed_deletes,
        max_strict_update_percent,
        max_update_percent,
        max_creates,
        max_create_percent,
        max_undecided_percent,
        max_source_shrink_percent,
        on_empty_source,
        max_snapshot_age,
        on_exceeded,
        protected,
    } = written;
    Ok(checked_safety::Safety {
        max_deletes: u64::from(*max_deletes),
        max_delete_percent: u64::from(*max_delete_percent),
        always_allowed_deletes: u64::from(*always_allowed_deletes),
        max_strict_update_percent: u64::from(*max_strict_update_percent),
        max_update_percent: u64::from(*max_update_percent),
        max_creates: u64::from(*max_creates),
        max_create_percent: u64::from(*max_create_percent),
        max_undecided_percent: u64::from(*max_undecided_percent),
        max_source_shrink_percent: u64::from(*max_source_shrink_percent),
        allow_empty_source: *on_empty_source == OnEmptySource::Unsafe,
        max_snapshot_age_seconds: seconds(&at.field("maxSnapshotAge"), max_snapshot_age)?,
        on_exceeded: (*on_exceeded).into(),
        protected: protected.iter().map(ToString::to_string).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::entry_field::EntryText;
    use serde_json::json;

    fn schedule(change: serde_json::Value) -> GalSyncSchedule {
        let mut spec = json!({
            "sources": [{ "connectorRef": { "name": "a" } }],
            "targets": [{ "connectorRef": { "name": "b" } }],
            "interval": "24h", "policy": "Sync"
        });
        for (name, value) in change.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule",
            "metadata": { "name": "s", "namespace": "n" }, "spec": spec
        }))
        .unwrap()
    }

    #[test]
    fn defaults_are_those_of_the_rules() {
        let owner = OwnerId::new("o").unwrap();
        let rules = target_rules(&schedule(json!({})), 0, &owner).unwrap();
        let wanted = TargetRules {
            owner: owner.clone(),
            sync: SyncId::new("n/s").unwrap(),
            policy: checked_safety::Policy::Sync,
            mapping: checked_mapping::Mapping::default(),
            safety: checked_safety::Safety::default(),
            hide_for_seconds: 720 * 3600,
            conflict: Conflict::default(),
        };
        assert_eq!(rules, wanted);
    }

    #[test]
    fn when_passes_come() {
        let cron = |zone: serde_json::Value| json!({ "interval": null, "schedule": "0 2 * * *", "timeZone": zone });
        assert!(matches!(timing(&schedule(json!({}))), Ok(Timing::Interval(day)) if day.as_hours() == 24));
        assert!(matches!(timing(&schedule(cron(json!("Europe/Berlin")))), Ok(Timing::Cron(_))));
        assert!(matches!(timing(&schedule(cron(json!(null)))), Ok(Timing::Cron(_))));
        for (change, path) in [
            (cron(json!("Europe/Atlantis")), "spec.timeZone"),
            (json!({ "interval": null, "schedule": "0 2 30 2 *" }), "spec.schedule"),
            (json!({ "interval": null }), "spec"),
            (json!({ "interval": "1d" }), "spec.interval"),
        ] {
            assert_eq!(timing(&schedule(change)).unwrap_err().path, path);
        }
        let late = schedule(json!({ "startingDeadline": "1h", "retry": { "after": "10m" } }));
        let (retry, deadline) = punctuality(&late).unwrap();
        assert_eq!((retry.as_mins(), deadline.map(|deadline| deadline.as_mins())), (10, Some(60)));
    }

    #[test]
    fn a_mapping_crosses() {
        let written = schedule(json!({ "syncId": "x", "removal": { "hideFor": "0s" },
            "targets": [{ "connectorRef": { "name": "b" }, "mapping": {
                "displayNamePrefix": "[C] ", "displayNameSuffix": " (C)", "routing": { "domains": ["R.test"] },
                "secondaryAddresses": "All", "attributes": {
                    "mobilePhone": { "action": "Copy" }, "title": { "action": "Drop" },
                    "company": { "value": "C" }, "office": { "expression": "entry.city" } } } }] }));
        let rules = target_rules(&written, 0, &OwnerId::new("o").unwrap()).unwrap();
        assert_eq!((rules.sync.as_str(), rules.hide_for_seconds), ("x", 0));
        let wanted = checked_mapping::Mapping {
            display_name_prefix: "[C] ".to_owned(),
            display_name_suffix: " (C)".to_owned(),
            routing_domains: vec![Domain::parse("r.test").unwrap()],
            secondary_addresses: checked_mapping::SecondaryAddresses::All,
            attributes: [
                (Attribute::MobilePhone, checked_mapping::AttributeRule::Copy),
                (Attribute::Title, checked_mapping::AttributeRule::Drop),
                (Attribute::Company, checked_mapping::AttributeRule::Constant("C".to_owned())),
                (
                    Attribute::Office,
                    checked_mapping::AttributeRule::Expression(EntryText::parse("entry.city").unwrap()),
                ),
            ]
            .into(),
        };
        assert_eq!(rules.mapping, wanted);
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_path() {
        let mapped =
            |rule: serde_json::Value| json!({ "targets": [{ "connectorRef": { "name": "b" }, "mapping": rule }] });
        for (change, path) in [
            (json!({ "syncId": "a;b" }), "spec.syncId"),
            (json!({ "removal": { "hideFor": "1w" } }), "spec.removal.hideFor"),
            (json!({ "safety": { "maxSnapshotAge": "" } }), "spec.safety.maxSnapshotAge"),
            (
                mapped(json!({ "attributes": { "shoeSize": { "action": "Copy" } } })),
                "spec.targets[0].mapping.attributes.shoeSize",
            ),
            (mapped(json!({ "attributes": { "title": {} } })), "spec.targets[0].mapping.attributes.title"),
            (
                mapped(json!({ "attributes": { "title": { "expression": "(" } } })),
                "spec.targets[0].mapping.attributes.title.expression",
            ),
            (
                mapped(json!({ "attributes": { "title": { "expression": "entry.titel" } } })),
                "spec.targets[0].mapping.attributes.title.expression",
            ),
            (
                mapped(json!({ "attributes": { "title": { "expression": "entry.hidden" } } })),
                "spec.targets[0].mapping.attributes.title.expression",
            ),
        ] {
            let error = target_rules(&schedule(change), 0, &OwnerId::new("o").unwrap()).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
    }
}
