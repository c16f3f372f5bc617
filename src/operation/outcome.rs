//! The answer: verdict, counts and digests; at most 3,500 bytes, since it travels in the termination message.

use super::request::FORMAT;
use crate::model::Digest;
use crate::model::counts::PlanCounts;
use crate::model::observed::{Counters, Verification};
use crate::model::reason::{UnsafeReason, reasons};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The kubelet keeps 4,096 bytes of a termination message.
pub const MAX_OUTCOME_BYTES: usize = 3_500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Succeeded,
    /// Some changes were refused, the others are done.
    PartiallySucceeded,
    Failed,
    /// A quota of the target stops it until [`Outcome::retry_at`].
    QuotaExceeded,
}

reasons! {
    /// What the reader of a failed operation does next. Also the reason of conditions and a metric label.
    Reason {
        Completed,
        /// Correct the credentials.
        AuthenticationFailed,
        /// Grant the right that the message names.
        InsufficientPermission,
        /// Look at network, name, certificate.
        Unreachable,
        CertificateInvalid,
        SecretNotFound,
        /// The store cannot be read or written.
        StoreUnavailable,
        /// The settings contradict what the system says.
        InvalidConfiguration,
        DomainsUnknown,
        /// The owner attribute holds values that are not ours.
        OwnerAttributeInUse,
        /// A filter group is missing, unreadable or newly empty.
        FilterGroupUnavailable,
        /// Many entries lost one attribute: a lost read right.
        AttributeVanished,
        /// A read did not end with "complete".
        Incomplete,
        SnapshotMissing,
        SnapshotDamaged,
        SourceEmpty,
        /// The plan to push is not in the store: simulate again.
        PlanMissing,
        /// Target, owner, syncId or policy are not those of the plan: simulate again.
        PlanChanged,
        /// Two sources of a schedule are one system.
        SameIdentity,
        /// The connector is not who it was before.
        IdentityChanged,
        Throttled,
        QuotaExceeded,
        /// Some changes were refused; the report tells which.
        ChangesRefused,
        Interrupted,
        DeadlineExceeded,
        /// The nodes cannot have the Jobs' image: look at its name, the registry and the pull Secret.
        ImageUnavailable,
        /// No node takes the Job's pod.
        Unschedulable,
        /// The cluster admits no pod of the Job: a quota, a policy, a service account that is missing.
        PodRefused,
        /// The Job's pod did not start for another reason, which the message tells.
        PodNotStarted,
        /// Give the Job more memory.
        OutOfMemory,
        Evicted,
        NodeLost,
        VersionMismatch,
        NotSupported,
        Internal,
    }
}

impl Reason {
    /// Another try without anybody's doing may succeed.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::Throttled
                | Self::Incomplete
                | Self::Interrupted
                | Self::StoreUnavailable
                | Self::DeadlineExceeded
                | Self::Unschedulable
                | Self::Evicted
                | Self::NodeLost
        )
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub format: u32,
    pub verdict: Verdict,
    pub reason: Reason,
    /// One sentence for a person, without personal data and secrets; at most 1,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub started: Timestamp,
    pub finished: Timestamp,
    #[serde(default)]
    pub counters: Counters,
    /// A pull's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceCounts>,
    /// A simulation's, and a push's with what was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Key of the report in the store, without the prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceCounts {
    pub snapshot: Digest,
    pub fingerprint: Digest,
    pub identity: String,
    /// Read in full, or by changes.
    pub full: bool,
    pub changed: u64,
    pub users: u64,
    pub groups: u64,
    pub contacts: u64,
    /// What the connector's filters take out, by reason.
    #[serde(default)]
    pub rejected: BTreeMap<String, u64>,
    /// Entries that cannot be judged.
    pub invalid: u64,
    /// What a full read found that the changes had missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta_missed: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    pub digest: Digest,
    pub counts: PlanCounts,
    #[serde(default)]
    pub unsafe_reasons: BTreeSet<UnsafeReason>,
    /// What would happen, in one sentence with numbers; empty for a safe plan.
    #[serde(default)]
    pub unsafe_message: String,
    /// Changes that wait because of `onExceeded: HoldDeletes`.
    #[serde(default)]
    pub held: u64,
    /// Contacts of ours in the target, before.
    pub managed: u64,
    /// Skipped and undecided entries by reason.
    #[serde(default)]
    pub reasons: BTreeMap<String, u64>,
    /// A push's approved changes that no longer fit.
    #[serde(default)]
    pub drifted: u64,
    #[serde(default)]
    pub deferred: u64,
}

impl Outcome {
    pub fn new(
        verdict: Verdict,
        reason: Reason,
        message: impl Into<String>,
        started: Timestamp,
        finished: Timestamp,
    ) -> Self {
        Self {
            format: FORMAT,
            verdict,
            reason,
            message: message.into().chars().take(1_000).collect(),
            started,
            finished,
            counters: Counters::default(),
            source: None,
            plan: None,
            verification: None,
            report: None,
            retry_at: None,
        }
    }

    /// As JSON of at most [`MAX_OUTCOME_BYTES`]: what is longer loses its rarest reasons, then its sentences.
    pub fn to_termination_message(&self) -> String {
        let mut short = self.clone();
        for step in 0.. {
            let text = serde_json::to_string(&short).expect("an outcome is plain data");
            if text.len() <= MAX_OUTCOME_BYTES {
                return text;
            }
            match step {
                0 => {
                    short.plan.iter_mut().for_each(|plan| keep_largest(&mut plan.reasons, 8));
                    short.source.iter_mut().for_each(|source| keep_largest(&mut source.rejected, 8));
                }
                1 => short.verification.iter_mut().for_each(|found| {
                    found.warnings.truncate(3);
                    found.domains = found.domains.iter().take(10).cloned().collect();
                }),
                2 => short.message = short.message.chars().take(300).collect(),
                3 => {
                    short.plan.iter_mut().for_each(|plan| {
                        plan.unsafe_message = plan.unsafe_message.chars().take(300).collect();
                        plan.reasons.clear();
                    });
                    short.verification.iter_mut().for_each(|found| found.warnings.clear());
                }
                _ => unreachable!("digests, numbers and 600 characters fit"),
            }
        }
        unreachable!("the loop returns")
    }
}

fn keep_largest(counts: &mut BTreeMap<String, u64>, most: usize) {
    while counts.len() > most {
        let smallest = counts.iter().min_by_key(|(_, count)| **count).map(|(name, _)| name.clone());
        smallest.map(|name| counts.remove(&name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_always_fits_the_termination_message() {
        let time = Timestamp::UNIX_EPOCH;
        let mut outcome = Outcome::new(Verdict::Failed, Reason::Internal, "ö".repeat(5_000), time, time);
        outcome.plan = Some(PlanSummary {
            digest: Digest::of(b""),
            counts: PlanCounts::default(),
            unsafe_reasons: UnsafeReason::ALL.iter().copied().collect(),
            unsafe_message: "ü".repeat(2_000),
            held: 0,
            managed: u64::MAX,
            reasons: (0..100).map(|n| (format!("SomeLongReasonName{n}"), n)).collect(),
            drifted: 0,
            deferred: 0,
        });
        outcome.verification = Some(Verification { warnings: vec!["w".repeat(400); 10], ..Verification::default() });
        let text = outcome.to_termination_message();
        assert!(text.len() <= MAX_OUTCOME_BYTES, "{}", text.len());
        let back: Outcome = serde_json::from_str(&text).unwrap();
        assert_eq!((back.verdict, back.reason), (Verdict::Failed, Reason::Internal));
    }
}
