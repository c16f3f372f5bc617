//! Why a run cannot even begin, or no pass of a schedule does.

use crate::api::InvalidField;
use crate::api::reasons::RunReason;
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

impl NotRunnable {
    pub(super) fn connector(name: &str, error: InvalidField) -> Self {
        Self::Invalid(format!("connector {name}"), error)
    }

    pub(super) fn schedule(name: &str, error: InvalidField) -> Self {
        Self::Invalid(format!("schedule {name}"), error)
    }

    /// The same as one word, for conditions.
    pub fn reason(&self) -> RunReason {
        match self {
            Self::NoSchedule(_) => RunReason::ScheduleNotFound,
            Self::ScheduleDeleted(_) => RunReason::ScheduleDeleted,
            Self::NoConnector(_) => RunReason::ConnectorNotFound,
            Self::NoTarget(..) => RunReason::TargetNotFound,
            Self::Suspended(_) => RunReason::Suspended,
            Self::DomainsUnknown(_) => RunReason::DomainsUnknown,
            Self::NoPlan(_) => RunReason::PlanMissing,
            Self::Invalid(..) => RunReason::InvalidSpec,
        }
    }
}
