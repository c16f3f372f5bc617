//! What a plan says, in lines that a person can review.

use galsync::engine::{ApprovedCounts, PlanChanged, PlanError, PlanResult};
use galsync::model::counts::ChangeCounts;
use galsync::model::{Change, Contact, EntryClass, SmtpAddress};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Expectation {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Lines of the report that are no changes, and what changes have to tell beside themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub counts: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub r#unsafe: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub held: u64,
    /// Of the push of a plan that was kept, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub push: String,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub fn planned(result: &PlanResult, changes: &[Change], lines: &[Value]) -> Expectation {
    Expectation {
        changes: changes.iter().map(change).collect(),
        told: lines.iter().filter_map(line).collect(),
        counts: counts(&result.counts.total()),
        r#unsafe: result.unsafe_reasons.iter().map(|reason| reason.label().to_owned()).collect(),
        message: result.unsafe_message.clone(),
        held: result.held,
        ..Expectation::default()
    }
}

pub fn refused(error: &PlanError) -> Expectation {
    Expectation { error: error.to_string(), ..Expectation::default() }
}

pub fn pushed(outcome: &Result<(Vec<Change>, ApprovedCounts), PlanChanged>) -> Expectation {
    match outcome {
        Ok((writes, counts)) => Expectation {
            writes: writes.iter().map(change).collect(),
            push: format!(
                "written {}, drifted {}, already done {}, not approved {}",
                counts.to_write, counts.drifted, counts.already_done, counts.not_approved
            ),
            ..Expectation::default()
        },
        Err(changed) => Expectation { push: format!("refused: {changed}"), ..Expectation::default() },
    }
}

fn counts(counts: &ChangeCounts) -> String {
    let ChangeCounts { create, update, hide, delete, unchanged, skipped, conflict, undecided, failed } = *counts;
    let all = [
        ("create", create),
        ("update", update),
        ("hide", hide),
        ("delete", delete),
        ("unchanged", unchanged),
        ("skipped", skipped),
        ("conflict", conflict),
        ("undecided", undecided),
        ("failed", failed),
    ];
    let some: Vec<String> =
        all.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    some.join(", ")
}

pub fn change(change: &Change) -> String {
    let fields = match (change.before(), change.after()) {
        (None, Some(after)) => list(&fields(after)),
        (Some(before), Some(after)) => difference(&fields(before), &fields(after)),
        _ => String::new(),
    };
    format!("{} {} {}{fields}", change.kind().name(), change.key(), change.reason)
}

fn list(fields: &BTreeMap<String, String>) -> String {
    let fields = fields.iter().filter(|(name, _)| *name != "key");
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name} {value}")).collect();
    format!(" ({})", fields.join(", "))
}

fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let text = |fields: &BTreeMap<String, String>, name: &String| fields.get(name).cloned().unwrap_or("-".into());
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let changed: Vec<String> =
        changed.map(|name| format!("{name} {} → {}", text(before, name), text(after, name))).collect();
    if changed.is_empty() { String::new() } else { format!(" ({})", changed.join(", ")) }
}

fn fields(contact: &Contact) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("key".to_owned(), contact.key().to_string()),
        ("primary".to_owned(), contact.primary.to_string()),
    ]);
    let mut add = |name: &str, value: String| drop(fields.insert(name.to_owned(), value));
    if contact.delivery != contact.primary {
        add("delivery", contact.delivery.to_string());
    }
    if !contact.secondary.is_empty() {
        let secondary: Vec<&str> = contact.secondary.iter().map(SmtpAddress::as_str).collect();
        add("secondary", format!("[{}]", secondary.join(" ")));
    }
    if !contact.x500.is_empty() {
        let x500: Vec<&str> = contact.x500.iter().map(String::as_str).collect();
        add("x500", format!("[{}]", x500.join(" ")));
    }
    match contact.class() {
        EntryClass::User => {}
        class => add("class", class.plural().to_owned()),
    }
    if contact.hidden {
        add("hidden", "yes".to_owned());
    }
    if let Some(since) = contact.mark.hidden_since {
        add("leaving since", since.strftime("%Y-%m-%d").to_string());
    }
    if contact.mark.adopted {
        add("adopted", "yes".to_owned());
    }
    if contact.mark.adopted || contact.handle.is_some() && contact.legacy_exchange_dn.is_none() {
        add("handle", contact.handle.clone().unwrap_or_default());
    }
    for (attribute, value) in &contact.attributes {
        let short = if value.chars().count() > 40 {
            format!("{}… ({} characters)", value.chars().take(10).collect::<String>(), value.chars().count())
        } else {
            value.clone()
        };
        add(attribute.name(), short);
    }
    fields
}

/// A line of the report; none for a change that has nothing more to tell.
fn line(line: &Value) -> Option<String> {
    let mut more = String::new();
    for (name, title) in [("warnings", "warns"), ("leftOut", "left out"), ("x500ForMailbox", "for the mailbox")] {
        if let Some(texts) = line[name].as_array() {
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            let texts = if texts.len() > 5 { format!("{} values", texts.len()) } else { texts.join(" ") };
            more += &format!(", {title} {texts}");
        }
    }
    if let Some(handle) = line["holder"]["handle"].as_str() {
        more += &format!(", held by {handle}");
    }
    let action = line["action"].as_str().unwrap_or_default();
    let is_change = !["skip", "conflict", "undecided", "withhold", "keep"].contains(&action);
    if is_change && more.is_empty() {
        return None;
    }
    let key = line["key"].as_str().unwrap_or_default();
    let reason = line["reason"].as_str().unwrap_or_default();
    Some(format!("{action} {key} {reason}").trim_end().to_owned() + &more)
}
