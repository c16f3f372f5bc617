//! A read right that is lost on a real forest, by an entry in the access control lists: what cannot be read any more
//! is neither gone nor empty, and no contact is changed for it.

use crate::administrator::Administrator;
use crate::company::{approve, volume};
use crate::forest::{Forest, lab};
use crate::forests;
use crate::killed::contacts;
use crate::look::{ask, ended, operation, pass, runs, schedule_says, target};
use crate::process::Operator;
use crate::support::Space;
use futures::FutureExt;
use galsync::api::run::OperationKind;
use serde_json::json;
use std::panic::AssertUnwindSafe;

const DOMAIN: &str = "rights.example";
const PEOPLE: usize = 20;

/// The same descriptor with an entry in front that denies an account to read one attribute (MS-DTYP 2.4).
fn denied(descriptor: &[u8], attribute: &[u8], account: &[u8]) -> Vec<u8> {
    let number = |at: usize, bytes: usize| {
        descriptor[at..at + bytes].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let list = number(16, 4);
    let (size, count) = (number(list + 2, 2), number(list + 4, 2));
    // ACCESS_DENIED_OBJECT_ACE: no flags, the right to read properties, of the one whose id follows.
    let length = 12 + attribute.len() + account.len();
    let mut entry = vec![6, 0, length as u8, 0, 0x10, 0, 0, 0, 1, 0, 0, 0];
    entry.extend_from_slice(attribute);
    entry.extend_from_slice(account);
    let mut made = descriptor[..list].to_vec();
    made.extend([4, 0]);
    made.extend(((size + length) as u16).to_le_bytes());
    made.extend((count as u16 + 1).to_le_bytes());
    made.extend([0, 0]);
    made.extend(entry);
    made.extend(&descriptor[list + 8..list + size]);
    made
}

struct People<'a> {
    forest: &'a Forest,
    administrator: Administrator,
    unit: String,
    /// Each person's name and rights as they were.
    rights: Vec<(String, Vec<u8>)>,
}

impl<'a> People<'a> {
    async fn hire(forest: &'a Forest) -> Self {
        let administrator = Administrator::of(forest).await;
        let unit = format!("OU=Rights,{}", forest.base);
        administrator.delete_tree(&unit).await;
        administrator.make_container(&unit).await;
        let mut rights = Vec::new();
        for number in 0..PEOPLE {
            let name = format!("rights{number}");
            let dn = format!("CN={name},{unit}");
            administrator.put_mailbox(&dn, &name, DOMAIN, &[("title", &["Engineer"])]).await;
            let descriptor = administrator.rights(&dn).await;
            rights.push((dn, descriptor));
        }
        Self { forest, administrator, unit, rights }
    }

    /// On the people themselves: what their class permits everybody comes before what a unit denies.
    async fn deny(&self, attributes: &[&str]) {
        let reader = self.administrator.bytes(&self.forest.reader.dn, "objectSid").await;
        let schema = format!("CN=Schema,CN=Configuration,{}", self.forest.base);
        let mut ids = Vec::new();
        for attribute in attributes {
            let filter = format!("(lDAPDisplayName={attribute})");
            let found = self.administrator.search(&schema, ldap3::Scope::OneLevel, &filter, &["1.1"]).await;
            ids.push(self.administrator.bytes(&found[0].dn, "schemaIDGUID").await);
        }
        for (dn, descriptor) in &self.rights {
            let descriptor = ids.iter().fold(descriptor.clone(), |found, id| denied(&found, id, &reader));
            self.administrator.set_rights(dn, &descriptor).await;
        }
    }

    async fn permit(&self) {
        for (dn, descriptor) in &self.rights {
            self.administrator.set_rights(dn, descriptor).await;
        }
    }

    /// Whether the account that reads sees the attribute of the first of them.
    async fn is_seen(&self, attribute: &str) -> bool {
        let reader = Administrator::signed_in(self.forest, &self.forest.reader).await;
        let found = reader.read(&self.rights[0].0, &[attribute]).await.expect("the person itself is seen");
        found.attrs.contains_key(attribute)
    }
}

async fn lose_and_regain(space: &Space, people: &People<'_>, fabrikam: &Forest) {
    let container = fabrikam.container("rights");
    let other = Administrator::of(fabrikam).await;
    other.delete_tree(&container).await;
    other.make_container(&container).await;
    forests::secrets(space, people.forest, &people.forest.reader).await;
    forests::secrets(space, fabrikam, &fabrikam.writer).await;
    let corp = forests::connector(people.forest, &[DOMAIN], &json!({ "baseDns": [people.unit] }));
    let fab = forests::connector(fabrikam, &["fabrikam.example"], &json!({ "contactsOu": container }));
    let mut object = crate::company::schedule();
    object["spec"]["targets"] = json!([{ "connectorRef": { "name": "fabrikam" } }]);
    for object in [corp, fab, object] {
        space.create(&object, false).await.expect("accepted");
    }
    let first = pass(space, "people", 1).await;
    approve(&runs(space), &first).await;
    ended(space, &first, "Succeeded").await;
    let before = contacts(&other, &container).await;
    assert_eq!(before.len(), PEOPLE);
    assert!(before.values().all(|contact| contact.title == "Engineer"));

    // Nobody has a title any more, so it seems: the read is refused, and the last complete one serves.
    people.deny(&["title"]).await;
    assert!(!people.is_seen("title").await, "the right is lost");
    ask(space, "people", "2").await;
    let second = pass(space, "people", 2).await;
    let status = ended(space, &second, "PartiallySucceeded").await;
    let pull = operation(&status, OperationKind::Pull, "corp");
    let said = pull.message.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("title: {:?}: {said}", pull.reason);
    assert_eq!(pull.reason.as_ref().map(|reason| reason.as_str()), Some("AttributeVanished"), "{said}");
    assert!(said.contains("title") && said.contains("check the read rights"), "{said}");
    let said = schedule_says(space, "people", "Synced", "False", "PartiallySucceeded").await;
    assert!(said.contains("corp"), "{said}");
    assert_eq!(contacts(&other, &container).await, before, "no contact is touched");

    // Nobody has an address any more: that can be judged of nobody, and nobody is removed for it.
    people.permit().await;
    people.deny(&["proxyAddresses", "mail"]).await;
    assert!(people.is_seen("title").await && !people.is_seen("proxyAddresses").await);
    ask(space, "people", "3").await;
    let third = pass(space, "people", 3).await;
    let status = ended(space, &third, "").await;
    let pull = operation(&status, OperationKind::Pull, "corp");
    println!("addresses: {:?}: {:?}; {:?}", pull.reason, pull.message, target(&status, "fabrikam").plan);
    assert_eq!(contacts(&other, &container).await, before, "no contact is touched");

    // All of it is back: nothing is left to do.
    people.permit().await;
    assert!(people.is_seen("proxyAddresses").await);
    ask(space, "people", "4").await;
    let fourth = pass(space, "people", 4).await;
    ended(space, &fourth, "Succeeded").await;
    assert_eq!(contacts(&other, &container).await, before, "no contact is touched");
    other.delete_tree(&container).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image and the lab's forests, see docs/lab.md"]
async fn a_lost_read_right_changes_no_contact() {
    let space = Space::new("rights").await;
    if volume(&space).await.is_none() {
        return space.remove().await;
    }
    let (Some(corp), Some(fabrikam)) = (lab("corp"), lab("fabrikam")) else { return space.remove().await };
    let people = People::hire(&corp).await;
    let operator = Operator::start(&space.name);
    let went = AssertUnwindSafe(lose_and_regain(&space, &people, &fabrikam)).catch_unwind().await;
    // Whatever came of it, the forest is as it was.
    people.permit().await;
    people.administrator.delete_tree(&people.unit).await;
    drop(operator);
    if let Err(panic) = went {
        std::panic::resume_unwind(panic);
    }
    space.remove().await;
}
