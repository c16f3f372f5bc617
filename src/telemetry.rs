//! Logs: text for people, JSON for machines; always on the error stream, so that output can be piped. They carry
//! counts, names of resources and reasons, never personal data and never a secret.

use clap::ValueEnum;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Libraries speak from `warn` on, whatever level is asked for: ours is what people want to read.
const LIBRARIES: &str = "h2=warn,hyper=warn,hyper_util=warn,reqwest=warn,rustls=warn,tower=warn,object_store=warn,\
                         ldap3=warn,kube_client=warn,kube_runtime=warn";

/// Starts logging; called once, before anything logs. `level` is a level or a filter in the syntax of
/// `tracing_subscriber::EnvFilter`, such as `info,galsync::directory=debug`.
pub fn start(format: LogFormat, level: &str) -> anyhow::Result<LogCopy> {
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{level}"))
        .map_err(|error| anyhow::anyhow!("--log-level {level}: {error}"))?;
    let copy = LogCopy::default();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(copy.clone())
        .with_ansi(format == LogFormat::Text && std::io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))?;
    Ok(copy)
}

/// What was logged, kept in memory once [`LogCopy::keep`] is called: a Job puts its log into the store as well.
#[derive(Debug, Clone, Default)]
pub struct LogCopy(Arc<Mutex<Option<Vec<u8>>>>);

/// The most bytes of one log that are kept; later lines go to the error stream only.
const MAX_KEPT_BYTES: usize = 4 << 20;

impl LogCopy {
    pub fn keep(&self) {
        *self.0.lock().expect("no holder of the lock panics") = Some(Vec::new());
    }

    /// What was kept so far; keeping goes on.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().expect("no holder of the lock panics").as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Write for LogCopy {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(kept) = self.0.lock().expect("no holder of the lock panics").as_mut()
            && kept.len() + bytes.len() <= MAX_KEPT_BYTES
        {
            kept.extend_from_slice(bytes);
        }
        std::io::stderr().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for LogCopy {
    type Writer = LogCopy;
    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_after_keep_is_kept() {
        let mut log = LogCopy::default();
        log.write_all(b"before\n").unwrap();
        log.keep();
        log.write_all(b"after\n").unwrap();
        assert_eq!(log.take(), b"after\n");
        assert_eq!(log.take(), b"");
    }
}
