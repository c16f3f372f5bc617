//! Stands in for nodes: every pod of a Job ends a moment after it was made, with what its program would have said.

use galsync::model::counts::PlanCounts;
use galsync::model::observed::Verification;
use galsync::model::{Digest, Domain};
use galsync::operation::{Operation, Outcome, PlanSummary, Reason, Request, SourceCounts, Verdict};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Works until it is dropped.
pub async fn work(client: Client, namespace: String) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let requests: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let pending = ListParams::default().fields("status.phase=Pending");
    loop {
        let there = pods.list(&pending).await.map(|list| list.items).unwrap_or_default();
        let alive = there.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        futures::future::join_all(alive.map(|pod| end(&pods, &requests, pod))).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// What cannot be done now is done at the next look.
async fn end(pods: &Api<Pod>, requests: &Api<ConfigMap>, pod: Pod) -> Option<()> {
    let volumes = pod.spec.as_ref()?.volumes.as_ref()?;
    let name = volumes.iter().find_map(|volume| volume.config_map.as_ref()).map(|map| map.name.clone())?;
    let map = requests.get(&name).await.ok()?;
    let request = Request::from_json(map.data?.get("request.json")?.as_bytes()).ok()?;
    let message = outcome(&request).to_termination_message();
    let time = Timestamp::now().to_string();
    let terminated = json!({ "exitCode": 0, "reason": "Completed", "message": message,
        "startedAt": time, "finishedAt": time });
    let status = json!({ "status": { "phase": "Succeeded", "containerStatuses": [{ "name": "galsync", "image": "",
        "imageID": "", "ready": false, "restartCount": 0, "state": { "terminated": terminated } }] } });
    pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&status)).await.ok()?;
    Some(())
}

/// In the system of one connector in five something has changed since the last time.
fn has_changed(connector: &str) -> bool {
    let number = connector.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    (number / 2).is_multiple_of(5)
}

/// A pull of some thousand people; where something changed, a plan of a few changes that needs nobody's decision.
fn outcome(request: &Request) -> Outcome {
    let now = Timestamp::now();
    let mut outcome = Outcome::new(Verdict::Succeeded, Reason::Completed, "", now - SignedDuration::from_secs(1), now);
    outcome.counters.requests = 120;
    outcome.counters.bytes_read = 12_345_678;
    outcome.counters.peak_memory_bytes = 40 << 20;
    outcome.report = Some(format!("reports/{}", Digest::of(b"a report")));
    match &request.operation {
        Operation::Pull { connector, read, .. } => {
            let changed = has_changed(&connector.name);
            outcome.source = Some(SourceCounts {
                snapshot: Digest::of(if changed { now.to_string() } else { connector.name.clone() }.as_bytes()),
                fingerprint: connector.fingerprint(read),
                identity: connector.name.clone(),
                full: false,
                changed: if changed { 12 } else { 0 },
                users: 4_000,
                groups: 300,
                contacts: 50,
                rejected: reasons(),
                invalid: 3,
                delta_missed: None,
            });
        }
        Operation::Simulate(simulate) | Operation::Push { simulate, .. } => {
            let mut counts = PlanCounts::default();
            if has_changed(&simulate.target.name) {
                counts.users.create = 3;
                counts.users.update = 5;
            }
            counts.users.unchanged = 3_992;
            let text = format!("{} {}", simulate.target.name, simulate.pass_number);
            outcome.plan = Some(PlanSummary {
                digest: Digest::of(text.as_bytes()),
                counts,
                unsafe_reasons: [].into(),
                unsafe_message: String::new(),
                held: 0,
                managed: 4_000,
                reasons: reasons(),
                drifted: 0,
                deferred: 0,
            });
        }
        Operation::Verify { .. } => {
            outcome.verification = Some(Verification {
                identity: "11111111-2222-3333-4444-555555555555".into(),
                can_read: true,
                can_write: true,
                domains: [Domain::parse("contoso.example").expect("a domain")].into(),
                ..Verification::default()
            });
        }
        Operation::EmptyCache { .. } | Operation::CollectGarbage { .. } => {}
    }
    outcome
}

fn reasons() -> BTreeMap<String, u64> {
    [("Hidden", 31), ("NoAddress", 4), ("DisabledUser", 77), ("ForeignDomain", 12)].map(|(n, c)| (n.into(), c)).into()
}
