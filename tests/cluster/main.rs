//! On a real API server: what only it can say. Needs `KUBECONFIG` and a cluster to play with; `make test` brings
//! one up. Every test works in namespaces of its own and removes them.

mod approver;
mod definitions;
mod lease;
mod operator;
mod support;
