//! What each kind of mail system is reached by.

use crate::api::filters::wire_enum;
use crate::api::reference::{CaBundleReference, LocalReference, SecretKeyReference};
use crate::api::text::{DirectoryName, DistinguishedName, DomainName, EmailAddress, ShortText, Url, Uuid};
use crate::model::connector as checked;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// How many cmdlets may go into one request when contacts are written: 1 sends each by itself, more puts those
    /// that wait into the endpoint's $batch. How the service counts the cmdlets of a batch against its limits is not
    /// known; each is taken for one.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10))]
    pub cmdlets_per_request: u32,
}

fn one() -> u32 {
    1
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
