//! Every manifest under `examples/` is right: it keeps to the rules of its definition, becomes checked settings, and
//! names connectors that stand beside it. None of them holds a secret.

use galsync::api::convert::{checked_connector, source_rules, sync_id, target_rules};
use galsync::api::{GalSyncConnector, GalSyncRun, GalSyncSchedule};
use galsync::model::OwnerId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn manifests(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("examples/ can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).expect("an example can be read");
            for document in serde_yaml::Deserializer::from_str(&text) {
                let object = Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                // Settings of the sandbox are YAML too, and no manifest.
                if object.get("apiVersion").is_some() {
                    found.push((path.clone(), object));
                }
            }
        }
    }
    found
}

fn typed<T: DeserializeOwned>(path: &Path, object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_example_is_right() {
    let examples = manifests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    let beside = |path: &Path, name: &str| {
        let connectors = examples.iter().filter(|(other, object)| {
            other.parent() == path.parent()
                && object["kind"] == "GalSyncConnector"
                && object["metadata"]["name"] == name
        });
        assert_eq!(connectors.count(), 1, "{}: no connector {name} beside it", path.display());
    };
    let owner = OwnerId::new("example").expect("an owner id");
    let mut seen = [0; 3];
    for (path, object) in &examples {
        // The sandbox's configuration is no manifest; it has a reader of its own.
        if path.ends_with("demo/sandbox.yaml") {
            let text = std::fs::read_to_string(path).expect("a readable example");
            assert!(galsync::sandbox::config::Config::parse(&text).is_ok(), "{}: refused", path.display());
            continue;
        }
        let refused = galsync::api::validate(object, None);
        assert!(refused.is_empty(), "{}: {refused:?}", path.display());
        let wrong = |error| panic!("{}: {error}", path.display());
        match object["kind"].as_str().unwrap_or_default() {
            "GalSyncConnector" => {
                checked_connector(&typed::<GalSyncConnector>(path, object)).map(drop).unwrap_or_else(wrong);
                seen[0] += 1;
            }
            "GalSyncSchedule" => {
                let schedule: GalSyncSchedule = typed(path, object);
                sync_id(&schedule).map(drop).unwrap_or_else(wrong);
                for (index, source) in schedule.spec.sources.iter().enumerate() {
                    source_rules(&schedule, index).map(drop).unwrap_or_else(wrong);
                    beside(path, source.connector_ref.name.as_str());
                }
                for (index, target) in schedule.spec.targets.iter().enumerate() {
                    target_rules(&schedule, index, &owner).map(drop).unwrap_or_else(wrong);
                    beside(path, target.connector_ref.name.as_str());
                }
                seen[1] += 1;
            }
            "GalSyncRun" => {
                let _: GalSyncRun = typed(path, object);
                seen[2] += 1;
            }
            kind => assert!(kind != "Secret" && !kind.is_empty(), "{}: {kind:?} has no place here", path.display()),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "examples of every kind: {seen:?}");
}
