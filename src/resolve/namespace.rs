//! The manifests that are looked at together.

use super::NotRunnable;
use crate::api::convert::checked_connector;
use crate::api::{GalSyncConnector, GalSyncSchedule};
use crate::model::connector::Connector;
use std::collections::BTreeMap;

/// The connectors and schedules of one namespace; files for one cluster are one as well.
#[derive(Debug, Clone, Default)]
pub struct Namespace<'a> {
    connectors: BTreeMap<&'a str, &'a GalSyncConnector>,
    schedules: Vec<&'a GalSyncSchedule>,
}

impl<'a> Namespace<'a> {
    pub fn new(
        connectors: impl IntoIterator<Item = &'a GalSyncConnector>,
        schedules: impl IntoIterator<Item = &'a GalSyncSchedule>,
    ) -> Self {
        Self {
            connectors: connectors.into_iter().map(|connector| (connector_name(connector), connector)).collect(),
            schedules: schedules.into_iter().collect(),
        }
    }

    pub fn connector(&self, name: &str) -> Option<&'a GalSyncConnector> {
        self.connectors.get(name).copied()
    }

    /// In the order of their names.
    pub fn connectors(&self) -> impl Iterator<Item = &'a GalSyncConnector> {
        self.connectors.values().copied()
    }

    pub fn schedule(&self, name: &str) -> Option<&'a GalSyncSchedule> {
        self.schedules().find(|schedule| schedule_name(schedule) == name)
    }

    pub fn schedules(&self) -> impl Iterator<Item = &'a GalSyncSchedule> + Clone {
        self.schedules.iter().copied()
    }

    /// The connector, where new operations may begin.
    pub fn usable_connector(&self, name: &str) -> Result<&'a GalSyncConnector, NotRunnable> {
        let connector = self.connector(name).ok_or_else(|| NotRunnable::NoConnector(name.to_owned()))?;
        match connector.spec.suspend {
            true => Err(NotRunnable::Suspended(name.to_owned())),
            false => Ok(connector),
        }
    }
}

pub(super) fn connector_name(connector: &GalSyncConnector) -> &str {
    connector.metadata.name.as_deref().unwrap_or_default()
}

pub(super) fn schedule_name(schedule: &GalSyncSchedule) -> &str {
    schedule.metadata.name.as_deref().unwrap_or_default()
}

/// Names of the schedule's sources, in order of precedence.
pub(super) fn sources(schedule: &GalSyncSchedule) -> impl Iterator<Item = &str> {
    schedule.spec.sources.iter().map(|source| source.connector_ref.name.as_str())
}

pub(super) fn targets(schedule: &GalSyncSchedule) -> impl Iterator<Item = &str> {
    schedule.spec.targets.iter().map(|target| target.connector_ref.name.as_str())
}

pub(super) fn checked(connector: &GalSyncConnector) -> Result<Connector, NotRunnable> {
    checked_connector(connector).map_err(|error| NotRunnable::connector(connector_name(connector), error))
}
