//! Operators that are killed again and again, at random moments of pass after pass.

use super::crashes::on_a_deep_stack;
use super::watched::{Happening, Watched};
use fastrand::Rng;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What goes on in the cluster between two kills.
fn life(random: &mut Rng) -> Happening {
    let one = random.usize(0..4);
    match random.u32(0..40) {
        0..10 => Happening::Look { operator: random.usize(0..2), fresh: random.bool() },
        10..20 => Happening::Kubelet,
        20..30 => Happening::Succeed(one),
        30 => Happening::Fail(one),
        31 => Happening::Lose(one),
        32 => Happening::Remove(one),
        33..35 => Happening::Approve,
        35 => Happening::Hours(random.i64(1..30)),
        // One plan in five needs a decision.
        36 => Happening::Plan(random.u64(0..=super::cluster::UNSAFE)),
        _ => Happening::Seconds(random.i64(1..130)),
    }
}

/// Of the short run, which is the same each time.
const FEW: u64 = 40;

/// As many kills as `GALSYNC_CONTROLLER_KILLS` says (tests/soak.sh); `GALSYNC_SEED` repeats a run.
async fn killed() {
    let kills = number("GALSYNC_CONTROLLER_KILLS", FEW);
    let seed = number("GALSYNC_SEED", if kills == FEW { 1 } else { fastrand::u64(..) });
    println!("{kills} kills with the seed {seed}");
    let mut random = Rng::with_seed(seed);
    let mut watched = Watched::begin().await;
    for _ in 0..kills {
        for _ in 0..random.usize(0..12) {
            watched.happen(life(&mut random)).await;
        }
        watched.happen(Happening::Die { operator: random.usize(0..2), requests: random.usize(0..80) }).await;
    }
    watched.settle().await;
    let (passes, pushes) = (watched.cluster.pass_number(), watched.pushes.len());
    println!("{passes} passes, {pushes} pushes");
    assert!(pushes > 0, "{passes} passes and not one push: the test sees too little");
}

#[test]
fn killed_at_random_moments_every_pass_ends() {
    on_a_deep_stack(killed());
}
