//! Sections of our own pages that code, tests and pages cite, as `mail-rules §7` or `design §3.1`.

use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files in which somebody may cite.
const CITING: &[&str] = &[
    "src",
    "tests",
    "benches",
    "docs",
    "charts",
    "deploy",
    "examples",
    "lab",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "BENCHMARKS.md",
];

/// Citations of sections that are not there, and of pages that are none.
pub fn missing(root: &Path) -> Vec<String> {
    let citation = Regex::new(r"\b(design|mail-rules)(?:\.md)?`?,? §§?\s*([0-9]+(?:\.[0-9]+)?)").expect("a pattern");
    // Working papers that no reader of the repository has.
    let strangers = Regex::new(r"\.\./shared/|\b(protocols(\.md)? §|house\.md|field\.md)").expect("a pattern");
    let pages = ["design", "mail-rules"].map(|page| (page, sections(&root.join(format!("docs/{page}.md")))));
    let mut found = Vec::new();
    for file in CITING.iter().flat_map(|name| files(&root.join(name))) {
        // This file and its test name what they look for.
        if file.starts_with(root.join("tests/architecture")) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let file = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        for (line, text) in text.lines().enumerate() {
            for cited in citation.captures_iter(text) {
                let known = &pages.iter().find(|(page, _)| *page == &cited[1]).expect("the pattern names them").1;
                if !known.contains(&cited[2]) {
                    found.push(format!("{file}:{}: docs/{}.md has no section {}", line + 1, &cited[1], &cited[2]));
                }
            }
            if let Some(stranger) = strangers.find(text) {
                found.push(format!("{file}:{}: {:?} is no page of this repository", line + 1, stranger.as_str()));
            }
        }
    }
    found
}

/// Numbers of the headings of a page: `## 4. …` and `### 3.1 …`.
fn sections(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let heading = Regex::new(r"(?m)^#+ ([0-9]+(?:\.[0-9]+)?)\.? ").expect("a pattern");
    heading.captures_iter(&text).map(|found| found[1].to_owned()).collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return vec![path.to_owned()] };
    entries.flat_map(|entry| files(&entry.expect("a readable folder").path())).collect()
}
