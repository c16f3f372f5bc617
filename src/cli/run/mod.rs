//! `galsync run`: one pass over the same manifests without a cluster. The same function decides what happens
//! next as in the operator; the operations run in this process.

mod inputs;
mod manifests;
mod progress;
mod show;

use super::job::stop_on_signal;
use super::{Exit, Shared, UsageError};
use crate::directory::registry::Systems;
use crate::directory::secrets::{GivenSecrets, SecretFolder};
use crate::job::{self, Context, SystemClock, plan_file};
use crate::model::{Digest, OwnerId};
use crate::operation::{Outcome, Request};
use crate::pass::{self, Action, Finish, KnownPlan, Observed, Run, RunReason, State, Step, Subject, TargetState};
use crate::resolve::inconsistencies;
use crate::store::{Store, environment_options};
use clap::ValueEnum;
use jiff::Timestamp;
use manifests::Manifests;
use progress::Terminal;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs one pass over manifests, without a cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first push of every pair, and every plan beyond the limits of spec.safety, waits for approval: the command \
ends with exit code 3 and says how to approve. Look at the report first: galsync report FILE.")]
pub struct RunCommand {
    /// Manifests: files, folders, or - for the standard input. GalSyncConnector, GalSyncSchedule and Secret count.
    #[arg(short, long = "file", required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How far the pass goes; default: the schedule's spec.mode.
    #[arg(long, value_enum)]
    action: Option<RunAction>,
    /// Snapshots, plans and reports: a folder, or s3://, gs://, az:// with options in the environment.
    #[arg(long, default_value = "galsync-store", value_name = "DIR")]
    store: String,
    /// Push the plan with this digest, as an earlier run showed it.
    #[arg(long, value_name = "DIGEST", conflicts_with = "action")]
    approve: Vec<String>,
    /// Whose contacts they are: stands in every owner mark, and must stay the same for ever.
    #[arg(long, value_name = "ID")]
    owner_id: String,
    /// Secrets beside those of the manifests: a folder per Secret, a file per key.
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Take the reference directory in this file for the connector's system: try a manifest out without it.
    #[arg(long, value_name = "NAME=FILE", value_parser = name_and_file)]
    memory: Vec<(String, PathBuf)>,
    /// Which schedule, where the manifests hold several.
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// A folder for temporary files.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RunAction {
    Pull,
    Simulate,
    Push,
}

impl From<RunAction> for Action {
    fn from(action: RunAction) -> Self {
        match action {
            RunAction::Pull => Self::Pull,
            RunAction::Simulate => Self::Simulate,
            RunAction::Push => Self::Push,
        }
    }
}

fn name_and_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err("write NAME=FILE, the name of a connector and a JSON file".to_owned()),
    }
}

impl RunCommand {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let mut manifests = Manifests::read(&self.files)?;
        let owner = OwnerId::new(self.owner_id.clone()).map_err(|error| UsageError(error.to_string()))?;
        let memories: BTreeMap<String, PathBuf> = self.memory.iter().cloned().collect();
        if let Some(name) = memories.keys().find(|name| manifests.connector(name).is_none()) {
            return Err(UsageError(format!("--memory {name}: the manifests hold no connector of this name")).into());
        }
        let given = std::mem::take(&mut manifests.secrets);
        let secrets = GivenSecrets { values: given, folder: self.secrets.clone().map(SecretFolder) };
        let schedule = manifests.schedule(self.schedule.as_deref())?;
        if schedule.spec.suspend {
            eprintln!("note: the schedule is suspended; the operator would not run it");
        }
        for finding in inconsistencies(&manifests.namespace_of(schedule), schedule) {
            eprintln!("warning: {finding}");
        }
        let action = if self.approve.is_empty() { self.action.map(Action::from) } else { Some(Action::Push) };
        let wishes = inputs::Wishes { owner: &owner, action, memories: &memories };
        let run = inputs::run(&manifests, schedule, &wishes, Timestamp::now())?;
        let scratch = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let options = environment_options();
        let store = Store::connect(&self.store, &options, &run.store_prefix, scratch)?;
        shared.runtime.block_on(self.pass(run, &store, &secrets))
    }

    async fn pass(&self, mut run: Run, store: &Store, secrets: &GivenSecrets) -> anyhow::Result<Exit> {
        inputs::add_last_pulls(&mut run, store).await?;
        self.take_approved(&mut run, store).await?;
        let terminal = Terminal::default();
        let stop = stop_on_signal();
        let directories = Systems { secrets };
        let mut operations: Vec<Observed> = Vec::new();
        let (targets, finish) = loop {
            let next = pass::next(&run, &operations, Timestamp::now());
            let started = next.steps.iter().filter_map(|step| match step {
                Step::Start(request) => Some(&**request),
                _ => None,
            });
            let running = started.map(|request| {
                let (store, stop) = (store, stop.clone());
                let (terminal, directories) = (&terminal, &directories);
                async move {
                    let progress = terminal.operation(request);
                    let context = Context { store, directories, clock: &SystemClock, progress: &progress, stop };
                    let outcome = job::execute(request, &context).await;
                    progress.finished(&outcome);
                    observed(request, outcome)
                }
            });
            let done = futures::future::join_all(running).await;
            let finish = next.steps.iter().find_map(|step| match step {
                Step::Finish(finish) => Some(finish.clone()),
                _ => None,
            });
            if done.is_empty() || stop.is_asked() {
                replace(&mut operations, done);
                break (next.targets, finish);
            }
            replace(&mut operations, done);
        };
        show::summary(&operations, &targets, &self.location(&run));
        if stop.is_asked() {
            return Ok(Exit::Interrupted);
        }
        show::next_step(&run, &targets, finish.as_ref());
        Ok(exit(&targets, finish.as_ref()))
    }

    /// With `--approve`, the run is about the targets of those plans, and begins at the push.
    async fn take_approved(&self, run: &mut Run, store: &Store) -> anyhow::Result<()> {
        let Subject::Schedule(schedule) = &mut run.subject else { return Ok(()) };
        if self.approve.is_empty() {
            return Ok(());
        }
        for text in &self.approve {
            let digest = Digest::parse(text).map_err(|error| UsageError(format!("--approve {text}: {error}")))?;
            let header = match plan_file::header(&digest, store).await {
                Err(job::Error::Refused { message, .. }) => return Err(UsageError(message).into()),
                header => header?,
            };
            let target = schedule.targets.iter_mut().find(|target| target.connector.name == header.connector);
            let target = target.ok_or_else(|| {
                UsageError(format!("--approve {text}: the schedule has no target {}", header.connector))
            })?;
            target.known = Some(KnownPlan { summary: header.summary, approved: true });
        }
        schedule.targets.retain(|target| target.known.is_some());
        Ok(())
    }

    /// What stands before a key of the store, for a person.
    fn location(&self, run: &Run) -> String {
        format!("{}/{}/", self.store.trim_end_matches('/'), run.store_prefix)
    }
}

fn observed(request: &Request, outcome: Outcome) -> Observed {
    Observed {
        kind: request.operation.kind(),
        connector: request.operation.connector().map(|connector| connector.name.clone()).unwrap_or_default(),
        attempt: request.attempt,
        quota_pauses: 0,
        state: State::Finished(Box::new(outcome)),
    }
}

fn replace(operations: &mut Vec<Observed>, done: Vec<Observed>) {
    for new in done {
        operations.retain(|old| (old.kind, &old.connector) != (new.kind, &new.connector));
        operations.push(new);
    }
}

fn exit(targets: &[(String, TargetState)], finish: Option<&Finish>) -> Exit {
    let waits = targets.iter().any(|(_, state)| matches!(state, TargetState::ApprovalRequired { .. }));
    let later = |state: &TargetState| matches!(state, TargetState::WaitingForQuota { .. } | TargetState::Frozen { .. });
    match finish.map(|finish| finish.reason) {
        _ if waits => Exit::ApprovalNeeded,
        _ if targets.iter().any(|(_, state)| later(state)) => Exit::TryLater,
        Some(RunReason::Succeeded) => Exit::Done,
        Some(RunReason::PartiallySucceeded) => Exit::PartiallyDone,
        Some(RunReason::QuotaExceeded) => Exit::TryLater,
        // No other run supersedes one of this command.
        Some(RunReason::Superseded | RunReason::PlanChanged | RunReason::PlanMissing | RunReason::Failed) | None => {
            Exit::Failed
        }
    }
}
