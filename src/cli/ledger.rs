//! `galsync ledger`: take the address ledgers out of a store, or put them into another.

use super::{Exit, Shared, UsageError};
use crate::model::{OwnerId, SystemIdentity};
use crate::store::{LedgerAdditions, LedgerLine, Store, environment_options};
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;

/// The address ledgers: every X500 address that people had, so that replies to old mail keep working. They are
/// the one thing in a store, beside the history, that cannot be made anew.
#[derive(Debug, Args)]
pub struct LedgerCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Args)]
struct Place {
    /// Folder, file://…, s3://…, gs://… or az://…; credentials come from AWS_*, GOOGLE_* or AZURE_* in the
    /// environment.
    #[arg(long, env = "GALSYNC_STORE")]
    store: String,
    /// The installation's owner.id.
    #[arg(long, env = "GALSYNC_OWNER_ID")]
    owner_id: String,
    /// Namespace of the connectors.
    #[arg(long, default_value = "default")]
    namespace: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print all ledgers as JSON Lines. They hold personal data.
    Export {
        #[command(flatten)]
        place: Place,
    },
    /// Add the lines of an export to the ledgers; what stands there stays.
    Import {
        #[command(flatten)]
        place: Place,
        /// File to read; - is standard input.
        #[arg(default_value = "-")]
        input: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct Line {
    target: SystemIdentity,
    #[serde(flatten)]
    line: LedgerLine,
}

impl Place {
    fn open(&self) -> anyhow::Result<Store> {
        let owner = OwnerId::new(self.owner_id.as_str()).map_err(|error| UsageError(error.to_string()))?;
        let prefix = format!("{owner}/{}", self.namespace);
        let store = Store::connect(&self.store, &environment_options(), &prefix, std::env::temp_dir());
        store.map_err(|error| UsageError(error.to_string()).into())
    }
}

impl LedgerCommand {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        match self.action {
            Action::Export { place } => shared.runtime.block_on(export(place.open()?)),
            Action::Import { place, input } => {
                let store = place.open()?;
                let input: Box<dyn BufRead> = if input.as_os_str() == "-" {
                    Box::new(io::stdin().lock())
                } else {
                    let file = File::open(&input);
                    Box::new(BufReader::new(file.map_err(|e| UsageError(format!("{}: {e}", input.display())))?))
                };
                shared.runtime.block_on(import(store, input))
            }
        }?;
        Ok(Exit::Done)
    }
}

async fn export(store: Store) -> anyhow::Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    for target in store.ledger_targets().await? {
        for line in store.ledger_lines(&target).await? {
            serde_json::to_writer(&mut output, &Line { target: target.clone(), line: line? })?;
            output.write_all(b"\n")?;
        }
    }
    Ok(output.flush()?)
}

/// Nothing is added before every line has proved right.
async fn import(store: Store, input: Box<dyn BufRead>) -> anyhow::Result<()> {
    let mut targets: BTreeMap<SystemIdentity, LedgerAdditions> = BTreeMap::new();
    let mut count = 0;
    for (number, text) in (1..).zip(input.lines()) {
        let text = text.with_context(|| format!("line {number} cannot be read"))?;
        if text.trim().is_empty() {
            continue;
        }
        let Line { target, line } = serde_json::from_str(&text).map_err(|error| {
            UsageError(format!("line {number} is no line of an export (column {})", error.column()))
        })?;
        targets.entry(target).or_insert_with(|| store.ledger_additions()).push(&line)?;
        count += 1;
    }
    for (target, additions) in targets {
        store.add_to_ledger(&target, additions).await?;
    }
    eprintln!("{count} lines");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn an_import_with_a_bad_line_adds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place {
            store: folder.path().to_str().unwrap().into(),
            owner_id: "prod".into(),
            namespace: "default".into(),
        };
        let good = r#"{"target":"t","key":"s/a","primaries":["a@b.test"],"x500":["/o=1"]}"#;
        let run = |text: String| runtime().block_on(import(place.open().unwrap(), Box::new(io::Cursor::new(text))));
        let targets = || runtime().block_on(place.open().unwrap().ledger_targets()).unwrap().len();
        let error = run(format!("{good}\n{{\"key\":1}}\n")).unwrap_err();
        assert!(error.is::<UsageError>() && error.to_string().starts_with("line 2 is no line"), "{error}");
        assert_eq!(targets(), 0);
        run(format!("{good}\n\n{good}\n")).unwrap();
        assert_eq!(targets(), 1);
        assert!(Place { owner_id: "A".into(), ..place }.open().unwrap_err().is::<UsageError>());
    }
}
