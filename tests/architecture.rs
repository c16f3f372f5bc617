//! The rules of the house as tests: who may use whom, what the pure layers must not touch, one TLS stack.

use std::fs;
use std::path::{Path, PathBuf};

/// Names of crates and modules, as they are written in code, that must not stand in a layer's files.
struct Layer {
    folder: &'static str,
    forbidden: &'static [&'static str],
}

const IMPURE: &[&str] = &[
    "kube::",
    "k8s_openapi",
    "tokio",
    "reqwest",
    "ldap3",
    "object_store",
    "axum",
    "async fn",
    "async_trait",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "println!",
    "tracing::",
];

/// Each layer with the modules of this crate that it may use; all others are forbidden.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("engine", &["model"]),
    ("operation", &["model"]),
    ("pass", &["model", "operation"]),
    ("snapshot", &["model", "engine"]),
    ("store", &["model", "engine", "operation", "snapshot"]),
    ("http", &["model"]),
    ("directory", &["model", "http"]),
    ("sandbox", &["model", "http"]),
    ("api", &["model", "operation"]),
    ("job", &["model", "engine", "operation", "snapshot", "store", "directory", "http", "telemetry"]),
    ("controller", &["model", "operation", "pass", "api", "telemetry"]),
];

/// Crates that a layer must not use although it is not pure.
const CRATES: &[Layer] = &[
    Layer { folder: "snapshot", forbidden: &["kube::", "reqwest", "ldap3", "object_store"] },
    Layer { folder: "store", forbidden: &["kube::", "ldap3"] },
    Layer { folder: "directory", forbidden: &["kube::", "k8s_openapi"] },
    Layer { folder: "api", forbidden: &["kube::Client", "kube::Api", "tokio"] },
    Layer { folder: "job", forbidden: &["kube::", "k8s_openapi"] },
    Layer { folder: "controller", forbidden: &["object_store", "ldap3"] },
];

/// Folders without any I/O, clock or async.
const PURE: &[&str] = &["model", "engine", "operation", "pass"];

/// Files and folders of outer layers that decide, and therefore are pure as well.
const DECIDING: &[&str] = &["decide.rs", "decide"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn modules() -> Vec<String> {
    let entries = fs::read_dir(source()).expect("src is there");
    let folders = entries.map(|entry| entry.expect("a readable folder").path()).filter(|path| path.is_dir());
    folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

/// Code lines with their numbers: comments and everything below `#[cfg(test)]` do not ship.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

fn offences(files: &[PathBuf], forbidden: &[impl AsRef<str>]) -> Vec<String> {
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
        let text = fs::read_to_string(file).expect("a readable source file");
        for (number, line) in code(&text) {
            for name in forbidden.iter().map(AsRef::as_ref).filter(|name| line.contains(*name)) {
                offences.push(format!("{}:{number}: must not use {name}: {}", file.display(), line.trim()));
            }
        }
    }
    offences
}

#[test]
fn every_layer_uses_only_the_layers_below_it() {
    let modules = modules();
    let mut found = Vec::new();
    for (folder, allowed) in LAYERS {
        let others = modules.iter().filter(|name| name != folder && !allowed.contains(&name.as_str()));
        let forbidden: Vec<String> = others.map(|name| format!("crate::{name}")).collect();
        found.extend(offences(&files(&source().join(folder)), &forbidden));
    }
    for layer in CRATES {
        found.extend(offences(&files(&source().join(layer.folder)), layer.forbidden));
    }
    assert!(found.is_empty(), "the layering is broken:\n{}", found.join("\n"));
}

#[test]
fn pure_layers_have_no_client_clock_or_file() {
    let mut found = Vec::new();
    for folder in PURE {
        let files = files(&source().join(folder));
        assert!(!files.is_empty(), "src/{folder} is gone; is the test out of date?");
        found.extend(offences(&files, IMPURE));
    }
    let decides = |file: &PathBuf| file.components().any(|part| DECIDING.iter().any(|name| part.as_os_str() == *name));
    let deciding: Vec<PathBuf> = files(&source()).into_iter().filter(decides).collect();
    let types_only = ["kube::", "k8s_openapi"];
    let impure: Vec<&str> = IMPURE.iter().copied().filter(|name| !types_only.contains(name)).collect();
    found.extend(offences(&deciding, &impure));
    found.extend(offences(&deciding, &["kube::Client", "kube::Api", "Api<"]));
    assert!(found.is_empty(), "a pure layer touches the world:\n{}", found.join("\n"));
}

#[test]
fn the_rules_can_fail() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("bad.rs");
    let text = "// use kube::Client;\nuse kube::Client;\n#[cfg(test)]\nmod tests { use tokio::test; }\n";
    fs::write(&file, text).expect("a written file");
    let found = offences(&[file], IMPURE);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("bad.rs:2"), "{found:?}");
}

/// A file of more lines has more than one subject.
const MOST_LINES: usize = 450;

#[test]
fn files_have_one_subject() {
    let mut long = Vec::new();
    for file in files(&source()) {
        let text = fs::read_to_string(&file).expect("a readable source file");
        let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        if lines > MOST_LINES && !file.ends_with("tests.rs") {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "split these by subject:\n{}", long.join("\n"));
}

#[test]
fn there_is_one_tls_stack_and_one_kubernetes() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).expect("Cargo.lock is checked in");
    let count = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    for name in ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"] {
        assert_eq!(count(name), 0, "{name} brings a second TLS stack; find out who with: cargo tree -i {name}");
    }
    for name in ["rustls", "ring", "reqwest", "hyper", "kube", "kube-core", "k8s-openapi", "schemars", "cel"] {
        assert_eq!(count(name), 1, "{name} must exist once; see: cargo tree -d");
    }
}
