//! What a person reads at the end of a run: counts in tables, where the reports are, and what to do next.

use crate::model::EntryClass;
use crate::model::counts::{ChangeCounts, PlanCounts};
use crate::operation::{Outcome, PlanSummary, SourceCounts};
use crate::pass::{Finish, Observed, Run, State, TargetReason, TargetState};
use std::fmt::Write;

/// `location` stands before the keys of reports.
pub(super) fn summary(operations: &[Observed], targets: &[(String, TargetState)], location: &str) {
    print!("{}", summary_text(operations, targets, location));
}

fn summary_text(operations: &[Observed], targets: &[(String, TargetState)], location: &str) -> String {
    let mut text = String::new();
    for (name, outcome) in outcomes(operations) {
        if let Some(source) = &outcome.source {
            text += &source_line(name, source);
        }
    }
    let plans: Vec<(&str, &PlanSummary)> =
        targets.iter().filter_map(|(name, state)| Some((name.as_str(), plan_of(state)?))).collect();
    if !plans.is_empty() {
        text.push('\n');
        text += &table(&plans);
    }
    for (name, plan) in &plans {
        if !plan.reasons.is_empty() {
            let reasons: Vec<String> = plan.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            writeln!(text, "{name}: left alone: {}", reasons.join(", ")).expect("a string takes all");
        }
    }
    for (name, outcome) in outcomes(operations) {
        if let Some(report) = &outcome.report {
            writeln!(text, "{name}: report {location}{report}").expect("a string takes all");
        }
    }
    text
}

fn outcomes(operations: &[Observed]) -> impl Iterator<Item = (&str, &Outcome)> {
    operations.iter().filter_map(|operation| match &operation.state {
        State::Finished(outcome) => Some((operation.connector.as_str(), &**outcome)),
        _ => None,
    })
}

fn plan_of(state: &TargetState) -> Option<&PlanSummary> {
    match state {
        TargetState::ApprovalRequired { plan, .. }
        | TargetState::Pushing { plan }
        | TargetState::WaitingForQuota { plan, .. }
        | TargetState::Frozen { plan, .. } => Some(plan),
        TargetState::Ended { plan, .. } => plan.as_deref(),
        _ => None,
    }
}

fn source_line(name: &str, source: &SourceCounts) -> String {
    let SourceCounts { full, changed, users, groups, contacts, rejected, invalid, delta_missed, .. } = source;
    let how = if *full { "read in full".to_owned() } else { format!("{changed} changed") };
    let mut line = format!("{name}: {users} users, {groups} groups, {contacts} contacts ({how})");
    if !rejected.is_empty() {
        let reasons: Vec<String> = rejected.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        write!(line, "; filtered: {}", reasons.join(", ")).expect("a string takes all");
    }
    if *invalid > 0 {
        write!(line, "; {invalid} cannot be judged").expect("a string takes all");
    }
    if let Some(missed) = delta_missed.filter(|missed| *missed > 0) {
        write!(line, "; the changes feed had missed {missed}").expect("a string takes all");
    }
    line + "\n"
}

const COLUMNS: [&str; 9] =
    ["create", "update", "hide", "delete", "unchanged", "skipped", "conflict", "undecided", "failed"];

fn cells(counts: ChangeCounts) -> [u64; 9] {
    let ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = counts;
    [create, update, hide, delete, unchanged, skipped, conflict, undecided, failed]
}

fn table(plans: &[(&str, &PlanSummary)]) -> String {
    let width = plans.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("TARGET".len());
    let mut text = format!("{:width$}  {:8}", "TARGET", "");
    COLUMNS.iter().for_each(|column| write!(text, "  {column:>9}").expect("a string takes all"));
    text.push('\n');
    for (name, plan) in plans {
        let mut shown = *name;
        for class in EntryClass::ALL {
            let counts: PlanCounts = plan.counts;
            write!(text, "{shown:width$}  {:8}", class.plural()).expect("a string takes all");
            for count in cells(*{ counts }.of(class)) {
                write!(text, "  {count:>9}").expect("a string takes all");
            }
            text.push('\n');
            shown = "";
        }
    }
    text
}

/// What is to be done now, a sentence for each target that needs one.
pub(super) fn next_step(run: &Run, targets: &[(String, TargetState)], finish: Option<&Finish>) {
    println!();
    let mut approve = Vec::new();
    for (name, state) in targets {
        match state {
            TargetState::ApprovalRequired { plan, .. } => {
                let why =
                    if plan.unsafe_message.is_empty() { "the schedule asks for it" } else { &plan.unsafe_message };
                println!("{name}: waits for approval: {why}");
                approve.push(plan.digest.to_string());
            }
            TargetState::WaitingForQuota { until, .. } => {
                println!("{name}: a quota of the target is used up; run it again after {until}");
            }
            TargetState::Frozen { until, .. } => {
                println!("{name}: a freeze window of the schedule; run it again after {until}");
            }
            TargetState::Ended { reason, message, plan, retry_at } => {
                let mut line = format!("{name}: {}", sentence(*reason, plan.as_deref()));
                if !message.is_empty() {
                    line += &format!(": {message}");
                }
                if let Some(time) = retry_at {
                    line += &format!("; try again after {time}");
                }
                println!("{line}");
            }
            _ => {}
        }
    }
    if !approve.is_empty() {
        let digests: Vec<String> = approve.iter().map(|digest| format!("--approve {digest}")).collect();
        println!(
            "\nLook at the report (galsync report FILE). If it is right, approve it with\n  {} {}",
            command(),
            digests.join(" ")
        );
    } else if targets.iter().any(|(_, state)| is_simulated(state)) {
        println!("\nNothing was written. Push with --action push.");
    } else if let Some(finish) = finish.filter(|finish| targets.is_empty() && !finish.message.is_empty()) {
        println!("{}: {}", run.reference.name, finish.message);
    }
}

fn is_simulated(state: &TargetState) -> bool {
    matches!(state, TargetState::Ended { reason: TargetReason::Simulated, .. })
}

fn sentence(reason: TargetReason, plan: Option<&PlanSummary>) -> String {
    let count = plan.map_or(0, |plan| plan.counts.total().changes());
    match reason {
        TargetReason::Pushed => format!("{count} changes written"),
        TargetReason::InSync => "in step, nothing to do".to_owned(),
        TargetReason::Simulated => format!("{count} changes planned"),
        other => other.to_string(),
    }
}

/// This call again, without what `--approve` replaces.
fn command() -> String {
    let mut words = Vec::new();
    let mut arguments = std::env::args();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--action" | "--approve" => drop(arguments.next()),
            text if text.starts_with("--action=") || text.starts_with("--approve=") => {}
            text => words.push(quoted(text)),
        }
    }
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    #[test]
    fn the_table_lines_up() {
        let users = ChangeCounts { create: 12, unchanged: 20_000, ..Default::default() };
        let groups = ChangeCounts { skipped: 3, ..Default::default() };
        let counts = PlanCounts { users, groups, ..Default::default() };
        let plan = PlanSummary {
            digest: Digest::of(b""),
            counts,
            unsafe_reasons: Default::default(),
            unsafe_message: String::new(),
            held: 0,
            managed: 0,
            reasons: Default::default(),
            drifted: 0,
            deferred: 0,
        };
        let text = table(&[("fabrikam", &plan), ("b", &plan)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>()[..3], ["fabrikam", "users", "12"]);
        assert_eq!(lines[2].split_whitespace().next(), Some("groups"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b-c=d"), "a/b-c=d");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
