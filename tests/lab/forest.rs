//! The lab's forests: where they are, and connectors for them.

use galsync::directory::exchange::{ExchangeSecrets, ExchangeSource, ExchangeTarget};
use galsync::model::connector::{
    AddressLists, Connector, ExchangeOnPremises, Ldap, LdapSecurity, RateLimit, ReadScope, System,
};
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::{Domain, OwnerId, SyncId};
use serde::Deserialize;
use std::path::PathBuf;

/// What the lab writes down of a forest.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forest {
    pub forest: String,
    pub domain: String,
    pub address: String,
    pub ldaps: String,
    pub ldap: String,
    pub global_catalog: String,
    pub ca_file: PathBuf,
    pub base: String,
    pub contacts_container: String,
    pub default_global_address_list: String,
    pub writer: Account,
    pub reader: Account,
    pub administrator: Account,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub dn: String,
    pub user_principal_name: String,
    pub password_file: PathBuf,
}

impl Account {
    pub fn password(&self) -> String {
        std::fs::read_to_string(&self.password_file).expect("the lab wrote the password").trim().to_owned()
    }
}

/// The folder of the lab, where it is asked for and up.
pub fn lab(name: &str) -> Option<Forest> {
    let folder = std::env::var_os("GALSYNC_LAB").map(PathBuf::from);
    let found = folder.and_then(|folder| std::fs::read(folder.join(name).join("forest.json")).ok());
    let Some(text) = found else {
        assert!(std::env::var_os("CI").is_none(), "the lab must be up where CI is set");
        println!("skipped: lab is not up");
        return None;
    };
    Some(serde_json::from_slice(&text).expect("the lab's forest.json has the expected shape"))
}

impl Forest {
    pub fn secrets(&self, account: &Account) -> ExchangeSecrets {
        ExchangeSecrets {
            username: account.user_principal_name.clone(),
            password: account.password(),
            ca_bundle: Some(std::fs::read(&self.ca_file).expect("the lab has an authority")),
        }
    }

    pub fn settings(&self) -> ExchangeOnPremises {
        ExchangeOnPremises {
            ldap: Ldap {
                urls: vec![self.ldaps.clone()],
                global_catalog_url: None,
                ca_bundle: None,
                credentials: "unused".into(),
                security: LdapSecurity::StartTls,
            },
            base_dns: Vec::new(),
            contacts_ou: Some(self.container("exchange-contacts")),
            address_lists: AddressLists::Auto,
        }
    }

    /// A place of a test's own.
    pub fn container(&self, name: &str) -> String {
        format!("OU={name},{}", self.contacts_container)
    }

    pub fn connector(&self, settings: &ExchangeOnPremises) -> Connector {
        Connector {
            name: self.forest.clone(),
            system: System::ExchangeOnPremises(settings.clone()),
            authoritative_domains: [Domain::parse(&self.domain).unwrap()].into(),
            shared_domains: Default::default(),
            same_organization_as: None,
            filters: Filters::open(),
            owner_attribute: "extensionAttribute15".into(),
            rate_limit: RateLimit::default(),
            full_pull_every_seconds: 604_800,
        }
    }

    pub fn source(&self, settings: &ExchangeOnPremises, account: &Account, scope: ReadScope) -> ExchangeSource {
        ExchangeSource::new(settings, &self.connector(settings), self.secrets(account), scope).unwrap()
    }

    pub fn target(
        &self,
        settings: &ExchangeOnPremises,
        account: &Account,
        owner: &str,
        mapping: Mapping,
    ) -> ExchangeTarget {
        let (owner, sync) = (OwnerId::new(owner).unwrap(), SyncId::new("exchange-tests").unwrap());
        ExchangeTarget::new(settings, &self.connector(settings), self.secrets(account), owner, sync, mapping).unwrap()
    }
}
