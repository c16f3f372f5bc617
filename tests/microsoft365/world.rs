//! One tenant in a sandbox, and connectors to it.

use crate::directory_support::connector;
use crate::directory_support::contact::{self, Origin};
use crate::directory_support::microsoft365::{self, CLIENT, DOMAIN, READ, TENANT, WRITE, app, secrets};
use async_trait::async_trait;
use galsync::directory::conformance::{Fixture, Person};
use galsync::directory::microsoft365::{Microsoft365Source, Microsoft365Target};
use galsync::directory::{Source, Target};
use galsync::http::Backoff;
use galsync::model::connector::{Connector, Microsoft365, ReadScope, System};
use galsync::model::mapping::Mapping;
use galsync::model::{Anchor, Contact, Domain, OwnerId, SmtpAddress, SyncId};
use galsync::sandbox::config::Config;
use galsync::sandbox::microsoft365::change::Change;
use galsync::sandbox::microsoft365::recipient::Recipient;
use galsync::sandbox::{Handle, Sandbox};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub struct World {
    pub sandbox: Handle,
    pub graph_only: bool,
    pub cmdlets_per_request: u32,
}

/// `more` = settings of the tenant, indented by four blanks.
pub fn config(people: usize, roles: &str, exchange_roles: &str, more: &str) -> Config {
    microsoft365::config(people, &[app(CLIENT, roles, exchange_roles)], more)
}

/// No test waits for long.
pub fn backoff() -> Backoff {
    Backoff { first: Duration::from_millis(5), most: Duration::from_millis(20), tries: 8 }
}

impl World {
    pub async fn start(config: &Config) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { sandbox: Sandbox::start(config).await.unwrap(), graph_only: false, cmdlets_per_request: 1 }
    }

    /// With another number of cmdlets in a request.
    pub fn together(self, cmdlets_per_request: u32) -> Self {
        Self { cmdlets_per_request, ..self }
    }

    pub async fn new(people: usize, more: &str) -> Self {
        Self::start(&config(people, READ, WRITE, more)).await
    }

    pub fn settings(&self) -> Microsoft365 {
        Microsoft365 {
            graph_only: self.graph_only,
            cmdlets_per_request: self.cmdlets_per_request,
            ..microsoft365::settings(&self.sandbox.base_url)
        }
    }

    pub fn connector(&self) -> Connector {
        let authoritative_domains = [Domain::parse(DOMAIN).unwrap()].into();
        Connector { authoritative_domains, ..connector("contoso", System::Microsoft365(self.settings())) }
    }

    pub fn source_of(&self, scope: ReadScope) -> Microsoft365Source {
        let (settings, connector) = (self.settings(), self.connector());
        Microsoft365Source::with_backoff(&settings, &connector, secrets(), scope, backoff()).unwrap()
    }

    pub fn target_of(&self, owner: &str) -> Microsoft365Target {
        let rules = (OwnerId::new(owner).unwrap(), SyncId::new("conformance").unwrap(), Mapping::default());
        self.target_with(rules)
    }

    fn target_with(&self, rules: (OwnerId, SyncId, Mapping)) -> Microsoft365Target {
        let (settings, connector) = (self.settings(), self.connector());
        Microsoft365Target::with_backoff(&settings, &connector, secrets(), rules, backoff()).unwrap()
    }

    /// Does what an administrator of the tenant would.
    pub fn change(&self, change: Value) {
        let change: Change = serde_json::from_value(change).unwrap();
        self.sandbox.microsoft365.change(TENANT, &change, self.sandbox.state.clock.now()).unwrap();
    }

    pub fn objects(&self) -> Vec<Arc<Recipient>> {
        self.sandbox.microsoft365.objects(TENANT)
    }

    pub fn object(&self, address: &str) -> Option<Arc<Recipient>> {
        let holds = |object: &Arc<Recipient>| {
            object
                .addresses
                .iter()
                .filter_map(|value| value.split_once(':'))
                .any(|(_, held)| held.eq_ignore_ascii_case(address))
        };
        self.objects().into_iter().find(holds)
    }

    /// Requests to Exchange whose name is this, however they were answered; what is in a batch does not count.
    pub fn requests(&self, call: &str) -> u64 {
        let table = self.sandbox.state.counters.table();
        table.iter().filter(|line| line.service == "exchange" && line.operation == call).map(|line| line.count).sum()
    }

    /// All requests to Exchange; what is in a batch does not count.
    pub fn all_requests(&self) -> u64 {
        let table = self.sandbox.state.counters.table();
        let alone = table.iter().filter(|line| line.service == "exchange" && !line.operation.starts_with("$batch "));
        alone.map(|line| line.count).sum()
    }

    pub fn faults(&self, yaml: &str) {
        self.sandbox.state.replace_faults(&serde_yaml::from_str::<Vec<_>>(yaml).unwrap()).unwrap();
    }
}

fn at_home(name: &str) -> String {
    format!("{name}@{DOMAIN}")
}

#[async_trait]
impl Fixture for World {
    async fn source(&self, scope: ReadScope) -> Box<dyn Source> {
        Box::new(self.source_of(scope))
    }

    async fn target(&self, owner: OwnerId, sync: SyncId, mapping: Mapping) -> Box<dyn Target> {
        Box::new(self.target_with((owner, sync, mapping)))
    }

    fn domain(&self) -> Domain {
        Domain::parse(DOMAIN).unwrap()
    }

    async fn put_person(&self, person: &Person) -> Anchor {
        let mail = at_home(&person.name);
        let secondary: Vec<String> = person.secondary.iter().map(|name| format!("smtp:{}", at_home(name))).collect();
        let attributes = json!({ "Title": person.title });
        if self.object(&mail).is_some() {
            self.change(json!({ "set": { "object": mail, "attributes": attributes } }));
            self.change(json!({ "rename": { "object": mail, "displayName": person.display_name } }));
        } else {
            self.change(
                json!({ "add": { "kind": "UserMailbox", "displayName": person.display_name, "alias": person.name,
                "mail": mail, "addresses": secondary, "hidden": person.hidden, "attributes": attributes } }),
            );
        }
        let id = self.object(&mail).unwrap().external_id.unwrap();
        Anchor::new(id.to_string()).unwrap()
    }

    async fn remove_person(&self, name: &str) {
        self.change(json!({ "delete": { "object": at_home(name) } }));
    }

    async fn put_group(&self, name: &str, members: &[&str]) -> String {
        let mail = at_home(name);
        if self.object(&mail).is_some() {
            self.change(json!({ "delete": { "object": mail } }));
        }
        let members: Vec<String> = members.iter().map(|name| at_home(name)).collect();
        self.change(json!({ "add": { "kind": "MailUniversalDistributionGroup", "displayName": name, "alias": name,
            "mail": mail, "members": members } }));
        mail
    }

    async fn put_foreign_contact(&self, address: &SmtpAddress) {
        if self.object(address.as_str()).is_none() {
            self.change(
                json!({ "add": { "kind": "MailContact", "displayName": "Foreign", "alias": address.local_part(),
                "mail": address, "externalAddress": address } }),
            );
        }
    }

    async fn foreign_contact_exists(&self, address: &SmtpAddress) -> bool {
        self.object(address.as_str()).is_some()
    }

    async fn add_value(&self, contact: &Contact, value: &str) {
        self.sandbox_set(contact, |recipient| recipient.addresses.push(value.to_owned()));
    }

    async fn change_title(&self, contact: &Contact, title: &str) {
        self.change(json!({ "set": { "object": contact.name.as_str(), "attributes": { "Title": title } } }));
    }

    async fn clean(&self) {
        for object in self.objects() {
            if object.primary().starts_with("conf-") {
                self.change(json!({ "delete": { "object": object.primary() } }));
            }
        }
    }
}

impl World {
    fn sandbox_set(&self, contact: &Contact, change: impl FnOnce(&mut Recipient)) {
        let now = self.sandbox.state.clock.now();
        let mut tenant = self.sandbox.microsoft365.tenant(TENANT).unwrap().lock();
        let number = tenant.directory.find(contact.name.as_str(), false).unwrap();
        let mut recipient = Recipient::clone(tenant.directory.get(number).unwrap());
        change(&mut recipient);
        tenant.update(number, recipient, now).unwrap();
    }
}

/// A contact as a plan would have it.
pub fn contact_for(target: &dyn Target, name: &str) -> Contact {
    let origin = Origin { owner: "owner", sync: "conformance", target: TENANT, domain: "elsewhere.test" };
    contact::contact_for(target, &origin, name)
}
