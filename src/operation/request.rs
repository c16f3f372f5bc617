//! The question: one operation on one connector, self-contained and without secrets.

use crate::model::connector::{Connector, ReadScope};
use crate::model::schedule::{SourceRules, TargetRules};
use crate::model::{Digest, Domain, OwnerId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of Request and Outcome that this program speaks.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "the request has format {found}, this program speaks {FORMAT}; the operator and its job image are of different releases"
    )]
    Version { found: u32 },
    #[error("the request cannot be read: {0}")]
    Shape(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub format: u32,
    pub owner: OwnerId,
    /// Absent for a periodic Verify and for garbage collection, which have no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunReference>,
    /// From 1.
    pub attempt: u32,
    /// Prefix of every key in the store: `<owner.id>/<namespace>`.
    pub store_prefix: String,
    pub operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReference {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperationType {
    Verify,
    Pull,
    Simulate,
    Push,
    EmptyCache,
    CollectGarbage,
}

impl OperationType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "Verify",
            Self::Pull => "Pull",
            Self::Simulate => "Simulate",
            Self::Push => "Push",
            Self::EmptyCache => "EmptyCache",
            Self::CollectGarbage => "CollectGarbage",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Operation {
    /// Sign in, find out identity, rights, domains.
    Verify { connector: Connector, read: ReadScope },
    /// Read a source into a snapshot. `full` = do not use the token even if it holds.
    Pull { connector: Connector, read: ReadScope, full: bool },
    /// Read the target, compute the plan, keep it in the store under its digest.
    Simulate(SimulateRequest),
    /// Carry out the changes of the plan with this digest that still hold.
    Push { simulate: SimulateRequest, plan: Digest },
    /// Remove a connector's snapshots and tokens; never reports, ledger, history.
    EmptyCache { connector: Connector },
    /// Remove what nothing refers to and what is older than its retention.
    CollectGarbage {
        /// Reports and plans.
        keep_reports_seconds: u64,
        /// Logs and journals.
        keep_logs_seconds: u64,
        /// Of each connector.
        keep_snapshots: u32,
    },
}

impl Operation {
    pub fn kind(&self) -> OperationType {
        match self {
            Self::Verify { .. } => OperationType::Verify,
            Self::Pull { .. } => OperationType::Pull,
            Self::Simulate(_) => OperationType::Simulate,
            Self::Push { .. } => OperationType::Push,
            Self::EmptyCache { .. } => OperationType::EmptyCache,
            Self::CollectGarbage { .. } => OperationType::CollectGarbage,
        }
    }

    /// The connector that the operation works on; garbage collection has none.
    pub fn connector(&self) -> Option<&Connector> {
        match self {
            Self::Verify { connector, .. } | Self::Pull { connector, .. } | Self::EmptyCache { connector } => {
                Some(connector)
            }
            Self::Simulate(simulate) | Self::Push { simulate, .. } => Some(&simulate.target),
            Self::CollectGarbage { .. } => None,
        }
    }
}

/// All that a plan for one target depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulateRequest {
    pub schedule: String,
    pub target: Connector,
    pub rules: TargetRules,
    /// In order of precedence.
    pub sources: Vec<SourcePart>,
    /// Read the target in full, or take what the last full read left.
    pub read_target: bool,
    pub pass_number: u64,
    /// Domains that connectors outside this schedule claim (mail-rules §2).
    #[serde(default)]
    pub claimed_elsewhere: BTreeSet<Domain>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcePart {
    pub connector: Connector,
    pub rules: SourceRules,
    pub read: ReadScope,
    /// The complete snapshot to plan from.
    pub snapshot: Digest,
    /// The snapshot is of this pass; otherwise the source could not be read and its last one stands in.
    pub fresh: bool,
}

impl Request {
    pub fn from_json(text: &[u8]) -> Result<Self, FormatError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let shape = |error: serde_json::Error| FormatError::Shape(error.to_string());
        let Version { format } = serde_json::from_slice(text).map_err(shape)?;
        if format != FORMAT {
            return Err(FormatError::Version { found: format });
        }
        serde_json::from_slice(text).map_err(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused_before_its_content_is_read() {
        let error = Request::from_json(br#"{"format": 2, "new": "shape"}"#).unwrap_err();
        assert_eq!(error, FormatError::Version { found: 2 });
        assert!(matches!(Request::from_json(br#"{"format": 1}"#), Err(FormatError::Shape(_))));
        assert!(matches!(Request::from_json(b"{"), Err(FormatError::Shape(_))));
    }
}
