//! One tenant of Microsoft 365 in a sandbox, and settings that lead to it.

use galsync::directory::microsoft365::Microsoft365Secrets;
use galsync::model::connector::{Cloud, Microsoft365, Microsoft365Auth, SecretKey};
use galsync::sandbox::config::Config;

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
pub const SECRET: &str = "not so secret";
pub const DOMAIN: &str = "contoso.example";
pub const READ: &str = "User.Read.All, Group.Read.All, OrgContact.Read.All, Exchange.ManageAsApp";
pub const WRITE: &str = "Mail Recipients, Mail Recipient Creation";

/// An app that signs in with [`SECRET`], for [`config`].
pub fn app(client: &str, roles: &str, exchange_roles: &str) -> String {
    let secrets = format!("{{text: {{value: {SECRET}}}}}");
    format!("{{clientId: {client}, secrets: [{secrets}], roles: [{roles}], exchangeRoles: [{exchange_roles}]}}")
}

/// `more` = settings of the tenant, indented by four blanks.
pub fn config(people: usize, apps: &[String], more: &str) -> Config {
    let apps = apps.join(", ");
    let yaml = format!(
        "seed: 1
microsoft365:
  tenants:
  - id: {TENANT}
    organization: contoso.onmicrosoft.com
    domains: [{DOMAIN}]
    people: {people}
    apps: [{apps}]
    {more}
"
    );
    Config::parse(&yaml).unwrap()
}

/// Settings of the app [`CLIENT`] for the tenant in the sandbox at this URL.
pub fn settings(base_url: &str) -> Microsoft365 {
    Microsoft365 {
        tenant_id: TENANT.into(),
        organization: "contoso.onmicrosoft.com".into(),
        client_id: CLIENT.into(),
        auth: Microsoft365Auth::ClientSecret(SecretKey { name: "contoso".into(), key: "client-secret".into() }),
        cloud: Cloud::Global,
        endpoints: ["login", "graph", "exchange"].map(|name| (name.to_owned(), base_url.to_owned())).into(),
        graph_only: false,
        cmdlets_per_request: 1,
    }
}

pub fn secrets() -> Microsoft365Secrets {
    Microsoft365Secrets::ClientSecret(SECRET.into())
}
