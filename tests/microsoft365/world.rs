//! One tenant in a sandbox, and connectors to it.

use async_trait::async_trait;
use futures::TryStreamExt;
use galsync::directory::conformance::{Fixture, Person};
use galsync::directory::microsoft365::{Microsoft365Secrets, Microsoft365Source, Microsoft365Target};
use galsync::directory::{Error, Source, SourceEvent, Target, Token};
use galsync::http::Backoff;
use galsync::model::connector::{
    Cloud, Connector, Microsoft365, Microsoft365Auth, RateLimit, ReadScope, SecretKey, System,
};
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::{Anchor, Attribute, Contact, ContactName, Domain, Entry, OwnerId, OwnerMark, SmtpAddress, SyncId};
use galsync::sandbox::config::Config;
use galsync::sandbox::microsoft365::change::Change;
use galsync::sandbox::microsoft365::recipient::Recipient;
use galsync::sandbox::{Handle, Sandbox};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
pub const SECRET: &str = "not so secret";
pub const DOMAIN: &str = "contoso.example";

pub struct World {
    pub sandbox: Handle,
    pub graph_only: bool,
    pub cmdlets_per_request: u32,
}

/// `more` = settings of the tenant, indented like `exchange:`.
pub fn config(people: usize, roles: &str, exchange_roles: &str, more: &str) -> Config {
    let yaml = format!(
        "seed: 1
microsoft365:
  tenants:
  - id: {TENANT}
    organization: contoso.onmicrosoft.com
    domains: [{DOMAIN}]
    people: {people}
    apps:
    - clientId: {CLIENT}
      secrets: [{{text: {{value: {SECRET}}}}}]
      roles: [{roles}]
      exchangeRoles: [{exchange_roles}]
    {more}
"
    );
    Config::parse(&yaml).unwrap()
}

pub const READ: &str = "User.Read.All, Group.Read.All, OrgContact.Read.All, Exchange.ManageAsApp";
pub const WRITE: &str = "Mail Recipients, Mail Recipient Creation";

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
        let base = self.sandbox.base_url.clone();
        Microsoft365 {
            tenant_id: TENANT.into(),
            organization: "contoso.onmicrosoft.com".into(),
            client_id: CLIENT.into(),
            auth: Microsoft365Auth::ClientSecret(SecretKey { name: "contoso".into(), key: "client-secret".into() }),
            cloud: Cloud::Global,
            endpoints: ["login", "graph", "exchange"].map(|name| (name.to_owned(), base.clone())).into(),
            graph_only: self.graph_only,
            cmdlets_per_request: self.cmdlets_per_request,
        }
    }

    pub fn connector(&self) -> Connector {
        Connector {
            name: "contoso".into(),
            system: System::Microsoft365(self.settings()),
            authoritative_domains: [Domain::parse(DOMAIN).unwrap()].into(),
            shared_domains: BTreeSet::new(),
            same_organization_as: None,
            filters: Filters::default(),
            owner_attribute: "CustomAttribute15".into(),
            rate_limit: RateLimit::default(),
            full_pull_every_seconds: 604_800,
        }
    }

    pub fn secrets() -> Microsoft365Secrets {
        Microsoft365Secrets::ClientSecret(SECRET.into())
    }

    pub fn source_of(&self, scope: ReadScope) -> Microsoft365Source {
        let (settings, connector) = (self.settings(), self.connector());
        Microsoft365Source::with_backoff(&settings, &connector, Self::secrets(), scope, backoff()).unwrap()
    }

    pub fn target_of(&self, owner: &str) -> Microsoft365Target {
        let rules = (OwnerId::new(owner).unwrap(), SyncId::new("conformance").unwrap(), Mapping::default());
        self.target_with(rules)
    }

    fn target_with(&self, rules: (OwnerId, SyncId, Mapping)) -> Microsoft365Target {
        let (settings, connector) = (self.settings(), self.connector());
        Microsoft365Target::with_backoff(&settings, &connector, Self::secrets(), rules, backoff()).unwrap()
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

/// Everything that one read said.
#[derive(Debug, Default)]
pub struct Read {
    pub entries: BTreeMap<String, Entry>,
    pub removed: BTreeSet<String>,
    pub present: BTreeSet<String>,
    pub members: BTreeMap<String, BTreeSet<String>>,
    pub token: Option<Token>,
    pub names_everybody: bool,
}

/// A complete read, or why there is none.
pub async fn read_all(source: &dyn Source, since: Option<Token>) -> Result<Read, Error> {
    let mut read = Read::default();
    let mut complete = false;
    let mut events = source.read(since);
    while let Some(event) = events.try_next().await? {
        assert!(!complete, "an event came after the completion");
        match event {
            SourceEvent::Upsert(entry) => {
                read.removed.remove(entry.anchor.as_str());
                read.entries.insert(entry.anchor.to_string(), *entry);
            }
            SourceEvent::Present(anchor) => drop(read.present.insert(anchor.to_string())),
            SourceEvent::Remove(anchor) => {
                read.entries.remove(anchor.as_str());
                read.removed.insert(anchor.to_string());
            }
            SourceEvent::Members { group, anchors } => {
                read.members.entry(group).or_default().extend(anchors.iter().map(ToString::to_string));
            }
            SourceEvent::Complete(completion) => {
                complete = true;
                (read.token, read.names_everybody) = (completion.token, completion.names_everybody);
            }
        }
    }
    assert!(complete, "the read ended without an error and without completing");
    Ok(read)
}

/// A contact as a plan would have it.
pub fn contact_for(target: &dyn Target, name: &str) -> Contact {
    let mark = OwnerMark::parse(&format!("gs1;owner;conformance;{TENANT};source;anchor-{name};;-;")).unwrap();
    let address = |local: &str| SmtpAddress::parse(&format!("{local}@elsewhere.test")).unwrap();
    let contact_name = ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key());
    let mut contact = Contact {
        secondary: [address(&format!("{name}.second"))].into(),
        x500: [format!("/o=Elsewhere/cn={name}")].into(),
        attributes: [
            (Attribute::DisplayName, format!("Zoë {name}")),
            (Attribute::Title, "Engineer".to_owned()),
            (Attribute::Country, "DE".to_owned()),
        ]
        .into(),
        ..Contact::new(mark, contact_name, address(name), address(name))
    };
    contact.stamp_values();
    target.normalizer().normalize(contact).0
}
