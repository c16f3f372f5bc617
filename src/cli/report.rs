//! `galsync report`: a report as a person reads it. Reports hold personal data, which is why they have a place
//! and a right of their own.

use super::{Exit, Shared, UsageError, is_closed_pipe};
use crate::report::{self, Json, Line, ShowError, Text, View};
use crate::store::{Store, environment_options};
use std::fs::File;

/// Prints a report: what is planned or was done, change by change.
#[derive(Debug, clap::Args)]
pub struct ReportCommand {
    /// A file, or with --store the key that a run's status names.
    report: String,
    /// The store, a folder or s3://, gs://, az:// with options in the environment.
    #[arg(long, requires = "prefix")]
    store: Option<String>,
    /// What the keys in the store begin with: <owner.id>/<namespace>.
    #[arg(long)]
    prefix: Option<String>,
    /// Only these actions, such as create, update, hide, delete, skip, conflict, undecided.
    #[arg(long, value_delimiter = ',')]
    action: Vec<String>,
    /// The lines as they are, one JSON document each.
    #[arg(long)]
    json: bool,
}

impl ReportCommand {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let file = self.open(shared)?;
        let output = std::io::BufWriter::new(std::io::stdout().lock());
        let mut view: Box<dyn View> = if self.json { Box::new(Json(output)) } else { Box::new(Text(output)) };
        let shown = report::open(file).map_err(ShowError::from);
        match shown.and_then(|report| report::show(report, view.as_mut(), |line| self.wants(line))) {
            Err(ShowError::Read(error)) => Err(UsageError(error.to_string()).into()),
            Err(ShowError::Output(error)) if !is_closed_pipe(&error) => Err(error.into()),
            // The reader of a pipe has seen enough.
            Ok(()) | Err(ShowError::Output(_)) => Ok(Exit::Done),
        }
    }

    fn open(&self, shared: &Shared) -> anyhow::Result<File> {
        let Some(location) = &self.store else {
            let wrong = |error| UsageError(format!("{}: {error}", self.report));
            return Ok(File::open(&self.report).map_err(wrong)?);
        };
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let store = Store::connect(location, &environment_options(), prefix, std::env::temp_dir())?;
        Ok(shared.runtime.block_on(store.get_file(&self.report))?)
    }

    fn wants(&self, line: &Line<'_>) -> bool {
        self.action.is_empty() || self.action.iter().any(|name| name.eq_ignore_ascii_case(line.action.name()))
    }
}
