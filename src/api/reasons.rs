//! The words of status: results, and the reasons of conditions and events, each list in one place. What carries out an
//! operation has its own list, [`crate::operation::Reason`]; a connector's Ready and an operation's reason take from it.
//!
//! An operator reads what an earlier or a later release wrote: there an unknown word counts as none.

use super::text::ShortText;
use crate::model::reason::reasons;
use schemars::JsonSchema;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

// What it is stands at the fields, whose description in the schema a documentation here would replace.
reasons! {
    #[derive(JsonSchema)]
    RunTargetResult {
        WaitingForSources,
        /// For its connector's slot.
        Waiting,
        Simulating,
        ApprovalRequired,
        Pushing,
        WaitingForQuota,
        WaitingForFreezeEnd,
        Pushed,
        InSync,
        Simulated,
        PartiallySucceeded,
        QuotaExceeded,
        Rejected,
        ApprovalExpired,
        PendingElsewhere,
        RemovalsHeld,
        Frozen,
        Superseded,
        SourceIncomplete,
        DomainsUnknown,
        SameIdentity,
        NoSource,
        PlanChanged,
        PlanMissing,
        SimulateFailed,
        PushFailed,
    }
}

reasons! {
    /// Of a run's Completed and Succeeded, and of Reconciling and Stalled: what it waits for, how it ended, or why it
    /// cannot begin. A schedule's Synced repeats it.
    RunReason {
        InProgress,
        WaitingForSlot,
        ApprovalRequired,
        WaitingForQuota,
        WaitingForFreezeEnd,
        Succeeded,
        PartiallySucceeded,
        QuotaExceeded,
        Superseded,
        PlanChanged,
        PlanMissing,
        Failed,
        ConnectorBusy,
        ScheduleNotFound,
        ScheduleDeleted,
        ConnectorNotFound,
        TargetNotFound,
        Suspended,
        DomainsUnknown,
        InvalidSpec,
    }
}

reasons! {
    /// Of a run's Planned.
    PlannedReason {
        InProgress,
        Planned,
        PlanFailed,
    }
}

reasons! {
    /// Of a run's Approved.
    ApprovedReason {
        InProgress,
        ApprovalRequired,
        Approved,
        NotNeeded,
        Rejected,
        ApprovalExpired,
        Superseded,
    }
}

reasons! {
    /// What an operation of a run waits for or does while it has no outcome. A pod that does not start has Kubernetes'
    /// own word there.
    ProgressReason {
        WaitingForSlot,
        /// The slot is free as soon as an ended Job is gone.
        ClearingSlot,
        /// As many Jobs run as may run at a time.
        WaitingForJobs,
        /// Its Job was made.
        Started,
        /// The attempt was lost.
        Interrupted,
        /// Another run's pull serves.
        Shared,
    }
}

reasons! {
    /// Of a connector's Ready, Reconciling and Stalled, beside those of its verification.
    ConnectorReason {
        Verified,
        Verifying,
        Suspended,
        DomainsUnknown,
        InvalidSpec,
    }
}

reasons! {
    /// Of a schedule's Ready and Stalled.
    ScheduleReason {
        Ready,
        Suspended,
        InvalidSpec,
        ConnectorNotFound,
        ConnectorSuspended,
        ConnectorNotReady,
        ConnectorNotVerified,
        CannotRead,
        CannotWrite,
        /// Its contacts go first.
        Deleting,
        RemovalRejected,
        RemovalFailed,
    }
}

reasons! {
    /// Of a schedule's Synced, beside those of its runs.
    SyncedReason {
        NotYet,
    }
}

reasons! {
    /// Of a schedule's ApprovalRequired.
    PendingReason {
        NothingWaits,
        PlanWaits,
    }
}

reasons! {
    /// Of a schedule's Consistent, where it is true.
    ConsistentReason {
        NoContradiction,
    }
}

reasons! {
    /// Of a schedule's Consistent, where it is false.
    InconsistencyReason {
        /// Two sources are one system.
        SameIdentity,
        /// Two schedules write one source into one target.
        SourceWrittenTwice,
        DomainClaimedTwice,
        /// Both halves of a hybrid organization get one source.
        HybridTargets,
        ContactsInSourceScope,
    }
}

reasons! {
    /// Of a schedule's RemovalsHeld.
    RemovalsHeldReason {
        LimitExceeded,
        Protected,
    }
}

reasons! {
    /// Of events. An event about a condition that changed may have the condition's own reason instead.
    EventReason {
        JobCreated,
        JobFailed,
        PlanComputed,
        Approved,
        ApprovalRequired,
        WaitingForQuota,
        WaitingForFreezeEnd,
        Completed,
        RunStarted,
        RunSucceeded,
        RunSuperseded,
        RunFailed,
        MissedSchedule,
        RemovalsHeld,
        ContactsRemoved,
        ContactsStay,
        VerificationFailed,
        StoreNotCleared,
    }
}

impl From<ProgressReason> for ShortText {
    fn from(reason: ProgressReason) -> Self {
        reason.label().into()
    }
}

impl RunTargetResult {
    /// There was nothing to push, or it is pushed.
    pub fn is_up_to_date(self) -> bool {
        matches!(self, Self::Pushed | Self::InSync | Self::RemovalsHeld)
    }
}

impl RunReason {
    /// Only a person, a quota or the end of a freeze window is waited for: a later pass may begin.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::ApprovalRequired | Self::WaitingForQuota | Self::WaitingForFreezeEnd)
    }
}

/// For a field of status: a value that this release does not know is left out.
pub fn known<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::run::{GalSyncRunStatus, OperationResult};
    use crate::operation::Reason;
    use serde_json::json;
    use std::fmt::Write;

    fn line<T: Into<String>>(text: &mut String, whose: &str, words: impl IntoIterator<Item = T>) {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        writeln!(text, "{whose}: {}", words.join(" ")).unwrap();
    }

    /// Alerts, scripts and people rely on these words: whoever changes the list changes what they see.
    #[test]
    fn the_words_of_status_are_those_that_are_listed() {
        let mut text = String::new();
        let all = |labels: &[RunReason]| labels.to_vec();
        line(&mut text, "GalSyncRun Completed, Succeeded, Reconciling, Stalled", all(RunReason::ALL));
        line(&mut text, "GalSyncRun Planned", PlannedReason::ALL.to_vec());
        line(&mut text, "GalSyncRun Approved", ApprovedReason::ALL.to_vec());
        line(&mut text, "GalSyncRun targets[].result", RunTargetResult::ALL.to_vec());
        line(&mut text, "GalSyncRun operations[].result", OperationResult::ALL.to_vec());
        line(&mut text, "GalSyncRun operations[].reason, before the end", ProgressReason::ALL.to_vec());
        line(&mut text, "GalSyncRun operations[].reason, at the end", Reason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule Ready, Stalled", ScheduleReason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule Synced, beside those of a run's Succeeded", SyncedReason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule ApprovalRequired", PendingReason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule Consistent, true", ConsistentReason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule Consistent, false", InconsistencyReason::ALL.to_vec());
        line(&mut text, "GalSyncSchedule RemovalsHeld", RemovalsHeldReason::ALL.to_vec());
        line(
            &mut text,
            "GalSyncConnector Ready, Reconciling, Stalled, beside those of an operation's end",
            ConnectorReason::ALL.to_vec(),
        );
        line(&mut text, "Events", EventReason::ALL.to_vec());
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/reasons.txt");
        if std::env::var_os("GALSYNC_BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), text, "GALSYNC_BLESS=1 writes {path} anew");
    }

    #[test]
    fn a_word_of_another_release_is_left_out_and_the_rest_is_read() {
        let status: GalSyncRunStatus = serde_json::from_value(json!({
            "targets": [{ "connector": "b", "result": "OfLater" }, { "connector": "c", "result": "InSync" }],
            "operations": [{ "type": "Pull", "connector": "a", "result": "OfLater" }],
        }))
        .unwrap();
        let results: Vec<_> = status.targets.iter().map(|target| target.result).collect();
        assert_eq!(results, [None, Some(RunTargetResult::InSync)]);
        assert_eq!(status.operations[0].result, None);
    }
}
