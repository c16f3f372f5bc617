//! A connector that has been checked: one account at one mail system (design §3.1). It names secrets, never
//! holds them.

use super::filters::Filters;
use super::{Attribute, Digest, Domain};
use crate::model::digest::Canonical;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One key of one Secret of the connector's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    pub name: String,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector {
    pub name: String,
    pub system: System,
    /// Domains that this source may speak for; empty = unknown, no plan.
    #[serde(default)]
    pub authoritative_domains: BTreeSet<Domain>,
    /// Those of them that another connector claims as well, with consent.
    #[serde(default)]
    pub shared_domains: BTreeSet<Domain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_organization_as: Option<String>,
    #[serde(default)]
    pub filters: Filters,
    /// Where the owner mark goes, in the system's own name of the attribute.
    pub owner_attribute: String,
    #[serde(default)]
    pub rate_limit: RateLimit,
    pub full_pull_every_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Absent = the directory's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_requests: Option<u32>,
}

/// Which mail system, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum System {
    Microsoft365(Microsoft365),
    GoogleWorkspace(GoogleWorkspace),
    ExchangeOnPremises(ExchangeOnPremises),
    /// The reference directory, kept in a JSON file: for trying manifests out and for tests.
    Memory(MemoryFile),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryFile {
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Microsoft365 {
    pub tenant_id: String,
    pub organization: String,
    pub client_id: String,
    pub auth: Microsoft365Auth,
    pub cloud: Cloud,
    /// Overrides by name: `login`, `graph`, `exchange`.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// Read Graph only; hidden recipients may then be included.
    #[serde(default)]
    pub graph_only: bool,
    /// Cmdlets that may go into one request when contacts are written; 1 = each has its own.
    #[serde(default = "one")]
    pub cmdlets_per_request: u32,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Microsoft365Auth {
    ClientSecret(SecretKey),
    /// A `kubernetes.io/tls` Secret.
    Certificate {
        name: String,
    },
    WorkloadIdentity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Cloud {
    #[default]
    Global,
    UsGov,
    UsGovDod,
    China,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoogleWorkspace {
    pub customer: String,
    pub domains: Vec<Domain>,
    pub admin_email: String,
    #[serde(default)]
    pub organizational_units: Vec<String>,
    pub auth: GoogleAuth,
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GoogleAuth {
    ServiceAccountKey(SecretKey),
    WorkloadIdentity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeOnPremises {
    pub ldap: Ldap,
    /// Roots of the search; empty = the default naming context.
    #[serde(default)]
    pub base_dns: Vec<String>,
    /// Where our contacts go; needed as a target only. Made if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts_ou: Option<String>,
    #[serde(default)]
    pub address_lists: AddressLists,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ldap {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` with StartTLS, in order of preference.
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_catalog_url: Option<String>,
    /// CA bundle in PEM; absent = the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<SecretKey>,
    /// A Secret with the keys `username` (bind DN or user principal name) and `password`.
    pub credentials: String,
    pub security: LdapSecurity,
}

/// How an `ldap://` connection is protected; `ldaps://` always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum LdapSecurity {
    #[default]
    StartTls,
    /// Passwords cross the network in the clear. Never chosen by default.
    Plain,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum AddressLists {
    /// The default GAL and "All Contacts" of the configuration naming context.
    #[default]
    Auto,
    Explicit(Vec<String>),
}

/// What a pull must read, over all schedules that use the connector (design §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ReadScope {
    #[serde(default)]
    pub attributes: BTreeSet<Attribute>,
    /// Filter groups as the manifests write them.
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// Version of the entry model; part of every fingerprint, so that another version reads in full.
pub const MODEL_VERSION: u32 = 1;

impl System {
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Microsoft365(_) => "Microsoft365",
            Self::GoogleWorkspace(_) => "GoogleWorkspace",
            Self::ExchangeOnPremises(_) => "ExchangeOnPremises",
            Self::Memory(_) => "Memory",
        }
    }
}

impl Connector {
    /// Over all that decides what a pull of this connector contains, known without connecting (design §4):
    /// type, tenant, endpoints, scope, attributes, groups, owner attribute, model version. Not: credentials,
    /// filters, limits.
    pub fn fingerprint(&self, scope: &ReadScope) -> Digest {
        let mut canonical = Canonical::new("fingerprint/1");
        canonical.number(u64::from(MODEL_VERSION));
        canonical.text(self.system.type_name());
        let mut texts: Vec<String> = Vec::new();
        let mut list = |name: &str, values: &mut dyn Iterator<Item = String>| {
            texts.push(format!("{name}:"));
            texts.extend(values);
        };
        match &self.system {
            System::Microsoft365(m) => {
                list("tenant", &mut std::iter::once(m.tenant_id.to_lowercase()));
                list("endpoints", &mut m.endpoints.iter().map(|(k, v)| format!("{k}={v}")));
                list("mode", &mut std::iter::once(format!("{:?} {}", m.cloud, m.graph_only)));
            }
            System::GoogleWorkspace(g) => {
                list("customer", &mut std::iter::once(g.customer.to_lowercase()));
                list("domains", &mut g.domains.iter().map(Domain::to_string));
                list("units", &mut g.organizational_units.iter().cloned());
                list("endpoints", &mut g.endpoints.iter().map(|(k, v)| format!("{k}={v}")));
            }
            System::ExchangeOnPremises(e) => {
                list("urls", &mut e.ldap.urls.iter().cloned());
                list("catalog", &mut e.ldap.global_catalog_url.iter().cloned());
                list("bases", &mut e.base_dns.iter().map(|dn| dn.to_lowercase()));
            }
            System::Memory(m) => list("file", &mut std::iter::once(m.path.clone())),
        }
        list("mark", &mut std::iter::once(self.owner_attribute.clone()));
        list("attributes", &mut scope.attributes.iter().map(|a| a.name().to_owned()));
        list("groups", &mut scope.groups.iter().map(|g| g.to_lowercase()));
        canonical.texts(texts.iter().map(String::as_str));
        canonical.finish()
    }
}
