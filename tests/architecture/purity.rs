//! What the layers that only decide must not touch, and which crates belong to which layer alone.

use crate::source::{Named, Source};

/// Folders without any I/O, clock or async.
pub const PURE: &[&str] = &["expression", "model", "engine", "operation", "pass", "resolve"];

/// Files and folders of other layers that decide, and therefore are pure as well.
const DECIDING: &[&str] = &["decide.rs", "decide"];

/// Beginnings of paths, by names from the root of a crate on.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "ldap3",
    "object_store",
    "axum",
    "async_trait",
    "tracing",
    "fastrand",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::time::SystemTime",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

/// The Kubernetes types; deciding files of the controller may have those, but no client.
const KUBERNETES: &[&str] = &["kube", "k8s_openapi"];
const CLIENT: &[&str] = &["kube::Client", "kube::Api", "kube::client", "kube::api", "kube::runtime"];

/// Ends of paths: whoever names one of these asks a clock or chance.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", "Uuid::new_v4"];

/// Crates that a layer must not use although it is not pure.
const CRATES: &[(&str, &[&str])] = &[
    ("snapshot", &["kube", "reqwest", "ldap3", "object_store"]),
    ("store", &["kube", "ldap3"]),
    ("directory", &["kube", "k8s_openapi"]),
    ("http", &["kube", "k8s_openapi"]),
    ("sandbox", &["kube", "k8s_openapi"]),
    ("api", &["kube::Client", "kube::Api", "tokio"]),
    ("job", &["kube", "k8s_openapi"]),
    ("controller", &["object_store", "ldap3"]),
];

fn begins(named: &Named, with: &str) -> bool {
    let with: Vec<&str> = with.split("::").collect();
    named.path.len() >= with.len() && named.path.iter().zip(&with).all(|(one, other)| one == other)
}

fn ends(named: &Named, with: &str) -> bool {
    let with: Vec<&str> = with.split("::").collect();
    named.path.len() >= with.len() && named.path.iter().rev().zip(with.iter().rev()).all(|(one, other)| one == other)
}

fn is_in(source: &Source, folder: &str) -> bool {
    source.module.first().is_some_and(|layer| layer == folder)
}

fn decides(source: &Source) -> bool {
    source.file.components().any(|part| DECIDING.iter().any(|name| part.as_os_str() == *name))
}

fn forbidden(source: &Source, beginnings: &[&str], found: &mut Vec<String>) {
    for named in &source.names {
        for name in beginnings.iter().filter(|name| begins(named, name)) {
            found.push(format!(
                "{}:{}: must not use {name}: {}",
                source.file.display(),
                named.line,
                named.path.join("::")
            ));
        }
    }
}

/// Places where something pure touches the world.
pub fn offences(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let pure = PURE.iter().any(|folder| is_in(source, folder));
        if !pure && !decides(source) {
            continue;
        }
        forbidden(source, IMPURE, &mut found);
        forbidden(source, if pure { KUBERNETES } else { CLIENT }, &mut found);
        for named in &source.names {
            for name in CLOCKS.iter().filter(|name| ends(named, name)) {
                found.push(format!(
                    "{}:{}: time and chance are arguments here, not {name}",
                    source.file.display(),
                    named.line
                ));
            }
        }
        for line in &source.asynchronous {
            found.push(format!("{}:{line}: nothing here is async", source.file.display()));
        }
    }
    found
}

/// Places where a layer uses a crate that is another's.
pub fn strangers(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, crates) in CRATES {
        for source in sources.iter().filter(|source| is_in(source, folder)) {
            forbidden(source, crates, &mut found);
        }
    }
    found
}
