//! The rules of the house as tests: who may use whom, what the pure layers must not touch, how long a file may be, that
//! what is cited exists, one TLS stack.

mod circles;
mod layers;
mod offences;
mod purity;
mod sections;
mod source;

use source::{Source, crate_at};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    crate_at(&root().join("src"))
}

fn architecture() -> layers::Layers {
    layers::table(&fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is checked in"))
}

fn none(found: &[String], what: &str) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn every_layer_uses_only_those_that_its_line_names() {
    let (layers, sources) = (architecture(), sources());
    none(&layers::contradictions(&layers, &sources), "the table of ARCHITECTURE.md is not true");
    none(&layers::offences(&layers, &sources), "the layering is broken");
}

#[test]
fn pure_layers_have_no_client_clock_or_file() {
    let sources = sources();
    for folder in purity::PURE {
        assert!(sources.iter().any(|source| source.module[..] == [(*folder).to_owned()]), "src/{folder} is gone");
    }
    none(&purity::offences(&sources), "a pure layer touches the world");
    none(&purity::strangers(&sources), "a layer uses a crate that is another's");
}

/// A file of more lines has more than one subject. Everywhere: in src without what is only for tests.
const MOST_LINES: usize = 400;

#[test]
fn files_have_one_subject() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines > MOST_LINES)
        .map(|source| format!("{}: {} lines", source.file.display(), source.lines))
        .collect();
    none(&long, "split these by subject");
}

#[test]
fn what_is_cited_exists() {
    none(&sections::missing(root()), "somebody cites what is not there");
}

#[test]
fn there_is_one_tls_stack_and_one_kubernetes() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is checked in");
    let count = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    for name in ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"] {
        assert_eq!(count(name), 0, "{name} brings a second TLS stack; find out who with: cargo tree -i {name}");
    }
    for name in ["rustls", "ring", "reqwest", "hyper", "kube", "kube-core", "k8s-openapi", "schemars", "cel"] {
        assert_eq!(count(name), 1, "{name} must exist once; see: cargo tree -d");
    }
}
