//! Figures of one connector.

use super::Figures;
use super::catalogue::*;
use crate::api::GalSyncConnector;
use crate::controller::metrics::catalogue;
use kube::ResourceExt;

pub(super) fn figures(connector: &GalSyncConnector, figures: &Figures) {
    let (namespace, name) = (connector.namespace().unwrap_or_default(), connector.name_any());
    let labels = [namespace.as_str(), name.as_str()];
    let resource = ["GalSyncConnector", labels[0], labels[1]];
    figures.set_flag(SUSPENDED, &resource, connector.spec.suspend);
    let status = connector.status.as_ref();
    let capabilities = status.and_then(|status| status.capabilities);
    let capabilities = capabilities.map(|capabilities| format!("{capabilities:?}")).unwrap_or_default();
    let system = format!("{:?}", connector.spec.system);
    figures.set_flag(CONNECTOR_INFO, &[labels[0], labels[1], &system, &capabilities], true);
    let Some(status) = status else { return };
    figures.set_conditions(resource, &status.conditions);
    figures.set_time(CREDENTIAL, &labels, status.credential_expires.as_ref());
    figures.set_time(VERIFIED, &labels, status.last_verified_time.as_ref());
    figures.set_count(WARNINGS, &labels, status.warnings.len() as u64);
    let Some(pull) = &status.last_pull else { return };
    figures.set_time(SNAPSHOT, &labels, Some(&pull.start_time));
    figures.set_count(INVALID, &labels, pull.invalid);
    for (class, count) in [("user", pull.users), ("group", pull.groups), ("contact", pull.contacts)] {
        figures.set_count(catalogue::OBJECTS, &[labels[0], labels[1], class], count);
    }
    for (reason, count) in &pull.rejected {
        figures.set_count(REJECTED, &[labels[0], labels[1], reason], *count);
    }
}
