//! The tenants as those see them who look after the sandbox.

use super::change::{self, Change};
use super::hosted::{Hosted, Microsoft365};
use super::recipient::{Kind, Recipient};
use crate::sandbox::server::call::Call;
use crate::sandbox::server::service::{Refused, TenantSummary, Tenants};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Microsoft365 {
    fn known(&self, called: &str) -> Result<&Hosted, Refused> {
        self.tenant(called).ok_or_else(|| Refused::UnknownTenant(called.to_owned()))
    }
}

impl Tenants for Microsoft365 {
    fn list(&self) -> Vec<TenantSummary> {
        let summary = |hosted: &Hosted| TenantSummary {
            id: hosted.id.to_string(),
            organization: hosted.organization.clone(),
            objects: hosted.lock().directory.len(),
        };
        self.tenants.iter().map(summary).collect()
    }

    fn names(&self, called: &str) -> Option<Vec<String>> {
        self.tenant(called).map(|hosted| hosted.names.clone())
    }

    /// All objects in the order of creation; `?kind=MailContact` takes those only.
    fn dump(&self, called: &str, call: &Call) -> Result<Value, Refused> {
        let tenant = self.known(called)?.lock();
        let kind: Option<Kind> = call
            .parameter("kind")
            .map(|kind| serde_json::from_value(json!(kind)))
            .transpose()
            .map_err(|error| Refused::Malformed(format!("kind: {error}")))?;
        let all = tenant.directory.after(None).map(|(_, recipient)| recipient.as_ref());
        let objects: Vec<&Recipient> = all.filter(|recipient| kind.is_none_or(|kind| recipient.kind == kind)).collect();
        Ok(json!({"id": tenant.id, "organization": tenant.organization, "objects": objects}))
    }

    fn change(&self, called: &str, changes: &[u8], now: Timestamp) -> Result<usize, Refused> {
        let changes: Vec<Change> =
            serde_json::from_slice(changes).map_err(|error| Refused::Malformed(error.to_string()))?;
        let mut tenant = self.known(called)?.lock();
        tenant.catch_up(now);
        for (index, one) in changes.iter().enumerate() {
            change::apply(one, &mut tenant, now)
                .map_err(|error| Refused::Conflict(format!("change {}: {error}", index + 1)))?;
        }
        Ok(changes.len())
    }
}
