//! Two organizations in memory, a store, and a clock that stands still until it is told.

use futures::FutureExt;
use futures::future::BoxFuture;
use galsync::directory::memory::{Memory, Object, State};
use galsync::directory::registry::Memories;
use galsync::job::{Clock, Context, Stop, execute};
use galsync::model::connector::{Connector, MemoryFile, RateLimit, ReadScope, System};
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::safety::{ApprovalMode, Policy, Safety};
use galsync::model::schedule::{Conflict, SourceRules, TargetRules};
use galsync::model::{
    Anchor, Attribute, Digest, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId, SystemIdentity,
};
use galsync::operation::{FORMAT, Operation, Outcome, Request, RunReference, SimulateRequest, SourcePart, Verdict};
use galsync::pass::{
    self, Action, Approval, Observed, Run, ScheduleSubject, SourceSubject, Subject, TargetReason, TargetState,
    TargetSubject,
};
use galsync::store::Store;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub struct Time(Mutex<Timestamp>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    /// Time passes at once.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        *self.0.lock().unwrap() += SignedDuration::try_from(duration).unwrap();
        futures::future::ready(()).boxed()
    }
}

pub struct World {
    pub source: Memory,
    pub target: Memory,
    pub memories: Memories,
    pub store: Store,
    pub time: Time,
    pub rules: TargetRules,
    pub filters: Filters,
    pub scope: ReadScope,
    pub source_rules: SourceRules,
    _scratch: tempfile::TempDir,
}

pub fn anchor(text: &str) -> Anchor {
    Anchor::new(text).unwrap()
}

pub fn address(text: &str) -> SmtpAddress {
    SmtpAddress::parse(text).unwrap()
}

pub fn person(name: &str, title: &str) -> Object {
    let mut entry = Entry::new(anchor(name), RecipientType::UserMailbox);
    entry.primary = Some(address(&format!("{name}@corp.test")));
    entry.legacy_exchange_dn = Some(format!("/o=corp/cn={name}"));
    entry.attributes = [(Attribute::DisplayName, name.to_uppercase()), (Attribute::Title, title.to_owned())].into();
    Object::of(entry)
}

fn empty_store(scratch: &std::path::Path) -> Store {
    Store::new(Arc::new(object_store::memory::InMemory::new()), "owner/ns", scratch)
}

fn memory(name: &str) -> Memory {
    let mut state = State::new(SystemIdentity::new(format!("{name}-system")).unwrap());
    state.domains = [Domain::parse(&format!("{name}.test")).unwrap()].into();
    Memory::new(state)
}

impl World {
    /// `people` in the source, nobody in the target.
    pub fn new(people: usize) -> Self {
        let (source, target) = (memory("corp"), memory("fabrikam"));
        source.edit(|state| (0..people).for_each(|number| state.put(person(&format!("p{number:03}"), "Engineer"))));
        let scratch = tempfile::tempdir().unwrap();
        let store = empty_store(scratch.path());
        Self {
            memories: Memories([("corp".into(), source.clone()), ("fabrikam".into(), target.clone())].into()),
            source,
            target,
            store,
            time: Time(Mutex::new("2026-03-01T10:00:00Z".parse().unwrap())),
            rules: TargetRules {
                owner: OwnerId::new("owner").unwrap(),
                sync: SyncId::new("sync").unwrap(),
                policy: Policy::Sync,
                mapping: Mapping::default(),
                safety: Safety::default(),
                hide_for_seconds: 0,
                conflict: Conflict::default(),
            },
            filters: Filters::default(),
            scope: ReadScope { attributes: [Attribute::DisplayName, Attribute::Title].into(), groups: BTreeSet::new() },
            source_rules: SourceRules { filters: Filters::open() },
            _scratch: scratch,
        }
    }

    pub fn lose_store(&mut self) {
        self.store = empty_store(self.store.scratch());
    }

    pub fn later(&self, seconds: i64) {
        *self.time.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    pub fn connector(&self, name: &str) -> Connector {
        Connector {
            name: name.to_owned(),
            system: System::Memory(MemoryFile { path: name.to_owned() }),
            authoritative_domains: [Domain::parse(&format!("{name}.test")).unwrap()].into(),
            shared_domains: BTreeSet::new(),
            same_organization_as: None,
            filters: self.filters.clone(),
            owner_attribute: "mark".to_owned(),
            rate_limit: RateLimit::default(),
            full_pull_every_seconds: 604_800,
        }
    }

    pub fn request(&self, operation: Operation) -> Request {
        Request {
            format: FORMAT,
            owner: self.rules.owner.clone(),
            run: Some(RunReference { namespace: "ns".into(), name: "run".into(), uid: "uid".into() }),
            attempt: 1,
            store_prefix: "owner/ns".into(),
            operation,
        }
    }

    pub async fn execute(&self, operation: Operation) -> Outcome {
        self.execute_until(operation, Stop::default()).await
    }

    pub async fn execute_until(&self, operation: Operation, stop: Stop) -> Outcome {
        let request = self.request(operation);
        let context =
            Context { store: &self.store, directories: &self.memories, clock: &self.time, progress: &(), stop };
        let outcome = execute(&request, &context).await;
        let back: Outcome = serde_json::from_str(&outcome.to_termination_message()).unwrap();
        assert_eq!(back.verdict, outcome.verdict, "an outcome survives the termination message");
        outcome
    }

    pub async fn pull(&self) -> Outcome {
        let (connector, read) = (self.connector("corp"), self.scope.clone());
        self.execute(Operation::Pull { connector, read, full: false }).await
    }

    /// Pulls, and expects it to succeed.
    pub async fn pulled(&self) -> Digest {
        let outcome = self.pull().await;
        assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
        outcome.source.unwrap().snapshot
    }

    pub fn simulate_request(&self, snapshot: Digest) -> SimulateRequest {
        SimulateRequest {
            schedule: "schedule".into(),
            target: self.connector("fabrikam"),
            rules: self.rules.clone(),
            sources: vec![SourcePart {
                connector: self.connector("corp"),
                rules: self.source_rules.clone(),
                read: self.scope.clone(),
                snapshot,
                fresh: true,
            }],
            read_target: true,
            pass_number: 1,
            claimed_elsewhere: BTreeSet::new(),
        }
    }

    pub async fn simulate(&self) -> Outcome {
        let snapshot = self.pulled().await;
        self.execute(Operation::Simulate(self.simulate_request(snapshot))).await
    }

    /// Pulls and simulates; the push that would follow.
    pub async fn planned(&self) -> Operation {
        let snapshot = self.pulled().await;
        let simulate = self.simulate_request(snapshot);
        let outcome = self.execute(Operation::Simulate(simulate.clone())).await;
        assert_eq!(outcome.verdict, Verdict::Succeeded, "{}", outcome.message);
        Operation::Push { simulate, plan: outcome.plan.unwrap().digest }
    }

    /// A whole pass through the function that decides; whatever waits for approval is approved.
    pub async fn pass(&self) -> (TargetReason, Option<galsync::operation::PlanSummary>) {
        self.carry_out(self.run()).await
    }

    /// A run that removes all contacts of the schedule.
    pub async fn removal(&self) -> (TargetReason, Option<galsync::operation::PlanSummary>) {
        let mut run = Run { action: Action::Remove, ..self.run() };
        let Subject::Schedule(schedule) = &mut run.subject else { unreachable!() };
        schedule.sources.clear();
        self.carry_out(run).await
    }

    async fn carry_out(&self, mut run: Run) -> (TargetReason, Option<galsync::operation::PlanSummary>) {
        let mut operations: Vec<Observed> = Vec::new();
        loop {
            let next = pass::next(&run, &operations, self.time.now());
            for step in next.steps {
                match step {
                    pass::Step::Start(request) => {
                        let outcome = self.execute(request.operation.clone()).await;
                        operations.push(Observed {
                            kind: request.operation.kind(),
                            connector: request.operation.connector().unwrap().name.clone(),
                            attempt: request.attempt,
                            quota_pauses: 0,
                            state: pass::State::Finished(Box::new(outcome)),
                        });
                    }
                    pass::Step::Wait { .. } => match &next.targets[0].1 {
                        TargetState::ApprovalRequired { plan, .. } => {
                            run.decisions.insert(plan.digest, pass::Verdict::Approve);
                        }
                        state => panic!("nothing else can wait: {state:?}"),
                    },
                    pass::Step::Share { .. } => panic!("there is no other run"),
                    pass::Step::Finish(_) => match &next.targets[0].1 {
                        TargetState::Ended { reason, plan, .. } => return (*reason, plan.as_deref().cloned()),
                        state => panic!("finished and not ended: {state:?}"),
                    },
                }
            }
        }
    }

    fn run(&self) -> Run {
        Run {
            reference: RunReference { namespace: "ns".into(), name: "run".into(), uid: "uid".into() },
            owner: self.rules.owner.clone(),
            store_prefix: "owner/ns".into(),
            created: self.time.now(),
            action: Action::Push,
            manual: false,
            decisions: BTreeMap::new(),
            approval: Approval { mode: ApprovalMode::WhenUnsafe, expires_after_seconds: 3_600 },
            frozen_until: None,
            subject: Subject::Schedule(Box::new(ScheduleSubject {
                name: "schedule".into(),
                sources: vec![SourceSubject {
                    connector: self.connector("corp"),
                    rules: self.source_rules.clone(),
                    read: self.scope.clone(),
                    last_pull: None,
                }],
                targets: vec![TargetSubject::new(self.connector("fabrikam"), self.rules.clone())],
                pass_number: 1,
                pull_targets_every: 1,
                claimed_elsewhere: BTreeSet::new(),
            })),
        }
    }

    /// Primary address and title of every contact in the target, and how many objects there are for it.
    pub fn contacts(&self) -> BTreeMap<String, (String, usize)> {
        let mut found = BTreeMap::new();
        for object in self.target.state().objects().filter(|object| object.mark.is_some()) {
            let title = object.entry.attributes.get(&Attribute::Title).cloned().unwrap_or_default();
            let primary = object.entry.primary.as_ref().unwrap().to_string();
            let known: &mut (String, usize) = found.entry(primary).or_default();
            *known = (title, known.1 + 1);
        }
        found
    }

    /// Every person of the source has exactly one contact, and nobody else.
    pub fn assert_in_step(&self) {
        let state = self.source.state();
        let people = state.objects().map(|object| {
            let title = object.entry.attributes.get(&Attribute::Title).cloned().unwrap_or_default();
            (object.entry.primary.as_ref().unwrap().to_string(), (title, 1))
        });
        assert_eq!(self.contacts(), people.collect());
    }
}
