//! The rules of the domain as data: each file under `tests/golden/cases` is a situation with what must come of it.
//! `GALSYNC_BLESS=1 cargo test --test engine golden` writes what comes of it below the line; read it before you commit it.

use crate::case::{self, Case, Then};
use crate::render::{self, Expectation};
use galsync::engine::PlanResult;
use galsync::model::Change;
use std::path::Path;

const LINE: &str = "# What must come of it, step by step (GALSYNC_BLESS=1 writes it):\n";

fn run(case: &Case) -> Vec<Expectation> {
    let mut world = case.world();
    if !case.synced.is_empty() {
        case::set_entries(&mut world, &case.synced);
        let (result, recorder) = world.simulate().unwrap_or_else(|error| panic!("what was synced: {error}"));
        world.push(&result, &recorder.changes, true);
    }
    let mut kept: Option<(PlanResult, Vec<Change>)> = None;
    let mut expectations = Vec::new();
    for step in &case.steps {
        step.change(&mut world);
        if step.then == Then::PushKept {
            let (planned, changes) = kept.take().expect("a plan was kept");
            expectations.push(render::pushed(&world.push_approved(&planned, &changes)));
            continue;
        }
        let (result, recorder) = match world.simulate() {
            Ok(planned) => planned,
            Err(error) => {
                expectations.push(render::refused(&error));
                continue;
            }
        };
        expectations.push(render::planned(&result, &recorder.changes, &recorder.lines));
        let changes = recorder.changes;
        match step.then {
            Then::Push => world.push(&result, &changes, !result.unsafe_reasons.is_empty()),
            Then::Approve => world.push(&result, &changes, true),
            Then::PushFirst(count) => {
                world.history = result.history.clone();
                changes[..count].iter().for_each(|change| {
                    world.apply(change);
                    world.history.record_change(change, true, world.now);
                });
            }
            Then::Keep => {
                world.history = result.history.clone();
                kept = Some((result, changes));
            }
            Then::PushKept | Then::Nothing => world.history = result.history.clone(),
        }
    }
    expectations
}

fn check(path: &Path, bless: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let case: serde_json::Value = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let case: Case = serde_json::from_value(case).map_err(|error| error.to_string())?;
    let found = run(&case);
    if bless {
        let head = text.split(LINE).next().unwrap_or(&text).trim_end().to_owned();
        let expect = serde_yaml::to_string(&serde_json::json!({ "expect": found })).map_err(|e| e.to_string())?;
        return std::fs::write(path, format!("{head}\n\n{LINE}{expect}")).map_err(|error| error.to_string());
    }
    let wanted: Vec<Expectation> = serde_json::from_value(case.expect).map_err(|error| error.to_string())?;
    match found == wanted {
        true => Ok(()),
        false => Err(format!(
            "{}\nwanted:\n{}found:\n{}",
            case.about,
            serde_yaml::to_string(&wanted).unwrap_or_default(),
            serde_yaml::to_string(&found).unwrap_or_default()
        )),
    }
}

#[test]
fn every_case_comes_out_as_it_says() {
    let bless = std::env::var_os("GALSYNC_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cases");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let failures: Vec<String> =
        paths.iter().filter_map(|path| Some(format!("== {}: {}", path.display(), check(path, bless).err()?))).collect();
    assert!(failures.is_empty(), "{}\n{} of {} cases", failures.join("\n"), failures.len(), paths.len());
    assert!(paths.len() >= 80, "only {} cases: the folder is not whole", paths.len());
}
