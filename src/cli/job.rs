//! `galsync job`: runs one operation in a pod. The operator starts it; its request comes as a file, its outcome
//! goes into the container's termination message.

use super::job_progress::JobProgress;
use super::{Exit, Shared};
use crate::directory::registry::Systems;
use crate::directory::secrets::SecretFolder;
use crate::job::{self, Context, Stop, SystemClock};
use crate::operation::{Outcome, Reason, Request, Verdict};
use crate::report::run_name;
use crate::store::{RunFile, RunFileKind, Store};
use crate::telemetry::LogCopy;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs one operation; started by the operator as a Kubernetes Job.
#[derive(Debug, clap::Args)]
pub struct Job {
    /// The request, one JSON document.
    #[arg(long, default_value = "/run/galsync/request/request.json")]
    request: PathBuf,
    /// A folder per Secret, a file per key.
    #[arg(long, default_value = "/run/galsync/secrets")]
    secrets: PathBuf,
    /// A folder, or s3://, gs:// or az:// with the options of the Secret "galsync-store".
    #[arg(long, default_value = "/var/lib/galsync/store")]
    store: String,
    /// A folder for temporary files.
    #[arg(long, default_value = "/tmp")]
    scratch: PathBuf,
    /// Where the outcome goes.
    #[arg(long, default_value = "/dev/termination-log")]
    termination_log: PathBuf,
}

const STORE_SECRET: &str = "galsync-store";

impl Job {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        shared.log.keep();
        let mut outcome = shared.runtime.block_on(self.execute(&shared.log));
        outcome.counters.peak_memory_bytes = peak_memory_bytes();
        let message = outcome.to_termination_message();
        if let Err(error) = std::fs::write(&self.termination_log, &message) {
            // Without it the operation counts as interrupted; the log still tells.
            tracing::error!(path = %self.termination_log.display(), %error, message, "the outcome cannot be written");
            return Ok(Exit::Unexpected);
        }
        Ok(exit(&outcome))
    }

    async fn execute(&self, log: &LogCopy) -> Outcome {
        let started = Timestamp::now();
        let failed = |reason: Reason, message: String| {
            tracing::error!(reason = reason.label(), message, "failed");
            Outcome::new(Verdict::Failed, reason, message, started, Timestamp::now())
        };
        let request = match std::fs::read(&self.request) {
            Ok(text) => Request::from_json(&text),
            Err(error) => {
                return failed(Reason::Internal, format!("{}: {error}", self.request.display()));
            }
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return failed(Reason::VersionMismatch, error.to_string()),
        };
        let options = options(&self.secrets.join(STORE_SECRET));
        let store = match Store::connect(&self.store, &options, &request.store_prefix, &self.scratch) {
            Ok(store) => store,
            Err(error) => return failed(Reason::StoreUnavailable, error.to_string()),
        };
        let secrets = SecretFolder(self.secrets.clone());
        let context = Context {
            store: &store,
            directories: &Systems { secrets: &secrets },
            clock: &SystemClock,
            progress: &JobProgress::default(),
            stop: stop_on_signal(),
        };
        let outcome = job::execute(&request, &context).await;
        keep_log(&store, &request, log).await;
        outcome
    }
}

/// The files of a mounted Secret by their names; none where there is no such Secret.
fn options(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    let option = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'))?;
        let value = std::fs::read_to_string(entry.path()).ok()?;
        Some((name, value.trim_end_matches(['\r', '\n']).to_owned()))
    };
    entries.filter_map(|entry| option(entry.ok()?)).collect()
}

/// SIGTERM comes when the pod is evicted or the Job deleted, SIGINT from a terminal.
pub(super) fn stop_on_signal() -> Stop {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Stop::default();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let Ok(mut signals) = signal(kind) else { continue };
        let stop = stop.clone();
        tokio::spawn(async move {
            if signals.recv().await.is_some() {
                tracing::warn!("asked to stop; ending as soon as nothing is left half done");
                stop.ask();
            }
        });
    }
    stop
}

/// The log is useful, not needed: where it cannot be kept, `kubectl logs` still has it.
async fn keep_log(store: &Store, request: &Request, log: &LogCopy) {
    let name = RunFile {
        kind: RunFileKind::Log,
        run: run_name(request.run.as_ref()),
        operation: request.operation.kind(),
        connector: request.operation.connector().map_or("", |connector| connector.name.as_str()),
        attempt: request.attempt,
    };
    let kept = async {
        let mut lines = store.json_lines()?;
        lines.append_text(&log.take())?;
        store.put_run_file(&name, lines).await
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the log cannot be kept in the store");
    }
}

pub(super) fn exit(outcome: &Outcome) -> Exit {
    match (outcome.verdict, outcome.reason) {
        (Verdict::Succeeded, _) => Exit::Done,
        (Verdict::PartiallySucceeded, _) => Exit::PartiallyDone,
        (Verdict::QuotaExceeded, _) => Exit::TryLater,
        (Verdict::Failed, Reason::Interrupted) => Exit::Interrupted,
        (Verdict::Failed, _) => Exit::Failed,
    }
}

/// The highest resident memory of this process so far; 0 where the system does not say.
fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read() {
        assert!(peak_memory_bytes() > 1 << 20);
    }

    #[test]
    fn options_are_the_secrets_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("AWS_REGION"), "eu-central-1\n").unwrap();
        std::fs::create_dir(folder.path().join("..2026_01_01")).unwrap();
        assert_eq!(options(folder.path()), [("AWS_REGION".to_owned(), "eu-central-1".to_owned())].into());
        assert!(options(&folder.path().join("none")).is_empty());
    }
}
