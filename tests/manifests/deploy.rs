//! What is installed: the chart, its copies of the resource definitions, and `deploy/`, which is rendered from it.
//! `GALSYNC_BLESS=1` writes what is generated anew. Helm is the lab's (`lab/binaries.sh helm`), one in GALSYNC_HELM,
//! or one on the path; where there is none and CI is not `true`, what needs it is skipped and says so.

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const CHART: &str = "charts/galsync";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Asks for the program's own version; without `--client`, kubectl also asks a server.
fn client_version(name: &str) -> &'static [&'static str] {
    if name == "kubectl" { &["version", "--client"] } else { &["version"] }
}

/// A program of the lab, one named by a variable, or one on the path.
fn program(name: &str, variable: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("GALSYNC_LAB_CACHE").map(PathBuf::from).or_else(|| {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        Some(base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?.join("galsync-lab"))
    });
    let given = std::env::var_os(variable).map(PathBuf::from);
    let found = given.into_iter().chain(cache.map(|cache| cache.join("bin").join(name))).chain([name.into()]);
    let found = found
        .into_iter()
        .find(|path| Command::new(path).args(client_version(name)).output().is_ok_and(|o| o.status.success()));
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs helm: run lab/binaries.sh helm");
        eprintln!("SKIPPED: there is no helm; lab/binaries.sh helm builds one");
    }
    found
}

/// Runs helm in the chart's folder; `None` where there is no helm.
fn run_helm(arguments: &[&str]) -> Option<Output> {
    copies_that_differ();
    let mut command = Command::new(program("helm", "GALSYNC_HELM")?);
    Some(command.args(arguments).current_dir(root().join(CHART)).output().expect("helm starts"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The manifests that the chart gives with these arguments.
fn render(arguments: &[&str]) -> Option<String> {
    let base = ["template", "galsync", ".", "--namespace", "galsync-system"];
    let output = run_helm(&[&base[..], arguments].concat())?;
    assert!(output.status.success(), "helm template {arguments:?}: {}", text(&output.stderr));
    Some(text(&output.stdout))
}

fn documents(yaml: &str) -> Vec<Value> {
    use serde::Deserialize;
    let documents =
        serde_yaml::Deserializer::from_str(yaml).map(|document| Value::deserialize(document).expect("YAML"));
    documents.filter(|document| !document.is_null()).collect()
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(value, |value, step| match step.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[step],
    })
}

fn kind(document: &Value) -> &str {
    document["kind"].as_str().expect("every object has a kind")
}

fn bless() -> bool {
    std::env::var_os("GALSYNC_BLESS").is_some()
}

fn same_or_bless(path: &Path, wanted: &str, differing: &mut Vec<String>) {
    if fs::read_to_string(path).ok().as_deref() == Some(wanted) {
        return;
    }
    if bless() {
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folder");
        fs::write(path, wanted).expect("generated file");
    } else {
        differing.push(path.strip_prefix(root()).unwrap_or(path).display().to_string());
    }
}

fn yaml_files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("readable folder").path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files
        .map(|path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("readable file"))
        })
        .collect()
}

/// The chart's copies of the definitions that are not those in `crds/`. Looked at (or, told so, written) once, before
/// anything is rendered.
fn copies_that_differ() -> &'static [String] {
    static DIFFERING: OnceLock<Vec<String>> = OnceLock::new();
    DIFFERING.get_or_init(|| {
        let mut differing = Vec::new();
        let definitions = yaml_files(&root().join("crds"));
        assert!(!definitions.is_empty(), "crds/ is empty");
        let copies = root().join(CHART).join("files/crds");
        for (name, definition) in &definitions {
            same_or_bless(&copies.join(name), definition, &mut differing);
        }
        for name in yaml_files(&copies).keys().filter(|name| !definitions.contains_key(*name)) {
            if bless() {
                fs::remove_file(copies.join(name)).expect("a definition that is no more");
            } else {
                differing.push(format!("{CHART}/files/crds/{name}"));
            }
        }
        differing
    })
}

#[test]
fn the_chart_and_deploy_hold_what_is_generated() {
    let mut differing = copies_that_differ().to_vec();
    let least = ["--set", "owner.id=replace-me,image.repository=galsync"];
    if let Some(objects) = render(&[&least[..], &["--set", "crds.enabled=false", "--skip-tests"]].concat()) {
        same_or_bless(&root().join("deploy/galsync.yaml"), &plain(&objects), &mut differing);
        let definitions =
            render(&[&least[..], &["--show-only", "templates/crds.yaml", "--set", "crds.keep=false"]].concat());
        let definitions = definitions.expect("helm was here a moment ago");
        same_or_bless(&root().join("deploy/crds.yaml"), &plain(&definitions), &mut differing);
    }
    assert!(differing.is_empty(), "not as generated; run `make generate`: {differing:?}");
}

/// Rendered manifests without what only Helm needs, and with an owner id that the operator refuses.
fn plain(rendered: &str) -> String {
    let mut lines: Vec<&str> = vec!["# Rendered from charts/galsync by `make generate`; do not edit."];
    for line in rendered.lines().filter(|line| !line.starts_with("# Source: ") && !line.contains("helm.sh/chart: ")) {
        if line.is_empty() && lines.last() == Some(&"") {
            continue;
        }
        lines.push(line);
    }
    let joined = lines.join("\n");
    let text = joined.trim_end().replace("\n\n---", "\n---").replace("managed-by: Helm", "managed-by: kustomize");
    text.replace("value: \"replace-me\"", "value: \"REPLACE-ME\"") + "\n"
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    for values in ["ci/least-values.yaml", "ci/full-values.yaml"] {
        let Some(output) = run_helm(&["lint", "--strict", ".", "--values", values]) else { return };
        assert!(output.status.success(), "{values}: {}{}", text(&output.stdout), text(&output.stderr));
    }
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let cases: &[(&[&str], &str)] = &[
        (&["image.repository=a"], "owner.id is required: it names this installation"),
        (&["owner.id=a"], "image.repository is required: no image is published yet"),
        (&["image.repository=a", "owner.id=Upper"], "at '/owner/id'"),
        (&["image.repository=a", "owner.id=a", "owner.idd=b"], "additional properties 'idd' not allowed"),
        (&["image.repository=a", "owner.id=a", "image.tag=latest"], "at '/image/tag'"),
        (&["image.repository=a", "owner.id=a", "replicas=6"], "at '/replicas'"),
        (&["image.repository=a", "owner.id=a", "store.url=ftp://x"], "at '/store/url'"),
        (&["image.repository=a", "owner.id=a", "serviceAccount.create=false"], "serviceAccount.name is required"),
    ];
    for (settings, wanted) in cases {
        let settings = settings.join(",");
        let Some(output) = run_helm(&["template", "galsync", ".", "--set", &settings]) else { return };
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(wanted), "{settings}: {said}");
    }
}

#[test]
fn pods_keep_to_the_restricted_standard() {
    for values in ["ci/least-values.yaml", "ci/full-values.yaml"] {
        let Some(rendered) = render(&["--values", values]) else { return };
        let documents = documents(&rendered);
        let deployments: Vec<_> = documents.iter().filter(|document| kind(document) == "Deployment").collect();
        assert_eq!(deployments.len(), 1);
        let tests = documents.iter().filter(|document| kind(document) == "Pod").map(|pod| &pod["spec"]);
        let pods: Vec<_> = tests.chain([at(deployments[0], "spec/template/spec")]).collect();
        assert_eq!(pods.len(), 2, "the operator's, and that of `helm test`");
        for pod in &pods {
            assert_eq!(at(pod, "securityContext/runAsNonRoot"), &Value::from(true));
            assert_eq!(at(pod, "securityContext/seccompProfile/type"), &Value::from("RuntimeDefault"));
        }
        for container in pods.iter().flat_map(|pod| pod["containers"].as_sequence().expect("containers")) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], Value::from(false));
            assert_eq!(context["readOnlyRootFilesystem"], Value::from(true));
            assert_eq!(at(context, "capabilities/drop/0"), &Value::from("ALL"));
            assert!(!at(container, "resources/limits/memory").is_null(), "no limit of memory");
        }
    }
}

/// Rules as (group, resource, verb), of the roles of the operator itself and not of people.
fn operator_rights(documents: &[Value]) -> Vec<(String, String, String)> {
    let for_people = |name: &str| ["-viewer", "-operator", "-approver"].iter().any(|suffix| name.ends_with(suffix));
    let words = |value: &Value| -> Vec<String> {
        value.as_sequence().into_iter().flatten().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let mut rights = Vec::new();
    for role in documents.iter().filter(|document| kind(document).ends_with("Role")) {
        if for_people(at(role, "metadata/name").as_str().expect("a name")) {
            continue;
        }
        for rule in role["rules"].as_sequence().expect("rules") {
            for group in words(&rule["apiGroups"]) {
                for resource in words(&rule["resources"]) {
                    let verbs = words(&rule["verbs"]).into_iter();
                    rights.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
                }
            }
        }
    }
    rights
}

#[test]
fn the_operator_has_no_right_on_secrets_and_none_by_wildcard() {
    for values in ["ci/least-values.yaml", "ci/full-values.yaml"] {
        let Some(rendered) = render(&["--values", values]) else { return };
        let rights = operator_rights(&documents(&rendered));
        assert!(rights.len() > 20, "the roles were not found: {rights:?}");
        for (group, resource, verb) in &rights {
            assert!(
                resource != "secrets" && ![group, resource, verb].iter().any(|word| word.contains('*')),
                "{resource} {verb}"
            );
            assert!(!resource.starts_with("pods/"), "the operator reads no logs and enters no pods: {resource}");
        }
        let writes = |verb: &str| !["get", "list", "watch"].contains(&verb);
        let specs = ["galsyncconnectors", "galsyncschedules"];
        let written: Vec<_> =
            rights.iter().filter(|(_, resource, verb)| specs.contains(&resource.as_str()) && writes(verb)).collect();
        assert!(
            written.iter().all(|(_, resource, verb)| resource == "galsyncschedules" && verb == "patch"),
            "the operator never writes what users write, finalizers apart: {written:?}"
        );
        assert!(rendered.contains("the operator changes no more of a schedule than its finalizers"));
    }
}

#[test]
fn with_a_list_of_namespaces_the_operator_has_no_cluster_role() {
    let Some(rendered) = render(&["--values", "ci/full-values.yaml"]) else { return };
    let documents = documents(&rendered);
    assert!(!documents.iter().any(|document| kind(document) == "ClusterRoleBinding"));
    for namespace in ["mail-a", "mail-b"] {
        let here = |wanted: &str| {
            documents
                .iter()
                .any(|object| kind(object) == wanted && at(object, "metadata/namespace") == &Value::from(namespace))
        };
        assert!(here("Role") && here("RoleBinding") && here("NetworkPolicy"), "{namespace} lacks something");
    }
}

#[test]
fn rules_and_dashboards_are_rendered_as_they_are() {
    let Some(rendered) = render(&["--values", "ci/full-values.yaml"]) else { return };
    let documents = documents(&rendered);
    let rule = documents.iter().find(|document| kind(document) == "PrometheusRule").expect("a PrometheusRule");
    let plain = fs::read_to_string(root().join("deploy/prometheus/rules.yaml")).expect("the rules");
    let plain: Value = serde_yaml::from_str(&plain).expect("YAML");
    assert_eq!(rule["spec"], plain, "Helm must leave the rules' own templates alone");
    let shipped =
        |document: &&Value| kind(document) == "ConfigMap" && !document["data"]["galsync-fleet.json"].is_null();
    let dashboards = documents.iter().find(shipped).expect("the dashboards");
    for name in ["fleet", "schedule"] {
        let file = fs::read_to_string(root().join(CHART).join(format!("dashboards/{name}.json"))).expect("a dashboard");
        let text = dashboards["data"][format!("galsync-{name}.json").as_str()].as_str().expect("a dashboard");
        let (text, file): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(text).expect("JSON"), serde_json::from_str(&file).expect("JSON"));
        assert_eq!(text, file);
    }
    let least = render(&["--values", "ci/least-values.yaml"]).expect("helm was here a moment ago");
    assert!(!least.contains("PrometheusRule") && !least.contains("dashboards"), "only by switch");
}

#[test]
fn definitions_are_kept_when_the_chart_goes_unless_told_otherwise() {
    for (keep, policy) in [("true", Value::from("keep")), ("false", Value::Null)] {
        let setting = format!("crds.keep={keep}");
        let Some(rendered) = render(&["--values", "ci/least-values.yaml", "--set", &setting]) else { return };
        let documents = documents(&rendered);
        let definitions: Vec<_> =
            documents.iter().filter(|document| kind(document) == "CustomResourceDefinition").collect();
        assert_eq!(definitions.len(), yaml_files(&root().join("crds")).len());
        for definition in definitions {
            assert_eq!(definition["metadata"]["annotations"]["helm.sh/resource-policy"], policy);
        }
    }
}

/// The comment at the head of `deploy/kustomization.yaml` is what users copy: it must do what it says.
#[test]
fn the_overlay_in_the_kustomizations_comment_works() {
    let Some(kubectl) = program("kubectl", "GALSYNC_KUBECTL") else { return };
    let base = root().join("deploy");
    let comment = fs::read_to_string(base.join("kustomization.yaml")).expect("deploy/kustomization.yaml");
    let overlay: String =
        comment.lines().filter_map(|line| line.strip_prefix("#   ")).map(|line| format!("{line}\n")).collect();
    assert!(overlay.starts_with("resources: [https://"), "{overlay}");
    fs::create_dir_all(root().join("target")).expect("target/");
    let folder = tempfile::tempdir_in(root().join("target")).expect("a folder of its own");
    let overlay = format!("resources: [../../deploy]\n{}", overlay.split_once('\n').expect("more lines").1);
    fs::write(folder.path().join("kustomization.yaml"), overlay).expect("the overlay");
    let output = Command::new(kubectl).arg("kustomize").arg(folder.path()).output().expect("kubectl starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let documents = documents(&text(&output.stdout));
    let deployment = documents.iter().find(|document| kind(document) == "Deployment").expect("the operator");
    let container = at(deployment, "spec/template/spec/containers/0");
    assert_eq!(container["image"], Value::from("registry.example/galsync:0.1.0"));
    let environment: BTreeMap<_, _> = container["env"]
        .as_sequence()
        .expect("an environment")
        .iter()
        .map(|variable| (variable["name"].as_str().expect("a name"), &variable["value"]))
        .collect();
    assert_eq!(environment["GALSYNC_OWNER_ID"], &Value::from("contoso-production"));
    assert_eq!(environment["GALSYNC_JOB_IMAGE"], &container["image"]);
}
