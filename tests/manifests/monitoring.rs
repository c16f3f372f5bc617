//! Alert rules and dashboards: they name only figures that there are, every alert fires when it should (promtool says
//! so), and has a page that says what to do. Against a real operator they are run in `tests/cluster/monitoring.rs`.

use crate::queries::{dashboards, name, panels, root, rules, rules_file, selectors};
use galsync::controller::metrics::catalogue::{self, Kind};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The figures, and the labels of each; what is scraped has `job` and `instance` as well.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    for family in catalogue::families() {
        let labels: BTreeSet<String> = family.labels.iter().map(ToString::to_string).collect();
        let suffixes: &[&str] = match family.kind {
            Kind::Histogram(_) => &["_bucket", "_count", "_sum"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        for suffix in suffixes {
            known.insert(format!("{}{suffix}", family.name), labels.clone());
        }
    }
    let by = Regex::new(r"by \(([a-z_, ]+)\)").expect("a pattern");
    for rule in rules().iter().filter(|rule| !rule.is_alert) {
        // What is recorded has the labels of its outermost aggregation, which is the first one written.
        let labels = by.captures(&rule.expression).map(|found| found[1].to_owned()).unwrap_or_default();
        known.insert(rule.name.clone(), labels.split(", ").map(str::to_owned).collect());
    }
    known
}

#[test]
fn rules_and_dashboards_name_only_figures_that_there_are() {
    let known = known();
    let rules = rules().into_iter().map(|rule| (rule.name, rule.expression));
    let panels =
        panels().into_iter().flat_map(|panel| panel.expressions.into_iter().map(move |e| (panel.place.clone(), e)));
    let mut used = BTreeSet::new();
    for (place, expression) in rules.chain(panels) {
        let found = selectors(&expression);
        assert!(!found.is_empty(), "{place} asks for nothing of ours: {expression}");
        for selector in found {
            let labels = known.get(&selector.name);
            let labels = labels.unwrap_or_else(|| panic!("{place}: there is no {}", selector.name));
            for label in selector.labels() {
                assert!(labels.contains(&label), "{place}: {} has no label {label}", selector.name);
            }
            used.insert(selector.name);
        }
    }
    assert!(used.len() > 30, "the queries were not found: {used:?}");
}

#[test]
fn every_alert_has_a_severity_its_sentences_and_a_page() {
    let page = std::fs::read_to_string(root().join("docs/alerts.md")).expect("docs/alerts.md");
    let mut described: BTreeMap<&str, &str> = BTreeMap::new();
    for section in page.split("\n### ").skip(1) {
        let (name, text) = section.split_once('\n').expect("a heading and a text");
        described.insert(name, text.split("\n## ").next().unwrap_or_default().trim());
    }
    for rule in rules().iter().filter(|rule| rule.is_alert) {
        let severity = rule.whole["labels"]["severity"].as_str().expect("a severity");
        assert!(["info", "warning", "critical"].contains(&severity), "{}: {severity}", rule.name);
        for annotation in ["summary", "description"] {
            let text = rule.whole["annotations"][annotation].as_str().unwrap_or_default();
            assert!(text.ends_with('.'), "{}: {annotation}: {text:?}", rule.name);
        }
        let text = described.remove(rule.name.as_str()).unwrap_or_default();
        assert!(text.len() > 60, "docs/alerts.md does not say what to do about {}", rule.name);
    }
    assert!(described.is_empty(), "docs/alerts.md has alerts that there are not: {:?}", described.keys());
}

#[test]
fn dashboards_can_be_loaded_anywhere() {
    let mut ids = BTreeSet::new();
    for (path, dashboard) in dashboards() {
        let name = name(&path);
        assert!(ids.insert(dashboard["uid"].as_str().expect("a uid").to_owned()), "{name}: a uid twice");
        let variables: Vec<&str> = dashboard["templating"]["list"]
            .as_array()
            .expect("variables")
            .iter()
            .map(|variable| variable["name"].as_str().expect("a name"))
            .collect();
        assert!(variables.contains(&"datasource"), "{name}");
        let panels = dashboard["panels"].as_array().expect("panels");
        let numbers: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
        assert_eq!(numbers.len(), panels.len(), "{name}: a panel's id twice");
        for panel in panels {
            let place = &panel["gridPos"];
            let (x, w) = (place["x"].as_u64().expect("x"), place["w"].as_u64().expect("w"));
            assert!(x + w <= 24, "{name}: {} stands over the edge", panel["title"]);
        }
    }
    let variable = Regex::new(r"\$(\w+)").expect("a pattern");
    for panel in panels() {
        assert_eq!(panel.whole["datasource"]["uid"], "${datasource}", "{}", panel.place);
        assert!(!panel.expressions.is_empty(), "{} asks for nothing", panel.place);
        for expression in &panel.expressions {
            for found in variable.captures_iter(expression) {
                assert!(
                    ["namespace", "schedule", "__rate_interval"].contains(&&found[1]),
                    "{}: {}",
                    panel.place,
                    &found[0]
                );
            }
        }
    }
}

#[test]
fn generated_rules_are_those_of_the_chart() {
    let source = std::fs::read_to_string(root().join("charts/galsync/files/prometheus/rules.yaml")).expect("rules");
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::write(rules_file(), &source).expect("the rules can be written");
    }
    let copy = std::fs::read_to_string(rules_file()).unwrap_or_default();
    assert!(copy == source, "deploy/prometheus/rules.yaml is not as generated; run `make generate`");
}

/// `promtool`, with the arguments; None where there is none.
fn promtool(arguments: &[&str]) -> Option<std::process::Output> {
    match Command::new("promtool").args(arguments).current_dir(root()).output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs promtool: run lab/packages.sh");
            eprintln!("SKIPPED: promtool: {error}; Debian: apt-get install prometheus");
            None
        }
    }
}

#[test]
fn alerts_fire_when_they_should_and_not_otherwise() {
    let tests = std::fs::read_to_string(root().join("tests/manifests/rules_test.yaml")).expect("tests");
    for rule in rules().iter().filter(|rule| rule.is_alert) {
        let tested = Regex::new(&format!(r"alertname: {}\n\s+exp_alerts:", rule.name)).expect("a pattern");
        assert!(tested.is_match(&tests), "no test sees {} fire", rule.name);
    }
    let Some(judged) = promtool(&["test", "rules", "tests/manifests/rules_test.yaml"]) else { return };
    let said = [judged.stdout, judged.stderr].concat();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn prometheus_takes_the_rules() {
    let Some(judged) = promtool(&["check", "rules", "deploy/prometheus/rules.yaml"]) else { return };
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(said.contains(&format!("{} rules found", rules().len())), "{said}");
}
