//! A plan that goes on from the last one is the plan that computing everything gives.

use super::world::World;
use galsync::directory::memory::{Memory, Object, State};
use galsync::directory::registry::Memories;
use galsync::model::{Anchor, Attribute, Digest, Domain, Entry, RecipientType, SmtpAddress, SystemIdentity};
use galsync::operation::{Operation, Outcome, PlanSummary, SimulateRequest, SourcePart, Verdict};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::sync::atomic::{AtomicUsize, Ordering};

fn address(number: u8) -> SmtpAddress {
    SmtpAddress::parse(&format!("p{number}@shared.test")).unwrap()
}

/// Who stands at an anchor of a source; nobody = gone.
type Person = Option<(u8, Option<u8>, Option<u8>, u8, bool)>;

fn person() -> impl Strategy<Value = Person> {
    let one = (0u8..14, prop::option::weighted(0.3, 0u8..14), prop::option::weighted(0.2, 0u8..3), 0u8..3);
    prop::option::weighted(0.8, (one, prop::bool::weighted(0.1)).prop_map(|((p, s, x, t), h)| (p, s, x, t, h)))
}

/// Changes of two sources, by number of the source and of the anchor.
fn changes(most: usize) -> impl Strategy<Value = Vec<(usize, u8, Person)>> {
    prop::collection::vec((0usize..2, 0u8..10, person()), 0..most)
}

#[derive(Debug, Clone)]
struct Scenario {
    first: Vec<(usize, u8, Person)>,
    rounds: Vec<Vec<(usize, u8, Person)>>,
    taken: Vec<(u8, bool)>,
    hide: bool,
    hybrid: bool,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let taken = prop::collection::vec((0u8..14, any::<bool>()), 0..3);
    let rounds = prop::collection::vec(changes(4), 3);
    (changes(30), rounds, taken, any::<bool>(), any::<bool>())
        .prop_map(|(first, rounds, taken, hide, hybrid)| Scenario { first, rounds, taken, hide, hybrid })
}

const SOURCES: [&str; 2] = ["corp", "north"];

fn edit(memory: &Memory, number: u8, person: &Person) {
    let anchor = Anchor::new(format!("a{number}")).unwrap();
    memory.edit(|state| match person {
        None => state.remove(&anchor),
        Some((primary, secondary, x500, title, hidden)) => {
            let mut entry = Entry::new(anchor, RecipientType::UserMailbox);
            entry.primary = Some(address(*primary));
            entry.secondary = secondary.iter().filter(|s| *s != primary).map(|s| address(*s)).collect();
            entry.legacy_exchange_dn = x500.map(|number| format!("/o=shared/cn={number}"));
            entry.immutable_id = x500.map(|number| format!("id-{number}"));
            entry.hidden = *hidden;
            entry.attributes.insert(Attribute::DisplayName, format!("Person {primary}"));
            entry.attributes.insert(Attribute::Title, format!("Title {title}"));
            state.put(Object::of(entry));
        }
    });
}

struct Worlds {
    world: World,
    sources: [Memory; 2],
    hybrid: bool,
}

impl Worlds {
    fn new(scenario: &Scenario) -> Self {
        let mut world = World::new(0);
        let sources = SOURCES.map(|name| Memory::new(State::new(SystemIdentity::new(name).unwrap())));
        let [corp, north] = &sources;
        world.memories = Memories(
            [("corp".into(), corp.clone()), ("north".into(), north.clone()), ("fabrikam".into(), world.target.clone())]
                .into(),
        );
        // So that the sources are never empty.
        SOURCES.iter().zip(&sources).for_each(|(_, memory)| edit(memory, 99, &Some((99, None, None, 0, false))));
        scenario.first.iter().for_each(|(source, number, person)| edit(&sources[*source], *number, person));
        world.target.edit(|state| {
            for (number, mailbox) in &scenario.taken {
                let kind = if *mailbox { RecipientType::UserMailbox } else { RecipientType::MailContact };
                let mut entry = Entry::new(Anchor::new(format!("own{number}")).unwrap(), kind);
                entry.primary = Some(address(*number));
                entry.external = (!mailbox).then(|| address(*number));
                entry.legacy_exchange_dn = Some(format!("/o=shared/cn={}", number % 3));
                state.put(Object::of(entry));
            }
        });
        world.rules.hide_for_seconds = if scenario.hide { 2 * 86_400 } else { 0 };
        world.rules.safety.max_source_shrink_percent = 100;
        Self { world, sources, hybrid: scenario.hybrid }
    }

    async fn request(&self, read_target: bool) -> SimulateRequest {
        let mut request = self.world.simulate_request(Digest::of(b""));
        request.sources.clear();
        request.read_target = read_target;
        for name in SOURCES {
            let mut connector = self.world.connector(name);
            connector.authoritative_domains = [Domain::parse("shared.test").unwrap()].into();
            connector.same_organization_as = (self.hybrid && name == "north").then(|| "corp".to_owned());
            let read = self.world.scope.clone();
            let pull = Operation::Pull { connector: connector.clone(), read: read.clone(), full: false };
            let pulled = self.world.execute(pull).await;
            let snapshot = pulled.source.unwrap_or_else(|| panic!("{}", pulled.message)).snapshot;
            request.sources.push(SourcePart {
                connector,
                rules: self.world.source_rules.clone(),
                read,
                snapshot,
                fresh: true,
            });
        }
        request
    }

    async fn simulate(&self, request: &SimulateRequest) -> Outcome {
        let outcome = self.world.execute(Operation::Simulate(request.clone())).await;
        assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
        outcome
    }

    /// The plan's summary and changes, and the lines of the report.
    async fn told(&self, outcome: Outcome) -> (PlanSummary, Vec<String>, Vec<String>) {
        let plan = outcome.plan.unwrap();
        let mut changes: Vec<String> = self.world.store.plan(&plan.digest).await.unwrap().map(Result::unwrap).collect();
        changes.pop();
        let lines = self.world.store.lines(&outcome.report.unwrap()).await.unwrap();
        let mut lines: Vec<String> = lines.map(Result::unwrap).collect();
        lines.pop();
        (plan, changes, lines.split_off(1))
    }

    /// Marks the last plan's sums, so that a plan that goes on from them can be told. Whether there is one.
    async fn mark(&self) -> bool {
        let store = &self.world.store;
        let Some(mut checkpoint) = store.latest_checkpoint("fabrikam").await.unwrap().map(|head| head.value) else {
            return false;
        };
        checkpoint.sums.reasons.insert(MARK.into(), 7);
        store.put_checkpoint("fabrikam", &checkpoint).await.unwrap();
        true
    }

    async fn forget_checkpoint(&self) {
        for head in self.world.store.list("checkpoints").await.unwrap() {
            self.world.store.delete(&head.key).await.unwrap();
        }
    }
}

const MARK: &str = "Mark";

/// How many rounds went on from the last plan.
async fn play(scenario: &Scenario) -> usize {
    let worlds = Worlds::new(scenario);
    let store = &worlds.world.store;
    let target = worlds.world.target.state().identity.clone();
    for _ in 0..2 {
        let request = worlds.request(true).await;
        let plan = worlds.simulate(&request).await.plan.unwrap().digest;
        let pushed = worlds.world.execute(Operation::Push { simulate: request, plan }).await;
        assert_ne!(pushed.verdict, Verdict::Failed, "{}", pushed.message);
        worlds.world.later(3_600);
    }
    worlds.simulate(&worlds.request(true).await).await;
    let mut went_on = 0;
    for round in &scenario.rounds {
        round.iter().for_each(|(source, number, person)| edit(&worlds.sources[*source], *number, person));
        worlds.world.later(86_400);
        let request = worlds.request(false).await;
        let before = store.history(&target, &worlds.world.rules.sync).await.unwrap().unwrap().value;
        assert!(worlds.mark().await);
        let (mut plan, changes, lines) = worlds.told(worlds.simulate(&request).await).await;
        let marked = plan.reasons.remove(MARK).is_some();
        went_on += usize::from(marked);
        let mut checkpoint = store.latest_checkpoint("fabrikam").await.unwrap().unwrap().value;
        checkpoint.sums.reasons.remove(MARK);
        // The same once more, with nothing to go on from.
        let history = store.history(&target, &worlds.world.rules.sync).await.unwrap().unwrap();
        store.put_history(&target, &worlds.world.rules.sync, Some(history.number), &before).await.unwrap();
        worlds.forget_checkpoint().await;
        let (whole, whole_changes, whole_lines) = worlds.told(worlds.simulate(&request).await).await;
        assert_eq!((changes, lines), (whole_changes, whole_lines));
        assert_eq!(plan, whole);
        let again = store.history(&target, &worlds.world.rules.sync).await.unwrap().unwrap().value;
        assert_eq!(again, history.value);
        let computed = store.latest_checkpoint("fabrikam").await.unwrap().unwrap().value;
        assert_eq!(computed.sums, checkpoint.sums);
        // The next round goes on from this one.
        worlds.forget_checkpoint().await;
        store.put_checkpoint("fabrikam", &checkpoint).await.unwrap();
    }
    went_on
}

#[test]
fn going_on_from_the_last_plan_is_planning_everything() {
    let went_on = AtomicUsize::new(0);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&scenario(), |scenario| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            went_on.fetch_add(runtime.block_on(play(&scenario)), Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
    let went_on = went_on.into_inner();
    assert!(went_on > 120, "only {went_on} of 180 rounds went on from the plan before");
}

#[tokio::test]
async fn a_plan_that_cannot_be_gone_on_from_is_computed_whole() {
    let scenario = Scenario { first: Vec::new(), rounds: Vec::new(), taken: Vec::new(), hide: false, hybrid: false };
    let mut worlds = Worlds::new(&scenario);
    let first = worlds.simulate(&worlds.request(true).await).await.plan.unwrap();
    assert!(worlds.mark().await);
    worlds.world.rules.mapping.display_name_suffix = " (Corp)".into();
    let other = worlds.simulate(&worlds.request(false).await).await.plan.unwrap();
    assert_ne!(first.digest, other.digest);
    assert!(!other.reasons.contains_key(MARK), "the rules are others");
    assert!(worlds.mark().await);
    let again = worlds.simulate(&worlds.request(false).await).await.plan.unwrap();
    assert_eq!((again.digest, again.reasons[MARK]), (other.digest, 7));
    let checkpoint = worlds.world.store.latest_checkpoint("fabrikam").await.unwrap().unwrap().value;
    worlds.world.store.delete(&format!("blobs/{}", checkpoint.rows.hex())).await.unwrap();
    let whole = worlds.simulate(&worlds.request(false).await).await.plan.unwrap();
    assert_eq!(whole, other, "a blob is gone");
}
