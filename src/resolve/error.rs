//! Why a run cannot even begin, or no pass of a schedule does.

use crate::api::InvalidField;
use crate::model::Digest;

/// What to do about a connector without domains: a plan would not know whom it may speak for.
pub const DOMAINS_UNKNOWN: &str = "write spec.authoritativeDomains: the domains this source may speak for";

/// What a person must put right, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRunnable {
    #[error("there is no schedule {0} in this namespace")]
    NoSchedule(String),
    #[error("schedule {0} is being deleted")]
    ScheduleDeleted(String),
    #[error("there is no connector {0} in this namespace")]
    NoConnector(String),
    #[error("schedule {0} has no target {1}")]
    NoTarget(String, String),
    #[error("connector {0} is suspended")]
    Suspended(String),
    #[error("connector {0}: {DOMAINS_UNKNOWN}")]
    DomainsUnknown(String),
    #[error("no run of the schedule shows the plan {0}")]
    NoPlan(Digest),
    /// The kind and name of the object, and its field.
    #[error("{0}: {1}")]
    Invalid(String, InvalidField),
}

/// The same as one word, for conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRunnableReason {
    ScheduleNotFound,
    ScheduleDeleted,
    ConnectorNotFound,
    TargetNotFound,
    Suspended,
    DomainsUnknown,
    PlanMissing,
    InvalidSpec,
}

impl NotRunnableReason {
    pub const ALL: [Self; 8] = [
        Self::ScheduleNotFound,
        Self::ScheduleDeleted,
        Self::ConnectorNotFound,
        Self::TargetNotFound,
        Self::Suspended,
        Self::DomainsUnknown,
        Self::PlanMissing,
        Self::InvalidSpec,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::ScheduleNotFound => "ScheduleNotFound",
            Self::ScheduleDeleted => "ScheduleDeleted",
            Self::ConnectorNotFound => "ConnectorNotFound",
            Self::TargetNotFound => "TargetNotFound",
            Self::Suspended => "Suspended",
            Self::DomainsUnknown => "DomainsUnknown",
            Self::PlanMissing => "PlanMissing",
            Self::InvalidSpec => "InvalidSpec",
        }
    }
}

impl NotRunnable {
    pub(super) fn connector(name: &str, error: InvalidField) -> Self {
        Self::Invalid(format!("connector {name}"), error)
    }

    pub(super) fn schedule(name: &str, error: InvalidField) -> Self {
        Self::Invalid(format!("schedule {name}"), error)
    }

    pub fn reason(&self) -> NotRunnableReason {
        match self {
            Self::NoSchedule(_) => NotRunnableReason::ScheduleNotFound,
            Self::ScheduleDeleted(_) => NotRunnableReason::ScheduleDeleted,
            Self::NoConnector(_) => NotRunnableReason::ConnectorNotFound,
            Self::NoTarget(..) => NotRunnableReason::TargetNotFound,
            Self::Suspended(_) => NotRunnableReason::Suspended,
            Self::DomainsUnknown(_) => NotRunnableReason::DomainsUnknown,
            Self::NoPlan(_) => NotRunnableReason::PlanMissing,
            Self::Invalid(..) => NotRunnableReason::InvalidSpec,
        }
    }
}
