//! A push that is killed at any point and repeated ends where an undisturbed one does, and does nothing twice.

use super::world::{World, anchor, person};
use galsync::pass::TargetReason;
use proptest::prelude::*;
use std::pin::Pin;
use std::task::Poll;

/// A world with creates, updates and removals to push.
async fn prepared(hide_for_seconds: u64) -> World {
    let mut world = World::new(80);
    world.rules.hide_for_seconds = hide_for_seconds;
    world.pass().await;
    world.source.edit(|state| {
        (0..20).for_each(|n| state.put(person(&format!("p{n:03}"), "Director")));
        (20..25).for_each(|n| state.remove(&anchor(&format!("p{n:03}"))));
        (0..30).for_each(|n| state.put(person(&format!("new{n}"), "Apprentice")));
    });
    world.later(86_400);
    world
}

/// Polls a future so often at most, then drops it: a process that is killed.
struct Killed<F> {
    future: Pin<Box<F>>,
    left: u32,
}

impl<F: Future> Future for Killed<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        self.future.as_mut().poll(context).map(Some)
    }
}
async fn killed_after(polls: &[u32], hide_for_seconds: u64) {
    let world = prepared(hide_for_seconds).await;
    let push = world.planned().await;
    for &left in polls {
        let future = Box::pin(world.execute(push.clone()));
        if (Killed { future, left }).await.is_some() {
            break;
        }
    }
    let outcome = world.execute(push).await;
    assert_eq!(outcome.verdict, galsync::operation::Verdict::Succeeded, "{}", outcome.message);
    let hides = hide_for_seconds > 0;
    if !hides {
        world.assert_in_step();
    }
    let state = world.target.state();
    assert_eq!(state.len(), if hides { 110 } else { 105 }, "80 people, 5 gone, 30 new, each once");
    let hidden = state.objects().filter(|object| object.entry.hidden).count();
    assert_eq!(hidden, if hides { 5 } else { 0 }, "who left is hidden, killed after {polls:?}");
    world.later(60);
    assert_eq!(world.pass().await.0, TargetReason::InSync);
    // What the killed ones removed counts towards the sums of seven days as well, for nobody had seen it.
    let stored = world.store.history(&world.target.state().identity, &world.rules.sync).await.unwrap();
    let removed: u64 = stored.unwrap().value.pairs.values().flat_map(|pair| &pair.days).map(|day| day.deletes).sum();
    assert!(removed >= 5, "{removed} of 5 removals are remembered");
}

/// `GALSYNC_SOAK` times as many (tests/soak.sh).
fn cases() -> u32 {
    12 * std::env::var("GALSYNC_SOAK").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Twice at the same point: what was begun twice and never done must not look like what does not stay done.
#[tokio::test]
async fn a_push_killed_twice_at_any_point_is_finished() {
    for left in 1..90 {
        killed_after(&[left, left], 30 * 86_400).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_killed_push_is_repeated_and_does_nothing_twice(
        polls in prop::collection::vec(1_u32..90, 1..4),
        hide_for_seconds in prop_oneof![Just(0_u64), Just(30 * 86_400)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(killed_after(&polls, hide_for_seconds));
    }
}
