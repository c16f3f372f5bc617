//! What the API server hears of events.

use super::cluster::Cluster;
use crate::controller::events::{self, Event};
use k8s_openapi::api::core::v1::ObjectReference;

#[tokio::test]
async fn each_target_that_waits_is_told_of() {
    let cluster = Cluster::new(&["a"], &["b", "c"], 1);
    let about = ObjectReference { namespace: Some("n".into()), name: Some("s".into()), ..Default::default() };
    let told = ["b: why", "c: why"];
    let events = told.map(|note| Event::warning("ApprovalRequired", note)).into();
    events::publish(&cluster.operators[0].context, &about, events).await;
    assert_eq!(cluster.api.lock().notes, told);
}
