//! On a real API server: what only it can say. Needs `KUBECONFIG` and a cluster to play with; `make test` brings
//! one up. Every test works in namespaces of its own and removes them.

#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
#[path = "../lab/administrator.rs"]
mod administrator;
mod approver;
mod bad_input;
mod company;
mod contradiction;
mod definitions;
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
#[path = "../lab/forest.rs"]
mod forest;
mod forests;
mod gitops;
mod held_back;
mod housekeeping;
mod killed;
mod lease;
mod look;
mod mesh;
mod monitoring;
mod operator;
mod operator_killed;
mod pod_ends;
mod pod_trouble;
mod process;
#[path = "../manifests/queries.rs"]
#[expect(dead_code, reason = "tests/manifests uses the rest")]
mod queries;
mod quota;
mod read_right;
mod removal;
mod sandbox;
mod support;
mod targets;
