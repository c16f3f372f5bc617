//! A report as a person reads it in a terminal.

use super::difference::{Difference, differences};
use super::line::{End, Line, Title};
use super::view::View;
use std::io::{self, Write};

pub struct Text<W>(pub W);

const INDENT: &str = "           ";

impl<W: Write> View for Text<W> {
    fn title(&mut self, title: &Title) -> io::Result<()> {
        let Title { operation, connector, schedule, time, .. } = title;
        writeln!(self.0, "{} {connector} (schedule {schedule}), {time}\n", operation.name())
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let (action, class, reason) = (line.action.name(), line.class.name(), &line.reason);
        let (address, name) = (line.address.as_deref(), line.display_name.as_deref());
        let (address, name) = (address.unwrap_or_default(), name.unwrap_or_default());
        write!(self.0, "{action:9}  {class:7}  {reason:20}  {address}  {name}")?;
        for value in [line.result.map(|result| result.label()), line.hint.as_deref()].into_iter().flatten() {
            write!(self.0, "  {value}")?;
        }
        writeln!(self.0)?;
        if let (Some(before), Some(after)) = (&line.before, &line.after) {
            for Difference { field, before, after } in differences(before, after) {
                let [before, after] = [before, after].map(|value| value.unwrap_or_else(|| "-".to_owned()));
                writeln!(self.0, "{INDENT}{field}: {before} → {after}")?;
            }
        }
        let warnings: Vec<&str> = line.warnings.iter().map(|warning| warning.label()).collect();
        self.values("warnings", &warnings)?;
        self.values("leftOut", &texts(line.left_out.iter()))?;
        self.values("refusedValues", &texts(line.refused_values.iter()))?;
        self.values("x500ForMailbox", &texts(line.x500_for_mailbox.iter()))?;
        if let Some(holder) = &line.holder {
            writeln!(self.0, "{INDENT}held by: {:?} {}", holder.kind, holder.name)?;
        }
        Ok(())
    }

    fn end(&mut self, End { end, outcome }: &End) -> io::Result<()> {
        writeln!(self.0, "\n{end} lines; {:?} {}", outcome.verdict, outcome.reason.label())?;
        self.0.flush()
    }
}

fn texts<'a>(values: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    values.map(String::as_str).collect()
}

impl<W: Write> Text<W> {
    fn values(&mut self, name: &str, values: &[&str]) -> io::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        writeln!(self.0, "{INDENT}{name}: {}", values.join(", "))
    }
}
