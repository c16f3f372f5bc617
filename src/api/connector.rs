//! `GalSyncConnector`: one account at one mail system (design §3.1).

#![expect(clippy::duplicated_attributes, reason = "printer columns share types and priorities")]

use super::filters::{Filters, wire_enum};
use super::job_template::JobTemplate;
use super::reference::{CaBundleReference, LocalReference, SecretKeyReference};
use super::text::{DirectoryName, DistinguishedName, DomainName, DurationText, EmailAddress, Sentence};
use super::text::{Sha256, ShortText, Url, Uuid};
use crate::model::connector as checked;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
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

/// An Exchange Online organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Microsoft365 {
    /// Directory (tenant) id; cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("tenantId cannot be changed: make a new connector for another tenant"))]
    pub tenant_id: Uuid,
    /// The tenant's initial domain, such as contoso.onmicrosoft.com.
    pub organization: DomainName,
    /// Application (client) id of the app registration.
    pub client_id: Uuid,
    pub auth: Microsoft365Auth,
    #[serde(default)]
    pub cloud: Cloud,
    /// Reads Graph only, without Exchange Online's own interface. Hidden recipients may then be included.
    #[serde(default)]
    pub graph_only: bool,
}

/// How the app signs in: exactly one of clientSecretRef, certificateRef, workloadIdentity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("[has(self.clientSecretRef), has(self.certificateRef), has(self.workloadIdentity)].exists_one(x, x)").message("auth has exactly one of clientSecretRef, certificateRef and workloadIdentity"))]
pub struct Microsoft365Auth {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_ref: Option<SecretKeyReference>,
    /// A Secret of type kubernetes.io/tls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ref: Option<LocalReference>,
    /// The projected token of the Job's service account, federated with the app registration; written as `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<WorkloadIdentity>,
}

/// Nothing to say; written as `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadIdentity {}

wire_enum!(
    #[derive(Default)]
    Cloud = checked::Cloud {
        #[default]
        Global,
        UsGov,
        UsGovDod,
        China
    }
);

/// A Google Workspace account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleWorkspace {
    /// Customer id, such as C01abcdef; cannot be changed.
    #[schemars(extend("minLength" = 1))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("customer cannot be changed: make a new connector for another account"))]
    pub customer: ShortText,
    /// Domains of the account that are read and written.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub domains: Vec<DomainName>,
    /// The administrator for whom the service account acts.
    pub admin_email: EmailAddress,
    /// Only users of these organizational units and those below; default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub organizational_units: Vec<DirectoryName>,
    pub auth: GoogleAuth,
}

/// How the service account signs in: exactly one of serviceAccountKeyRef, workloadIdentity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.serviceAccountKeyRef) != has(self.workloadIdentity)").message("auth has exactly one of serviceAccountKeyRef and workloadIdentity"))]
pub struct GoogleAuth {
    /// The service account's JSON key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_key_ref: Option<SecretKeyReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_identity: Option<WorkloadIdentity>,
}

/// An Exchange 2007 or later, through its Active Directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExchangeOnPremises {
    pub ldap: Ldap,
    /// Roots of the search; default: the naming context of the domain that answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub base_dns: Vec<DistinguishedName>,
    /// The organizational unit that our contacts go to; made if missing. Needed for a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts_ou: Option<DistinguishedName>,
    /// Address lists that the contacts are put into: `[Auto]` for the default Global Address List and "All
    /// Contacts", or distinguished names.
    #[serde(default = "automatic")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(list, list == 'Auto') || self.all(list, list.contains('='))").message("addressLists is either [Auto] or a list of distinguished names"))]
    pub address_lists: Vec<DirectoryName>,
}

fn automatic() -> Vec<DirectoryName> {
    vec!["Auto".into()]
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.urls.all(u, u.startsWith('ldaps://') || u.startsWith('ldap://'))").message("ldap.urls begin with ldaps:// (or with ldap://, then secured by StartTLS)"))]
pub struct Ldap {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` with StartTLS, in order of preference.
    #[schemars(length(min = 1, max = 16))]
    pub urls: Vec<Url>,
    /// The global catalog, for forests of several domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_catalog_url: Option<Url>,
    /// Who signs the servers' certificates; default: the certificate authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_ref: Option<CaBundleReference>,
    /// A Secret with the keys `username` (user principal name or distinguished name) and `password`.
    pub credentials_ref: LocalReference,
    /// How an `ldap://` connection is protected. Plain sends the password in the clear.
    #[serde(default)]
    pub security: LdapSecurity,
}

wire_enum!(
    #[derive(Default)]
    LdapSecurity = checked::LdapSecurity {
        #[default]
        StartTls,
        Plain
    }
);

/// The reference directory: all of a mail system in one JSON file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Memory {
    /// Path of the file where the operation runs.
    pub path: DirectoryName,
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

/// What the operator saw of a connector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GalSyncConnectorStatus {
    /// The generation that the conditions are about; -1 = none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Reconciling and Stalled only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// What the account may do, as the last verification found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// How the system names itself: tenant id, customer id, or the forest's GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<ShortText>,
    /// Domains that the system says it is authoritative for: a proposal for spec.authoritativeDomains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub domains: Vec<DomainName>,
    /// What the last verification found worth a look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub warnings: Vec<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_expires: Option<Time>,
    /// The verification that runs or ran last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationStatus>,
    /// The last pull that brought something new. One that found nothing new is told with the next verification;
    /// every pull stands in its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pull: Option<LastPull>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Capabilities {
    ReadWrite,
    ReadOnly,
    WriteOnly,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationStatus {
    /// The generation of the connector that was verified.
    #[serde(default)]
    pub generation: i64,
    /// Its Job was lost this often in a row.
    #[serde(default)]
    pub attempts: u32,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShortText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Sentence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// UID of the Job whose outcome stands in this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<ShortText>,
}

/// The last pull that read this connector completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastPull {
    /// When it ended.
    pub time: Time,
    /// When it started: the snapshot holds what the system had then.
    pub start_time: Time,
    /// The run that made it.
    pub run_ref: LocalReference,
    pub snapshot_digest: Sha256,
    /// What the snapshot covers; a pull of another fingerprint reads in full.
    pub fingerprint: Sha256,
    /// The system that was read, as it names itself.
    #[serde(default)]
    pub identity: ShortText,
    /// Read in full, or by changes.
    #[serde(default)]
    pub full: bool,
    #[serde(default)]
    pub users: u64,
    #[serde(default)]
    pub groups: u64,
    #[serde(default)]
    pub contacts: u64,
    /// What the connector's filters take out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub rejected: BTreeMap<String, u64>,
    /// Entries that cannot be judged.
    #[serde(default)]
    pub invalid: u64,
}
