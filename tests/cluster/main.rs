//! On a real API server: what only it can say. Needs `KUBECONFIG` and a cluster to play with; `make test` brings
//! one up. Every test works in namespaces of its own and removes them.

#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
#[path = "../lab/administrator.rs"]
mod administrator;
mod approver;
mod bad_input;
mod company;
mod definitions;
#[allow(clippy::unwrap_used, dead_code, reason = "shared with the tests of the lab")]
#[path = "../lab/forest.rs"]
mod forest;
mod forests;
mod killed;
mod lease;
mod operator;
mod pod_trouble;
mod process;
mod removal;
mod support;
