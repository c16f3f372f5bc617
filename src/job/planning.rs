//! What simulate and push have in common: the target's contents, the sources' snapshots, and the plan over them.

use super::context::{Context, Phase};
use super::error::Error;
use super::phase::phase;
use super::plan_context::{self, PlanContext};
use crate::directory::{ContentsCompletion, Target, TargetEvent};
use crate::engine::{self, Failure, PlanError, PlanResult, Sink, TargetContent};
use crate::model::digest::Canonical;
use crate::model::{Attribute, Digest, Domain, Key, SystemIdentity};
use crate::operation::{Reason, SimulateRequest};
use crate::snapshot::{FileScratch, Frames, Kind, Summary};
use crate::store::{self, ContentsHead};
use futures::TryStreamExt;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;

/// Progress is told every so many events.
const TELL: u64 = 1_000;

/// What a target holds, from a file: in order, and once more by key.
pub(super) struct Contents {
    all: Box<dyn Iterator<Item = Result<TargetContent, Failure>> + Send>,
    frames: Frames,
}

/// What a target holds, as a blob of the store that was found whole.
pub(super) struct KeptContents {
    pub digest: Digest,
    /// Domains that the target told with them as its own.
    pub own_domains: BTreeSet<Domain>,
    file: File,
}

impl KeptContents {
    pub(super) fn frames(&self) -> Result<Frames, Error> {
        Ok(Frames::open(self.file.try_clone().map_err(Error::Temporary)?, Kind::Contacts)?)
    }

    pub(super) fn all(self) -> Result<Contents, Error> {
        Contents::of(self.file)
    }
}

impl Contents {
    pub(super) fn of(file: File) -> Result<Self, Error> {
        let frames = Frames::open(file.try_clone().map_err(Error::Temporary)?, Kind::Contacts)?;
        let all = store::read_contents(file)?;
        Ok(Self { all: Box::new(all.map(|content| content.map_err(Failure::from))), frames })
    }
}

/// A plan, and the number of the history that it was made with.
pub(super) struct Planned {
    pub result: PlanResult,
    pub history: Option<u64>,
}

/// Surveys the plan_context and plans the target.
pub(super) async fn plan(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: SystemIdentity,
    (contents, own_domains): (Contents, BTreeSet<Domain>),
    context: &Context<'_>,
    sink: &mut dyn Sink,
) -> Result<Planned, Error> {
    let planned = async {
        let plan_context = PlanContext::load(simulate, target, identity, own_domains, context).await?;
        plan_all(&plan_context, contents, context, sink).await
    };
    phase("plan", context, planned).await
}

/// Everything that waits is waited for first; the plan itself is computed in one go.
pub(super) async fn plan_all(
    plan_context: &PlanContext<'_>,
    contents: Contents,
    context: &Context<'_>,
    sink: &mut dyn Sink,
) -> Result<Planned, Error> {
    let store = context.store;
    let mut entries = Vec::new();
    for part in &plan_context.simulate.sources {
        let opened = store.open_entries(&part.snapshot).await.map_err(|error| plan_context::gone(part, error))?;
        let opened: plan_context::Entries<'_> = Box::new(opened.map(|entry| entry.map_err(Failure::from)));
        entries.push(opened);
    }
    context.progress.at(Phase::Planning, 0, None);
    let scratch = FileScratch::new(store.scratch());
    let Contents { all, frames } = contents;
    let cursor = RefCell::new(frames.cursor());
    let again = |key: &Key| store::find_contact(&mut cursor.borrow_mut(), key);
    let result = plan_context.input(all, Some(&again), entries, plan_context.now, |input| {
        match engine::plan(input, &scratch, sink) {
            Err(PlanError::Sink(failure)) => Err(failed(failure)),
            result => Ok(result?),
        }
    })?;
    Ok(Planned { result, history: plan_context.history.as_ref().map(|history| history.number) })
}

/// A complete read of the target, not yet in the store.
pub(super) struct Read {
    pub file: File,
    pub summary: Summary,
    pub own_domains: BTreeSet<Domain>,
    pub started: Timestamp,
}

/// Reads the target's whole address space. A read that ends without "complete" is an error.
pub(super) async fn read_target(target: &dyn Target, context: &Context<'_>) -> Result<Read, Error> {
    phase("read target", context, read_all(target, context)).await
}

async fn read_all(target: &dyn Target, context: &Context<'_>) -> Result<Read, Error> {
    let started = context.clock.now();
    let mut writer = context.store.contents_writer();
    let mut events = target.contents();
    let mut completion = None;
    let mut seen = 0;
    while let Some(event) = events.try_next().await? {
        match event {
            TargetEvent::Owned(contact) => writer.push(&TargetContent::Owned(contact))?,
            TargetEvent::Taken(taken) => writer.push(&TargetContent::Taken(taken))?,
            TargetEvent::Complete(told) => completion = Some(told),
        }
        seen += 1;
        if seen % TELL == 0 {
            context.progress.at(Phase::ReadingTarget, seen, None);
        }
    }
    let Some(ContentsCompletion { own_domains }) = completion else {
        return Err(Error::refused(Reason::Incomplete, "the read of the target ended before it was complete"));
    };
    context.progress.at(Phase::ReadingTarget, seen, Some(seen));
    let (file, summary) = writer.finish(context.store.temporary_file()?)?;
    Ok(Read { file, summary, own_domains, started })
}

/// The contents to plan from as a blob: read now, or, if that was not asked for, those of the last full read.
pub(super) async fn contents(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: &SystemIdentity,
    context: &Context<'_>,
) -> Result<KeptContents, Error> {
    let name = &simulate.target.name;
    let scope = contents_scope(simulate, identity);
    if !simulate.read_target {
        let kept = context.store.latest_contents(name, &scope).await?.map(|head| head.value);
        if let Some(head) = kept.filter(|head| head.scope == scope) {
            match context.store.blob(&head.contents).await {
                Ok(file) => {
                    return Ok(KeptContents { digest: head.contents, own_domains: head.own_domains, file });
                }
                Err(error) if error.is_absence() => tracing::warn!(%error, "reading the target in full"),
                Err(error) => return Err(error.into()),
            }
        }
    }
    let Read { file, summary, own_domains, started } = read_target(target, context).await?;
    let head = ContentsHead { identity: identity.clone(), scope, contents: summary.file, own_domains, started };
    context.store.put_contents(name, file.try_clone().map_err(Error::Temporary)?, &head).await?;
    Ok(KeptContents { digest: head.contents, own_domains: head.own_domains, file })
}

/// Which contacts count as ours in a read, and which of their attributes: contents of another scope are of no use.
fn contents_scope(simulate: &SimulateRequest, identity: &SystemIdentity) -> Digest {
    let rules = &simulate.rules;
    let mut canonical = Canonical::new("contents/3");
    for text in [identity.as_str(), rules.owner.as_str(), rules.sync.as_str(), &simulate.target.owner_attribute] {
        canonical.text(text);
    }
    let managed: Vec<&str> =
        Attribute::ALL.iter().filter(|attribute| rules.mapping.manages(**attribute)).map(|a| a.name()).collect();
    canonical.texts(managed.into_iter());
    canonical.finish()
}

/// What the engine handed back.
pub(super) fn failed(failure: Failure) -> Error {
    match failure.downcast::<Error>() {
        Ok(error) => *error,
        Err(failure) => PlanError::Sink(failure).into(),
    }
}
