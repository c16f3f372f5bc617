//! What the slots of connectors hold, as one run sees them. Pure.

use super::wire;
use crate::api::GalSyncRun;
use crate::controller::names::Slot;
use crate::operation::OperationType;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Why an operation waits, in status.
pub const WAITING_FOR_SLOT: &str = "WaitingForSlot";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    Free,
    /// A Job of this run.
    Own {
        uid: String,
        operation: OperationType,
        attempt: u32,
    },
    /// An ended Job whose outcome is known, or whose owner is gone: it goes when the slot is wanted.
    Releasable {
        uid: String,
    },
    Busy {
        holder: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slots(pub BTreeMap<(String, Slot), SlotState>);

impl Slots {
    pub fn get(&self, connector: &str, slot: Slot) -> &SlotState {
        self.0.get(&(connector.to_owned(), slot)).unwrap_or(&SlotState::Free)
    }
}

/// An older run of the namespace that waits for the slot: it comes first.
pub fn older_waiting<'a>(
    run: &GalSyncRun,
    runs: &'a [GalSyncRun],
    connector: &str,
    slot: Slot,
) -> Option<&'a GalSyncRun> {
    let age = |run: &GalSyncRun| (run.creation_timestamp().map(|time| time.0), run.name_any());
    let own = age(run);
    runs.iter()
        .filter(|other| other.uid() != run.uid() && age(other) < own && !super::is_completed(other))
        .filter(|other| other.metadata.deletion_timestamp.is_none())
        .filter(|other| {
            other.status.iter().flat_map(|status| &status.operations).any(|operation| {
                operation.connector.as_str() == connector
                    && operation.attempts == 0
                    && operation.result.is_none()
                    && operation.reason.as_ref().is_some_and(|reason| reason.as_str() == WAITING_FOR_SLOT)
                    && Slot::of(wire::operation(operation.kind)) == slot
            })
        })
        .min_by_key(|other| age(other))
}
