//! What the slots of connectors hold, as one run sees them. Pure.

use super::wire;
use crate::api::GalSyncRun;
use crate::api::reasons::ProgressReason;
use crate::api::run::OperationStatus;
use crate::controller::context::{Known, each};
use crate::controller::names::Slot;
use crate::operation::OperationType;
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;

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
    runs: &'a [Known<GalSyncRun>],
    connector: &str,
    slot: Slot,
) -> Option<&'a GalSyncRun> {
    each(runs)
        .filter(|other| is_older(run, other))
        .filter(|other| {
            other.status.iter().flat_map(|status| &status.operations).any(|operation| {
                operation.connector.as_str() == connector
                    && waits_because(operation, &[ProgressReason::WaitingForSlot, ProgressReason::ClearingSlot])
                    && Slot::of(wire::operation(operation.kind)) == slot
            })
        })
        .min_by_key(|other| age(other))
}

/// How many operations of older runs wait because of the limit of Jobs: they come first.
pub fn older_waiting_for_jobs(run: &GalSyncRun, runs: &[Known<GalSyncRun>]) -> usize {
    let older = runs.iter().filter(|other| is_older(run, other));
    let operations = older.flat_map(|other| &other.status).flat_map(|status| &status.operations);
    operations.filter(|operation| waits_because(operation, &[ProgressReason::WaitingForJobs])).count()
}

fn waits_because(operation: &OperationStatus, reasons: &[ProgressReason]) -> bool {
    operation.attempts == 0
        && operation.result.is_none()
        && operation.progress().is_some_and(|reason| reasons.contains(&reason))
}

/// Runs are in order of creation, and of their names where that is one second.
pub(super) fn age(run: &GalSyncRun) -> (Option<Timestamp>, String) {
    (run.creation_timestamp().map(|time| time.0), run.name_any())
}

fn is_older(run: &GalSyncRun, other: &GalSyncRun) -> bool {
    other.uid() != run.uid()
        && age(other) < age(run)
        && !super::is_completed(other)
        && other.metadata.deletion_timestamp.is_none()
}
