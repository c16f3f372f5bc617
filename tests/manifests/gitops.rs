//! What Flux and Argo CD make of GalSync's resources. The samples are written by `src/controller/gitops.rs`;
//! tests/gitops/main.go judges them with kstatus' own code and in Argo CD's Lua interpreter.

use std::path::{Path, PathBuf};
use std::process::Command;

const KINDS: [&str; 3] = ["GalSyncConnector", "GalSyncSchedule", "GalSyncRun"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
#[ignore = "needs Go, and at first its modules; make test runs it"]
fn flux_and_argo_cd_judge_every_state_right() {
    let judge = root().join("target/gitops-judge");
    let built = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .args([judge.as_path(), Path::new(".")])
        .current_dir(root().join("tests/gitops"))
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=readonly")])
        .output();
    let built = match built {
        Ok(built) => built,
        Err(error) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI needs Go");
            return eprintln!("SKIPPED: go: {error}; see \"What you need\" in README.md");
        }
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let folder = root().join("tests/gitops");
    let arguments = [folder.join("samples.yaml"), folder.join("expected.yaml"), root().join("deploy/argocd")];
    let judged = Command::new(judge).args(arguments).output().expect("the judge starts");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(said.contains("samples are judged right"), "{said}");
}

/// The scripts as Argo CD's settings take them.
#[test]
fn generated_settings_of_argo_cd_hold_the_scripts() {
    let mut settings =
        "# Written by `make generate` from the scripts beside it; do not edit. Merge it into Argo CD's own settings:\n\
        #   kubectl -n argocd patch configmap argocd-cm --patch-file deploy/argocd/argocd-cm.yaml\n\
        apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\ndata:\n"
            .to_owned();
    for kind in KINDS {
        let script = root().join("deploy/argocd").join(kind).join("health.lua");
        let script = std::fs::read_to_string(script).expect("a script");
        settings += &format!("  resource.customizations.health.galsync.dev_{kind}: |\n");
        for line in script.lines() {
            settings += &format!("    {line}\n");
        }
    }
    let path = root().join("deploy/argocd/argocd-cm.yaml");
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::write(&path, &settings).expect("the settings can be written");
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == settings, "run `make generate`");
    let read: serde_yaml::Value = serde_yaml::from_str(&settings).expect("YAML");
    assert_eq!(read["data"].as_mapping().map(serde_yaml::Mapping::len), Some(KINDS.len()));
}
