//! The part of the configuration that describes tenants of Microsoft 365.

use super::recipient::Kind;
use crate::model::Domain;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::settings::{ConfigError, Span, Text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_yaml::with::singleton_map;
use std::collections::BTreeMap;

/// Most people that a tenant may be given.
const MAX_PEOPLE: usize = 2_000_000;

/// The tenants, each with the limits of its services.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Microsoft365 {
    pub tenants: Vec<Tenant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tenant {
    pub id: Guid,
    /// The initial domain, such as `contoso.onmicrosoft.com`.
    pub organization: Domain,
    /// Further accepted domains; the first is the default for new addresses.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// How many people to invent, with the groups, rooms and contacts that belong to them.
    #[serde(default)]
    pub people: usize,
    /// Decides who they are; absent = made of the sandbox's seed and the tenant id.
    #[serde(default)]
    pub seed: Option<u64>,
    #[serde(default)]
    pub apps: Vec<App>,
    /// Objects that are there from the start, beside the invented ones.
    #[serde(default)]
    pub objects: Vec<ObjectSpec>,
    #[serde(default)]
    pub exchange: ExchangeSettings,
    #[serde(default)]
    pub graph: GraphSettings,
}

/// An application registration with its service principal in this tenant.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    pub client_id: Guid,
    #[serde(default)]
    pub secrets: Vec<Secret>,
    #[serde(default)]
    pub certificates: Vec<Certificate>,
    #[serde(default)]
    pub federated_credentials: Vec<FederatedCredential>,
    /// Application permissions with admin consent: `User.Read.All`, `Exchange.ManageAsApp`, …
    #[serde(default)]
    pub roles: Vec<AppRole>,
    /// Exchange management roles, or Entra roles that bring some.
    #[serde(default)]
    pub exchange_roles: Vec<ExchangeRole>,
    /// The administrator has disabled the service principal.
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    #[serde(with = "singleton_map")]
    pub text: Text,
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// PEM of the certificate, without its key.
    #[serde(with = "singleton_map")]
    pub pem: Text,
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

/// Trust in tokens of another issuer, such as a Kubernetes cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedCredential {
    pub issuer: String,
    pub subject: String,
    #[serde(default = "default_audience")]
    pub audience: String,
    /// The issuer's JSON Web Key Set (`kubectl get --raw /openid/v1/jwks`).
    #[serde(with = "singleton_map")]
    pub jwks: Text,
}

fn default_audience() -> String {
    "api://AzureADTokenExchange".to_owned()
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type { $(#[serde(rename = $name)] $variant),+ }

        impl $type {
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

names! {
    /// Application permissions that the sandbox knows.
    AppRole {
        UserReadAll = "User.Read.All",
        GroupReadAll = "Group.Read.All",
        GroupMemberReadAll = "GroupMember.Read.All",
        OrgContactReadAll = "OrgContact.Read.All",
        DirectoryReadAll = "Directory.Read.All",
        OrganizationReadAll = "Organization.Read.All",
        DomainReadAll = "Domain.Read.All",
        ExchangeManageAsApp = "Exchange.ManageAsApp",
    }
}

names! {
    /// Management roles of Exchange, and roles of Entra that bring some.
    ExchangeRole {
        ViewOnlyRecipients = "View-Only Recipients",
        MailRecipients = "Mail Recipients",
        MailRecipientCreation = "Mail Recipient Creation",
        DistributionGroups = "Distribution Groups",
        GlobalReader = "Global Reader",
        ExchangeRecipientAdministrator = "Exchange Recipient Administrator",
        ExchangeAdministrator = "Exchange Administrator",
    }
}

/// How the Exchange endpoint behaves. The defaults cost no time; `docs/sandbox.md` has realistic values.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExchangeSettings {
    /// Cmdlets per second that the tenant permits in the long run; absent = no limit.
    pub cmdlets_per_second: Option<f64>,
    /// How many may come at once after a pause.
    pub burst: u32,
    /// Requests in flight that the tenant permits; absent = no limit.
    pub max_concurrent_requests: Option<u32>,
    /// What `Retry-After` of a 429 says; absent = the time until the next cmdlet is permitted.
    pub retry_after: Option<Span>,
    /// Real time that each cmdlet takes.
    pub latency: Span,
    /// How many cmdlets of one batch are carried out side by side, each in a place of its own among those in flight.
    pub batch_side_by_side: u32,
    /// New contacts per window, after which `RecipientUsageExceededRecentQuotaException` comes.
    pub create_quota: Option<CreateQuota>,
    /// How long an address that was freed stays taken.
    pub address_held_for: Span,
    /// How long a new contact cannot be found.
    pub read_after_write_lag: Span,
    /// Every n-th contact is hit by that lag.
    pub lag_every: u32,
    /// Warnings in the answer of every n-th successful write; 0 = never.
    pub warn_every: u32,
}

impl Default for ExchangeSettings {
    fn default() -> Self {
        Self {
            cmdlets_per_second: None,
            burst: 20,
            max_concurrent_requests: None,
            retry_after: None,
            latency: Span::ZERO,
            batch_side_by_side: 1,
            create_quota: None,
            address_held_for: Span::ZERO,
            read_after_write_lag: Span::ZERO,
            lag_every: 1,
            warn_every: 10,
        }
    }
}

/// So many new contacts in so long.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateQuota {
    pub count: usize,
    pub window: Span,
}

/// How Graph behaves.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GraphSettings {
    /// Resource units per 10 seconds; absent = no limit.
    pub resource_units: Option<u32>,
    pub retry_after: Option<Span>,
    /// Real time that each request takes.
    pub latency: Span,
    /// Time until a change in Exchange is seen in Graph.
    pub lag: Span,
    /// Objects per page of a delta round where the client names no number.
    pub delta_page_size: usize,
    /// Members of a group per page.
    pub member_slice: usize,
    /// Every n-th page of a delta round is empty; 0 = never.
    pub empty_page_every: usize,
    /// Every n-th object of a page stands again on the next; 0 = never.
    pub repeat_every: usize,
    /// How many changes of the last round come again in the next.
    pub replay: usize,
    /// How long a delta token lives.
    pub delta_token_life: Span,
    /// After what time a deleted user is gone for good.
    pub soft_delete_life: Span,
}

impl Default for GraphSettings {
    fn default() -> Self {
        Self {
            resource_units: None,
            retry_after: None,
            latency: Span::ZERO,
            lag: Span::ZERO,
            delta_page_size: 100,
            member_slice: 50,
            empty_page_every: 5,
            repeat_every: 40,
            replay: 2,
            delta_token_life: Span::seconds(7 * 86_400),
            soft_delete_life: Span::seconds(30 * 86_400),
        }
    }
}

/// An object as people write it; what is left out is made up as the real service would.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectSpec {
    pub kind: Kind,
    pub display_name: String,
    /// Entra object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Guid>,
    /// Exchange GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Primary SMTP address; absent = alias @ the default domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Further addresses with their prefix (`smtp:`, `X500:`, `SIP:`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// The outside address of a contact, mail user or guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_address: Option<String>,
    #[serde(default)]
    pub hidden: bool,
    /// Comes from an Active Directory; neither cmdlet may write it.
    #[serde(default)]
    pub dir_synced: bool,
    /// The account is disabled.
    #[serde(default)]
    pub disabled: bool,
    /// By Exchange's names: `Title`, `Company`, `CustomAttribute1`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Primary addresses of a group's members; they must be there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Only these may send; primary addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_only_from: Vec<String>,
    /// Only people of the organization may send.
    #[serde(default)]
    pub require_sender_authentication: bool,
    #[serde(default)]
    pub hidden_membership: bool,
}

impl Tenant {
    /// All names that a request may call the tenant by, in lower case.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let domains = std::iter::once(&self.organization).chain(&self.domains);
        std::iter::once(self.id.to_string()).chain(domains.map(Domain::to_string))
    }

    /// `at` is where it stands in the configuration.
    fn check(&self, at: &str) -> Result<(), ConfigError> {
        let wrong = |setting: &str, sentence: &str| Err(ConfigError::at(format!("{at}.{setting}"), sentence));
        if self.people > MAX_PEOPLE {
            return wrong("people", &format!("{} are too many; write {MAX_PEOPLE} or less", self.people));
        }
        if self.exchange.cmdlets_per_second.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return wrong(
                "exchange.cmdletsPerSecond",
                "nothing would ever be permitted; write a number above 0, or leave it out",
            );
        }
        let at_least_one = [
            ("exchange.burst", self.exchange.burst as usize),
            ("exchange.lagEvery", self.exchange.lag_every as usize),
            ("exchange.batchSideBySide", self.exchange.batch_side_by_side as usize),
            ("exchange.maxConcurrentRequests", self.exchange.max_concurrent_requests.unwrap_or(1) as usize),
            ("graph.deltaPageSize", self.graph.delta_page_size),
            ("graph.memberSlice", self.graph.member_slice),
        ];
        if let Some((setting, _)) = at_least_one.iter().find(|(_, value)| *value == 0) {
            return wrong(setting, "0 is too few; write 1 or more");
        }
        if self.graph.empty_page_every == 1 {
            return wrong("graph.emptyPageEvery", "with 1 every page would be empty; write 0 for never, or 2 or more");
        }
        for (index, app) in self.apps.iter().enumerate() {
            if app.secrets.is_empty() && app.certificates.is_empty() && app.federated_credentials.is_empty() {
                let sentence = format!(
                    "app {} has nothing to sign in with; write secrets, certificates or federatedCredentials",
                    app.client_id
                );
                return wrong(&format!("apps[{index}]"), &sentence);
            }
        }
        Ok(())
    }
}

impl Microsoft365 {
    /// Where a tenant stands in the configuration.
    pub fn path(index: usize) -> String {
        format!("microsoft365.tenants[{index}]")
    }

    pub fn check(&self) -> Result<(), ConfigError> {
        let mut names = BTreeMap::new();
        for (index, tenant) in self.tenants.iter().enumerate() {
            tenant.check(&Self::path(index))?;
            for name in tenant.names() {
                if let Some(other) = names.insert(name.clone(), index) {
                    let other = if other == index { "this tenant".to_owned() } else { Self::path(other) };
                    let sentence = format!("{other} is called {name} already; write every id and every domain once");
                    return Err(ConfigError::at(Self::path(index), sentence));
                }
            }
        }
        Ok(())
    }
}
