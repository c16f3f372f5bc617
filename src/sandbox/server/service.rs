//! What the server knows of the mail systems behind it. A new system implements these traits; nothing here changes.

use super::call::{Call, Label, Reply};
use super::limits::Admission;
use super::record::Shape;
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// One protocol of a mail system, such as Microsoft Graph. Faults, limits and counters address it by its name and by
/// the operation of a request.
#[async_trait]
pub trait Service: fmt::Debug + Send + Sync {
    /// Unique in the sandbox: `graph`.
    fn name(&self) -> &'static str;

    /// What the request is, before anything in it is believed; none = it is for another service. The server asks the
    /// services in their order, and the first that knows the request serves it.
    fn route(&self, call: &Call) -> Option<Label>;

    /// Lets a request in, or refuses it because too many came.
    fn admit(&self, _label: &Label, _now: Timestamp) -> Result<Admission, Reply> {
        Ok(Admission::default())
    }

    /// Carries the request out.
    async fn answer(&self, call: &Call, label: &Label, server: &dyn Server) -> Answer;

    /// The failures that this service tells in words of its own, by the names that rules for faults have for them.
    fn effects(&self) -> &'static [&'static str] {
        &[]
    }

    /// Lets one of [`Self::effects`] happen: the answer that is then given, or none = something was changed, and the
    /// request is carried out.
    fn fail(&self, _effect: &str, _call: &Call, _label: &Label, _now: Timestamp) -> Option<Reply> {
        None
    }

    /// How this service says `status` (400 to 599) where a rule asks for it.
    fn refuse(&self, status: u16) -> Reply;

    /// What of its requests the record keeps.
    fn shape(&self) -> &'static Shape {
        &Shape::EMPTY
    }

    /// What it counts beside the requests; it stands in the counters under the service's name.
    fn counters(&self) -> Option<Value> {
        None
    }

    fn reset_counters(&self) {}
}

/// What a service may ask of the server: the time, and help with requests that hold others.
#[async_trait]
pub trait Server: Sync {
    /// The sandbox's own time.
    fn now(&self) -> Timestamp;

    /// Puts a request that was taken out of another one past the rules for faults and the limits, and has `service`
    /// carry it out. It is not counted.
    async fn answer(&self, service: &dyn Service, call: &Call, label: &Label) -> Answer;

    fn count(&self, label: &Label, status: u16);
}

/// The tenants of a mail system, as those see them who look after the sandbox.
pub trait Tenants: fmt::Debug + Send + Sync {
    fn list(&self) -> Vec<TenantSummary>;

    /// All names by which requests call a tenant, in lower case; none = there is no such tenant. `called` may be any of
    /// them, in any case.
    fn names(&self, called: &str) -> Option<Vec<String>>;

    /// All objects of a tenant; parameters of the request may narrow it down.
    fn dump(&self, called: &str, call: &Call) -> Result<Value, Refused>;

    /// Applies a list of changes in order, and tells how many. The first that cannot be ends it; those before it stay.
    fn change(&self, called: &str, changes: &[u8], now: Timestamp) -> Result<usize, Refused>;
}

/// One line of the list of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSummary {
    pub id: String,
    /// The name that labels and counters have for it.
    pub organization: String,
    pub objects: usize,
}

/// Why the tenants' keeper does not do what was asked; the sentence is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The request is not one that can be understood.
    #[error("{0}")]
    Malformed(String),
    #[error("there is no tenant {0}")]
    UnknownTenant(String),
    /// The tenant is not in a state in which this can be done.
    #[error("{0}")]
    Conflict(String),
}

/// A mail system behind the server: its tenants and the services by which clients reach them.
#[derive(Debug)]
pub struct System {
    /// As the configuration calls it: `microsoft365`.
    pub name: &'static str,
    pub tenants: Arc<dyn Tenants>,
    pub services: Vec<Box<dyn Service>>,
}

/// An answer, and whether it arrives.
#[derive(Debug)]
pub enum Answer {
    Whole(Reply),
    /// Cut off after so many bytes of the body.
    Cut(Reply, usize),
    /// Nothing of it arrives.
    Lost,
}

impl Answer {
    /// 0 = the connection was cut.
    pub fn status(&self) -> u16 {
        match self {
            Self::Whole(reply) => reply.status,
            Self::Cut(..) | Self::Lost => 0,
        }
    }
}
