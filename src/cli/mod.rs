//! The face towards people: one binary with subcommands. A file per subcommand holds its arguments and its
//! `run`; this one has the options that all share and the exit codes.

mod crds;
mod health;
mod job;
mod job_progress;
mod ledger;
mod operator;
mod report;
mod run;
mod sandbox;
mod snapshot;

use crate::telemetry::{self, LogCopy, LogFormat};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Keeps the address lists of several mail systems in step.
#[derive(Debug, Parser)]
#[command(name = "galsync", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Arguments {
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// error, warn, info, debug or trace, or a filter such as "info,galsync::directory=debug"; default: info where
    /// a machine runs it, warn where a person does.
    #[arg(long, global = true)]
    log_level: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Crds(crds::Crds),
    Health(health::Health),
    Ledger(ledger::LedgerCommand),
    Snapshot(snapshot::SnapshotCommand),
    Job(job::Job),
    Operator(Box<operator::Operator>),
    Report(report::ReportCommand),
    Run(run::RunCommand),
    Sandbox(sandbox::Sandbox),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  unexpected error
  2  wrong usage, or a manifest that is not right
  3  a plan waits for approval; nothing of it was written
  4  done in part: a target or some changes failed, the others are done
  5  failed
  6  stopped by a quota of the target, or before the end of a freeze window; run again later
  7  interrupted";

/// How a command ended; scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Unexpected = 1,
    Usage = 2,
    ApprovalNeeded = 3,
    PartiallyDone = 4,
    Failed = 5,
    TryLater = 6,
    Interrupted = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// What every command gets beside its own arguments.
pub struct Shared {
    pub runtime: tokio::runtime::Runtime,
    pub log: LogCopy,
}

impl Arguments {
    pub fn run(self) -> Exit {
        let Self { log_format, log_level, command } = self;
        let log_level = log_level.as_deref().unwrap_or(command.log_level());
        let started = telemetry::start(log_format, log_level).and_then(|log| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            Ok(Shared { runtime, log })
        });
        match started.and_then(|shared| command.run(&shared)) {
            Ok(exit) => exit,
            Err(error) => {
                eprintln!("error: {error:#}");
                if error.is::<UsageError>() { Exit::Usage } else { Exit::Unexpected }
            }
        }
    }
}

/// The person who called can put it right: a file that is not there, a manifest with a mistake.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Whoever read our output has seen enough.
fn is_closed_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

impl Command {
    fn log_level(&self) -> &'static str {
        match self {
            Self::Job(_) | Self::Operator(_) | Self::Sandbox(_) => "info",
            Self::Crds(_) | Self::Health(_) | Self::Ledger(_) | Self::Report(_) | Self::Run(_) | Self::Snapshot(_) => {
                "warn"
            }
        }
    }

    fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        match self {
            Self::Crds(crds) => crds.run(),
            Self::Health(health) => health.run(shared),
            Self::Ledger(ledger) => ledger.run(shared),
            Self::Snapshot(snapshot) => snapshot.run(),
            Self::Job(job) => job.run(shared),
            Self::Operator(operator) => operator.run(shared),
            Self::Report(report) => report.run(shared),
            Self::Run(run) => run.run(shared),
            Self::Sandbox(sandbox) => sandbox.run(shared),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
