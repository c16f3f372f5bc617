//! Pull and simulate with 0.1 % changed and no read of the target due, against the first pull and simulate of the
//! same company; the reference directory, in this process. Between the two the first plan is pushed, and a pass reads
//! both sides whole and finds nothing to do.

mod common;

use common::people::{self, Version, people};
use common::{Row, company, folder, records, report, seconds};
use galsync::directory::memory::{Memory, Object, State};
use galsync::directory::registry::Memories;
use galsync::job::{Context, Stop, SystemClock, execute};
use galsync::model::connector::ReadScope;
use galsync::model::{Attribute, Digest, OwnerId, SystemIdentity};
use galsync::operation::{FORMAT, Operation, Outcome, PlanSummary, Request, SimulateRequest, SourcePart, Verdict};
use galsync::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The first takes as many times as long.
const LEAST_TIMES: f64 = 20.0;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let Passes { first, whole, changed } = runtime.block_on(passes());
    let times = first.as_secs_f64() / changed.as_secs_f64();
    let [changed, first, whole] = [changed, first, whole].map(seconds);
    report(
        "changes",
        &[Row {
            what: format!("pull + simulate of {} entries, 0.1 % changed", records()),
            measured: format!(
                "{changed}, 1/{times:.1} of the first ({first}); reading both sides whole with nothing to do took {whole}"
            ),
            mark: format!("≤ 1/{LEAST_TIMES}"),
            holds: times >= LEAST_TIMES,
        }],
    );
}

struct Passes {
    first: Duration,
    whole: Duration,
    changed: Duration,
}

async fn passes() -> Passes {
    let place = tempfile::tempdir_in(folder()).expect("the benchmark's folder can be written");
    let location = place.path().join("store");
    let store = Store::connect(&location.to_string_lossy(), &BTreeMap::new(), "bench/bench", place.path());
    let store = store.expect("a store in a folder");
    let source = Memory::new(State::new(SystemIdentity::new(people::SYSTEM).expect("an identity")));
    source.edit(|state| {
        people(records(), Version::Before).for_each(|person| state.put(Object::of(company::entry(&person))));
    });
    let target = Memory::new(State::new(SystemIdentity::new("fabrikam").expect("an identity")));
    let memories = Memories([("contoso".into(), source.clone()), ("fabrikam".into(), target)].into());
    let context =
        Context { store: &store, directories: &memories, clock: &SystemClock, progress: &(), stop: Stop::default() };
    let (first, request, plan) = pass(&context, true).await;
    assert_eq!(plan.counts.total().create, u64::from(records()), "what is measured must also be right");
    run(&context, Operation::Push { simulate: request, plan: plan.digest }).await;
    let (whole, _, plan) = pass(&context, true).await;
    assert_eq!(plan.counts.total().changes(), 0);
    let mut changes = 0;
    source.edit(|state| {
        for person in people(records(), Version::Before).step_by(1_000) {
            let anchor = company::entry(&person).anchor;
            changes += 1;
            state.change(&anchor, |object| {
                object.entry.attributes.insert(Attribute::Title, "Vice President".into());
            });
        }
    });
    let (changed, _, plan) = pass(&context, false).await;
    assert_eq!((plan.counts.total().update, plan.counts.total().changes()), (changes, changes));
    Passes { first, whole, changed }
}

/// How long pull and simulate took, and what came of them.
async fn pass(context: &Context<'_>, read_target: bool) -> (Duration, SimulateRequest, PlanSummary) {
    let start = Instant::now();
    let read = ReadScope { attributes: Attribute::ALL.iter().copied().collect(), groups: BTreeSet::new() };
    let connector = company::source();
    let pulled = run(context, Operation::Pull { connector, read: read.clone(), full: false }).await;
    let snapshot: Digest = pulled.source.expect("a pull tells its snapshot").snapshot;
    let source =
        SourcePart { connector: company::source(), rules: company::source_rules(), read, snapshot, fresh: true };
    let simulate = SimulateRequest {
        schedule: "bench".into(),
        target: company::target(),
        rules: company::target_rules(),
        sources: vec![source],
        read_target,
        pass_number: if read_target { 1 } else { 2 },
        claimed_elsewhere: BTreeSet::new(),
    };
    let outcome = run(context, Operation::Simulate(simulate.clone())).await;
    (start.elapsed(), simulate, outcome.plan.expect("a simulation tells its plan"))
}

async fn run(context: &Context<'_>, operation: Operation) -> Outcome {
    let request = Request {
        format: FORMAT,
        owner: OwnerId::new("bench").expect("an owner"),
        run: None,
        attempt: 1,
        store_prefix: "bench/bench".into(),
        operation,
    };
    let outcome = execute(&request, context).await;
    assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
    outcome
}
