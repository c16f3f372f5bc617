//! Invented organizations.

use super::*;
use std::collections::BTreeSet;

fn organization(seed: u64, people: usize) -> Vec<ObjectSpec> {
    let domains = vec!["contoso.example".to_owned(), "labs.example".to_owned()];
    Inventor::new(People::new(seed, domains, "contoso".to_owned())).organization(people)
}

#[test]
fn equal_seeds_make_equal_people_and_others_do_not() {
    let text = |seed| serde_json::to_string(&organization(seed, 50)).unwrap();
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn an_organization_has_all_that_an_address_list_meets() {
    let objects = organization(3, 600);
    let kinds: BTreeSet<Kind> = objects.iter().map(|object| object.kind).collect();
    assert_eq!(kinds.len(), 13, "all but room lists: {kinds:?}");
    assert_eq!(objects.iter().filter(|object| object.kind == Kind::UserMailbox).count(), 600);
    let shown: Vec<&str> = objects.iter().map(|object| object.display_name.as_str()).collect();
    assert!(shown.len() > shown.iter().collect::<BTreeSet<_>>().len(), "no homonyms");
    assert!(shown.iter().any(|name| name.contains('ü')) && shown.iter().any(|name| name.contains('佐')));
    assert!(objects.iter().any(|object| object.hidden) && objects.iter().any(|object| object.dir_synced));
    assert!(objects.iter().any(|object| object.members.len() > 50));
    let mails: Vec<&String> = objects.iter().filter_map(|object| object.mail.as_ref()).collect();
    assert_eq!(mails.len(), mails.iter().collect::<BTreeSet<_>>().len(), "an address stands twice");
    assert!(mails.iter().all(|mail| mail.is_ascii()));
    assert!(organization(3, 0).is_empty());
}
