//! Figures of one connector.

use super::Figures;
use super::catalogue::*;
use crate::api::GalSyncConnector;
use crate::controller::metrics::catalogue;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

/// `newest_pull` is when the newest pull began that a run tells of: the connector itself tells of a pull that found
/// nothing new only later.
pub(super) fn figures(connector: &GalSyncConnector, newest_pull: Option<&Time>, figures: &mut Figures) {
    let (namespace, name) = (connector.namespace().unwrap_or_default(), connector.name_any());
    let labels = [namespace.as_str(), name.as_str()];
    let resource = ["GalSyncConnector", labels[0], labels[1]];
    figures.set_flag(SUSPENDED, &resource, connector.spec.suspend);
    // From zero on when the connector appears, so that the first rise is seen as one.
    for counter in [REQUESTS, THROTTLED, RETRIES, READ_BYTES, LOST] {
        figures.set_count(counter, &labels, 0);
    }
    let status = connector.status.as_ref();
    let last_pull = status.and_then(|status| status.last_pull.as_ref());
    let told = last_pull.map(|pull| &pull.start_time);
    figures.set_time(SNAPSHOT, &labels, told.into_iter().chain(newest_pull).max_by_key(|time| time.0));
    let capabilities = status.and_then(|status| status.capabilities);
    let capabilities = capabilities.map(|capabilities| format!("{capabilities:?}")).unwrap_or_default();
    let system = format!("{:?}", connector.spec.system);
    figures.set_flag(CONNECTOR_INFO, &[labels[0], labels[1], &system, &capabilities], true);
    let Some(status) = status else { return };
    figures.set_conditions(resource, &status.conditions);
    figures.set_time(CREDENTIAL, &labels, status.credential_expires.as_ref());
    figures.set_time(VERIFIED, &labels, status.last_verified_time.as_ref());
    figures.set_count(WARNINGS, &labels, status.warnings.len() as u64);
    let Some(pull) = last_pull else { return };
    figures.set_count(INVALID, &labels, pull.invalid);
    for (class, count) in [("user", pull.users), ("group", pull.groups), ("contact", pull.contacts)] {
        figures.set_count(catalogue::OBJECTS, &[labels[0], labels[1], class], count);
    }
    for (reason, count) in &pull.rejected {
        figures.set_count(REJECTED, &[labels[0], labels[1], reason], *count);
    }
}
