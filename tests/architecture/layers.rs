//! Which layer may use which: the table in ARCHITECTURE.md is the rule, and this holds the code against it.

use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Each layer with those that it may use; nothing where it may use everything.
pub type Layers = BTreeMap<String, Option<BTreeSet<String>>>;

/// The table under the line `| folder | what it is | uses |`.
pub fn table(architecture: &str) -> Layers {
    let rows = architecture.lines().skip_while(|line| !line.starts_with("| folder | what it is | uses |")).skip(2);
    let mut layers = Layers::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [folders, _, uses] = cells[..] else { panic!("ARCHITECTURE.md: a row of three cells is expected: {row}") };
        let uses = match uses {
            "everything" => None,
            "–" => Some(BTreeSet::new()),
            names => Some(names.split(',').map(|name| name.trim().to_owned()).collect()),
        };
        for folder in folders.split(',') {
            layers.insert(folder.trim().trim_matches('`').to_owned(), uses.clone());
        }
    }
    assert!(!layers.is_empty(), "ARCHITECTURE.md has no table of layers");
    layers
}

/// Layers of the table that are not there, the other way round, and layers that use each other.
pub fn contradictions(layers: &Layers, sources: &[Source]) -> Vec<String> {
    let there: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| source.module.first())
        .map(String::as_str)
        .filter(|name| *name != "main")
        .collect();
    let mut found = Vec::new();
    for folder in there.iter().filter(|folder| !layers.contains_key(**folder)) {
        found.push(format!("src/{folder} has no line in the table of ARCHITECTURE.md"));
    }
    for (folder, uses) in layers {
        if !there.contains(folder.as_str()) {
            found.push(format!("ARCHITECTURE.md has a line for {folder}, which is not there"));
        }
        for used in uses.iter().flatten() {
            match layers.get(used) {
                None => found.push(format!("ARCHITECTURE.md lets {folder} use {used}, which has no line")),
                Some(back) if back.as_ref().is_none_or(|back| back.contains(folder)) => {
                    found.push(format!("ARCHITECTURE.md lets {folder} and {used} use each other"));
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// Every place where a layer reaches further than its line says.
pub fn offences(layers: &Layers, sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let Some(layer) = source.module.first() else { continue };
        let Some(Some(allowed)) = layers.get(layer) else { continue };
        for named in source.names.iter().filter(|named| named.path[0] == "crate") {
            let other = named.path.get(1).map_or("crate", String::as_str);
            if other != layer && !allowed.contains(other) {
                found.push(format!(
                    "{}:{}: {layer} must not use {}",
                    source.file.display(),
                    named.line,
                    named.path.join("::")
                ));
            }
        }
    }
    found
}
