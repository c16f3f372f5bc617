//! Pods of a push that are killed at random moments, on real forests: the next try finishes, does nothing twice and
//! loses nothing. `GALSYNC_KILLS` says how often (5), `GALSYNC_SEED` repeats a run.

use crate::administrator::Administrator;
use crate::company::{approve, volume, wait_run};
use crate::forest::{Forest, lab};
use crate::forests;
use crate::look::{ask, pass};
use crate::process::Operator;
use crate::support::Space;
use galsync::api::GalSyncRun;
use galsync::api::reasons::RunTargetResult;
use galsync::api::run::{GalSyncRunStatus, OperationKind};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use ldap3::Scope;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const DOMAIN: &str = "killed.example";
const PEOPLE: usize = 100;
/// Of one push; an operation is tried three times.
const KILLS_A_PUSH: usize = 2;

pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// The processes of a pod on this machine, which is the lab's node.
fn processes(pod_uid: &str) -> Vec<i32> {
    let marks = [format!("pod{pod_uid}"), format!("pod{}", pod_uid.replace('-', "_"))];
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("processes can be listed").flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let group = std::fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if marks.iter().any(|mark| group.contains(mark)) && command.contains(" job") {
            found.push(id);
        }
    }
    found
}

/// Waits until this attempt of the push has a process.
async fn push_process(space: &Space, run: &str, attempt: u32) -> Vec<i32> {
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), &space.name);
    let parameters = ListParams::default().labels("galsync.dev/operation=Push");
    for _ in 0..1_800 {
        for pod in pods.list(&parameters).await.expect("pods can be listed") {
            let is_attempt = pod.labels().get("galsync.dev/attempt").is_some_and(|a| *a == attempt.to_string());
            let of_run = pod.labels().get("galsync.dev/run").is_some_and(|name| name == run);
            let found = processes(&pod.uid().unwrap_or_default());
            if is_attempt && of_run && !found.is_empty() {
                return found;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("attempt {attempt} of the push of {run} did not start");
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    guid: Vec<u8>,
    written: String,
    pub title: String,
    hidden: bool,
}

/// Our contacts in the target by owner mark.
pub async fn contacts(administrator: &Administrator, container: &str) -> BTreeMap<String, Stored> {
    let attributes = ["extensionAttribute15", "objectGUID", "uSNChanged", "title", "msExchHideFromAddressLists"];
    let found = administrator.search(container, Scope::OneLevel, "(objectClass=contact)", &attributes).await;
    let one = |entry: &ldap3::SearchEntry, name: &str| entry.attrs.get(name).and_then(|all| all.first()).cloned();
    let mut contacts = BTreeMap::new();
    for entry in found {
        let mark = one(&entry, "extensionAttribute15").expect("a contact of ours has a mark");
        let guid = entry.bin_attrs.get("objectGUID").and_then(|all| all.first()).cloned().unwrap_or_default();
        let stored = Stored {
            guid,
            written: one(&entry, "uSNChanged").unwrap_or_default(),
            title: one(&entry, "title").unwrap_or_default(),
            hidden: one(&entry, "msExchHideFromAddressLists").as_deref() == Some("TRUE"),
        };
        assert!(contacts.insert(mark.clone(), stored).is_none(), "two contacts with the mark {mark}");
    }
    contacts
}

/// What was right when the push died must not have been written again.
fn assert_untouched(at_death: &BTreeMap<String, Stored>, after: &BTreeMap<String, Stored>, title: &str) -> usize {
    let mut done = 0;
    for (mark, stored) in at_death.iter().filter(|(_, stored)| stored.title == title) {
        assert_eq!(after.get(mark), Some(stored), "{mark} was written twice");
        done += 1;
    }
    done
}

struct Stage {
    corp: Forest,
    fabrikam: Forest,
    unit: String,
    container: String,
}

impl Stage {
    async fn set(space: &Space) -> Option<Self> {
        let (corp, fabrikam) = (lab("corp")?, lab("fabrikam")?);
        let (unit, container) = (format!("OU=Killed,{}", corp.base), fabrikam.container("killed"));
        let stage = Self { unit, container, corp, fabrikam };
        stage.clear().await;
        let (source, target) = stage.administrators().await;
        forests::seed(&source, &stage.unit, DOMAIN, 0..PEOPLE).await;
        target.make_container(&stage.container).await;
        forests::secrets(space, &stage.corp, &stage.corp.reader).await;
        forests::secrets(space, &stage.fabrikam, &stage.fabrikam.writer).await;
        let corp = forests::connector(&stage.corp, &[DOMAIN], &json!({ "baseDns": [stage.unit] }));
        let mut fabrikam =
            forests::connector(&stage.fabrikam, &["fabrikam.example"], &json!({ "contactsOu": stage.container }));
        fabrikam["spec"]["rateLimit"] = json!({ "requestsPerSecond": 10 });
        let everything = json!({ "maxDeletes": 10000, "maxDeletePercent": 100, "alwaysAllowedDeletes": 1000,
            "maxStrictUpdatePercent": 100, "maxUpdatePercent": 100, "maxCreates": 10000, "maxCreatePercent": 100 });
        let schedule = json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "metadata": { "name": "people" },
            "spec": { "interval": "24h", "policy": "Sync", "sources": [{ "connectorRef": { "name": "corp" } }],
                "targets": [{ "connectorRef": { "name": "fabrikam" } }], "safety": everything }
        });
        for object in [corp, fabrikam, schedule] {
            space.create(&object, false).await.expect("accepted");
        }
        Some(stage)
    }

    async fn administrators(&self) -> (Administrator, Administrator) {
        (Administrator::of(&self.corp).await, Administrator::of(&self.fabrikam).await)
    }

    async fn clear(&self) {
        let (source, target) = self.administrators().await;
        source.delete_tree(&self.unit).await;
        target.delete_tree(&self.container).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image and the lab's forests, see docs/lab.md"]
async fn a_push_whose_pods_are_killed_is_finished_and_does_nothing_twice() {
    let space = Space::new("killed").await;
    if volume(&space).await.is_none() {
        return space.remove().await;
    }
    let Some(stage) = Stage::set(&space).await else { return space.remove().await };
    let (source, target) = stage.administrators().await;
    let seed = number("GALSYNC_SEED", u64::from(std::process::id()));
    let mut left = number("GALSYNC_KILLS", 5) as usize;
    println!("seed {seed}, {left} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let runs: Api<GalSyncRun> = Api::namespaced(space.client.clone(), &space.name);
    let operator = Operator::start(&space.name);
    let (mut round, mut people) = (0, 0..PEOPLE);
    while left > 0 {
        let title = if round == 0 { String::new() } else { format!("Title {round}") };
        if round > 0 {
            // Everybody is promoted, some leave, some come.
            for number in people.clone().take(10) {
                source.delete(&format!("CN=killed{number},{}", stage.unit)).await;
            }
            people = people.start + 10..people.end + 10;
            forests::seed(&source, &stage.unit, DOMAIN, people.end - 10..people.end).await;
            for number in people.clone() {
                source.replace(&format!("CN=killed{number},{}", stage.unit), "title", &[&title]).await;
            }
            ask(&space, "people", &round.to_string()).await;
        }
        let run = pass(&space, "people", round + 1).await;
        if round == 0 {
            approve(&runs, &run).await;
        }
        let kills = left.min(KILLS_A_PUSH);
        let mut deaths = Vec::new();
        for attempt in 1..=kills {
            let found = push_process(&space, &run, attempt as u32).await;
            // Both kills of a push together leave some of it to do.
            let wait = Duration::from_millis(random.u64(0..3_500));
            tokio::time::sleep(wait).await;
            let killed =
                std::process::Command::new("kill").arg("-KILL").args(found.iter().map(ToString::to_string)).status();
            let hit = killed.is_ok_and(|status| status.success());
            let at_death = contacts(&target, &stage.container).await;
            let done = at_death.values().filter(|stored| stored.title == title).count();
            println!(
                "round {round}, attempt {attempt}: killed after {wait:?} (hit: {hit}), {done} of {} done",
                people.len()
            );
            deaths.push(at_death);
        }
        left -= kills;
        let done = wait_run(&runs, &run, "Completed", "True", "Succeeded").await;
        let GalSyncRunStatus { operations, .. } = done.status.expect("a status");
        let push = operations.iter().find(|operation| operation.kind == OperationKind::Push).expect("a push");
        assert_eq!(push.attempts as usize, kills + 1, "every kill hit: {:?}", push.message);
        let after = contacts(&target, &stage.container).await;
        let shown = after.values().filter(|stored| stored.title == title).count();
        assert_eq!(shown, people.len(), "nothing is lost");
        let hidden = after.values().filter(|stored| stored.hidden).count();
        assert_eq!(hidden, people.start, "everybody who left is hidden");
        for at_death in &deaths {
            assert_untouched(at_death, &after, &title);
        }
        round += 1;
    }
    ask(&space, "people", "last").await;
    let run = pass(&space, "people", round + 1).await;
    let last = wait_run(&runs, &run, "Completed", "True", "Succeeded").await.status.expect("a status");
    assert_eq!(last.targets[0].result, Some(RunTargetResult::InSync));
    drop(operator);
    stage.clear().await;
    space.remove().await;
}
