//! From one real Active Directory to another (the lab's forests, seeded with as many people as are to be measured:
//! `lab/forest-seed.sh all --users 20000`): the first push against pipelined adds of the same contacts to the same forest,
//! which goes back to where it was before each of them, and a pass in which nothing changed against the bare paged reads of
//! both sides.

mod common;

#[path = "../tests/lab/administrator.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
mod administrator;
#[path = "../tests/lab/forest.rs"]
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
mod forest;

use administrator::Administrator;
use common::{Row, company, report, seconds};
use forest::{Account, Forest, lab};
use galsync::directory::exchange::{ExchangeSource, ExchangeTarget};
use galsync::directory::registry::Directories;
use galsync::directory::{Error, Source, Target};
use galsync::job::{Context, Phase, Progress, Stop, SystemClock, execute};
use galsync::model::connector::{Connector, ExchangeOnPremises, ReadScope, System};
use galsync::model::filters::Filters;
use galsync::model::schedule::{SourceRules, TargetRules};
use galsync::model::{Attribute, Digest, OwnerId};
use galsync::operation::{FORMAT, Operation, Outcome, Request, SimulateRequest, SourcePart, Verdict};
use galsync::store::Store;
use ldap3::{Scope, SearchEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const QUIET_AT_MOST: f64 = 2.0;
const PUSH_AT_MOST: f64 = 1.1;
/// As many as the directory has under way.
const AT_ONCE: usize = 16;

/// Everything that a mail client resolves an address by, as both sides are asked for it.
const RECIPIENTS: &str = "(|(mailNickname=*)(proxyAddresses=*)(targetAddress=*))";
const ATTRIBUTES: &str = include_str!("../lab/forests/read-attributes.txt");

struct Forests {
    source: Forest,
    target: Forest,
}

impl Forests {
    fn settings(forest: &Forest) -> ExchangeOnPremises {
        ExchangeOnPremises { contacts_ou: Some(forest.container("bench")), ..forest.settings() }
    }

    fn connector(forest: &Forest) -> Connector {
        let settings = Self::settings(forest);
        Connector { filters: Filters::default(), ..forest.connector(&settings) }
    }

    fn of(&self, connector: &Connector) -> &Forest {
        if connector.name == self.source.forest { &self.source } else { &self.target }
    }
}

impl Directories for Forests {
    fn source(&self, connector: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error> {
        let forest = self.of(connector);
        let System::ExchangeOnPremises(settings) = &connector.system else { unreachable!("both are forests") };
        let secrets = forest.secrets(&forest.reader);
        Ok(Box::new(ExchangeSource::new(settings, connector, secrets, read.clone())?))
    }

    fn target(&self, connector: &Connector, rules: &TargetRules) -> Result<Box<dyn Target>, Error> {
        let forest = self.of(connector);
        let System::ExchangeOnPremises(settings) = &connector.system else { unreachable!("both are forests") };
        let secrets = forest.secrets(&forest.writer);
        let (owner, sync, mapping) = (rules.owner.clone(), rules.sync.clone(), rules.mapping.clone());
        Ok(Box::new(ExchangeTarget::new(settings, connector, secrets, owner, sync, mapping)?))
    }
}

fn main() {
    let (Some(source), Some(target)) = (lab("corp"), lab("fabrikam")) else {
        println!("forests: SKIPPED: the lab's forests are not up, or GALSYNC_LAB does not name its folder");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let rows = runtime.block_on(measure(&Forests { source, target }));
    report("forests", &rows);
}

async fn measure(forests: &Forests) -> Vec<Row> {
    for forest in [&forests.source, &forests.target] {
        Administrator::of(forest).await.make_container(&forest.container("bench")).await;
    }
    rewind("keep", &forests.target);
    // The order is turned round, so that what grows or warms on the way is on both sides.
    let (pushed, quiet) = pushes(forests, Quiet::Measured).await;
    let contacts = contacts(&forests.target).await;
    assert_eq!(contacts.len() as u64, pushed.creates);
    let adds = [bare_adds(forests, contacts.clone()).await, bare_adds(forests, contacts).await];
    rewind("back", &forests.target);
    let (again, _) = pushes(forests, Quiet::No).await;
    assert_eq!(again.creates, pushed.creates);
    rewind("back", &forests.target);
    rewind("forget", &forests.target);
    for forest in [&forests.source, &forests.target] {
        Administrator::of(forest).await.delete_tree(&forest.container("bench")).await;
    }

    let pushes = [pushed.time, again.time];
    let both = |times: [Duration; 2]| format!("{} and {}", seconds(times[0]), seconds(times[1]));
    let ratio = pushes.iter().sum::<Duration>().as_secs_f64() / adds.iter().sum::<Duration>().as_secs_f64();
    let mut rows: Vec<Row> = quiet.into_iter().collect();
    rows.push(Row {
        what: format!("LDAP to LDAP, the first push, {} contacts", pushed.creates),
        measured: format!("{} ({}), {ratio:.2} × pipelined adds ({})", both(pushes), again.parts, both(adds)),
        mark: format!("≤ {PUSH_AT_MOST} ×"),
        holds: ratio <= PUSH_AT_MOST,
    });
    rows
}

/// Keeps a forest as it is, or goes back there.
fn rewind(action: &str, forest: &Forest) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/forest-rewind.sh");
    let status = Command::new(script).args([action, &forest.forest]).status().expect("the lab's scripts can be run");
    assert!(status.success(), "{} cannot be rewound", forest.forest);
}

async fn contacts(forest: &Forest) -> Vec<SearchEntry> {
    let administrator = Administrator::of(forest).await;
    administrator.search(&forest.container("bench"), Scope::OneLevel, "(objectClass=contact)", &["*"]).await
}

#[derive(PartialEq)]
enum Quiet {
    Measured,
    No,
}

struct Pushed {
    creates: u64,
    time: Duration,
    parts: String,
}

/// A first push with a store of its own; and, where it is asked for, what follows when nothing changes.
async fn pushes(forests: &Forests, quiet: Quiet) -> (Pushed, Option<Row>) {
    let place = tempfile::tempdir().expect("a folder");
    let store =
        Store::connect(&place.path().join("store").to_string_lossy(), &BTreeMap::new(), "bench/b", place.path());
    let store = store.expect("a store in a folder");
    let phases = Phases::default();
    let context =
        Context { store: &store, directories: forests, clock: &SystemClock, progress: &phases, stop: Stop::default() };

    let pass = Pass { forests, context: &context };
    let (simulate, planned) = pass.plan(1).await;
    let plan = planned.plan.expect("a plan");
    let creates = plan.counts.total().create;
    assert!(creates > 0, "the source has people: {}", planned.message);
    phases.0.lock().expect("nobody panics").clear();
    let begin = Instant::now();
    let pushed = pass.run(Operation::Push { simulate, plan: plan.digest }).await;
    let time = begin.elapsed();
    let parts = phases.since(begin);
    assert_eq!(pushed.plan.expect("counts").counts.total().create, creates, "{}", pushed.message);
    let row = if quiet == Quiet::Measured { Some(quiet_passes(&pass).await) } else { None };
    (Pushed { creates, time, parts }, row)
}

async fn quiet_passes(pass: &Pass<'_>) -> Row {
    let Forests { source, target } = pass.forests;
    let mut ratios = Vec::new();
    for number in 2..5 {
        let begin = Instant::now();
        let objects = bare_read(source, &source.reader) + bare_read(target, &target.writer);
        let bare = begin.elapsed();
        let begin = Instant::now();
        let (_, quiet) = pass.plan(number).await;
        let own = begin.elapsed();
        let changes = quiet.plan.expect("a plan").counts.total().changes();
        assert_eq!(changes, 0, "it has just been pushed");
        ratios.push((own.as_secs_f64() / bare.as_secs_f64(), own, bare, objects));
    }
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, own, bare, objects) = ratios[1];
    Row {
        what: format!("LDAP to LDAP, a pass in which nothing changed, {objects} objects on both sides"),
        measured: format!("{}, {ratio:.2} × the bare paged reads ({})", seconds(own), seconds(bare)),
        mark: format!("≤ {QUIET_AT_MOST} ×"),
        holds: ratio <= QUIET_AT_MOST,
    }
}

/// When each phase was first told of.
#[derive(Default)]
struct Phases(Mutex<BTreeMap<Phase, Instant>>);

impl Progress for Phases {
    fn at(&self, phase: Phase, _: u64, _: Option<u64>) {
        self.0.lock().expect("nobody panics").entry(phase).or_insert_with(Instant::now);
    }
}

impl Phases {
    fn since(&self, begin: Instant) -> String {
        let began = self.0.lock().expect("nobody panics");
        let part = |(phase, at): (&Phase, &Instant)| format!("{} from {}", phase.label(), seconds(*at - begin));
        began.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}

/// `ldapsearch` of all recipients; how many there are.
fn bare_read(forest: &Forest, account: &Account) -> usize {
    let output = Command::new("ldapsearch")
        .env("LDAPTLS_CACERT", &forest.ca_file)
        .args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt", "-H", &forest.ldaps, "-b", &forest.base, "-x"])
        .args(["-D", &account.user_principal_name, "-w", &account.password(), RECIPIENTS])
        .args(ATTRIBUTES.split_whitespace())
        .output()
        .expect("ldapsearch is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.windows(4).filter(|line| line == b"\ndn:").count() + 1
}

/// The same contacts, added where the push added them, after the forest went back to where it was.
async fn bare_adds(forests: &Forests, contacts: Vec<SearchEntry>) -> Duration {
    let target = &forests.target;
    rewind("back", target);
    // A push reads before it writes: the server's memory is as warm for both.
    bare_read(target, &target.writer);
    let writer = Administrator::signed_in(target, &target.writer).await;
    let begin = Instant::now();
    writer.add_all(contacts, AT_ONCE).await;
    begin.elapsed()
}

struct Pass<'a> {
    forests: &'a Forests,
    context: &'a Context<'a>,
}

impl Pass<'_> {
    /// Pull and simulate.
    async fn plan(&self, number: u64) -> (SimulateRequest, Outcome) {
        let attributes = Attribute::ALL.iter().copied().filter(|attribute| attribute.crosses_by_default()).collect();
        let read = ReadScope { attributes, groups: BTreeSet::new() };
        let source = Forests::connector(&self.forests.source);
        let pulled = self.run(Operation::Pull { connector: source.clone(), read: read.clone(), full: false }).await;
        let snapshot: Digest = pulled.source.expect("a pull tells its snapshot").snapshot;
        let rules = SourceRules { filters: Filters::open() };
        let simulate = SimulateRequest {
            schedule: "bench".into(),
            target: Forests::connector(&self.forests.target),
            rules: company::target_rules(),
            sources: vec![SourcePart { connector: source, rules, read, snapshot, fresh: true }],
            read_target: true,
            pass_number: number,
            claimed_elsewhere: BTreeSet::new(),
        };
        let planned = self.run(Operation::Simulate(simulate.clone())).await;
        (simulate, planned)
    }

    async fn run(&self, operation: Operation) -> Outcome {
        let owner = OwnerId::new("bench").expect("an owner");
        let store_prefix = "bench/b".to_owned();
        let request = Request { format: FORMAT, owner, run: None, attempt: 1, store_prefix, operation };
        let outcome = execute(&request, self.context).await;
        assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
        outcome
    }
}
