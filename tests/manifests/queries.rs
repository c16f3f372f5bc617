//! The rules and dashboards as lists of queries, and the figures that a query names.

use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn rules_file() -> PathBuf {
    root().join("deploy/prometheus/rules.yaml")
}

pub struct Rule {
    /// The name of the alert, or of the series that is recorded.
    pub name: String,
    pub is_alert: bool,
    pub expression: String,
    pub whole: serde_yaml::Value,
}

pub fn rules() -> Vec<Rule> {
    let text = std::fs::read_to_string(rules_file()).expect("the rules can be read");
    let document: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let groups = document["groups"].as_sequence().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_sequence().expect("rules"));
    rules
        .map(|rule| Rule {
            name: rule["alert"].as_str().or(rule["record"].as_str()).expect("a name").to_owned(),
            is_alert: rule["alert"].is_string(),
            expression: rule["expr"].as_str().expect("an expression").to_owned(),
            whole: rule.clone(),
        })
        .collect()
}

pub struct Panel {
    /// Dashboard and panel.
    pub place: String,
    pub whole: Value,
    /// With the dashboard's variables in them.
    pub expressions: Vec<String>,
}

pub fn dashboards() -> Vec<(PathBuf, Value)> {
    let entries = std::fs::read_dir(root().join("charts/galsync/dashboards")).expect("dashboards");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a dashboard can be read");
            (path, serde_json::from_str(&text).expect("a dashboard is JSON"))
        })
        .collect()
}

/// All panels that ask for something.
pub fn panels() -> Vec<Panel> {
    let mut found = Vec::new();
    for (path, dashboard) in dashboards() {
        let panels = dashboard["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row");
        found.extend(panels.map(|panel| Panel {
            place: format!("{}: {}", name(&path), panel["title"].as_str().unwrap_or_default()),
            expressions: targets(panel),
            whole: panel.clone(),
        }));
    }
    found
}

pub fn name(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

fn targets(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.map(|target| target["expr"].as_str().expect("a target has an expression").to_owned()).collect()
}

/// A figure as a query names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    pub name: String,
    /// The text within the braces.
    pub matchers: String,
}

impl Selector {
    pub fn labels(&self) -> Vec<String> {
        let label = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*""#).expect("a pattern");
        label.captures_iter(&self.matchers).map(|found| found[1].to_owned()).collect()
    }
}

/// The figures of ours that the query names.
pub fn selectors(expression: &str) -> BTreeSet<Selector> {
    let selector = Regex::new(r"\b((?:galsync|process)[a-zA-Z0-9_:]*)(?:\{([^}]*)\})?").expect("a pattern");
    let found = selector.captures_iter(expression).map(|found| Selector {
        name: found[1].to_owned(),
        matchers: found.get(2).map(|inside| inside.as_str().to_owned()).unwrap_or_default(),
    });
    found.collect()
}
