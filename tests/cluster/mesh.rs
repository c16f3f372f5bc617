//! A mesh of different systems: two tenants of Microsoft 365 and an Active Directory forest, each of them source and
//! target of one schedule. Everybody's contact stands at the two others, and the passes come to rest.

use crate::administrator::Administrator;
use crate::company::{approve, schedule, volume};
use crate::forest::lab;
use crate::forests;
use crate::killed;
use crate::look::{ask, ended, pass, result, runs, schedule_status, target};
use crate::process::Operator;
use crate::sandbox::{Sandbox, secret_of};
use crate::support::Space;
use serde_json::{Value, json};

const DOMAIN: &str = "mesh.example";
const AT_CONTOSO: usize = 12;
/// As the sandbox has them.
const AT_FABRIKAM: usize = 3;
const AT_CORP: usize = 8;
const SYSTEMS: [&str; 3] = ["contoso", "fabrikam", "corp"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster with the image and the lab's forests, see docs/lab.md"]
async fn a_mesh_of_tenants_and_a_forest_comes_to_rest() {
    let space = Space::new("mesh").await;
    let Some(_volume) = volume(&space).await else { return space.remove().await };
    let Some(corp) = lab("corp") else { return space.remove().await };
    let administrator = Administrator::of(&corp).await;
    let (unit, container) = (format!("OU=Mesh,{}", corp.base), corp.container("mesh"));
    for dn in [&unit, &container] {
        administrator.delete_tree(dn).await;
    }
    forests::seed(&administrator, &unit, DOMAIN, 0..AT_CORP).await;
    administrator.make_container(&container).await;
    forests::secrets(&space, &corp, &corp.writer).await;
    let sandbox = Sandbox::start(&space, AT_CONTOSO, 1_000).await;
    for name in ["contoso", "fabrikam"] {
        forests::secret(&space, name, &[("client-secret", &secret_of(name))]).await;
        space.create(&sandbox.connector(name), false).await.expect("accepted");
    }
    let settings = json!({ "baseDns": [unit], "contactsOu": container });
    space.create(&forests::connector(&corp, &[DOMAIN], &settings), false).await.expect("accepted");
    let everybody: Vec<Value> = SYSTEMS.iter().map(|name| json!({ "connectorRef": { "name": name } })).collect();
    let mut mesh = schedule();
    mesh["spec"]["sources"] = json!(everybody);
    mesh["spec"]["targets"] = json!(everybody);
    let operator = Operator::start(&space.name);
    space.create(&mesh, false).await.expect("accepted");

    let first = pass(&space, "people", 1).await;
    schedule_status(&space, "people", "three plans wait", |s| s.pending_approvals.len() == SYSTEMS.len()).await;
    approve(&runs(&space), &first).await;
    let status = ended(&space, &first, "Succeeded").await;
    let others = [AT_FABRIKAM + AT_CORP, AT_CONTOSO + AT_CORP, AT_CONTOSO + AT_FABRIKAM];
    for (name, wanted) in SYSTEMS.into_iter().zip(others) {
        let plan = target(&status, name).plan.clone().expect("a plan");
        println!("{name}: {}: {:?}", result(&status, name), plan.counts);
        let created = plan.counts.users.create + plan.counts.groups.create + plan.counts.contacts.create;
        assert_eq!(created, wanted as u64, "{name}");
    }
    assert_eq!(sandbox.created().await, (others[0] + others[1]) as u64);
    let stored = killed::contacts(&administrator, &container).await;
    assert_eq!(stored.len(), others[2]);

    // The second may still find what a system shows differently than it was told; the third finds nothing.
    ask(&space, "people", "2").await;
    let second = pass(&space, "people", 2).await;
    let status = ended(&space, &second, "Succeeded").await;
    println!("second pass: {:?}", SYSTEMS.map(|name| result(&status, name)));
    ask(&space, "people", "3").await;
    let third = pass(&space, "people", 3).await;
    let status = ended(&space, &third, "Succeeded").await;
    assert_eq!(SYSTEMS.map(|name| result(&status, name)), ["InSync"; 3]);
    assert_eq!(sandbox.created().await, (others[0] + others[1]) as u64);
    drop(operator);
    for dn in [&unit, &container] {
        administrator.delete_tree(dn).await;
    }
    space.remove().await;
}
