use super::*;
use crate::directory::conformance::{self, Fixture, Person};
use crate::directory::{Source, SourceEvent, Target, Token};
use crate::model::connector::ReadScope;
use crate::model::mapping::Mapping;
use crate::model::taken::smtp_value;
use crate::model::{
    Anchor, Attribute, Contact, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId, SystemIdentity,
};
use async_trait::async_trait;
use futures::StreamExt;

fn anchor(text: &str) -> Anchor {
    Anchor::new(text).unwrap()
}

fn person(name: &str) -> Object {
    let mut entry = Entry::new(anchor(name), RecipientType::UserMailbox);
    entry.primary = Some(SmtpAddress::parse(&format!("{name}@corp.test")).unwrap());
    Object::of(entry)
}

fn memory() -> Memory {
    Memory::new(State::new(SystemIdentity::new("memory-1").unwrap()))
}

#[async_trait]
impl Fixture for Memory {
    async fn source(&self, scope: ReadScope) -> Box<dyn Source> {
        Box::new(MemorySource::new(self.clone(), scope))
    }

    async fn target(&self, owner: OwnerId, sync: SyncId, mapping: Mapping) -> Box<dyn Target> {
        Box::new(MemoryTarget::new(self.clone(), owner, sync, mapping))
    }

    fn domain(&self) -> Domain {
        Domain::parse("corp.test").unwrap()
    }

    async fn put_person(&self, wanted: &Person) -> Anchor {
        let mut object = person(&wanted.name);
        let address = |name: &String| SmtpAddress::parse(&format!("{name}@corp.test")).unwrap();
        object.entry.secondary = wanted.secondary.iter().map(address).collect();
        object.entry.hidden = wanted.hidden;
        object.entry.attributes = [
            (Attribute::DisplayName, wanted.display_name.clone()),
            (Attribute::Title, wanted.title.clone()),
            (Attribute::Notes, "not in scope".to_owned()),
        ]
        .into();
        self.edit(|state| state.put(object.clone()));
        object.entry.anchor
    }

    async fn remove_person(&self, name: &str) {
        self.edit(|state| state.remove(&anchor(name)));
    }

    async fn put_group(&self, name: &str, members: &[&str]) -> String {
        let mut group = Object::of(Entry::new(anchor(name), RecipientType::SecurityGroup));
        group.members = members.iter().map(|member| anchor(member)).collect();
        self.edit(|state| state.put(group));
        name.to_owned()
    }

    async fn put_foreign_contact(&self, address: &SmtpAddress) {
        let mut entry = Entry::new(anchor(address.local_part()), RecipientType::MailContact);
        entry.primary = Some(address.clone());
        entry.external = Some(address.clone());
        self.edit(|state| state.put(Object::of(entry)));
    }

    async fn foreign_contact_exists(&self, address: &SmtpAddress) -> bool {
        self.state().object(&anchor(address.local_part())).is_some_and(|object| object.mark.is_none())
    }

    async fn add_value(&self, contact: &Contact, value: &str) {
        let address = SmtpAddress::parse(value).unwrap();
        self.edit(|state| {
            state.change(&anchor(contact.handle.as_ref().unwrap()), |object| {
                object.entry.secondary.insert(address);
            })
        });
    }

    async fn change_title(&self, contact: &Contact, title: &str) {
        self.edit(|state| {
            state.change(&anchor(contact.handle.as_ref().unwrap()), |object| {
                object.entry.attributes.insert(Attribute::Title, title.to_owned());
            })
        });
    }

    async fn clean(&self) {
        let made = |object: &&Object| object.entry.anchor.as_str().starts_with("conf-");
        let anchors: Vec<Anchor> = self.state().objects().filter(made).map(|o| o.entry.anchor.clone()).collect();
        self.edit(|state| anchors.iter().for_each(|anchor| state.remove(anchor)));
    }
}

#[tokio::test]
async fn it_conforms() {
    let memory = memory();
    memory.edit(|state| state.put(person("somebody-else")));
    conformance::source(&memory).await;
    conformance::target(&memory).await;
    assert_eq!(memory.state().len(), 1, "the suite leaves nothing behind");
}

#[tokio::test]
async fn it_conforms_where_contacts_can_neither_be_hidden_nor_carry_x500() {
    let memory = memory();
    memory.edit(|state| (state.can_hide, state.x500) = (false, false));
    conformance::target(&memory).await;
}

async fn read(memory: &Memory, since: Option<&str>) -> Vec<Result<SourceEvent, super::Error>> {
    let source = MemorySource::new(memory.clone(), ReadScope::default());
    source.read(since.map(|token| Token(token.to_owned()))).collect().await
}

#[tokio::test]
async fn a_file_edited_by_hand_gives_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corp.json");
    let memory = memory();
    memory.edit(|state| ["ada", "ben", "cleo"].iter().for_each(|name| state.put(person(name))));
    memory.save_to(&path).unwrap();
    let token = Memory::open(&path).unwrap().state().token();
    let quiet = read(&Memory::open(&path).unwrap(), Some(&token)).await;
    assert_eq!(quiet.len(), 1, "nothing but the completion");

    let text = std::fs::read_to_string(&path).unwrap().replace("ada@corp.test", "ada.roe@corp.test");
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["objects"].as_array_mut().unwrap().remove(1);
    std::fs::write(&path, document.to_string()).unwrap();
    let edited = Memory::open(&path).unwrap();
    let events = read(&edited, Some(&token)).await;
    let upserts: Vec<_> = events.iter().filter(|event| matches!(event, Ok(SourceEvent::Upsert(_)))).collect();
    assert_eq!(upserts.len(), 1);
    assert!(events.iter().any(|event| matches!(event, Ok(SourceEvent::Remove(gone)) if gone.as_str() == "ben")));
    let again = Memory::open(&path).unwrap();
    assert_eq!(again.state().token(), edited.state().token(), "opening alone changes nothing");
}

#[tokio::test]
async fn forgotten_changes_and_cut_reads() {
    let memory = memory();
    memory.edit(|state| ["ada", "ben", "cleo"].iter().for_each(|name| state.put(person(name))));
    let token = memory.state().token();
    memory.edit(State::forget_changes);
    assert!(matches!(read(&memory, Some(&token)).await[..], [Err(super::Error::TokenExpired { .. })]));
    memory.set_faults(Faults { cut_read_after: Some(2), ..Faults::default() });
    let events = read(&memory, None).await;
    assert_eq!(events.len(), 2);
    assert!(!events.iter().any(|event| matches!(event, Ok(SourceEvent::Complete(_)))));
    memory.set_faults(Faults { fail_always: Some(Failure::Unauthenticated), ..Faults::default() });
    assert!(matches!(read(&memory, None).await[..], [Err(super::Error::Unauthenticated { .. })]));
}

#[test]
fn a_value_is_taken_by_others_only() {
    let memory = memory();
    memory.edit(|state| {
        state.put(person("ada"));
        let value = smtp_value(&SmtpAddress::parse("ada@corp.test").unwrap());
        assert!(state.is_taken(&value, &anchor("ben")));
        assert!(!state.is_taken(&value, &anchor("ada")));
        state.remove(&anchor("ada"));
        assert!(!state.is_taken(&value, &anchor("ben")));
    });
}
