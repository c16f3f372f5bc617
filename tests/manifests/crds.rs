//! The definitions under `crds/` are those of the types. `GALSYNC_BLESS=1 cargo test --test manifests crds::` writes them.

use std::path::Path;

#[test]
fn the_files_under_crds_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let bless = std::env::var_os("GALSYNC_BLESS").is_some();
    let crds = galsync::api::crds();
    let mut expected = Vec::new();
    for crd in &crds {
        let name = format!("{}.yaml", crd.metadata.name.as_deref().expect("a definition has a name"));
        let path = folder.join(&name);
        let wanted = serde_yaml::to_string(crd).expect("a definition is plain data");
        if bless {
            std::fs::write(&path, &wanted).expect("crds/ can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "crds/{name} is stale; GALSYNC_BLESS=1 cargo test --test manifests crds:: writes it anew"
        );
        expected.push(name);
    }
    let mut found: Vec<String> = std::fs::read_dir(&folder)
        .expect("crds/ is there")
        .map(|entry| entry.expect("crds/ can be read").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "crds/ holds exactly the generated files");
}

/// Lists and strings without a bound make the API server refuse rules over them, or etcd the object.
#[test]
fn every_list_and_string_of_a_spec_is_bounded() {
    for crd in galsync::api::crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).expect("a schema is plain data");
        let mut unbounded = Vec::new();
        walk(&schema["openAPIV3Schema"]["properties"]["spec"], "spec", &mut unbounded);
        // Kubernetes' own types come with their own validation.
        unbounded.retain(|path| !path.contains(".resources.") && !path.contains(".tolerations[]"));
        assert!(unbounded.is_empty(), "{}: {unbounded:?}", crd.spec.names.kind);
    }
}

fn walk(schema: &serde_json::Value, path: &str, unbounded: &mut Vec<String>) {
    let bounded = |key: &str| schema.get(key).is_some();
    match schema["type"].as_str() {
        Some("string") if !bounded("maxLength") && !bounded("enum") && !bounded("format") => {
            unbounded.push(path.to_owned());
        }
        Some("array") => {
            if !bounded("maxItems") {
                unbounded.push(path.to_owned());
            }
            walk(&schema["items"], &format!("{path}[]"), unbounded);
        }
        Some("object") => {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                walk(field, &format!("{path}.{name}"), unbounded);
            }
            if schema["additionalProperties"].is_object() {
                if !bounded("maxProperties") {
                    unbounded.push(path.to_owned());
                }
                walk(&schema["additionalProperties"], &format!("{path}{{}}"), unbounded);
            }
        }
        _ => {}
    }
}

#[derive(serde::Deserialize)]
struct Refusals {
    bases: std::collections::BTreeMap<String, serde_json::Value>,
    cases: Vec<Refusal>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    base: String,
    with: serde_json::Value,
    then: Option<serde_json::Value>,
    says: String,
    #[serde(default = "yes")]
    offline: bool,
}

fn yes() -> bool {
    true
}

/// The same table is put to a real API server by tests/cluster.
#[test]
fn manifests_are_refused_with_a_sentence() {
    let table = include_str!("../api/refusals.yaml");
    let Refusals { bases, cases } = serde_yaml::from_str(table).expect("the table is well-formed");
    for (name, base) in &bases {
        assert_eq!(galsync::api::validate(base, None), Vec::<String>::new(), "base {name}");
    }
    for case in cases.iter().filter(|case| case.offline) {
        let mut object = bases[&case.base].clone();
        merge(&mut object, &case.with);
        let refused = match &case.then {
            None => galsync::api::validate(&object, None),
            Some(change) => {
                assert_eq!(galsync::api::validate(&object, None), Vec::<String>::new(), "before: {}", case.says);
                let mut changed = object.clone();
                merge(&mut changed, change);
                galsync::api::validate(&changed, Some(&object))
            }
        };
        assert!(refused.iter().any(|message| message.contains(&case.says)), "wanted {:?}, got {refused:?}", case.says);
    }
}

/// RFC 7396.
fn merge(value: &mut serde_json::Value, patch: &serde_json::Value) {
    let serde_json::Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = serde_json::json!({});
    }
    let fields = value.as_object_mut().expect("it was made an object");
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(serde_json::Value::Null), change);
        }
    }
}
