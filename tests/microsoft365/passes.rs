//! Whole operations into a tenant, beside a source in memory.

use super::world::{World, config};
use crate::directory_support::microsoft365::{READ, WRITE};
use galsync::directory::memory::{Memory, MemorySource, Object, State};
use galsync::directory::registry::Directories;
use galsync::directory::{Error, Source, Target};
use galsync::job::{Context, Stop, SystemClock, execute};
use galsync::model::connector::{Connector, MemoryFile, ReadScope, System};
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::safety::{Policy, Safety};
use galsync::model::schedule::{Conflict, SourceRules, TargetRules};
use galsync::model::{Anchor, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId, SystemIdentity};
use galsync::operation::{FORMAT, Operation, Outcome, Request, RunReference, SimulateRequest, SourcePart, Verdict};
use galsync::store::Store;
use std::collections::BTreeSet;
use std::sync::Arc;

struct Both<'a> {
    source: Memory,
    world: &'a World,
}

impl Directories for Both<'_> {
    fn source(&self, _: &Connector, read: &ReadScope) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(MemorySource::new(self.source.clone(), read.clone())))
    }

    fn target(&self, _: &Connector, rules: &TargetRules) -> Result<Box<dyn Target>, Error> {
        Ok(Box::new(self.world.target_of(rules.owner.as_str())))
    }
}

fn source() -> Memory {
    let mut state = State::new(SystemIdentity::new("corp-system").unwrap());
    for (name, external) in [("ada", "ada@corp.test"), ("eve", "eve@contoso-old.example")] {
        let mut entry = Entry::new(Anchor::new(name).unwrap(), RecipientType::MailUser);
        entry.primary = Some(SmtpAddress::parse(&format!("{name}@corp.test")).unwrap());
        entry.external = Some(SmtpAddress::parse(external).unwrap());
        state.put(Object::of(entry));
    }
    Memory::new(state)
}

/// The tenant delivers a domain that its connector does not name: told by a read of the contents and by nothing else,
/// so that a pass without one must not plan what a push then drops, for ever.
#[tokio::test]
async fn a_pass_without_a_read_plans_with_the_domains_of_the_last_one() {
    let mut settings = config(2, READ, WRITE, "");
    settings.microsoft365.tenants[0].domains.push(Domain::parse("contoso-old.example").unwrap());
    let world = World::start(&settings).await;
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::new(Arc::new(object_store::memory::InMemory::new()), "owner/ns", scratch.path());
    let directories = Both { source: source(), world: &world };
    let run = async |operation: Operation| -> Outcome {
        let request = Request {
            format: FORMAT,
            owner: OwnerId::new("owner").unwrap(),
            run: Some(RunReference { namespace: "ns".into(), name: "run".into(), uid: "uid".into() }),
            attempt: 1,
            store_prefix: "owner/ns".into(),
            operation,
        };
        let (clock, stop) = (SystemClock, Stop::default());
        let context = Context { store: &store, directories: &directories, clock: &clock, progress: &(), stop };
        let outcome = execute(&request, &context).await;
        assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
        outcome
    };
    let mut corp = world.connector();
    corp.name = "corp".into();
    corp.system = System::Memory(MemoryFile { path: "corp".into() });
    corp.authoritative_domains = [Domain::parse("corp.test").unwrap()].into();
    corp.filters.recipient_types = [RecipientType::MailUser].into();
    let read = ReadScope::default();
    let pulled = run(Operation::Pull { connector: corp.clone(), read: read.clone(), full: true }).await;
    let simulate = |read_target: bool| SimulateRequest {
        schedule: "schedule".into(),
        target: world.connector(),
        rules: TargetRules {
            owner: OwnerId::new("owner").unwrap(),
            sync: SyncId::new("conformance").unwrap(),
            policy: Policy::Sync,
            mapping: Mapping::default(),
            safety: Safety::default(),
            hide_for_seconds: 0,
            conflict: Conflict::default(),
        },
        sources: vec![SourcePart {
            connector: corp.clone(),
            rules: SourceRules { filters: Filters::open() },
            read: read.clone(),
            snapshot: pulled.source.as_ref().unwrap().snapshot,
            fresh: true,
        }],
        read_target,
        pass_number: 1,
        claimed_elsewhere: BTreeSet::new(),
    };
    let planned = async |read_target: bool| run(Operation::Simulate(simulate(read_target))).await.plan.unwrap();
    let read = planned(true).await;
    assert_eq!((read.counts.users.create, read.counts.users.skipped), (1, 1), "eve lives in the tenant");
    let kept = planned(false).await;
    assert_eq!((kept.digest, kept.counts), (read.digest, read.counts));
    let pushed = run(Operation::Push { simulate: simulate(false), plan: kept.digest }).await.plan.unwrap();
    assert_eq!((pushed.counts.users.create, pushed.drifted), (1, 0), "nothing was planned that a push drops");
    for read_target in [true, false, false] {
        assert_eq!(planned(read_target).await.counts.total().changes(), 0, "in step");
    }
}
