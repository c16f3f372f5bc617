//! How often a pass in which nothing changed writes.

use super::cluster::{Cluster, JOBS};
use crate::controller::run;
use std::collections::BTreeMap;

/// Lets a pass go by, second after second, each Job taking the time of its connector.
async fn pass(cluster: &mut Cluster, seconds: &BTreeMap<&str, i64>) {
    let mut begun: BTreeMap<String, i64> = BTreeMap::new();
    let known = cluster.pass_number();
    for second in 0..900 {
        cluster.pass_time(1);
        let api = cluster.api.clone();
        for operator in &mut cluster.operators {
            operator.refresh(&api);
            operator.look().await;
        }
        cluster.kubelet();
        for (path, job) in cluster.running() {
            let name = path.rsplit('/').next().unwrap().to_owned();
            let since = *begun.entry(job["metadata"]["uid"].as_str().unwrap().to_owned()).or_insert(second);
            let connector = name.rsplit_once('-').unwrap().0;
            if second - since >= seconds.get(connector).copied().unwrap_or(5) {
                let outcome = cluster.good(&cluster.request(&job));
                cluster.end(&path, Some(&outcome));
            }
        }
        let runs = cluster.runs();
        if cluster.pass_number() > known && runs.iter().all(run::is_completed) && cluster.rests() {
            return;
        }
    }
    panic!("the pass does not end: {:#?}", cluster.runs().last().and_then(|run| run.status.clone()));
}

#[tokio::test]
async fn a_pass_in_which_nothing_changed_writes_little() {
    let seconds: BTreeMap<&str, i64> = [("a", 15), ("b", 40), ("c", 20)].into();
    for (sources, targets) in [(&["a"][..], &["c"][..]), (&["a", "b"], &["a", "b"]), (&["a", "b"], &["c"])] {
        let mut cluster = Cluster::new(sources, targets, 1);
        // Until every slot holds a Job of an earlier pass, and runs are removed as new ones are made.
        for _ in 0..4 {
            pass(&mut cluster, &seconds).await;
            cluster.pass_time(2 * 86_400);
        }
        // Garbage collection is not the pass's.
        let garbage = |write: &String| write.contains("galsync-garbage") || write.contains("collectgarbage");
        cluster.api.lock().writes.clear();
        pass(&mut cluster, &seconds).await;
        let mut writes = cluster.api.lock().writes.clone();
        writes.retain(|write| !garbage(write));
        let operations = writes.iter().filter(|write| write.starts_with(&format!("POST {JOBS}/"))).count();
        assert_eq!(operations, sources.len() + targets.len());
        println!("{operations} operations: {} writes", writes.len());
        assert!(writes.len() <= 6 + 3 * operations, "{} writes:\n{}", writes.len(), writes.join("\n"));
        let last = cluster.runs().into_iter().next_back().unwrap();
        assert!(run::is_completed(&last), "{:?}", last.status);
    }
}
