//! What holds for every plan, whatever the sources and the target hold.

use crate::render;
use crate::world::{MemoryLedger, SourceState, World, connector};
use galsync::engine::History;
use galsync::model::entry::Problem;
use galsync::model::filters::Filters;
use galsync::model::observed::Capabilities;
use galsync::model::reason::UnsafeReason;
use galsync::model::safety::{Policy, Safety};
use galsync::model::schedule::{Conflict, ForeignContact, SourceRules, TargetRules};
use galsync::model::taken::{Holder, HolderKind, Taken};
use galsync::model::{
    Anchor, Attribute, ChangeKind, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId, SystemIdentity,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn address(number: u8) -> SmtpAddress {
    SmtpAddress::parse(&format!("p{number}@shared.test")).unwrap()
}

/// Few anchors and few addresses, so that everything that can collide does.
fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        6 => Just(RecipientType::UserMailbox),
        2 => Just(RecipientType::RemoteMailbox),
        1 => Just(RecipientType::DistributionGroup),
        1 => Just(RecipientType::MailContact),
    ];
    let problem = prop_oneof![8 => Just(None), 1 => Just(Some(Problem::JoinMissing))];
    let flags = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::option::of(0u8..4));
    (kind, 0u8..10, btree_set(0u8..12, 0..3), flags, problem, 0u8..3, prop::option::weighted(0.3, 0u8..4)).prop_map(
        |(kind, primary, secondary, (hidden, marked, x500), problem, title, join)| {
            let mut entry = Entry::new(Anchor::new("x").unwrap(), kind);
            entry.primary = Some(address(primary));
            entry.secondary = secondary.into_iter().filter(|number| *number != primary).map(address).collect();
            if kind == RecipientType::MailContact {
                entry.external = Some(SmtpAddress::parse(&format!("out{primary}@out.test")).unwrap());
            }
            entry.hidden = hidden;
            entry.marked = marked;
            entry.legacy_exchange_dn = x500.map(|number| format!("/o=shared/cn={number}"));
            entry.immutable_id = join.map(|number| format!("id-{number}"));
            entry.problems.extend(problem);
            entry.attributes.insert(Attribute::DisplayName, format!("Person {primary}"));
            entry.attributes.insert(Attribute::Title, format!("Title {title}"));
            entry
        },
    )
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    btree_map(0u8..8, entry(), 1..7).prop_map(|entries| {
        let with_anchor = |(number, mut entry): (u8, Entry)| {
            entry.anchor = Anchor::new(format!("a{number}")).unwrap();
            entry
        };
        entries.into_iter().map(with_anchor).collect()
    })
}

fn taken() -> impl Strategy<Value = Vec<Taken>> {
    let kind = prop_oneof![
        Just(HolderKind::Mailbox),
        Just(HolderKind::MailUser),
        Just(HolderKind::Guest),
        Just(HolderKind::Group),
        Just(HolderKind::ForeignContact),
        Just(HolderKind::SyncedObject),
    ];
    vec((0u8..12, kind, any::<bool>()), 0..3).prop_map(|taken| {
        let taken = taken.into_iter().map(|(number, kind, primary)| Taken {
            value: format!("smtp:{}", address(number)),
            primary,
            holder: Holder { kind, handle: format!("cn=foreign{number}"), name: format!("foreign{number}") },
        });
        taken.collect()
    })
}

#[derive(Debug, Clone)]
struct State {
    sources: [Vec<Entry>; 2],
    taken: Vec<Taken>,
}

fn state() -> impl Strategy<Value = State> {
    ([entries(), entries()], taken()).prop_map(|(sources, taken)| State { sources, taken })
}

#[derive(Clone)]
struct Scenario {
    world: World,
    states: Vec<State>,
}

/// Short enough to be read when a case fails.
impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let World { rules, capabilities, sources, .. } = &self.world;
        let hybrid = sources[1].connector.same_organization_as.is_some();
        let (hide, adopt) = (rules.hide_for_seconds, rules.conflict.foreign_contact);
        writeln!(f, "hide for {hide}, can hide {}, {adopt:?}, hybrid {hybrid}", capabilities.can_hide)?;
        for (number, state) in self.states.iter().enumerate() {
            for (source, entries) in sources.iter().zip(&state.sources) {
                for entry in entries {
                    let entry = serde_json::to_string(entry).map_err(|_| std::fmt::Error)?;
                    writeln!(f, "{number} {} {entry}", source.identity)?;
                }
            }
            for taken in &state.taken {
                writeln!(f, "{number} taken {taken:?}")?;
            }
        }
        Ok(())
    }
}

fn scenario(states: usize) -> impl Strategy<Value = Scenario> {
    let settings = (prop_oneof![Just(0u64), Just(86_400 * 2)], any::<bool>(), any::<bool>(), any::<bool>());
    (vec(state(), states), settings).prop_map(|(states, (hide_for_seconds, can_hide, adopt, hybrid))| {
        let shared = [Domain::parse("shared.test").unwrap()];
        let source = |name: &str, partner: Option<&str>| {
            let mut connector = connector(name, &shared);
            connector.same_organization_as = partner.filter(|_| hybrid).map(str::to_owned);
            SourceState {
                connector,
                rules: SourceRules { filters: Filters::open() },
                identity: SystemIdentity::new(name).unwrap(),
                entries: Vec::new(),
                breaks_off: None,
                unsorted: false,
            }
        };
        let world = World {
            target: connector("target", &[Domain::parse("fabrikam.test").unwrap()]),
            identity: SystemIdentity::new("fabrikam").unwrap(),
            capabilities: Capabilities { can_hide, x500: true, batch: 10 },
            own_domains: BTreeSet::new(),
            rules: TargetRules {
                owner: OwnerId::new("prod").unwrap(),
                sync: SyncId::new("sync").unwrap(),
                policy: Policy::Sync,
                mapping: Default::default(),
                safety: Safety::default(),
                hide_for_seconds,
                conflict: Conflict {
                    foreign_contact: if adopt { ForeignContact::Adopt } else { ForeignContact::Skip },
                },
            },
            sources: vec![source("contoso", None), source("northwind", Some("contoso"))],
            contacts: BTreeMap::new(),
            taken: Vec::new(),
            ledger: MemoryLedger::default(),
            history: History::default(),
            claimed_elsewhere: BTreeSet::new(),
            now: "2026-03-01T10:00:00Z".parse().unwrap(),
            backwards: false,
        };
        Scenario { world, states }
    })
}

fn enter(world: &mut World, state: &State) {
    world.now += jiff::SignedDuration::from_hours(24);
    for (source, entries) in world.sources.iter_mut().zip(&state.sources) {
        source.entries = entries.clone();
    }
    world.taken = state.taken.clone();
    // Who was adopted is no longer foreign.
    world.taken.retain(|taken| !world.contacts.contains_key(&taken.holder.handle));
}

/// One pass, pushed with approval.
fn pass(world: &mut World) -> usize {
    let (result, recorder) = world.simulate().unwrap();
    assert_eq!(result.counts.total().changes(), recorder.changes.len() as u64);
    world.push(&result, &recorder.changes, true);
    recorder.changes.len()
}

/// Passes at one moment until nothing changes; a freed address may take another pass.
fn settle(world: &mut World) {
    for _ in 0..4 {
        if pass(world) == 0 {
            return;
        }
    }
    let (_, recorder) = world.simulate().unwrap();
    let lines: Vec<String> = recorder.changes.iter().map(render::change).collect();
    panic!("passes without end: {lines:#?}");
}

/// `GALSYNC_SOAK` times as many (tests/soak.sh).
fn cases() -> u32 {
    300 * std::env::var("GALSYNC_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn passes_come_to_rest(Scenario { mut world, states } in scenario(3)) {
        for state in &states {
            enter(&mut world, state);
            settle(&mut world);
        }
    }

    #[test]
    fn the_same_input_gives_the_same_plan_in_any_order(Scenario { mut world, states } in scenario(2)) {
        enter(&mut world, &states[0]);
        settle(&mut world);
        enter(&mut world, &states[1]);
        let once = world.simulate().unwrap();
        world.backwards = true;
        let twice = world.simulate().unwrap();
        prop_assert_eq!(once.0.digest, twice.0.digest);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn changes_come_in_order_of_their_keys_each_key_once(Scenario { mut world, states } in scenario(2)) {
        for state in &states {
            enter(&mut world, state);
            let (result, recorder) = world.simulate().unwrap();
            let keys: Vec<_> = recorder.changes.iter().map(|change| change.key().as_str()).collect();
            prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
            world.push(&result, &recorder.changes, true);
        }
    }

    #[test]
    fn what_is_undecided_is_neither_changed_nor_removed(Scenario { mut world, states } in scenario(2)) {
        enter(&mut world, &states[0]);
        settle(&mut world);
        enter(&mut world, &states[1]);
        let (_, recorder) = world.simulate().unwrap();
        let undecided: BTreeSet<String> = world.sources.iter().flat_map(|source| {
            let bad = source.entries.iter().filter(|entry| !entry.problems.is_empty() && !entry.marked);
            bad.map(|entry| format!("{}/{}", source.identity, entry.anchor))
        }).collect();
        for change in &recorder.changes {
            prop_assert!(!undecided.contains(change.key().as_str()), "{change:?}");
        }
    }

    #[test]
    fn an_address_has_one_contact_at_most(Scenario { mut world, states } in scenario(2)) {
        for state in &states {
            enter(&mut world, state);
            settle(&mut world);
        }
        let mut seen = BTreeMap::new();
        // A hidden contact holds its addresses as firmly as a shown one.
        for contact in world.contacts.values() {
            let all: BTreeSet<_> = [&contact.primary, &contact.delivery].into_iter().chain(&contact.secondary).collect();
            for address in all {
                if let Some(other) = seen.insert(address.clone(), contact.key()) {
                    // Frozen contacts keep what they have.
                    let (_, recorder) = world.simulate().unwrap();
                    let frozen = recorder.lines.iter().any(|line| {
                        line["key"] == other.as_str() || line["key"] == contact.key().as_str()
                    });
                    prop_assert!(frozen, "{} is at two contacts", address);
                }
            }
        }
    }

    #[test]
    fn what_breaks_off_is_refused(Scenario { mut world, states } in scenario(2), at in 0usize..6) {
        enter(&mut world, &states[0]);
        settle(&mut world);
        enter(&mut world, &states[1]);
        let count = world.sources[0].entries.len();
        world.sources[0].breaks_off = Some(at.min(count));
        prop_assert!(world.simulate().is_err());
    }

    #[test]
    fn adopted_contacts_are_never_deleted(Scenario { mut world, states } in scenario(3)) {
        for state in &states {
            enter(&mut world, state);
            let (result, recorder) = world.simulate().unwrap();
            for change in &recorder.changes {
                let adopted = change.before().is_some_and(|before| before.mark.adopted);
                let deletes = matches!(change.kind(), ChangeKind::Delete | ChangeKind::Release);
                prop_assert!(!(adopted && deletes), "{change:?}");
            }
            world.push(&result, &recorder.changes, true);
        }
    }

    #[test]
    fn with_all_memory_lost_nothing_is_removed_unasked(Scenario { mut world, states } in scenario(2)) {
        enter(&mut world, &states[0]);
        settle(&mut world);
        enter(&mut world, &states[1]);
        world.history = History::default();
        world.ledger = MemoryLedger::default();
        let (result, recorder) = world.simulate().unwrap();
        if recorder.changes.iter().any(|change| change.kind().removes()) {
            prop_assert!(result.unsafe_reasons.contains(&UnsafeReason::NoHistory));
        }
    }

    #[test]
    fn an_approved_plan_is_written_whole_if_nothing_moved(Scenario { mut world, states } in scenario(2)) {
        for state in &states {
            enter(&mut world, state);
            let (planned, recorder) = world.simulate().unwrap();
            let (writes, counts) = world.push_approved(&planned, &recorder.changes).unwrap();
            prop_assert_eq!(writes.len(), recorder.changes.len());
            prop_assert_eq!((counts.drifted, counts.not_approved, counts.already_done), (0, 0, 0));
        }
    }
}
