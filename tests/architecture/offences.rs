//! The rules can fail: each kind of offence planted in a small crate, and found on its line.

use crate::{circles, layers, purity, source};
use std::fs;
use std::path::Path;

const TABLE: &str = "\
| folder | what it is | uses |
|---|---|---|
| `model` | pure | – |
| `engine` | pure | model |
| `store`, `job` | not pure | model, engine |
| `cli` | the face | everything |
";

/// A crate with these files; the modules of folders are declared.
fn planted(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<source::Source>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let layers = ["model", "engine", "store", "job", "cli"];
    let lib: String = layers.iter().map(|layer| format!("pub mod {layer};\n")).collect();
    fs::write(folder.path().join("lib.rs"), lib).expect("a written file");
    for layer in layers {
        fs::create_dir(folder.path().join(layer)).expect("a folder");
        fs::write(folder.path().join(layer).join("mod.rs"), "").expect("a written file");
    }
    for (file, text) in files {
        fs::write(folder.path().join(file), text).expect("a written file");
    }
    let sources = source::crate_at(folder.path());
    (folder, sources)
}

fn layering(file: &str, text: &str) -> Vec<String> {
    let (folder, sources) = planted(&[(file, text)]);
    let found = layers::offences(&layers::table(TABLE), &sources);
    shortened(folder.path(), found)
}

fn purity(text: &str) -> Vec<String> {
    let (folder, sources) = planted(&[("engine/mod.rs", text)]);
    shortened(folder.path(), purity::offences(&sources))
}

fn shortened(folder: &Path, found: Vec<String>) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    found.into_iter().map(|text| text.replace(&folder, "")).collect()
}

#[test]
fn a_layer_that_reaches_up_is_found_however_it_is_written() {
    for (text, line) in [
        ("use crate::store::Store;", 1),
        ("use crate::{model::Key, store::Store};", 1),
        ("use crate::{\n    model::Key,\n    store::{Store, heads},\n};", 3),
        ("use crate::store as shelf;\nfn f() { shelf::open() }", 1),
        ("use super::store::Store;", 1),
        ("use self::super::store::*;", 1),
        ("mod inner { use super::super::store::Store; }", 1),
        ("fn f() { crate::store::open(); }", 1),
        ("fn f() { super::store::open(); }", 1),
        ("fn f() { println!(\"{}\", crate::store::open()); }", 1),
        ("macro_rules! m { () => { $crate::store::open() } }", 1),
        ("type T = Vec<crate::store::Store>;", 1),
        ("pub use crate::store::Store;", 1),
        ("#[serde(with = \"a\")]\n#[derive(crate::store::Derive)]\nstruct S;", 2),
        // What stands behind a test module ships as well.
        ("#[cfg(test)]\nmod tests;\nuse crate::store::Store;", 3),
        ("#[cfg(test)]\nmod tests { use super::*; }\nfn f() { crate::store::open(); }", 3),
        ("use crate as all;", 1),
        ("use crate::*;", 1),
    ] {
        let found = layering("engine/mod.rs", text);
        assert!(!found.is_empty(), "not found: {text}");
        let place = format!("engine/mod.rs:{line}: engine must not use crate");
        assert!(found.iter().any(|one| one.starts_with(&place)), "{text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_no_offence() {
    for text in [
        "use crate::model::Key;\nuse super::model;\nuse self::inner::X;\nmod inner { pub struct X; use super::super::model; }",
        "// use crate::store::Store;\n/// crate::store::Store\nfn f() -> &'static str { \"crate::store::Store\" }",
        "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}",
        "#[cfg(test)]\nuse crate::store::Store;",
        "pub(in crate::engine) fn f() {}",
    ] {
        assert_eq!(layering("engine/mod.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(layering("job/mod.rs", "use crate::engine::plan;"), Vec::<String>::new());
    assert_eq!(layering("cli/mod.rs", "use crate::store::Store;"), Vec::<String>::new());
}

#[test]
fn what_a_pure_layer_touches_is_found_however_it_is_written() {
    for text in [
        "use tokio::sync::Mutex;",
        "use std::{collections::BTreeMap, fs};",
        "use std::fs::File as Memory;",
        "fn f() { std::fs::read(\"x\").ok(); }",
        "use kube::ResourceExt;",
        "use jiff::Timestamp;\nfn f() -> Timestamp { Timestamp::now() }",
        "use jiff::Timestamp as Time;\nfn f() -> Time { Time::now() }",
        "use jiff::Timestamp;\nfn f(t: Option<Timestamp>) -> Timestamp { t.unwrap_or_else(Timestamp::now) }",
        "fn f() { assert!(std::time::Instant::now() > x); }",
        "async fn f() {}",
        "fn f() { let g = async { 1 }; }",
        "trait T { async fn f(&self); }",
        "fn f() { println!(\"x\"); }",
        "fn f() { tracing::info!(\"x\"); }",
        "use tracing::info;\nfn f() { info!(\"x\"); }",
        "#[async_trait::async_trait]\ntrait T {}",
        "#[cfg(test)]\nmod tests;\nuse reqwest::Client;",
    ] {
        assert!(!purity(text).is_empty(), "not found: {text}");
    }
    for text in [
        "use std::collections::BTreeMap;\nuse jiff::Timestamp;\nfn f(now: Timestamp) {}",
        "#[cfg(test)]\nmod tests {\n    use std::fs;\n    async fn f() {}\n}",
        "fn fs() {}\nfn f() { fs() }",
        "fn f() -> String { format!(\"{}\", 1) }",
    ] {
        assert_eq!(purity(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_table_that_is_not_true_is_found() {
    let (_folder, sources) = planted(&[]);
    let wrong = |table: &str| layers::contradictions(&layers::table(table), &sources);
    assert_eq!(wrong(TABLE), Vec::<String>::new());
    assert_eq!(wrong(&TABLE.replace("| `model` | pure | – |\n", "")).len(), 4);
    assert_eq!(
        wrong(&TABLE.replace("pure | –", "pure | engine")),
        [
            "ARCHITECTURE.md lets engine and model use each other",
            "ARCHITECTURE.md lets model and engine use each other",
        ]
    );
    assert!(!wrong(&format!("{TABLE}| `gone` | - | – |\n")).is_empty());
}

#[test]
fn circles_are_found_through_names_that_are_passed_on() {
    let circle = |one: &str, other: &str| {
        let (folder, sources) = planted(&[
            ("engine/mod.rs", "mod one;\nmod other;\npub use one::One;\npub use other::Other;"),
            ("engine/one.rs", one),
            ("engine/other.rs", other),
        ]);
        circles::circles(folder.path(), &sources)
    };
    let both = vec![vec!["engine/one.rs".to_owned(), "engine/other.rs".to_owned()]];
    assert_eq!(circle("use super::other::Other;\npub struct One;", "use super::one::One;\npub struct Other;"), both);
    assert_eq!(circle("use crate::engine::Other;\npub struct One;", "pub struct Other(super::One);"), both);
    assert_eq!(circle("use super::Other;\npub struct One;", "pub struct Other;"), Vec::<Vec<String>>::new());
    assert_eq!(
        circle("use super::Other;\npub struct One;", "#[cfg(test)]\nuse super::One;\npub struct Other;"),
        Vec::<Vec<String>>::new()
    );
}
