//! The rules of the house as tests: who may use whom, what the pure layers must not touch, how long a file may be, which
//! files need each other, that what is cited exists, one TLS stack.

mod circles;
mod layers;
mod offences;
mod purity;
mod sections;
mod source;

use source::{Source, crate_at};
use std::fs;
use std::path::{Path, PathBuf};

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
    let mut long: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines > MOST_LINES)
        .map(|source| format!("{}: {} lines", source.file.display(), source.lines))
        .collect();
    for file in ["tests", "benches"].iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let lines = fs::read_to_string(&file).expect("a readable file").lines().count();
        if lines > MOST_LINES {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    none(&long, "split these by subject");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_new_circle_of_files() {
    let listed = root().join("tests/architecture/circles.txt");
    let found = circles::circles(root(), &sources());
    let mut text = found.iter().map(|circle| circle.join("\n")).collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        fs::write(&listed, &text).expect("the list can be written");
    }
    let known = fs::read_to_string(&listed).expect("the list is checked in");
    assert!(
        text == known,
        "files need each other otherwise than tests/architecture/circles.txt says. A circle that is new or grew is to be \
         opened; one that shrank or went is taken out of the list with GALSYNC_BLESS=1. Found:\n{text}"
    );
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
