//! `galsync report`: a report as a person reads it. Reports hold personal data, which is why they have a place
//! and a right of their own.

use super::{Exit, Shared, UsageError};
use crate::job::report::{End, Title};
use crate::model::Attribute;
use crate::store::{Store, environment_options};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

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
        let input = self.open(shared)?;
        let mut output = std::io::stdout().lock();
        let printed = self.print(BufReader::new(zstd::stream::read::Decoder::new(input)?), &mut output);
        match printed {
            // The reader of a pipe has seen enough.
            Err(error) if is_closed_pipe(&error) => Ok(Exit::Done),
            printed => printed.map(|()| Exit::Done),
        }
    }

    fn open(&self, shared: &Shared) -> anyhow::Result<std::fs::File> {
        let Some(location) = &self.store else {
            let wrong = |error| UsageError(format!("{}: {error}", self.report));
            return Ok(std::fs::File::open(&self.report).map_err(wrong)?);
        };
        let prefix = self.prefix.as_deref().unwrap_or_default();
        let store = Store::connect(location, &environment_options(), prefix, std::env::temp_dir())?;
        Ok(shared.runtime.block_on(store.get_file(&self.report))?)
    }

    fn print(&self, input: impl BufRead, output: &mut impl Write) -> anyhow::Result<()> {
        let mut lines = input.lines();
        let cut_off = || UsageError("the report is cut off".to_owned());
        let first = lines.next().ok_or_else(cut_off)??;
        let title: Title =
            serde_json::from_str(&first).map_err(|_| UsageError("this is no report of GalSync".to_owned()))?;
        if self.json {
            writeln!(output, "{first}")?;
        } else {
            let Title { operation, connector, schedule, time, .. } = title;
            writeln!(output, "{} {connector} (schedule {schedule}), {time}\n", operation.name())?;
        }
        for line in lines {
            let line = line?;
            let value: Value = serde_json::from_str(&line)?;
            if value.get("end").is_some() {
                let End { end, outcome } = serde_json::from_value(value)?;
                if self.json {
                    writeln!(output, "{line}")?;
                } else {
                    writeln!(output, "\n{end} lines; {:?} {}", outcome.verdict, outcome.reason.label())?;
                }
                return Ok(());
            }
            let action = text(&value, "action");
            if !self.action.is_empty() && !self.action.iter().any(|wanted| wanted.eq_ignore_ascii_case(action)) {
                continue;
            }
            if self.json {
                writeln!(output, "{line}")?;
            } else {
                print_line(&value, output)?;
            }
        }
        Err(cut_off().into())
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn print_line(line: &Value, output: &mut impl Write) -> std::io::Result<()> {
    let (action, class, reason) = (text(line, "action"), text(line, "class"), text(line, "reason"));
    let (address, name) = (text(line, "address"), text(line, "displayName"));
    write!(output, "{action:9}  {class:7}  {reason:20}  {address}  {name}")?;
    for field in ["result", "hint"] {
        if let Some(value) = line[field].as_str() {
            write!(output, "  {value}")?;
        }
    }
    writeln!(output)?;
    if let (Some(before), Some(after)) = (line.get("before"), line.get("after")) {
        for (field, before, after) in differences(before, after) {
            writeln!(output, "           {field}: {before} → {after}")?;
        }
    }
    for field in ["warnings", "leftOut", "refusedValues", "x500ForMailbox"] {
        if let Some(values) = line[field].as_array() {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            writeln!(output, "           {field}: {}", values.join(", "))?;
        }
    }
    if let Some(kind) = line["holder"]["kind"].as_str() {
        writeln!(output, "           held by: {kind} {}", text(&line["holder"], "name"))?;
    }
    Ok(())
}

/// What people see of a contact, by field.
fn shown(contact: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for name in ["primary", "delivery", "hidden", "secondary", "x500"] {
        let value = match &contact[name] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        fields.insert(name.to_owned(), value);
    }
    for attribute in Attribute::ALL {
        if let Some(value) = contact["attributes"][attribute.name()].as_str() {
            fields.insert(attribute.name().to_owned(), value.to_owned());
        }
    }
    fields
}

fn differences(before: &Value, after: &Value) -> Vec<(String, String, String)> {
    let (before, after) = (shown(before), shown(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |fields: &BTreeMap<String, String>, name: &String| fields.get(name).cloned().unwrap_or("-".to_owned());
    let both = names.into_iter().map(|name| (name.clone(), of(&before, name), of(&after, name)));
    both.filter(|(_, before, after)| before != after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(action: &[&str], json: bool) -> ReportCommand {
        let action = action.iter().map(|&text| text.to_owned()).collect();
        ReportCommand { report: String::new(), store: None, prefix: None, action, json }
    }

    const TITLE: &str = r#"{"report":1,"operation":"Simulate","connector":"b","schedule":"s","attempt":1,"time":"2026-01-01T00:00:00Z"}"#;

    fn report(end: bool) -> String {
        let update = json!({"action": "update", "class": "user", "reason": "Changed", "key": "k/1", "address": "a@b.test",
            "before": {"primary": "a@b.test", "attributes": {"title": "Engineer"}},
            "after": {"primary": "a@b.test", "attributes": {"title": "Director", "city": "Köln"}}});
        let skip = json!({"action": "skip", "class": "group", "reason": "Hidden", "key": "k/2"});
        let outcome = json!({"format": 1, "verdict": "Succeeded", "reason": "Completed",
            "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:00Z"});
        let last = if end { json!({"end": 2, "outcome": outcome}).to_string() } else { String::new() };
        format!("{TITLE}\n{update}\n{skip}\n{last}").trim_end().to_owned()
    }

    fn print(command: &ReportCommand, report: &str) -> anyhow::Result<String> {
        let mut output = Vec::new();
        command.print(report.as_bytes(), &mut output)?;
        Ok(String::from_utf8(output)?)
    }

    #[test]
    fn changes_are_told_field_by_field() {
        let text = print(&command(&[], false), &report(true)).unwrap();
        assert!(text.contains("title: Engineer → Director") && text.contains("city: - → Köln"), "{text}");
        assert!(!text.contains("primary:") && text.contains("Hidden") && text.contains("2 lines; Succeeded"), "{text}");
        let some = print(&command(&["skip"], true), &report(true)).unwrap();
        assert_eq!(some.lines().count(), 3, "{some}");
    }

    #[test]
    fn what_is_no_whole_report_is_refused() {
        for bad in ["", "{}", "x", &report(false)] {
            assert!(print(&command(&[], false), bad).is_err(), "{bad}");
        }
    }
}
