//! Manifests out of files: the same that `kubectl apply` takes. A mistake is refused with the field and the line.

use crate::api::{self, GalSyncConnector, GalSyncSchedule};
use crate::cli::UsageError;
use crate::model::connector::SecretKey;
use crate::resolve::Namespace;
use k8s_openapi::api::core::v1::Secret;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the files hold; other kinds are passed over.
#[derive(Default)]
pub(super) struct Manifests {
    pub connectors: Vec<GalSyncConnector>,
    pub schedules: Vec<GalSyncSchedule>,
    pub secrets: BTreeMap<SecretKey, Vec<u8>>,
    /// Where each connector's manifest lies, by namespace and name.
    folders: BTreeMap<(Option<String>, String), PathBuf>,
}

fn refuse<T>(message: String) -> Result<T, UsageError> {
    Err(UsageError(message))
}

impl Manifests {
    /// Reads files, and of folders all `*.yaml`, `*.yml` and `*.json`; `-` is the standard input.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, UsageError> {
        let mut manifests = Self::default();
        for path in paths {
            for file in files(path)? {
                let name = file.display().to_string();
                let text = if file == Path::new("-") {
                    std::io::read_to_string(std::io::stdin())
                } else {
                    std::fs::read_to_string(&file)
                };
                manifests.add(&name, &text.map_err(|error| UsageError(format!("{name}: {error}")))?)?;
            }
        }
        Ok(manifests)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), UsageError> {
        for (number, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            let wrong = |error: serde_yaml::Error| UsageError(format!("{file}: {error}"));
            let value = serde_yaml::Value::deserialize(document).map_err(wrong)?;
            if value.is_null() {
                continue;
            }
            let value: serde_json::Value = serde_json::to_value(value)
                .map_err(|_| UsageError(format!("{file}: document {} is no Kubernetes object", number + 1)))?;
            let version = value["apiVersion"].as_str().unwrap_or_default();
            let kind = value["kind"].as_str().unwrap_or_default();
            match (version, kind) {
                ("", _) | (_, "") => {
                    return refuse(format!("{file}: document {} has no apiVersion or no kind", number + 1));
                }
                (api::API_VERSION, "GalSyncConnector") => {
                    let connector: GalSyncConnector = checked(file, text, number, &value)?;
                    let folder = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
                    self.folders.insert((connector.namespace(), connector.name_any()), folder);
                    add_once(file, &mut self.connectors, connector)?;
                }
                (api::API_VERSION, "GalSyncSchedule") => {
                    add_once(file, &mut self.schedules, checked(file, text, number, &value)?)?;
                }
                // Runs are what this command makes itself.
                (api::API_VERSION, "GalSyncRun") => {}
                ("v1", "Secret") => self.add_secret(typed(file, text, number)?),
                (version, kind) if version.starts_with(api::GROUP) => {
                    return refuse(format!("{file}: this release knows no {kind} of {version}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_secret(&mut self, secret: Secret) {
        let name = secret.name_any();
        let key = |key: String| SecretKey { name: name.clone(), key };
        self.secrets.extend(secret.data.into_iter().flatten().map(|(k, value)| (key(k), value.0)));
        self.secrets.extend(secret.string_data.into_iter().flatten().map(|(k, text)| (key(k), text.into_bytes())));
    }

    pub(super) fn connector(&self, name: &str) -> Option<&GalSyncConnector> {
        self.connectors.iter().find(|connector| connector.name_any() == name)
    }

    /// A path that a connector's manifest names, seen from there.
    pub(super) fn path_beside(&self, connector: &GalSyncConnector, path: &str) -> PathBuf {
        let folder = self.folders.get(&(connector.namespace(), connector.name_any()));
        folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }

    /// What lies in the schedule's namespace. What names no namespace goes wherever it is applied.
    pub(super) fn namespace_of(&self, schedule: &GalSyncSchedule) -> Namespace<'_> {
        Namespace::new(
            self.connectors.iter().filter(|connector| may_meet(*connector, schedule)),
            self.schedules.iter().filter(|other| may_meet(*other, schedule)),
        )
    }

    /// The schedule of that name, or the only one.
    pub(super) fn schedule(&self, name: Option<&str>) -> Result<&GalSyncSchedule, UsageError> {
        let names = || self.schedules.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(", ");
        match (name, self.schedules.as_slice()) {
            (_, []) => refuse("the manifests hold no GalSyncSchedule".to_owned()),
            (None, [only]) => Ok(only),
            (None, _) => refuse(format!("the manifests hold several schedules; choose with --schedule: {}", names())),
            (Some(name), schedules) => {
                let found = schedules.iter().find(|schedule| schedule.name_any() == name);
                found.ok_or_else(|| UsageError(format!("there is no schedule {name}; there are: {}", names())))
            }
        }
    }
}

/// Whether both may lie in one namespace.
fn may_meet(one: &impl ResourceExt, other: &impl ResourceExt) -> bool {
    let (one, other) = (one.namespace(), other.namespace());
    one.is_none() || other.is_none() || one == other
}

/// A file that is named twice says the same twice; two manifests of one object contradict each other.
fn add_once<K>(file: &str, known: &mut Vec<K>, object: K) -> Result<(), UsageError>
where
    K: ResourceExt + Resource<DynamicType = ()> + PartialEq,
{
    let name = object.name_any();
    match known.iter().find(|known| known.name_any() == name && may_meet(*known, &object)) {
        Some(same) if *same == object => Ok(()),
        Some(_) => refuse(format!("{file}: {} {name} stands in the manifests twice and differs", K::kind(&()))),
        None => {
            known.push(object);
            Ok(())
        }
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, UsageError> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| UsageError(format!("{}: {error}", path.display())))?;
    let is_manifest = |path: &PathBuf| {
        path.is_file() && path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_manifest).collect();
    files.sort();
    Ok(files)
}

/// The document with this number as a type; what does not fit is told with field and line.
fn typed<T: DeserializeOwned>(file: &str, text: &str, number: usize) -> Result<T, UsageError> {
    let document = serde_yaml::Deserializer::from_str(text).nth(number).expect("it was read before");
    T::deserialize(document).map_err(|error| UsageError(format!("{file}: {error}")))
}

/// Also keeps to the rules of its definition, as the API server would check them.
fn checked<T: DeserializeOwned + ResourceExt>(
    file: &str,
    text: &str,
    number: usize,
    value: &serde_json::Value,
) -> Result<T, UsageError> {
    let object: T = typed(file, text, number)?;
    let name = object.name_any();
    if name.is_empty() {
        return refuse(format!("{file}: document {} has no metadata.name", number + 1));
    }
    match api::validate(value, None).as_slice() {
        [] => Ok(object),
        problems => refuse(format!("{file}: {name}: {}", problems.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTOR: &str = "\
apiVersion: galsync.dev/v1alpha1
kind: GalSyncConnector
metadata: {name: corp}
spec:
  type: Memory
  memory: {path: corp.json}
";

    fn read(text: &str) -> Result<Manifests, UsageError> {
        let mut manifests = Manifests::default();
        manifests.add("a.yaml", text).map(|()| manifests)
    }

    #[test]
    fn kinds_are_told_apart() {
        let text = format!(
            "{CONNECTOR}---\n---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a: Z2VoZWlt}}\nstringData: {{b: offen}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n}}\n"
        );
        let manifests = read(&text).unwrap();
        assert!(manifests.connector("corp").is_some());
        let values: Vec<(&str, &[u8])> =
            manifests.secrets.iter().map(|(key, value)| (key.key.as_str(), value.as_slice())).collect();
        assert_eq!(values, [("a", b"geheim".as_slice()), ("b", b"offen")]);
        assert!(manifests.schedule(None).is_err());
    }

    #[test]
    fn an_object_is_there_once_and_meets_those_of_its_namespace() {
        let again = format!("{CONNECTOR}---\n{CONNECTOR}");
        assert_eq!(read(&again).unwrap().connectors.len(), 1);
        let other = again.replacen("corp.json", "other.json", 1);
        assert!(
            read(&other).err().unwrap().to_string().contains("GalSyncConnector corp stands in the manifests twice")
        );

        let of = |namespace: &str| format!("name: corp, namespace: {namespace}");
        let schedule = "\
apiVersion: galsync.dev/v1alpha1
kind: GalSyncSchedule
metadata: {name: mesh, namespace: b}
spec: {policy: Sync, interval: 24h, sources: [{connectorRef: {name: corp}}], targets: [{connectorRef: {name: fab}}]}
";
        let apart = other.replacen("name: corp", &of("a"), 1).replacen("name: corp}", &format!("{}}}", of("b")), 1);
        let manifests = read(&format!("{apart}---\n{schedule}")).unwrap();
        let namespace = manifests.namespace_of(manifests.schedule(None).unwrap());
        let connector = namespace.connector("corp").unwrap();
        assert_eq!((namespace.connectors().count(), connector.namespace().as_deref()), (1, Some("b")));
    }

    #[test]
    fn mistakes_are_refused_with_field_and_line() {
        for (text, wanted) in [
            (CONNECTOR.replace("memory: {", "memori: {"), ["unknown field `memori`", "line 6"].as_slice()),
            (
                format!("---\nkind: X\napiVersion: y/v1\n---\n{}", CONNECTOR.replace("type: Memory", "type: Memry")),
                &["Memry", "line 9"],
            ),
            (CONNECTOR.replace("  memory: {path: corp.json}\n", ""), &["corp", "spec.memory"]),
            (CONNECTOR.replace("v1alpha1", "v9"), &["this release knows no GalSyncConnector of galsync.dev/v9"]),
            (CONNECTOR.replace("kind: GalSyncConnector\n", ""), &["has no apiVersion or no kind"]),
            (CONNECTOR.replace("name: corp", "title: corp"), &["no metadata.name"]),
            ("a: [".to_owned(), &["a.yaml", "line"]),
        ] {
            let error = read(&text).err().unwrap_or_else(|| panic!("taken: {text}")).to_string();
            assert!(wanted.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
