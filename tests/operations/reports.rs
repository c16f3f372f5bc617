//! A report of each kind as it stands in the store: whoever changes the format sees it here. Written anew by
//! `GALSYNC_BLESS=1 cargo test --test operations reports`.

use super::world::{World, address, anchor, person};
use galsync::directory::memory::Faults;
use galsync::model::Attribute;
use galsync::operation::{Operation, Outcome};
use galsync::report::{self, Json, Reader};
use std::path::Path;

/// The report of an operation, read line by line, is the golden one.
async fn assert_golden(world: &World, outcome: &Outcome, name: &str) {
    let key = outcome.report.as_ref().unwrap();
    let lines: Vec<String> = world.store.lines(key).await.unwrap().map(Result::unwrap).collect();
    let written = lines.join("\n") + "\n";
    let mut read = Vec::new();
    report::show(Reader::new(written.as_bytes()).unwrap(), &mut Json(&mut read), |_| true).unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), written, "{name}: what is read is what was written");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/reports").join(name);
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &written).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(written, golden, "{name}: the format of reports changed");
}

/// One of each: created, updated, deleted, skipped, refused.
#[tokio::test]
async fn reports_are_written_as_they_always_were() {
    let world = World::new(4);
    world.pass().await;
    world.later(3_600);
    world.source.edit(|state| {
        state.change(&anchor("p000"), |object| object.entry.hidden = true);
        state.change(&anchor("p001"), |object| {
            object.entry.attributes.insert(Attribute::Title, "Director".into());
        });
        state.put(person("p009", "Engineer"));
        state.put(person("p010", "Engineer"));
    });
    let pull = world.pull().await;
    assert_golden(&world, &pull, "pull.jsonl").await;
    let simulate = world.simulate_request(pull.source.unwrap().snapshot);
    let simulated = world.execute(Operation::Simulate(simulate.clone())).await;
    assert_golden(&world, &simulated, "simulate.jsonl").await;
    world.target.set_faults(Faults { refuse: [address("p010@corp.test")].into(), ..Faults::default() });
    let plan = simulated.plan.unwrap().digest;
    let pushed = world.execute(Operation::Push { simulate, plan }).await;
    assert_golden(&world, &pushed, "push.jsonl").await;
}
