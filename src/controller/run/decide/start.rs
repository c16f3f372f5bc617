//! Whether an operation can begin now, and what it waits for otherwise.

use super::{Release, Start, Turn};
use crate::api::GalSyncSchedule;
use crate::api::job_template::JobTemplate;
use crate::api::reasons::ProgressReason;
use crate::api::run::OperationKind;
use crate::controller::names::Slot;
use crate::controller::run::observe::Observation;
use crate::controller::run::slots::{SlotState, older_waiting};
use crate::controller::run::{recorded, slots, wire};
use crate::operation::{OperationType, Request};
use kube::ResourceExt;

/// What keeps an operation from beginning: the reason in status, and the sentence.
struct Hindrance {
    reason: ProgressReason,
    message: String,
}

impl Turn<'_> {
    /// Starts the operation if its slot is free, makes the slot free if it can, and waits otherwise. A refusal
    /// is an operation that does not wait.
    pub(super) fn start(&mut self, request: Request) -> Option<String> {
        let Observation { run, runs, slots, .. } = self.observation;
        let operation = request.operation.kind();
        let kind = wire::kind(operation)?;
        let connector = request.operation.connector()?.name.clone();
        let takes_both = operation == OperationType::EmptyCache;
        let wanted: &[Slot] = if takes_both { &Slot::ALL } else { &[Slot::of(operation)] };
        let mut hindrance = None;
        let mut releases = Vec::new();
        for &slot in wanted {
            let release = |uid: &String| Release { job: slot.job(&connector), uid: uid.clone() };
            let clearing = |whose: &str| Hindrance {
                reason: ProgressReason::ClearingSlot,
                message: format!("an earlier Job{whose} is being removed"),
            };
            match slots.get(&connector, slot) {
                SlotState::Free => {}
                SlotState::Busy { holder } => {
                    if takes_both {
                        return Some(format!("connector {connector} is in use by {holder}; EmptyCache does not wait"));
                    }
                    hindrance.get_or_insert_with(|| Hindrance {
                        reason: ProgressReason::WaitingForSlot,
                        message: format!("the connector's {} slot is taken by {holder}", slot.name()),
                    });
                }
                SlotState::Own { uid, operation, attempt } => {
                    if recorded(&self.status, *operation, &connector, *attempt) {
                        releases.push(release(uid));
                    }
                    hindrance.get_or_insert_with(|| clearing(" of this run"));
                }
                SlotState::Releasable { uid } => {
                    releases.push(release(uid));
                    hindrance.get_or_insert_with(|| clearing(""));
                }
            }
            if let Some(older) = older_waiting(run, runs, &connector, slot).filter(|_| !takes_both) {
                releases.clear();
                let message = format!("run {} is older and comes first", older.name_any());
                hindrance = Some(Hindrance { reason: ProgressReason::WaitingForSlot, message });
            }
        }
        if hindrance.is_none() && self.free_jobs <= slots::older_waiting_for_jobs(run, runs) {
            let message = "as many Jobs run as may run at a time (--max-jobs)".to_owned();
            hindrance = Some(Hindrance { reason: ProgressReason::WaitingForJobs, message });
            self.again(15);
        }
        if let Some(hindrance) = hindrance {
            self.again(if releases.is_empty() { 60 } else { 5 });
            self.releases.extend(releases);
            self.wait(kind, &connector, &hindrance);
            return None;
        }
        self.free_jobs -= 1;
        let now = self.observation.now;
        let entry = self.entry(kind, &connector);
        wire::begin_attempt(entry, request.attempt);
        entry.job_name = Some(Slot::of(operation).job(&connector).as_str().into());
        entry.start_time = Some(wire::time(now));
        let schedule = self.schedule();
        let start = Start {
            deadline_seconds: deadline(schedule, operation),
            template: self.template(schedule, &connector),
            request,
            connector,
        };
        self.starts.push(start);
        self.again(15);
        None
    }

    fn wait(&mut self, kind: OperationKind, connector: &str, hindrance: &Hindrance) {
        let entry = self.entry(kind, connector);
        // An interrupted attempt keeps saying so while the next one waits.
        if entry.attempts == 0 {
            entry.reason = Some(hindrance.reason.into());
        }
        entry.message = Some(wire::sentence(&hindrance.message));
    }

    fn template(&self, schedule: Option<&GalSyncSchedule>, connector: &str) -> JobTemplate {
        let connector = self.observation.connectors.iter().find(|object| object.name_any() == connector);
        let base = connector.and_then(|object| object.spec.job_template.clone()).unwrap_or_default();
        schedule.and_then(|schedule| schedule.spec.job_template.as_ref()).map_or(base.clone(), |over| over.over(&base))
    }
}

fn deadline(schedule: Option<&GalSyncSchedule>, operation: OperationType) -> u64 {
    let timeouts = schedule.map(|schedule| schedule.spec.timeouts.clone()).unwrap_or_default();
    match operation {
        OperationType::Verify => 900,
        OperationType::EmptyCache | OperationType::CollectGarbage => 3_600,
        OperationType::Pull => timeouts.pull.seconds().unwrap_or(21_600),
        OperationType::Simulate => timeouts.simulate.seconds().unwrap_or(21_600),
        OperationType::Push => timeouts.push.seconds().unwrap_or(86_400),
    }
}
