//! The operator killed at random moments of its passes: every pass ends, its contacts are right, and nothing is done
//! twice. `GALSYNC_KILLS` says how often (5), `GALSYNC_SEED` repeats a run.

use crate::company::{approve, connector, contacts, directory, run_conditions, schedule, stands, volume, write};
use crate::killed::number;
use crate::look::{ask, ended, pass, read, runs, writes};
use crate::process::Operator;
use crate::support::Space;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const PEOPLE: usize = 40;
/// So many come and so many go with each pass.
const MOVES: usize = 4;
const KILLS_A_PASS: usize = 3;

/// Corp after so many passes: everybody has a title of the pass, some have come, some have gone.
fn corp(round: usize) -> Value {
    let mut corp = directory("corp", PEOPLE + round * MOVES);
    let people = corp["objects"].as_array_mut().expect("a list");
    people.drain(..round * MOVES);
    for person in people {
        person["attributes"]["title"] = json!(format!("Title {round}"));
    }
    corp
}

fn addresses(directory: &Value) -> Vec<String> {
    let people = directory["objects"].as_array().expect("a list").iter();
    let mut found: Vec<String> = people.map(|p| p["primary"].as_str().expect("an address").to_owned()).collect();
    found.sort_unstable();
    found
}

/// How many of our contacts have which title.
fn titles(path: &Path) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for object in read(path)["objects"].as_array().expect("a list").iter().filter(|o| o["mark"].is_string()) {
        let title = object["attributes"]["title"].as_str().unwrap_or_default();
        *found.entry(title.to_owned()).or_default() += 1;
    }
    found
}

/// Kills the operator while the run goes on, and starts another one each time.
async fn harass(
    space: &Space,
    run: &str,
    mut operator: Operator,
    random: &mut fastrand::Rng,
    left: &mut u64,
) -> Operator {
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), &space.name);
    for _ in 0..KILLS_A_PASS {
        if *left == 0 {
            break;
        }
        let (wait, pause) = (Duration::from_millis(random.u64(0..8_000)), Duration::from_millis(random.u64(0..1_000)));
        tokio::time::sleep(wait).await;
        let seen = runs(space).get(run).await.expect("the run is there");
        if stands(run_conditions(Some(&seen)), "Completed", "True", "") {
            break;
        }
        let under_way: Vec<String> =
            seen.status.iter().flat_map(|s| &s.operations).map(|o| format!("{:?}", o.kind)).collect();
        println!("{run}: killed after {wait:?}, nobody there for {pause:?}; begun: {under_way:?}");
        operator.kill();
        // Nobody waits until its Lease has run out: a moment after, the Jobs are where they were (`lease.rs` waits).
        leases.delete("galsync-operator", &DeleteParams::default()).await.expect("it had a Lease");
        *left -= 1;
        tokio::time::sleep(pause).await;
        operator = Operator::start(&space.name);
    }
    operator
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image, see docs/lab.md"]
async fn an_operator_that_is_killed_again_and_again_loses_and_repeats_nothing() {
    let space = Space::new("harassed").await;
    let Some(volume) = volume(&space).await else { return space.remove().await };
    let (source, target) = (volume.join("corp.json"), volume.join("fab.json"));
    let seed = number("GALSYNC_SEED", u64::from(std::process::id()));
    let mut left = number("GALSYNC_KILLS", 5);
    println!("seed {seed}, {left} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    write(&source, &corp(0));
    write(&target, &directory("fab", 5));
    let mut operator = Operator::start(&space.name);
    let mut object = schedule();
    object["spec"]["removal"] = json!({ "hideFor": "0s" });
    object["spec"]["history"] = json!({ "successfulRuns": 100 });
    object["spec"]["safety"] = json!({ "maxDeletePercent": 100, "maxStrictUpdatePercent": 100,
        "maxUpdatePercent": 100, "maxSourceShrinkPercent": 100, "maxDeletes": 100_000,
        "alwaysAllowedDeletes": 100_000 });
    for object in [connector("corp"), connector("fab"), object] {
        space.create(&object, false).await.expect("accepted");
    }
    let first = pass(&space, "people", 1).await;
    approve(&runs(&space), &first).await;
    ended(&space, &first, "Succeeded").await;
    let mut written = writes(&target);
    let mut round = 0;
    while left > 0 {
        round += 1;
        let company = corp(round);
        write(&source, &company);
        ask(&space, "people", &round.to_string()).await;
        let run = pass(&space, "people", round as u64 + 1).await;
        operator = harass(&space, &run, operator, &mut random, &mut left).await;
        let status = ended(&space, &run, "Succeeded").await;
        // Right, and nothing beside it.
        assert_eq!(contacts(&target), addresses(&company), "{run}");
        assert_eq!(titles(&target), [(format!("Title {round}"), PEOPLE)].into(), "{run}");
        // Each change was written once, by Jobs that each were made once, in one run a pass.
        let changes = MOVES + MOVES + (PEOPLE - MOVES);
        assert_eq!(writes(&target) - written, changes as u64, "{run}");
        written = writes(&target);
        let attempts: Vec<(String, u32)> =
            status.operations.iter().map(|o| (format!("{:?} {}", o.kind, o.connector), o.attempts)).collect();
        assert_eq!(attempts.iter().map(|(_, attempts)| *attempts).collect::<Vec<_>>(), [1, 1, 1], "{attempts:?}");
        let made = runs(&space).list(&ListParams::default()).await.expect("runs can be listed").items.len();
        assert_eq!(made, round + 1, "one run a pass");
    }
    drop(operator);
    space.remove().await;
}
