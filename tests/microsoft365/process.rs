//! The program itself between two tenants: killed in the middle of a push, stopped by the quota, and the demo.

use crate::directory_support::microsoft365::{CLIENT, READ, TENANT as SOURCE, WRITE};
use galsync::sandbox::config::Config;
use galsync::sandbox::{Handle, Sandbox};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const TARGET: &str = "22222222-3333-4444-5555-666666666666";

struct Companies {
    sandbox: Handle,
    folder: tempfile::TempDir,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Companies {
    /// `people` at contoso who are to be seen at fabrikam.
    async fn new(people: usize, limits: &str) -> Self {
        Self::together(people, limits, 1).await
    }

    /// With so many cmdlets in one request.
    async fn together(people: usize, limits: &str, cmdlets: u32) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tenant = |id: &str, name: &str, people: usize, limits: &str| {
            format!(
                "  - id: {id}
    organization: {name}.onmicrosoft.com
    domains: [{name}.example]
    people: {people}
    apps: [{{clientId: {CLIENT}, secrets: [{{text: {{value: secret}}}}], roles: [{READ}], exchangeRoles: [{WRITE}]}}]
    exchange: {limits}
"
            )
        };
        let tenants = tenant(SOURCE, "contoso", people, "{}") + &tenant(TARGET, "fabrikam", 3, limits);
        let config = Config::parse(&format!("seed: 1\nmicrosoft365:\n  tenants:\n{tenants}")).unwrap();
        let companies = Self { sandbox: Sandbox::start(&config).await.unwrap(), folder: tempfile::tempdir().unwrap() };
        companies.write_manifests(cmdlets);
        companies
    }

    fn write_manifests(&self, cmdlets: u32) {
        let base = &self.sandbox.base_url;
        let connector = |name: &str, tenant: &str| {
            format!(
                "apiVersion: galsync.dev/v1alpha1
kind: GalSyncConnector
metadata: {{name: {name}}}
spec:
  type: Microsoft365
  microsoft365:
    tenantId: {tenant}
    organization: {name}.onmicrosoft.com
    clientId: {CLIENT}
    auth: {{clientSecretRef: {{name: app, key: secret}}}}
    cmdletsPerRequest: {cmdlets}
  authoritativeDomains: [{name}.example]
  endpoints: {{login: '{base}', graph: '{base}', exchange: '{base}'}}
---
"
            )
        };
        let schedule = "apiVersion: galsync.dev/v1alpha1
kind: GalSyncSchedule
metadata: {name: one-way}
spec:
  syncId: one-way
  sources: [{connectorRef: {name: contoso}}]
  targets: [{connectorRef: {name: fabrikam}}]
  interval: 24h
  policy: Sync
";
        let text = connector("contoso", SOURCE) + &connector("fabrikam", TARGET) + schedule;
        std::fs::write(self.folder.path().join("galsync.yaml"), text).unwrap();
        std::fs::create_dir_all(self.folder.path().join("secrets/app")).unwrap();
        std::fs::write(self.folder.path().join("secrets/app/secret"), "secret").unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_galsync"));
        command.current_dir(self.folder.path()).args(["run", "-f", "galsync.yaml", "--secrets", "secrets"]);
        command.args(["--owner-id", "test"]).args(more).stdin(Stdio::null());
        command
    }

    /// The sandbox answers in this process meanwhile.
    async fn run(&self, more: &[&str]) -> Output {
        let mut command = self.command(more);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn expect(&self, code: i32, more: &[&str]) -> String {
        let output = self.run(more).await;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    /// The digest of the plan that waits.
    async fn simulated(&self) -> String {
        let said = self.expect(3, &[]).await;
        let at = said.find("--approve ").unwrap() + "--approve ".len();
        said[at..].split_whitespace().next().unwrap().to_owned()
    }

    /// Delivery addresses of the contacts that were made, each once.
    fn made(&self) -> BTreeSet<String> {
        let objects = self.sandbox.microsoft365.objects(TARGET);
        let made: Vec<_> = objects.iter().filter(|object| object.name.starts_with("gs-")).collect();
        let addresses: BTreeSet<String> = made.iter().map(|object| object.external_address.clone().unwrap()).collect();
        assert_eq!(made.len(), addresses.len(), "a contact was doubled");
        addresses
    }

    fn writes(&self) -> u64 {
        let hosted = self.sandbox.microsoft365.tenant(TARGET).unwrap();
        let answered = hosted.lock().cmdlets_answered.clone();
        answered.iter().filter(|((name, _), _)| !name.starts_with("Get-")).map(|(_, count)| count).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_in_a_push_loses_and_doubles_nothing() {
    killed_in_a_push(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_in_a_push_of_batches_loses_and_doubles_nothing() {
    killed_in_a_push(10).await;
}

async fn killed_in_a_push(cmdlets: u32) {
    let companies = Companies::together(40, "{latency: 5ms}", cmdlets).await;
    let digest = companies.simulated().await;
    let mut wrote = 0;
    for _ in 0..3 {
        let mut child =
            companies.command(&["--approve", &digest]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Killed after some more was written, wherever that is.
        while companies.writes() < wrote + 25 && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(child.try_wait().unwrap().is_none(), "it was done before it could be killed");
        child.kill().unwrap();
        child.wait().unwrap();
        wrote = companies.writes();
        companies.made();
    }
    companies.expect(0, &["--approve", &digest]).await;
    let made = companies.made();
    assert!(made.len() > 40, "{}", made.len());
    assert!(
        companies
            .sandbox
            .microsoft365
            .objects(TARGET)
            .iter()
            .filter(|o| o.name.starts_with("gs-"))
            .all(|o| o.attribute("CustomAttribute15").starts_with("gs1;test;one-way;"))
    );
    let before = companies.writes();
    let said = companies.expect(0, &[]).await;
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(companies.writes(), before, "the next pass writes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_parks_a_push_and_the_same_approved_set_goes_on() {
    let companies = Companies::new(25, "{createQuota: {count: 12, window: 24h}}").await;
    let digest = companies.simulated().await;
    let said = companies.expect(6, &["--approve", &digest]).await;
    assert!(said.contains("quota"), "{said}");
    assert_eq!(companies.made().len(), 12);
    companies.sandbox.advance(Duration::from_secs(86_401));
    companies.expect(6, &["--approve", &digest]).await;
    assert_eq!(companies.made().len(), 24);
    companies.sandbox.advance(Duration::from_secs(86_401));
    companies.expect(0, &["--approve", &digest]).await;
    assert!(companies.expect(0, &[]).await.contains("nothing to do"));
}

#[test]
fn the_demo_shows_what_it_says() {
    let script = root().join("examples/demo/demo.sh");
    let output = Command::new(&script).arg(Path::new(env!("CARGO_BIN_EXE_galsync"))).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for words in ["waits for approval", "changes written", "in step, nothing to do", "galsync report"] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
}
