use super::world::{World, address, anchor, person};
use galsync::directory::memory::{Failure, Faults};
use galsync::job::Stop;
use galsync::model::reason::UnsafeReason;
use galsync::model::safety::Policy;
use galsync::model::{Attribute, SystemIdentity};
use galsync::operation::{Operation, Outcome, Reason, Verdict};
use galsync::pass::TargetReason;

fn ended(outcome: &Outcome) -> (Verdict, Reason) {
    (outcome.verdict, outcome.reason)
}

#[tokio::test]
async fn one_bad_contact_spoils_no_other() {
    let world = World::new(10);
    let push = world.planned().await;
    world.target.set_faults(Faults { refuse: [address("p003@corp.test")].into(), ..Faults::default() });
    let outcome = world.execute(push).await;
    assert_eq!(ended(&outcome), (Verdict::PartiallySucceeded, Reason::ChangesRefused));
    let users = outcome.plan.unwrap().counts.users;
    assert_eq!((users.create, users.failed, world.contacts().len()), (9, 1, 9));
    let lines: Vec<String> = world.store.lines(&outcome.report.unwrap()).await.unwrap().map(Result::unwrap).collect();
    assert_eq!(lines.iter().filter(|line| line.contains("\"Refused\"")).count(), 1);
    world.target.set_faults(Faults::default());
    world.later(60);
    assert_eq!(world.pass().await.0, TargetReason::Pushed);
    world.assert_in_step();
}

#[tokio::test]
async fn a_quota_parks_the_rest_until_its_time() {
    let world = World::new(10);
    let until = "2026-03-02T10:00:00Z".parse().unwrap();
    world.target.set_faults(Faults { create_quota: Some(4), waiting_until: Some(until), ..Faults::default() });
    let push = world.planned().await;
    let outcome = world.execute(push.clone()).await;
    assert_eq!(ended(&outcome), (Verdict::QuotaExceeded, Reason::QuotaExceeded));
    assert_eq!(outcome.retry_at, Some(until));
    assert_eq!((outcome.plan.unwrap().deferred, world.contacts().len()), (6, 4));
    // The same approved set goes on where it stopped.
    world.target.set_faults(Faults::default());
    world.later(2 * 86_400);
    let outcome = world.execute(push).await;
    assert_eq!(ended(&outcome), (Verdict::Succeeded, Reason::Completed));
    assert_eq!(outcome.plan.unwrap().counts.users.create, 6);
    world.assert_in_step();
}

#[tokio::test]
async fn an_address_that_is_not_free_yet_is_put_off() {
    let world = World::new(3);
    world.target.set_faults(Faults { defer: [address("p001@corp.test")].into(), ..Faults::default() });
    let outcome = world.execute(world.planned().await).await;
    assert_eq!(ended(&outcome), (Verdict::Succeeded, Reason::Completed));
    assert_eq!(outcome.plan.unwrap().deferred, 1);
}

#[tokio::test]
async fn throttling_slows_down_and_never_fails() {
    let world = World::new(10);
    let push = world.planned().await;
    let next = world.target.calls() + 8;
    world.target.set_faults(Faults { fail_call: Some(next), failure: Failure::Throttled, ..Faults::default() });
    assert_eq!(ended(&world.execute(push).await), (Verdict::Succeeded, Reason::Completed));
    world.assert_in_step();
}

#[tokio::test]
async fn an_outage_ends_the_push_and_the_next_one_goes_on() {
    let world = World::new(120);
    let push = world.planned().await;
    // Identity, one page of contents, the end of the contents, and some changes of the second batch.
    let after = world.target.calls() + 70;
    world.target.set_faults(Faults { fail_from_call: Some(after), ..Faults::default() });
    let outcome = world.execute(push.clone()).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Reason::Unreachable));
    let done = outcome.plan.unwrap().counts.users.create;
    assert!((50..120).contains(&done), "{done}");
    assert_eq!(journal(&world).await.len() as u64, done, "the journal tells how far it came");
    world.target.set_faults(Faults::default());
    let outcome = world.execute(push).await;
    assert_eq!(ended(&outcome), (Verdict::Succeeded, Reason::Completed), "{}", outcome.message);
    world.assert_in_step();
}

/// Every line of the journals.
async fn journal(world: &World) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    for found in world.store.list("journals").await.unwrap() {
        let text = world.store.get(&found.key).await.unwrap();
        let parsed = serde_json::Deserializer::from_slice(&text).into_iter().map(Result::unwrap);
        lines.extend::<Vec<serde_json::Value>>(parsed.collect());
    }
    lines
}

#[tokio::test]
async fn with_a_limit_a_batch_is_what_a_few_seconds_permit() {
    let world = World::new(40);
    let Operation::Push { mut simulate, plan } = world.planned().await else { unreachable!() };
    simulate.target.rate_limit.requests_per_second = Some(1);
    let push = Operation::Push { simulate, plan };
    // In the third batch of ten; the target would take fifty.
    world.target.set_faults(Faults { fail_from_call: Some(world.target.calls() + 28), ..Faults::default() });
    let outcome = world.execute(push.clone()).await;
    assert_eq!(outcome.plan.unwrap().counts.users.create, 20, "{}", outcome.message);
    assert_eq!(journal(&world).await.len(), 20);
    world.target.set_faults(Faults::default());
    assert_eq!(ended(&world.execute(push).await), (Verdict::Succeeded, Reason::Completed));
    world.assert_in_step();
}

#[tokio::test]
async fn a_request_to_stop_ends_after_the_batch() {
    let world = World::new(120);
    let push = world.planned().await;
    let stop = Stop::default();
    stop.ask();
    let outcome = world.execute_until(push.clone(), stop).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Reason::Interrupted));
    assert_eq!(world.contacts().len(), 0);
    assert_eq!(world.execute(push).await.verdict, Verdict::Succeeded);
    world.assert_in_step();
}

#[tokio::test]
async fn a_plan_that_is_gone_or_cut_off_is_simulated_again() {
    let world = World::new(3);
    let push = world.planned().await;
    let Operation::Push { plan, .. } = &push else { unreachable!() };
    let key = format!("plans/{}.jsonl.zst", plan.hex());
    let whole = world.store.get(&key).await.unwrap();
    world.store.put(&key, whole.slice(..whole.len() / 2)).await.unwrap();
    assert_eq!(ended(&world.execute(push.clone()).await), (Verdict::Failed, Reason::PlanMissing));
    world.store.delete(&key).await.unwrap();
    assert_eq!(ended(&world.execute(push).await), (Verdict::Failed, Reason::PlanMissing));
    assert_eq!(world.contacts().len(), 0);
}

#[tokio::test]
async fn another_policy_or_target_than_the_plans_is_refused() {
    let mut world = World::new(3);
    let push = world.planned().await;
    let Operation::Push { mut simulate, plan } = push.clone() else { unreachable!() };
    simulate.rules.policy = Policy::Upsert;
    let outcome = world.execute(Operation::Push { simulate, plan }).await;
    assert_eq!(ended(&outcome), (Verdict::Failed, Reason::PlanChanged));

    let other = galsync::directory::memory::State::new(SystemIdentity::new("other-system").unwrap());
    world.memories.0.insert("fabrikam".into(), galsync::directory::memory::Memory::new(other));
    assert_eq!(ended(&world.execute(push).await), (Verdict::Failed, Reason::PlanChanged));
    assert_eq!(world.contacts().len(), 0);
}

#[tokio::test]
async fn what_changed_after_the_plan_is_left_to_the_next_pass() {
    let world = World::new(10);
    world.pass().await;
    world.source.edit(|state| {
        state.put(person("p000", "Director"));
        state.put(person("p001", "Director"));
    });
    world.later(60);
    let Operation::Push { plan, .. } = world.planned().await else { unreachable!() };
    // Somebody changes a contact by hand, and the source goes on living.
    let contact = world.target.state().objects().find(|o| o.entry.primary == Some(address("p000@corp.test"))).cloned();
    world.target.edit(|state| {
        state.change(&contact.unwrap().entry.anchor, |object| {
            object.entry.attributes.insert(Attribute::Title, "By hand".into());
        });
    });
    world.source.edit(|state| state.put(person("p002", "Director")));
    world.later(60);
    let simulate = world.simulate_request(world.pulled().await);
    let outcome = world.execute(Operation::Push { simulate, plan }).await;
    let pushed = outcome.plan.unwrap();
    assert_eq!((outcome.verdict, pushed.drifted, pushed.counts.users.update), (Verdict::Succeeded, 1, 1));
    let titles = world.contacts();
    assert_eq!(titles["p000@corp.test"].0, "By hand");
    assert_eq!(titles["p001@corp.test"].0, "Director");
    assert_eq!(titles["p002@corp.test"].0, "Engineer", "nobody approved this");
    world.later(60);
    world.pass().await;
    world.assert_in_step();
}

#[tokio::test]
async fn all_contacts_of_a_schedule_go_when_it_has_no_source_any_more() {
    let mut world = World::new(10);
    world.pass().await;
    // Somebody else's, and those of another schedule.
    world.target.edit(|state| state.put(person("stranger", "Engineer")));
    let before = world.target.state().objects().count();
    world.rules.sync = galsync::model::SyncId::new("other").unwrap();
    world.later(60);
    let (reason, plan) = world.removal().await;
    assert_eq!((reason, plan.unwrap().counts.total().changes()), (TargetReason::InSync, 0), "none of its own is there");
    world.rules.sync = galsync::model::SyncId::new("sync").unwrap();
    world.later(60);
    // Not unasked, whatever the limits are.
    world.rules.safety.max_delete_percent = 100;
    let mut simulate = world.simulate_request(world.pulled().await);
    simulate.sources.clear();
    let plan = world.execute(Operation::Simulate(simulate)).await.plan.unwrap();
    assert!(plan.unsafe_reasons.contains(&UnsafeReason::SourceRemoved), "{:?}", plan.unsafe_reasons);
    assert_eq!(world.removal().await.0, TargetReason::Pushed);
    assert_eq!(world.contacts().len(), 0);
    assert_eq!(world.target.state().objects().count(), before - 10, "what is not the schedule's stays");
    world.later(60);
    assert_eq!(world.removal().await.0, TargetReason::InSync);
}

#[tokio::test]
async fn the_ledger_remembers_whom_it_deletes() {
    let world = World::new(10);
    world.pass().await;
    world.source.edit(|state| state.remove(&anchor("p001")));
    world.later(60);
    world.pass().await;
    let target = SystemIdentity::new("fabrikam-system").unwrap();
    let lines: Vec<_> = world.store.ledger_lines(&target).await.unwrap().map(Result::unwrap).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].x500.contains("/o=corp/cn=p001"), "{:?}", lines[0].x500);
    assert!(lines[0].x500.iter().any(|dn| dn.starts_with("/o=fabrikam-system/")), "the contact's own name is kept");
    // Back again, the old names are on the new contact.
    world.source.edit(|state| state.put(person("p001", "Engineer")));
    world.later(60);
    world.pass().await;
    let state = world.target.state();
    let contact = state.objects().find(|o| o.entry.primary == Some(address("p001@corp.test"))).unwrap();
    assert!(contact.entry.x500.contains("/o=corp/cn=p001"));
}

#[tokio::test]
async fn a_target_read_that_is_cut_off_plans_and_writes_nothing() {
    let world = World::new(10);
    world.pass().await;
    world.source.edit(|state| state.remove(&anchor("p001")));
    world.later(60);
    let push = world.planned().await;
    world.target.set_faults(Faults { cut_contents_after: Some(3), ..Faults::default() });
    let simulated = world.simulate().await;
    assert_eq!(ended(&simulated), (Verdict::Failed, Reason::Incomplete));
    assert_eq!(ended(&world.execute(push).await), (Verdict::Failed, Reason::Incomplete));
    assert_eq!(world.contacts().len(), 10);
}
