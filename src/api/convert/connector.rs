//! A connector's manifest → checked settings.

use super::{At, InvalidField, connector_filters, domains, each, seconds};
use crate::api::connector::{ExchangeOnPremises, GoogleWorkspace, Ldap, Memory, Microsoft365, SystemType};
use crate::api::connector::{GalSyncConnector, GalSyncConnectorSpec};
use crate::api::reference::SecretKeyReference;
use crate::api::text::{DistinguishedName, Url};
use crate::model::Domain;
use crate::model::connector as checked;
use crate::model::distinguished_name::DistinguishedNameError;
use kube::ResourceExt;
use std::collections::BTreeMap;

/// The connector's settings, with every default filled in.
pub fn checked_connector(object: &GalSyncConnector) -> Result<checked::Connector, InvalidField> {
    let at = At::spec();
    let spec = &object.spec;
    let filters = connector_filters(&at.field("filters"), spec.filters.as_ref())?;
    Ok(checked::Connector {
        name: object.name_any(),
        system: system(&at, spec)?,
        authoritative_domains: domains(
            &at.field("authoritativeDomains"),
            spec.authoritative_domains.as_deref().unwrap_or_default(),
        )?,
        shared_domains: domains(&at.field("sharedDomains"), spec.shared_domains.as_deref().unwrap_or_default())?,
        same_organization_as: spec.same_organization_as.as_ref().map(|reference| reference.name.to_string()),
        filters,
        owner_attribute: spec
            .owner_attribute
            .as_ref()
            .map_or_else(|| default_owner_attribute(spec.system).to_owned(), ToString::to_string),
        rate_limit: spec.rate_limit.map_or_else(checked::RateLimit::default, |limit| checked::RateLimit {
            requests_per_second: limit.requests_per_second,
            max_concurrent_requests: limit.max_concurrent_requests,
        }),
        full_pull_every_seconds: seconds(&at.field("fullPullEvery"), &spec.full_pull_every)?,
    })
}

fn default_owner_attribute(system: SystemType) -> &'static str {
    match system {
        SystemType::ExchangeOnPremises => "extensionAttribute15",
        SystemType::Microsoft365 => "CustomAttribute15",
        SystemType::GoogleWorkspace => "galsync.owner",
        SystemType::Memory => "mark",
    }
}

fn system(at: &At, spec: &GalSyncConnectorSpec) -> Result<checked::System, InvalidField> {
    let missing = |member: &str| at.field(member).refuse(format!("type {} needs this", spec.system.name()));
    let endpoints = endpoints(spec.endpoints.as_ref());
    match spec.system {
        SystemType::Microsoft365 => {
            let member = spec.microsoft365.as_ref().ok_or_else(|| missing("microsoft365"))?;
            Ok(checked::System::Microsoft365(microsoft365(&at.field("microsoft365"), member, endpoints)?))
        }
        SystemType::GoogleWorkspace => {
            let member = spec.google_workspace.as_ref().ok_or_else(|| missing("googleWorkspace"))?;
            Ok(checked::System::GoogleWorkspace(google(&at.field("googleWorkspace"), member, endpoints)?))
        }
        SystemType::ExchangeOnPremises => {
            let member = spec.exchange_on_premises.as_ref().ok_or_else(|| missing("exchangeOnPremises"))?;
            Ok(checked::System::ExchangeOnPremises(exchange(&at.field("exchangeOnPremises"), member)?))
        }
        SystemType::Memory => {
            let Memory { path } = spec.memory.as_ref().ok_or_else(|| missing("memory"))?;
            Ok(checked::System::Memory(checked::MemoryFile { path: path.to_string() }))
        }
    }
}

fn endpoints(written: Option<&BTreeMap<String, Url>>) -> BTreeMap<String, String> {
    written.into_iter().flatten().map(|(name, url)| (name.clone(), url.to_string())).collect()
}

fn secret_key(reference: &SecretKeyReference) -> checked::SecretKey {
    checked::SecretKey { name: reference.name.to_string(), key: reference.key.to_string() }
}

fn microsoft365(
    at: &At,
    member: &Microsoft365,
    endpoints: BTreeMap<String, String>,
) -> Result<checked::Microsoft365, InvalidField> {
    let Microsoft365 { tenant_id, organization, client_id, auth, cloud, graph_only, cmdlets_per_request } = member;
    // Without an API server nobody has looked at the schema.
    if !(1..=10).contains(cmdlets_per_request) {
        return Err(at.field("cmdletsPerRequest").refuse("this is from 1 to 10"));
    }
    let auth = match (&auth.client_secret_ref, &auth.certificate_ref, &auth.workload_identity) {
        (Some(secret), None, None) => checked::Microsoft365Auth::ClientSecret(secret_key(secret)),
        (None, Some(secret), None) => checked::Microsoft365Auth::Certificate { name: secret.name.to_string() },
        (None, None, Some(_)) => checked::Microsoft365Auth::WorkloadIdentity,
        _ => {
            return Err(at
                .field("auth")
                .refuse("write exactly one of clientSecretRef, certificateRef and workloadIdentity"));
        }
    };
    for (name, url) in &endpoints {
        let sound = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        if !sound {
            return Err(At::spec().field("endpoints").field(name).refuse("write https://host, with a port if need be"));
        }
    }
    Ok(checked::Microsoft365 {
        tenant_id: tenant_id.as_str().to_lowercase(),
        organization: organization.to_string(),
        client_id: client_id.as_str().to_lowercase(),
        auth,
        cloud: (*cloud).into(),
        endpoints,
        graph_only: *graph_only,
        cmdlets_per_request: *cmdlets_per_request,
    })
}

fn google(
    at: &At,
    member: &GoogleWorkspace,
    endpoints: BTreeMap<String, String>,
) -> Result<checked::GoogleWorkspace, InvalidField> {
    let GoogleWorkspace { customer, domains, admin_email, organizational_units, auth } = member;
    let auth = match (&auth.service_account_key_ref, &auth.workload_identity) {
        (Some(secret), None) => checked::GoogleAuth::ServiceAccountKey(secret_key(secret)),
        (None, Some(_)) => checked::GoogleAuth::WorkloadIdentity,
        _ => return Err(at.field("auth").refuse("write exactly one of serviceAccountKeyRef and workloadIdentity")),
    };
    Ok(checked::GoogleWorkspace {
        customer: customer.to_string(),
        domains: each(&at.field("domains"), domains, |name| Domain::parse(name.as_str()))?,
        admin_email: admin_email.to_string(),
        organizational_units: organizational_units.iter().map(ToString::to_string).collect(),
        auth,
        endpoints,
    })
}

fn exchange(at: &At, member: &ExchangeOnPremises) -> Result<checked::ExchangeOnPremises, InvalidField> {
    let ExchangeOnPremises { ldap, base_dns, contacts_ou, address_lists } = member;
    let Ldap { urls, global_catalog_url, ca_bundle_ref, credentials_ref, security } = ldap;
    let at_ldap = at.field("ldap");
    let ldap_url = |url: &Url| -> Result<String, String> {
        let parsed = url::Url::parse(url.as_str()).map_err(|_| "this is not a URL".to_owned())?;
        match (parsed.scheme(), parsed.host_str()) {
            ("ldaps" | "ldap", Some(host)) if !host.is_empty() => Ok(url.to_string()),
            _ => Err("write ldaps://host, or ldap://host for StartTLS".to_owned()),
        }
    };
    let automatic = address_lists.iter().all(|list| list.as_str() == "Auto");
    Ok(checked::ExchangeOnPremises {
        ldap: checked::Ldap {
            urls: each(&at_ldap.field("urls"), urls, ldap_url)?,
            global_catalog_url: global_catalog_url
                .as_ref()
                .map(|url| ldap_url(url).map_err(|problem| at_ldap.field("globalCatalogUrl").refuse(problem)))
                .transpose()?,
            ca_bundle: ca_bundle_ref.as_ref().map(|reference| checked::SecretKey {
                name: reference.name.to_string(),
                key: reference.key.to_string(),
            }),
            credentials: credentials_ref.name.to_string(),
            security: (*security).into(),
        },
        base_dns: each(&at.field("baseDns"), base_dns, distinguished_name)?,
        contacts_ou: contacts_ou
            .as_ref()
            .map(|unit| distinguished_name(unit).map_err(|error| at.field("contactsOu").refuse(error)))
            .transpose()?,
        address_lists: if automatic {
            checked::AddressLists::Auto
        } else {
            checked::AddressLists::Explicit(address_lists.iter().map(ToString::to_string).collect())
        },
    })
}

/// The text as it was written, which a server takes as well as any other way to write the name.
fn distinguished_name(text: &DistinguishedName) -> Result<String, DistinguishedNameError> {
    crate::model::DistinguishedName::parse(text.as_str()).map(|_| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn connector(spec: serde_json::Value) -> GalSyncConnector {
        serde_json::from_value(json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector",
            "metadata": { "name": "corp" }, "spec": spec
        }))
        .unwrap()
    }

    #[test]
    fn an_exchange_with_defaults() {
        let object = connector(json!({
            "type": "ExchangeOnPremises",
            "authoritativeDomains": ["Corp.Example"],
            "exchangeOnPremises": { "ldap": {
                "urls": ["ldaps://dc1.corp.example"],
                "caBundleRef": { "name": "corp-ca" },
                "credentialsRef": { "name": "corp" }
            }, "contactsOu": "OU=GalSync,DC=corp,DC=example" }
        }));
        let checked = checked_connector(&object).unwrap();
        assert_eq!(checked.name, "corp");
        assert_eq!(checked.owner_attribute, "extensionAttribute15");
        assert_eq!(checked.full_pull_every_seconds, 168 * 3600);
        assert_eq!(checked.filters, crate::model::filters::Filters::default());
        assert_eq!(checked.authoritative_domains, [Domain::parse("corp.example").unwrap()].into());
        let checked::System::ExchangeOnPremises(exchange) = checked.system else { panic!("another system") };
        assert_eq!(exchange.address_lists, checked::AddressLists::Auto);
        assert_eq!(exchange.ldap.security, checked::LdapSecurity::StartTls);
        assert_eq!(
            exchange.ldap.ca_bundle,
            Some(checked::SecretKey { name: "corp-ca".to_owned(), key: "ca.crt".to_owned() })
        );
        assert_eq!(exchange.contacts_ou.as_deref(), Some("OU=GalSync,DC=corp,DC=example"));
    }

    #[test]
    fn a_tenant_and_an_account() {
        let tenant = connector(json!({ "type": "Microsoft365", "ownerAttribute": "CustomAttribute3",
            "rateLimit": { "requestsPerSecond": 5 }, "endpoints": { "graph": "http://127.0.0.1:1" },
            "microsoft365": { "tenantId": "11111111-2222-3333-4444-55555555555A", "organization": "contoso.onmicrosoft.com",
                "clientId": "66666666-7777-8888-9999-000000000000", "auth": { "workloadIdentity": {} } } }));
        let checked = checked_connector(&tenant).unwrap();
        assert_eq!(checked.owner_attribute, "CustomAttribute3");
        assert_eq!(checked.rate_limit.requests_per_second, Some(5));
        let checked::System::Microsoft365(member) = checked.system else { panic!("another system") };
        assert_eq!(member.auth, checked::Microsoft365Auth::WorkloadIdentity);
        assert_eq!(member.tenant_id, "11111111-2222-3333-4444-55555555555a");
        assert_eq!(member.endpoints["graph"], "http://127.0.0.1:1");

        let account = connector(json!({ "type": "GoogleWorkspace", "googleWorkspace": { "customer": "C01",
            "domains": ["a.test"], "adminEmail": "admin@a.test",
            "auth": { "serviceAccountKeyRef": { "name": "s", "key": "k" } } } }));
        let checked = checked_connector(&account).unwrap();
        assert_eq!(checked.owner_attribute, "galsync.owner");
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_path() {
        let ldap = |urls: serde_json::Value| {
            json!({ "type": "ExchangeOnPremises", "exchangeOnPremises": { "ldap": {
                "urls": urls, "credentialsRef": { "name": "corp" } } } })
        };
        let named = |field: &str, value: serde_json::Value| {
            let mut spec = ldap(json!(["ldaps://a"]));
            spec["exchangeOnPremises"][field] = value;
            spec
        };
        for (spec, path) in [
            (json!({ "type": "Memory" }), "spec.memory"),
            (json!({ "type": "Memory", "memory": { "path": "/x" }, "fullPullEvery": "7d" }), "spec.fullPullEvery"),
            (
                json!({ "type": "Memory", "memory": { "path": "/x" }, "sharedDomains": ["a..b"] }),
                "spec.sharedDomains[0]",
            ),
            (ldap(json!(["ldaps://a", "https://b"])), "spec.exchangeOnPremises.ldap.urls[1]"),
            (ldap(json!(["ldaps://"])), "spec.exchangeOnPremises.ldap.urls[0]"),
            (named("baseDns", json!(["DC=a", "DC=a\\"])), "spec.exchangeOnPremises.baseDns[1]"),
            (named("contactsOu", json!("OU=a,")), "spec.exchangeOnPremises.contactsOu"),
        ] {
            let error = checked_connector(&connector(spec)).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
    }
}
