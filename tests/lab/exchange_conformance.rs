//! The suite that every directory must pass, against a real domain controller.

use super::administrator::Administrator;
use super::forest::{Forest, lab};
use async_trait::async_trait;
use galsync::directory::conformance::{self, Fixture, Person};
use galsync::directory::exchange::ExchangeTarget;
use galsync::directory::{Source, Target};
use galsync::model::connector::{ExchangeOnPremises, ReadScope};
use galsync::model::mapping::Mapping;
use galsync::model::{Anchor, Contact, Domain, OwnerId, SmtpAddress, SyncId};

struct Hands {
    forest: Forest,
    administrator: Administrator,
    settings: ExchangeOnPremises,
    people: String,
}

impl Hands {
    async fn of(forest: Forest) -> Self {
        let administrator = Administrator::of(&forest).await;
        let people = forest.container("exchange-conformance-people");
        let mut settings = forest.settings();
        settings.contacts_ou = Some(forest.container("exchange-conformance"));
        Self { forest, administrator, settings, people }
    }

    fn dn(&self, name: &str) -> String {
        format!("CN={name},{}", self.people)
    }

    async fn contact_dn(&self, contact: &Contact) -> String {
        format!("<GUID={}>", contact.handle.as_ref().expect("an existing contact has a handle"))
    }
}

#[async_trait]
impl Fixture for Hands {
    async fn source(&self, scope: ReadScope) -> Box<dyn Source> {
        Box::new(self.forest.source(&self.settings, &self.forest.administrator, scope))
    }

    async fn target(&self, owner: OwnerId, sync: SyncId, mapping: Mapping) -> Box<dyn Target> {
        let (connector, secrets) = (self.forest.connector(&self.settings), self.forest.secrets(&self.forest.writer));
        Box::new(ExchangeTarget::new(&self.settings, &connector, secrets, owner, sync, mapping).unwrap())
    }

    fn domain(&self) -> Domain {
        Domain::parse(&self.forest.domain).unwrap()
    }

    async fn put_person(&self, person: &Person) -> Anchor {
        let domain = &self.forest.domain;
        let mut proxies = vec![format!("SMTP:{}@{domain}", person.name)];
        proxies.extend(person.secondary.iter().map(|name| format!("smtp:{name}@{domain}")));
        let proxies: Vec<&str> = proxies.iter().map(String::as_str).collect();
        let hidden: &[&str] = if person.hidden { &["TRUE"] } else { &[] };
        let extra: &[(&str, &[&str])] = &[
            ("displayName", &[&person.display_name]),
            ("title", &[&person.title]),
            ("proxyAddresses", &proxies),
            ("msExchHideFromAddressLists", hidden),
        ];
        self.administrator.put_mailbox(&self.dn(&person.name), &person.name, domain, extra).await;
        Anchor::new(self.administrator.anchor(&self.dn(&person.name)).await).unwrap()
    }

    async fn remove_person(&self, name: &str) {
        self.administrator.delete(&self.dn(name)).await;
    }

    async fn put_group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<String> = members.iter().map(|name| self.dn(name)).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let attributes: &[(&str, &[&str])] = &[
            ("objectClass", &["top", "group"]),
            ("sAMAccountName", &[name]),
            ("groupType", &["8"]),
            ("member", &members),
        ];
        self.administrator.put(&self.dn(name), attributes).await;
        name.to_owned()
    }

    async fn put_foreign_contact(&self, address: &SmtpAddress) {
        let name = format!("Foreign {}", address.local_part());
        let target = format!("SMTP:{address}");
        let attributes: &[(&str, &[&str])] = &[
            ("objectClass", &["top", "person", "organizationalPerson", "contact"]),
            ("displayName", &[&name]),
            ("mailNickname", &[address.local_part()]),
            ("mail", &[address.as_str()]),
            ("targetAddress", &[&target]),
            ("proxyAddresses", &[&target]),
            ("msExchRecipientTypeDetails", &["64"]),
            ("showInAddressBook", &[&self.forest.default_global_address_list]),
        ];
        // Beside our own contacts, where the writer may write.
        let dn = format!("CN={name},{}", self.settings.contacts_ou.as_ref().unwrap());
        self.administrator.make_container(self.settings.contacts_ou.as_ref().unwrap()).await;
        self.administrator.put(&dn, attributes).await;
    }

    async fn foreign_contact_exists(&self, address: &SmtpAddress) -> bool {
        let name = format!("Foreign {}", address.local_part());
        let dn = format!("CN={name},{}", self.settings.contacts_ou.as_ref().unwrap());
        self.administrator.read(&dn, &["mail"]).await.is_some()
    }

    async fn add_value(&self, contact: &Contact, value: &str) {
        self.administrator.add_value(&self.contact_dn(contact).await, "proxyAddresses", value).await;
    }

    async fn change_title(&self, contact: &Contact, title: &str) {
        self.administrator.replace(&self.contact_dn(contact).await, "title", &[title]).await;
    }

    async fn clean(&self) {
        self.administrator.delete_tree(&self.people).await;
        self.administrator.delete_tree(self.settings.contacts_ou.as_ref().unwrap()).await;
        self.administrator.make_container(&self.people).await;
    }
}

#[tokio::test]
async fn a_real_forest_is_a_source() {
    let Some(forest) = lab("corp") else { return };
    let hands = Hands::of(forest).await;
    conformance::source(&hands).await;
    hands.administrator.delete_tree(&hands.people).await;
}

#[tokio::test]
async fn a_real_forest_is_a_target() {
    let Some(forest) = lab("fabrikam") else { return };
    let hands = Hands::of(forest).await;
    conformance::target(&hands).await;
    hands.administrator.delete_tree(&hands.people).await;
}
