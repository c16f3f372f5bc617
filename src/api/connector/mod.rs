//! `GalSyncConnector`: one account at one mail system (design §3.1).

#![expect(clippy::duplicated_attributes, reason = "printer columns share types and priorities")]

mod status;
mod systems;

pub use status::{Capabilities, GalSyncConnectorStatus, LastPull, VerificationStatus};
pub use systems::*;

use super::filters::Filters;
use super::job_template::JobTemplate;
use super::reference::LocalReference;
use super::text::{DomainName, DurationText, ShortText, Url};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One account at one mail system, as a source, a target, or both. A Job verifies it once a day and whenever it
/// is changed; status tells what the account may do.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "galsync.dev",
    version = "v1alpha1",
    kind = "GalSyncConnector",
    plural = "galsyncconnectors",
    shortname = "gsc",
    category = "galsync",
    namespaced,
    status = "GalSyncConnectorStatus",
    derive = "PartialEq",
    doc = "One account at one mail system, as a source, a target, or both.",
    selectable = ".spec.type",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Capabilities", type_ = "string", json_path = ".status.capabilities"),
    printcolumn(name = "Last Pull", type_ = "date", json_path = ".status.lastPull.time"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(self.type == 'Microsoft365') == has(self.microsoft365)").message("type Microsoft365 and spec.microsoft365 belong together: write spec.microsoft365 for this type and for no other"))]
#[x_kube(validation = Rule::new("(self.type == 'GoogleWorkspace') == has(self.googleWorkspace)").message("type GoogleWorkspace and spec.googleWorkspace belong together: write spec.googleWorkspace for this type and for no other"))]
#[x_kube(validation = Rule::new("(self.type == 'ExchangeOnPremises') == has(self.exchangeOnPremises)").message("type ExchangeOnPremises and spec.exchangeOnPremises belong together: write spec.exchangeOnPremises for this type and for no other"))]
#[x_kube(validation = Rule::new("(self.type == 'Memory') == has(self.memory)").message("type Memory and spec.memory belong together: write spec.memory for this type and for no other"))]
#[x_kube(validation = Rule::new("!has(self.endpoints) || self.type in ['Microsoft365', 'GoogleWorkspace']").message("spec.endpoints is for Microsoft365 and GoogleWorkspace; for ExchangeOnPremises write spec.exchangeOnPremises.ldap.urls"))]
#[x_kube(validation = Rule::new("!has(self.endpoints) || self.type != 'Microsoft365' || self.endpoints.all(name, name in ['login', 'graph', 'exchange'])").message("the names of spec.endpoints for Microsoft365 are login, graph and exchange"))]
#[x_kube(validation = Rule::new("!has(self.endpoints) || self.type != 'GoogleWorkspace' || self.endpoints.all(name, name in ['token', 'directory', 'contacts'])").message("the names of spec.endpoints for GoogleWorkspace are token, directory and contacts"))]
#[x_kube(validation = Rule::new("!has(self.ownerAttribute) || self.type != 'ExchangeOnPremises' || self.ownerAttribute.matches('^extensionAttribute([1-9]|1[0-5])$')").message("the ownerAttribute of ExchangeOnPremises is one of extensionAttribute1 to extensionAttribute15"))]
#[x_kube(validation = Rule::new("!has(self.ownerAttribute) || self.type != 'Microsoft365' || self.ownerAttribute.matches('^CustomAttribute([1-9]|1[0-5])$')").message("the ownerAttribute of Microsoft365 is one of CustomAttribute1 to CustomAttribute15"))]
#[x_kube(validation = Rule::new("!has(self.sharedDomains) || has(self.authoritativeDomains) && self.sharedDomains.all(d, d in self.authoritativeDomains)").message("every one of spec.sharedDomains must also stand in spec.authoritativeDomains"))]
pub struct GalSyncConnectorSpec {
    /// Which mail system; cannot be changed.
    #[serde(rename = "type")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.type cannot be changed: make a new connector and put it into the schedules"))]
    pub system: SystemType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft365: Option<Microsoft365>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_workspace: Option<GoogleWorkspace>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_on_premises: Option<ExchangeOnPremises>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Domains that this source may speak for: only addresses in them are taken from it, and as a target it
    /// takes none in them. Verify proposes them in status.domains. Without any the connector takes part in no
    /// plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub authoritative_domains: Option<Vec<DomainName>>,
    /// Those of authoritativeDomains that another connector claims as well, with consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub shared_domains: Option<Vec<DomainName>>,
    /// The other half of a hybrid organization: an on-premises Exchange and its own tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_organization_as: Option<LocalReference>,
    /// Which entries take part. A schedule may narrow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Filters>,
    /// How often the source is read in full to prove the reading of changes right; hours and minutes as in 168h.
    #[serde(default = "a_week")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h')").message("spec.fullPullEvery is at least 1h"))]
    pub full_pull_every: DurationText,
    /// Where the owner mark goes. Default: extensionAttribute15 (ExchangeOnPremises), CustomAttribute15
    /// (Microsoft365), galsync.owner (GoogleWorkspace). Nobody else may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub owner_attribute: Option<ShortText>,
    /// Limits below those of the mail system itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Other addresses of the system's interfaces, by name, for sovereign clouds, proxies and the sandbox:
    /// login, graph, exchange (Microsoft365); token, directory, contacts (GoogleWorkspace).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 8))]
    #[x_kube(validation = Rule::new("self.all(name, name in ['login', 'graph', 'exchange', 'token', 'directory', 'contacts'])").message("the names of spec.endpoints are login, graph, exchange (Microsoft365) and token, directory, contacts (GoogleWorkspace)"))]
    pub endpoints: Option<BTreeMap<String, Url>>,
    #[serde(default)]
    pub verify: Verify,
    /// No new operations use this connector; what has started ends by itself.
    #[serde(default)]
    pub suspend: bool,
    /// Where and with how much this connector's Jobs run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_template: Option<JobTemplate>,
}

fn a_week() -> DurationText {
    "168h".into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SystemType {
    GoogleWorkspace,
    Microsoft365,
    ExchangeOnPremises,
    /// The reference directory, a JSON file: for trying manifests out and for tests.
    Memory,
}

impl SystemType {
    pub fn name(self) -> &'static str {
        match self {
            Self::GoogleWorkspace => "GoogleWorkspace",
            Self::Microsoft365 => "Microsoft365",
            Self::ExchangeOnPremises => "ExchangeOnPremises",
            Self::Memory => "Memory",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_per_second: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub max_concurrent_requests: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verify {
    /// How often the account is verified; it also is whenever the connector changes.
    #[serde(default = "a_day")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('5m')").message("verify.interval is at least 5m"))]
    pub interval: DurationText,
}

fn a_day() -> DurationText {
    "24h".into()
}

impl Default for Verify {
    fn default() -> Self {
        Self { interval: a_day() }
    }
}
