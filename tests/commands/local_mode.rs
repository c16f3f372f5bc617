//! The built program over `examples/local`: exit codes, what it prints, what it writes, what it refuses.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A copy of the example, since passes write into it.
struct Example(TempDir);

impl Example {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/local");
        for name in ["galsync.yaml", "corp.json", "fabrikam.json"] {
            std::fs::copy(example.join(name), folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn galsync(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_galsync")).args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        let mut arguments = vec!["run", "-f", "galsync.yaml", "--owner-id", "example"];
        arguments.extend(more);
        told(&self.galsync(&arguments))
    }

    /// Runs, approves what it asks for, and gives what that printed.
    fn run_approved(&self) -> (i32, String, String) {
        let (code, output, errors) = self.run(&[]);
        if code != 3 {
            return (code, output, errors);
        }
        let mut approve = Vec::new();
        for word in output.split_whitespace().filter(|word| word.starts_with("sha256:")) {
            approve.extend(["--approve", word]);
        }
        self.run(&approve)
    }

    fn edit(&self, file: &str, edit: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        let mut document: Value = serde_json::from_str(&text).unwrap();
        edit(&mut document);
        std::fs::write(self.path(file), document.to_string()).unwrap();
    }

    /// Display names of the contacts that GalSync made, sorted.
    fn contacts(&self, file: &str) -> Vec<String> {
        let document: Value = serde_json::from_str(&std::fs::read_to_string(self.path(file)).unwrap()).unwrap();
        let ours = document["objects"].as_array().unwrap().iter().filter(|object| object["mark"].is_string());
        let mut names: Vec<String> =
            ours.map(|object| object["attributes"]["displayName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_first_pass_waits_is_approved_and_a_second_has_nothing_to_do() {
    let example = Example::new();
    let (code, output, errors) = example.run(&[]);
    assert_eq!(code, 3, "{output}{errors}");
    assert!(output.contains("waits for approval") && output.contains("--approve sha256:"), "{output}");
    assert!(output.contains("corp: ") && output.contains("filtered:"), "{output}");
    assert!(example.contacts("corp.json").is_empty() && example.contacts("fabrikam.json").is_empty());

    let (code, output, errors) = example.run_approved();
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(
        example.contacts("fabrikam.json"),
        ["Ada Roe (Corp)", "Björn Lind (Corp)", "Press Agency (Corp)", "Research (Corp)", "森 千代 (Corp)"]
    );
    assert_eq!(
        example.contacts("corp.json"),
        ["Gus Hale (Fabrikam)", "Hana Ito (Fabrikam)", "Ivo Jansen (Fabrikam)", "Sales (Fabrikam)"]
    );

    let before = ["corp.json", "fabrikam.json"].map(|name| std::fs::read(example.path(name)).unwrap());
    let (code, output, errors) = example.run(&[]);
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(output.matches("in step, nothing to do").count(), 2, "{output}");
    let after = ["corp.json", "fabrikam.json"].map(|name| std::fs::read(example.path(name)).unwrap());
    assert!(before == after, "a pass in which nothing changed writes nothing");
}

#[test]
fn changes_by_hand_arrive_in_the_next_pass() {
    let example = Example::new();
    assert_eq!(example.run_approved().0, 0);
    example.edit("corp.json", |document| {
        let people = document["objects"].as_array_mut().unwrap();
        people.retain(|person| person["anchor"] != "c-03");
        let ada = people.iter_mut().find(|person| person["anchor"] == "c-01").unwrap();
        ada["attributes"]["displayName"] = "Ada Roe-Lind".into();
    });
    let (code, output, errors) = example.run_approved();
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(
        example.contacts("fabrikam.json"),
        ["Ada Roe-Lind (Corp)", "Björn Lind (Corp)", "Press Agency (Corp)", "Research (Corp)"]
    );
}

#[test]
fn a_simulation_writes_nothing_and_its_report_can_be_read() {
    let example = Example::new();
    let (code, output, errors) = example.run(&["--action", "simulate"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("Nothing was written"), "{output}");
    let report =
        output.lines().find_map(|line| line.strip_prefix("fabrikam: report ").filter(|p| p.contains("simulate")));
    let report = report.expect("the report's path is told");
    let (code, text, errors) = told(&example.galsync(&["report", report]));
    assert_eq!(code, 0, "{errors}");
    assert!(text.contains("create") && text.contains("ada.roe@corp.example"), "{text}");
    // Why somebody is not there.
    assert!(text.contains("dana.fox@corp.example") && text.contains("Hidden"), "{text}");
    assert!(text.contains("HeldByForeignContact") && text.contains("corp-reception"), "{text}");
    assert!(!errors.contains("corp.example") && !output.contains("ada.roe"), "personal data stays in reports");
    let (_, lines, _) = told(&example.galsync(&["report", report, "--json", "--action", "create"]));
    let created = lines.lines().filter(|line| line.contains("\"action\":\"create\"")).count();
    assert_eq!(created, 5, "{lines}");
}

/// The condition Consistent of the operator, in the same words; it stops nothing.
#[test]
fn what_contradicts_itself_is_told() {
    let example = Example::new();
    let manifest = std::fs::read_to_string(example.path("galsync.yaml")).unwrap();
    let both = manifest.replace("[fabrikam.example]", "[fabrikam.example, corp.example]");
    std::fs::write(example.path("galsync.yaml"), both).unwrap();
    let (code, output, errors) = example.run(&["--action", "pull"]);
    assert_eq!(code, 0, "{output}{errors}");
    let told = "warning: DomainClaimedTwice: connectors corp and fabrikam both claim corp.example: write it into \
                spec.sharedDomains of both";
    assert!(errors.contains(told), "{errors}");
    std::fs::write(example.path("galsync.yaml"), manifest).unwrap();
    assert!(!example.run(&["--action", "pull"]).2.contains("warning"), "nothing is said of what is in order");
}

/// Their names are read although they do not cross over themselves.
#[test]
fn who_has_no_display_name_is_shown_by_the_names() {
    let example = Example::new();
    let manifest = std::fs::read_to_string(example.path("galsync.yaml")).unwrap();
    let dropped = "\n        attributes: {givenName: {action: Drop}, surname: {action: Drop}}\n";
    let manifest = manifest.replace("Suffix: \" (Corp)\"\n", &format!("Suffix: \" (Corp)\"{dropped}"));
    let manifest = manifest.replace("Suffix: \" (Fabrikam)\"\n", &format!("Suffix: \" (Fabrikam)\"{dropped}"));
    assert_eq!(manifest.matches("surname").count(), 2);
    std::fs::write(example.path("galsync.yaml"), manifest).unwrap();
    example.edit("corp.json", |document| {
        let ada = document["objects"].as_array_mut().unwrap().iter_mut().find(|person| person["anchor"] == "c-01");
        ada.unwrap()["attributes"].as_object_mut().unwrap().remove("displayName");
    });
    assert_eq!(example.run_approved().0, 0);
    let contacts = example.contacts("fabrikam.json");
    assert!(contacts.contains(&"Ada Roe (Corp)".to_owned()), "{contacts:?}");
}

#[test]
fn pulling_only_counts() {
    let example = Example::new();
    let (code, output, errors) = example.run(&["--action", "pull"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("corp: ") && !output.contains("TARGET"), "{output}");
}

#[test]
fn a_cut_off_read_ends_as_failed_and_takes_nothing_away() {
    let example = Example::new();
    assert_eq!(example.run_approved().0, 0);
    let contacts = example.contacts("fabrikam.json");
    example.edit("corp.json", |document| {
        document["faults"] = serde_json::json!({"cutReadAfter": 2});
        document["feed"] = Value::Null;
    });
    let (code, output, errors) = example.run(&["--action", "pull"]);
    assert_eq!(code, 4, "{output}{errors}");
    assert!(output.contains("Incomplete") || output.contains("complete"), "{output}{errors}");
    example.run(&[]);
    assert_eq!(example.contacts("fabrikam.json"), contacts);
}

#[test]
fn a_signal_ends_a_push_after_its_batch_and_the_next_run_goes_on() {
    let example = Example::new();
    example.edit("corp.json", |document| {
        let people = document["objects"].as_array_mut().unwrap();
        people.extend((0..200).map(|number| {
            serde_json::json!({"anchor": format!("many-{number:03}"), "recipientType": "UserMailbox",
                "primary": format!("many{number:03}@corp.example"), "attributes": {"displayName": format!("Many {number}")}})
        }));
    });
    let (code, output, _) = example.run(&[]);
    assert_eq!(code, 3, "{output}");
    let approve = output.split_whitespace().filter(|word| word.starts_with("sha256:"));
    let approve: Vec<&str> = approve.flat_map(|digest| ["--approve", digest]).collect();
    example.edit("fabrikam.json", |document| document["faults"] = serde_json::json!({"delayMilliseconds": 20}));
    let mut child = Command::new(env!("CARGO_BIN_EXE_galsync"))
        .args(["run", "-f", "galsync.yaml", "--owner-id", "example"])
        .args(&approve)
        .current_dir(example.0.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The first batch is in the file.
    while example.contacts("fabrikam.json").is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was asked to");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    assert_eq!(child.wait().unwrap().code(), Some(7));
    let written = example.contacts("fabrikam.json").len();
    assert!((50..205).contains(&written), "{written}");

    example.edit("fabrikam.json", |document| document["faults"] = serde_json::json!({}));
    let (code, output, errors) = example.run_approved();
    assert_eq!(code, 0, "{output}{errors}");
    let contacts = example.contacts("fabrikam.json");
    assert_eq!(contacts.len(), 205);
    assert_eq!(contacts.iter().collect::<std::collections::BTreeSet<_>>().len(), 205, "nobody stands twice");
}

#[test]
fn mistakes_are_refused_with_what_to_write() {
    let example = Example::new();
    let manifest = std::fs::read_to_string(example.path("galsync.yaml")).unwrap();
    for (from, to, wanted) in [
        ("policy: Sync", "polcy: Sync", ["unknown field `polcy`", "line"].as_slice()),
        ("policy: Sync", "policy: Snyc", &["Snyc", "policy"]),
        ("  policy: Sync\n", "", &["policy"]),
        ("interval: 24h", "interval: 10s", &["mesh", "at least 1m"]),
        ("connectorRef: {name: corp}", "connectorRef: {name: corpp}", &["no GalSyncConnector corpp"]),
        (
            "authoritativeDomains: [corp.example]",
            "authoritativeDomains: [corp.example]\n  filters: {expression: \"entry.departmnet != 'Board'\"}",
            &["corp", "spec.filters.expression", "entry has no field \"departmnet\""],
        ),
        (
            "connectorRef: {name: corp}",
            "connectorRef: {name: corp}\n      filters: {expression: entry.department}",
            &["mesh", "spec.sources[0].filters.expression", "gives a text"],
        ),
        (
            "mapping:\n",
            "mapping:\n        attributes: {title: {expression: entry.titel}}\n",
            &["mesh", "spec.targets[0].mapping.attributes.title.expression", "entry has no field \"titel\""],
        ),
        // What keeps the operator from running it.
        ("interval: 24h", "schedule: 0 2 30 2 *", &["schedule mesh: spec.schedule: "]),
        ("  type: Memory", "  suspend: true\n  type: Memory", &["connector corp is suspended"]),
        ("  authoritativeDomains: [corp.example]\n", "", &["connector corp: write spec.authoritativeDomains"]),
    ] {
        assert!(manifest.contains(from), "{from}");
        std::fs::write(example.path("galsync.yaml"), manifest.replacen(from, to, 1)).unwrap();
        let (code, _, errors) = example.run(&[]);
        assert_eq!(code, 2, "{to}: {errors}");
        assert!(wanted.iter().all(|part| errors.contains(part)), "{to}: {errors}");
    }
    std::fs::write(example.path("galsync.yaml"), &manifest).unwrap();
    for (arguments, wanted) in [
        (["--schedule", "other"], "there is no schedule other; there are: mesh"),
        (["--approve", "sha256:12"], "--approve sha256:12"),
        (["--memory", "nobody=corp.json"], "no connector"),
    ] {
        let (code, _, errors) = example.run(&arguments);
        assert_eq!(code, 2, "{arguments:?}: {errors}");
        assert!(errors.contains(wanted), "{arguments:?}: {errors}");
    }
    let unknown = format!("sha256:{}", "0".repeat(64));
    let (code, _, errors) = example.run(&["--approve", &unknown]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("simulate again"), "{errors}");
    let (code, ..) = told(&example.galsync(&["run", "-f", "galsync.yaml"]));
    assert_eq!(code, 2, "without an owner nothing runs");
}

#[test]
fn a_job_takes_its_request_as_a_file_and_leaves_its_outcome() {
    let example = Example::new();
    let outcome = example.path("outcome.json");
    std::fs::write(example.path("request.json"), r#"{"format": 99}"#).unwrap();
    let arguments = |outcome: &Path| {
        let outcome = outcome.to_str().unwrap().to_owned();
        ["job", "--request", "request.json", "--store", "store", "--secrets", "none", "--termination-log"]
            .map(str::to_owned)
            .into_iter()
            .chain([outcome])
            .collect::<Vec<_>>()
    };
    let run = || {
        let arguments = arguments(&outcome);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, _, errors) = told(&example.galsync(&arguments));
        let outcome: Value = serde_json::from_slice(&std::fs::read(&outcome).unwrap()).unwrap();
        (code, outcome, errors)
    };
    let (code, said, errors) = run();
    assert_eq!((code, &said["reason"]), (5, &Value::from("VersionMismatch")), "{errors}");

    let request = serde_json::json!({
        "format": 1, "owner": "example", "attempt": 1, "storePrefix": "example/ns",
        "run": {"namespace": "ns", "name": "run-1", "uid": "u"},
        "operation": {"pull": {
            "connector": {
                "name": "corp", "system": {"memory": {"path": "corp.json"}}, "authoritativeDomains": ["corp.example"],
                "filters": galsync::model::filters::Filters::default(), "ownerAttribute": "mark",
                "fullPullEverySeconds": 604_800
            },
            "read": {"attributes": ["displayName"], "groups": []}, "full": false
        }}
    });
    std::fs::write(example.path("request.json"), request.to_string()).unwrap();
    let (code, said, errors) = run();
    assert_eq!((code, &said["verdict"]), (0, &Value::from("Succeeded")), "{said} {errors}");
    assert!(said["source"]["users"].as_u64().unwrap() > 0);
    assert!(said["counters"]["peakMemoryBytes"].as_u64().unwrap() > 1 << 20);
    assert!(example.path("store/example/ns/logs/run-1/pull-corp-1.jsonl.zst").is_file(), "the log is kept");
    assert!(!errors.contains("@corp.example"), "no personal data in a log: {errors}");
}
