use super::world::{World, anchor, person};
use galsync::directory::memory::{Failure, Faults, Object, State};
use galsync::directory::registry::Systems;
use galsync::directory::secrets::GivenSecrets;
use galsync::job::{Context, Stop, execute};
use galsync::model::connector::{AddressLists, ExchangeOnPremises, Ldap, LdapSecurity, System};
use galsync::model::{Attribute, Entry, RecipientType, SystemIdentity};
use galsync::operation::{Operation, Outcome, Reason, Verdict};

fn failed(outcome: &Outcome) -> Reason {
    assert_eq!(outcome.verdict, Verdict::Failed, "{outcome:?}");
    assert!(!outcome.message.is_empty());
    outcome.reason
}

#[tokio::test]
async fn a_second_pull_reads_changes_only() {
    let world = World::new(50);
    let first = world.pull().await.source.unwrap();
    assert_eq!((first.full, first.users), (true, 50));
    world.source.edit(|state| {
        state.put(person("p000", "Director"));
        state.remove(&anchor("p001"));
    });
    world.later(60);
    let second = world.pull().await.source.unwrap();
    assert_eq!((second.full, second.changed, second.users), (false, 2, 49));
    world.later(60);
    let third = world.pull().await.source.unwrap();
    assert_eq!((third.changed, third.snapshot), (0, second.snapshot), "nothing changed, nothing is new");
}

#[tokio::test]
async fn a_cut_off_read_leaves_everything_as_it_was() {
    let world = World::new(20);
    let before = world.pulled().await;
    world.source.edit(|state| state.put(person("p000", "Director")));
    world.source.set_faults(Faults { cut_read_after: Some(1), ..Faults::default() });
    assert_eq!(failed(&world.pull().await), Reason::Incomplete);
    world.source.set_faults(Faults::default());
    let head = world.store.latest_snapshot("corp", &world.connector("corp").fingerprint(&world.scope)).await.unwrap();
    assert_eq!(head.unwrap().value.snapshot, before);
    assert_eq!(world.pull().await.source.unwrap().changed, 1, "the change is not lost");
}

#[tokio::test]
async fn a_forgotten_token_a_damaged_and_a_lost_snapshot_are_read_in_full() {
    let world = World::new(20);
    world.pulled().await;
    world.source.edit(State::forget_changes);
    assert!(world.pull().await.source.unwrap().full);

    let snapshot = world.pulled().await;
    let key = format!("blobs/{}", snapshot.hex());
    let mut damaged = world.store.get(&key).await.unwrap().to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    world.store.put(&key, damaged).await.unwrap();
    let simulate = world.execute(Operation::Simulate(world.simulate_request(snapshot))).await;
    assert_eq!(failed(&simulate), Reason::SnapshotDamaged);
    world.later(60);
    let again = world.pull().await.source.unwrap();
    assert_eq!((again.full, again.users), (true, 20));

    world.store.delete(&format!("blobs/{}", again.snapshot.hex())).await.unwrap();
    let simulate = world.execute(Operation::Simulate(world.simulate_request(again.snapshot))).await;
    assert_eq!(failed(&simulate), Reason::SnapshotMissing);
    assert!(world.pull().await.source.unwrap().full);
}

#[tokio::test]
async fn another_attribute_or_group_is_another_snapshot() {
    let mut world = World::new(5);
    world.pulled().await;
    world.scope.attributes.insert(Attribute::City);
    assert!(world.pull().await.source.unwrap().full);
}

#[tokio::test]
async fn the_weekly_full_read_counts_what_the_changes_had_missed() {
    let world = World::new(20);
    world.pulled().await;
    world.source.edit(|state| {
        state.put(person("p000", "Director"));
        state.put(person("p001", "Director"));
    });
    world.source.set_faults(Faults { untold: [anchor("p000")].into(), ..Faults::default() });
    world.later(8 * 86_400);
    let proof = world.pull().await.source.unwrap();
    assert_eq!((proof.full, proof.delta_missed), (true, Some(1)));
    world.later(8 * 86_400);
    assert_eq!(world.pull().await.source.unwrap().delta_missed, Some(0));
}

#[tokio::test]
async fn a_lost_read_right_is_no_change() {
    let world = World::new(20);
    world.pulled().await;
    world.source.edit(State::forget_changes);
    world.source.set_faults(Faults { vanished: [Attribute::Title].into(), ..Faults::default() });
    let outcome = world.pull().await;
    assert_eq!(failed(&outcome), Reason::AttributeVanished);
    assert!(outcome.message.contains("title"), "{}", outcome.message);
}

#[tokio::test]
async fn filter_groups_must_be_there_and_may_not_become_empty() {
    let mut world = World::new(3);
    let group = |members: &[&str]| {
        let mut group = Object::of(Entry::new(anchor("staff"), RecipientType::SecurityGroup));
        group.members = members.iter().map(|member| anchor(member)).collect();
        group.entry.primary = Some(super::world::address("staff@corp.test"));
        group
    };
    world.scope.groups.insert("staff".into());
    assert_eq!(failed(&world.pull().await), Reason::FilterGroupUnavailable);
    world.source.edit(|state| state.put(group(&["p000", "p001"])));
    world.pulled().await;
    world.source.edit(|state| state.put(group(&[])));
    let outcome = world.pull().await;
    assert_eq!(failed(&outcome), Reason::FilterGroupUnavailable);
    assert!(outcome.message.contains("staff"), "{}", outcome.message);
}

#[tokio::test]
async fn another_system_behind_the_same_settings_is_noticed() {
    let mut world = World::new(3);
    world.pulled().await;
    let mut other = State::new(SystemIdentity::new("other-system").unwrap());
    other.put(person("x", "y"));
    world.memories.0.insert("corp".into(), galsync::directory::memory::Memory::new(other));
    assert_eq!(failed(&world.pull().await), Reason::IdentityChanged);
}

#[tokio::test]
async fn what_the_system_says_becomes_the_reason() {
    for (failure, reason) in [
        (Failure::Unauthenticated, Reason::AuthenticationFailed),
        (Failure::Forbidden, Reason::InsufficientPermission),
        (Failure::Unavailable, Reason::Unreachable),
        (Failure::Throttled, Reason::Throttled),
    ] {
        let world = World::new(1);
        world.source.set_faults(Faults { fail_always: Some(failure), ..Faults::default() });
        assert_eq!(failed(&world.pull().await), reason);
    }
}

#[tokio::test]
async fn rejected_entries_are_counted_and_reported() {
    let world = World::new(3);
    world.source.edit(|state| state.change(&anchor("p000"), |object| object.entry.hidden = true));
    let outcome = world.pull().await;
    let source = outcome.source.unwrap();
    assert_eq!((source.users, source.rejected), (2, [("Hidden".to_owned(), 1)].into()));
    let lines: Vec<String> = world.store.lines(&outcome.report.unwrap()).await.unwrap().map(Result::unwrap).collect();
    assert_eq!(lines.len(), 3, "title, one entry, end");
    assert!(lines[1].contains("p000@corp.test") && lines[1].contains("Hidden"));
}

#[tokio::test]
async fn a_missing_secret_is_named() {
    let world = World::new(0);
    let mut connector = world.connector("corp");
    connector.system = System::ExchangeOnPremises(ExchangeOnPremises {
        ldap: Ldap {
            urls: vec!["ldaps://dc.corp.test".into()],
            global_catalog_url: None,
            ca_bundle: None,
            credentials: "corp-account".into(),
            security: LdapSecurity::StartTls,
        },
        base_dns: vec![],
        contacts_ou: None,
        address_lists: AddressLists::Auto,
    });
    let request = world.request(Operation::Pull { connector, read: world.scope.clone(), full: false });
    let secrets = GivenSecrets::default();
    let directories = Systems { secrets: &secrets };
    let (store, clock, stop) = (&world.store, &world.time, Stop::default());
    let outcome = execute(&request, &Context { store, directories: &directories, clock, progress: &(), stop }).await;
    assert_eq!(failed(&outcome), Reason::SecretNotFound);
    assert_eq!(outcome.message, "the Secret corp-account has no key username");
}

#[tokio::test]
async fn verify_says_what_works() {
    let world = World::new(1);
    let (connector, read) = (world.connector("corp"), world.scope.clone());
    let outcome = world.execute(Operation::Verify { connector, read }).await;
    let found = outcome.verification.unwrap();
    assert!(found.can_read && found.can_write && found.identity == "corp-system", "{found:?}");
    assert!(outcome.counters.requests > 0);
}
