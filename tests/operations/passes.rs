use super::world::{World, person};
use galsync::model::reason::UnsafeReason;
use galsync::model::safety::OnExceeded;
use galsync::model::{Domain, RecipientType};
use galsync::operation::{Operation, Reason, SimulateRequest, Verdict};
use galsync::pass::TargetReason;

#[tokio::test]
async fn people_arrive_change_and_leave() {
    let world = World::new(20);
    let first = world.simulate().await.plan.unwrap();
    assert!(first.unsafe_reasons.contains(&UnsafeReason::FirstSync));
    assert_eq!(first.counts.users.create, 20);
    assert_eq!(world.contacts().len(), 0, "a simulation writes nothing");

    assert_eq!(world.pass().await.0, TargetReason::Pushed);
    world.assert_in_step();
    world.later(86_400);
    let calls = world.target.state().token();
    assert_eq!(world.pass().await.0, TargetReason::InSync);
    assert_eq!(world.target.state().token(), calls, "a pass in which nothing changed writes nothing");

    world.source.edit(|state| {
        state.put(person("p000", "Director"));
        state.put(person("newcomer", "Apprentice"));
        state.remove(&super::world::anchor("p001"));
    });
    world.later(86_400);
    let (reason, plan) = world.pass().await;
    let users = plan.unwrap().counts.users;
    assert_eq!((reason, users.create, users.update, users.delete), (TargetReason::Pushed, 1, 1, 1));
    world.assert_in_step();
}

#[tokio::test]
async fn hidden_first_and_deleted_when_the_time_has_come() {
    let mut world = World::new(20);
    world.rules.hide_for_seconds = 30 * 86_400;
    world.pass().await;
    world.source.edit(|state| state.remove(&super::world::anchor("p001")));
    world.later(86_400);
    let (reason, plan) = world.pass().await;
    assert_eq!((reason, plan.unwrap().counts.users.hide), (TargetReason::Pushed, 1));
    let hidden = |world: &World| world.target.state().objects().filter(|object| object.entry.hidden).count();
    assert_eq!((hidden(&world), world.contacts().len()), (1, 20));
    world.later(86_400);
    assert_eq!(world.pass().await.0, TargetReason::InSync);
    world.later(31 * 86_400);
    let (reason, plan) = world.pass().await;
    assert_eq!((reason, plan.unwrap().counts.users.delete), (TargetReason::Pushed, 1));
    world.assert_in_step();
}

/// All but ledger and history may be lost at any time.
#[tokio::test]
async fn ten_passes_without_a_cache_end_where_those_with_one_do() {
    let worlds = [World::new(30), World::new(30)];
    for day in 0..10_u32 {
        for (index, world) in worlds.iter().enumerate() {
            if index == 1 {
                for name in ["corp", "fabrikam"] {
                    let connector = world.connector(name);
                    let emptied = world.execute(Operation::EmptyCache { connector }).await;
                    assert_eq!(emptied.verdict, Verdict::Succeeded);
                }
            }
            world.source.edit(|state| {
                state.put(person(&format!("p{day:03}"), &format!("Grade {day}")));
                state.put(person(&format!("new{day}"), "Apprentice"));
                state.remove(&super::world::anchor(&format!("p{:03}", 10 + day)));
            });
            world.later(86_400);
            assert_eq!(world.pass().await.0, TargetReason::Pushed, "day {day}");
            world.assert_in_step();
        }
    }
    assert_eq!(worlds[0].contacts(), worlds[1].contacts());
}

/// With all of the store gone, ledger and history included, nothing is deleted unasked.
#[tokio::test]
async fn a_lost_store_deletes_nothing_unasked() {
    let mut world = World::new(20);
    world.pass().await;
    world.lose_store();
    world.source.edit(|state| state.remove(&super::world::anchor("p001")));
    world.later(86_400);
    let outcome = world.simulate().await;
    let plan = outcome.plan.unwrap();
    assert_eq!(plan.counts.users.delete, 1);
    assert!(plan.unsafe_reasons.contains(&UnsafeReason::NoHistory), "{:?}", plan.unsafe_reasons);
}

#[tokio::test]
async fn an_empty_source_has_no_plan_and_a_shrunk_one_needs_approval() {
    let world = World::new(20);
    world.pass().await;
    world.later(86_400);
    world.source.edit(|state| (0..10).for_each(|n| state.remove(&super::world::anchor(&format!("p{n:03}")))));
    let plan = world.simulate().await.plan.unwrap();
    assert!(plan.unsafe_reasons.contains(&UnsafeReason::SourceShrank), "{:?}", plan.unsafe_reasons);
    assert!(!plan.unsafe_message.is_empty());
    world.source.edit(|state| (10..20).for_each(|n| state.remove(&super::world::anchor(&format!("p{n:03}")))));
    let outcome = world.simulate().await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::SourceEmpty));
    assert_eq!(world.contacts().len(), 20);
}

#[tokio::test]
async fn the_contents_of_the_last_read_serve_until_something_is_written() {
    let world = World::new(5);
    world.pass().await;
    world.later(60);
    let snapshot = world.pulled().await;
    let mut simulate = world.simulate_request(snapshot);
    simulate.read_target = false;
    let calls = |world: &World| world.target.calls();
    let before = calls(&world);
    let outcome = world.execute(Operation::Simulate(simulate.clone())).await;
    assert_eq!(outcome.plan.unwrap().counts.total().changes(), 0, "a push makes older contents worthless");
    let read = calls(&world) - before;
    let before = calls(&world);
    let outcome = world.execute(Operation::Simulate(simulate.clone())).await;
    assert_eq!(outcome.plan.unwrap().counts.users.unchanged, 5);
    assert!(calls(&world) - before < read, "the target was read although it need not be");
    // Another mapping sees other attributes as ours.
    simulate
        .rules
        .mapping
        .attributes
        .insert(galsync::model::Attribute::Custom1, galsync::model::mapping::AttributeRule::Constant("x".into()));
    let before = calls(&world);
    world.execute(Operation::Simulate(simulate)).await;
    assert_eq!(calls(&world) - before, read, "contents of another scope are of no use");
}

/// With `onExceeded: HoldDeletes`, new colleagues need not wait for a discussion about leavers.
#[tokio::test]
async fn held_removals_wait_and_the_rest_goes_on() {
    let mut world = World::new(40);
    world.rules.safety.on_exceeded = OnExceeded::HoldDeletes;
    world.pass().await;
    world.source.edit(|state| {
        (0..10).for_each(|n| state.remove(&super::world::anchor(&format!("p{n:03}"))));
        state.put(person("newcomer", "Apprentice"));
    });
    world.later(86_400);
    let plan = world.simulate().await.plan.unwrap();
    assert_eq!((plan.held, plan.counts.users.delete, plan.counts.users.create), (10, 10, 1));
    assert!(plan.unsafe_reasons.is_empty(), "{:?}", plan.unsafe_reasons);
    let (reason, _) = world.pass().await;
    assert_eq!(reason, TargetReason::Pushed);
    let contacts = world.contacts();
    assert_eq!(contacts.len(), 41, "ten leavers are still there, and the newcomer is");
    assert!(contacts.contains_key("newcomer@corp.test"));
}

#[tokio::test]
async fn collecting_garbage_takes_nothing_that_is_needed() {
    let world = World::new(20);
    for day in 0..6 {
        world.source.edit(|state| state.put(person("p000", &format!("Grade {day}"))));
        world.later(86_400);
        world.pass().await;
    }
    let heads = |kind: &'static str| world.store.list(kind);
    assert_eq!(heads("snapshots").await.unwrap().len(), 6);
    let collect = Operation::CollectGarbage { keep_reports_seconds: 0, keep_logs_seconds: 0, keep_snapshots: 2 };
    let collected = world.execute(collect).await;
    assert_eq!(collected.verdict, Verdict::Succeeded, "{}", collected.message);
    assert_eq!(heads("snapshots").await.unwrap().len(), 2);
    world.later(86_400);
    let pulled = world.pull().await.source.unwrap();
    assert_eq!((pulled.full, pulled.changed), (false, 0));
    assert_eq!(world.pass().await.0, TargetReason::InSync);
}

/// What the target delivers itself is observed with its contents and kept with them. So the passes between two full
/// reads plan what the first one planned, and nothing is planned for ever that each push leaves undone.
#[tokio::test]
async fn passes_between_full_reads_plan_what_the_full_read_plans() {
    let mut world = World::new(20);
    world.filters.recipient_types.insert(RecipientType::MailUser);
    world.source.edit(|state| {
        let mut eve = person("eve", "Engineer");
        eve.entry.recipient_type = RecipientType::MailUser;
        eve.entry.external = Some(super::world::address("eve@fabrikam-old.test"));
        state.put(eve);
    });
    let domain = Domain::parse("fabrikam-old.test").unwrap();
    world.target.edit(|state| state.domains.insert(domain.clone()));
    let (reason, plan) = world.pass().await;
    assert_eq!((reason, plan.unwrap().counts.users.create), (TargetReason::Pushed, 20), "eve lives in the target");
    let snapshot = world.pulled().await;
    let planned = async |read_target: bool| {
        world.later(60);
        let simulate = SimulateRequest { read_target, ..world.simulate_request(snapshot) };
        let plan = world.execute(Operation::Simulate(simulate)).await.plan.unwrap();
        (plan.digest, plan.counts.total().create, plan.counts.users.skipped)
    };
    let read = planned(true).await;
    assert_eq!((read.1, read.2), (0, 1));
    // Nobody asks the target in between, so its administrator may do what he wants.
    world.target.edit(|state| state.domains.remove(&domain));
    for _ in 0..3 {
        assert_eq!(planned(false).await, read);
    }
    assert_eq!(planned(true).await.1, 1, "the next full read tells of it");
    assert_eq!(planned(false).await.1, 1);
}
