//! What is installed and applied: definitions, chart and `deploy/`, examples, alert rules and dashboards, and what
//! GitOps tools make of them.

mod crds;
mod deploy;
mod examples;
mod gitops;
mod monitoring;
mod queries;
