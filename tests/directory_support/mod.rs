//! What tests of every directory share: to drain a read and the contents of a target, contacts as a plan would have
//! them, the list of requests that may be sent, and a tenant in the sandbox. A directory's own tests add a `Fixture`.

#![allow(dead_code, clippy::unwrap_used, reason = "each program uses a part; what is not as it should be fails it")]

pub mod contact;
pub mod contents;
pub mod microsoft365;
pub mod read;
pub mod requests;

use galsync::model::connector::{Connector, RateLimit, System};
use galsync::model::filters::Filters;

/// A connector with nothing but its name and its system.
pub fn connector(name: &str, system: System) -> Connector {
    Connector {
        name: name.into(),
        system,
        authoritative_domains: Default::default(),
        shared_domains: Default::default(),
        same_organization_as: None,
        filters: Filters::default(),
        owner_attribute: "CustomAttribute15".into(),
        rate_limit: RateLimit::default(),
        full_pull_every_seconds: 604_800,
    }
}
