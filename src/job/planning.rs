//! What simulate and push have in common: the target's contents, the sources' snapshots, and the plan over them.

use super::context::{Context, Phase};
use super::error::Error;
use crate::directory::{Target, TargetEvent};
use crate::engine::{self, Failure, PlanError, PlanInput, PlanResult, Sink, SourceInput, TargetContent, TargetInput};
use crate::model::digest::Canonical;
use crate::model::{Attribute, Digest, Entry, SystemIdentity};
use crate::operation::{Reason, SimulateRequest, SourcePart};
use crate::snapshot::{FileScratch, Summary};
use crate::store::{self, ContentsHead};
use futures::TryStreamExt;
use jiff::Timestamp;
use std::fs::File;

/// Progress is told every so many events.
const TELL: u64 = 1_000;

pub(super) type Contents = Box<dyn Iterator<Item = Result<TargetContent, Failure>> + Send>;

/// A plan, and the number of the history that it was made with.
pub(super) struct Planned {
    pub result: PlanResult,
    pub history: Option<u64>,
}

/// Plans the target. Everything that waits is waited for first; the plan itself is computed in one go.
pub(super) async fn plan(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: SystemIdentity,
    contents: Contents,
    context: &Context<'_>,
    sink: &mut dyn Sink,
) -> Result<Planned, Error> {
    let store = context.store;
    let rules = &simulate.rules;
    let mut sources = Vec::new();
    for part in &simulate.sources {
        sources.push(source(part, context).await?);
    }
    let ledger = store.ledger(&identity).await?;
    let history = store.history(&identity, &rules.sync).await?;
    context.progress.at(Phase::Planning, 0, None);
    let limits = target.limits();
    let normalize = |contact| target.normalize(contact);
    let input = PlanInput {
        rules,
        target: TargetInput { connector: &simulate.target, identity, limits: &limits, normalize: &normalize, contents },
        sources,
        ledger: &ledger,
        history: history.as_ref().map(|history| &history.value),
        claimed_elsewhere: &simulate.claimed_elsewhere,
        now: context.clock.now(),
    };
    let result = match engine::plan(input, &FileScratch::new(store.scratch()), sink) {
        Err(PlanError::Sink(failure)) => return Err(failed(failure)),
        result => result?,
    };
    ledger.check()?;
    Ok(Planned { result, history: history.map(|history| history.number) })
}

async fn source<'a>(part: &'a SourcePart, context: &Context<'_>) -> Result<SourceInput<'a>, Error> {
    let name = &part.connector.name;
    let gone = |error: store::Error| match error {
        store::Error::NotFound { .. } => {
            Error::refused(Reason::SnapshotMissing, format!("the snapshot of {name} is gone; pull it again"))
        }
        error => error.into(),
    };
    let head = context.store.snapshot_head(name, &part.snapshot).await.map_err(gone)?;
    let entries = context.store.open_snapshot(&part.snapshot).await.map_err(gone)?.documents::<Entry>();
    Ok(SourceInput {
        identity: head.identity,
        connector: &part.connector,
        rules: &part.rules,
        fresh: part.fresh,
        entries: Box::new(entries.map(|entry| entry.map_err(Failure::from))),
    })
}

/// A complete read of the target, not yet in the store.
pub(super) struct Read {
    pub file: File,
    pub summary: Summary,
    pub started: Timestamp,
}

/// Reads the target's whole address space. A read that ends without "complete" is an error.
pub(super) async fn read_target(target: &dyn Target, context: &Context<'_>) -> Result<Read, Error> {
    let started = context.clock.now();
    let mut writer = context.store.contents_writer();
    let mut events = target.contents();
    let mut complete = false;
    let mut seen = 0;
    while let Some(event) = events.try_next().await? {
        match event {
            TargetEvent::Owned(contact) => writer.push(&TargetContent::Owned(contact))?,
            TargetEvent::Taken(taken) => writer.push(&TargetContent::Taken(taken))?,
            TargetEvent::Complete => complete = true,
        }
        seen += 1;
        if seen % TELL == 0 {
            context.progress.at(Phase::ReadingTarget, seen, None);
        }
    }
    if !complete {
        return Err(Error::refused(Reason::Incomplete, "the read of the target ended before it was complete"));
    }
    context.progress.at(Phase::ReadingTarget, seen, Some(seen));
    let (file, summary) = writer.finish(context.store.temporary_file()?)?;
    Ok(Read { file, summary, started })
}

/// The contents to plan from: read now, or, if that was not asked for, those of the last full read.
pub(super) async fn contents(
    simulate: &SimulateRequest,
    target: &dyn Target,
    identity: &SystemIdentity,
    context: &Context<'_>,
) -> Result<Contents, Error> {
    let name = &simulate.target.name;
    let scope = contents_scope(simulate, identity);
    if !simulate.read_target {
        let kept = context.store.latest_contents(name).await?.map(|head| head.value);
        if let Some(head) = kept.filter(|head| head.scope == scope) {
            match context.store.open_contents(&head.contents).await {
                Ok(contents) => return Ok(boxed(contents)),
                Err(error) if error.is_absence() => tracing::warn!(%error, "reading the target in full"),
                Err(error) => return Err(error.into()),
            }
        }
    }
    let Read { file, summary, started } = read_target(target, context).await?;
    let head = ContentsHead { identity: identity.clone(), scope, contents: summary.file, started };
    context.store.put_contents(name, file, &head).await?;
    Ok(boxed(context.store.open_contents(&head.contents).await?))
}

pub(super) fn boxed(contents: impl Iterator<Item = Result<TargetContent, store::Error>> + Send + 'static) -> Contents {
    Box::new(contents.map(|content| content.map_err(Failure::from)))
}

/// Which contacts count as ours in a read, and which of their attributes: contents of another scope are of no use.
fn contents_scope(simulate: &SimulateRequest, identity: &SystemIdentity) -> Digest {
    let rules = &simulate.rules;
    let mut canonical = Canonical::new("contents/1");
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
