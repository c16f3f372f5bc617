//! Contacts of ours in a tenant, and who holds the other addresses there.

use super::attributes::property;
use super::cmdlet::{Call, Exchange};
use super::contact::ContactReader;
use super::row::Row;
use super::session::Sessions;
use super::{Microsoft365Secrets, SYSTEM, contents, target_verify};
use crate::directory::{ChangeOutcome, Error, Normalizer, Target, TargetEvent};
use crate::http::Backoff;
use crate::model::connector::{Connector, Microsoft365};
use crate::model::mapping::Mapping;
use crate::model::mark::MarkScope;
use crate::model::observed::{Capabilities, Counters, Verification};
use crate::model::{Change, Domain, OwnerId, SyncId, SystemIdentity};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Few where that is enough, so that a push that is asked to stop does so soon.
const BATCH: usize = 100;
const LARGEST_BATCH: usize = 500;

/// The mail contacts of one tenant.
pub struct Microsoft365Target {
    reader: ContactReader,
    pub(super) sessions: Sessions,
    /// Until when no new contacts are tried.
    pub(super) waiting_until: Mutex<Option<Timestamp>>,
}

impl Microsoft365Target {
    /// Checks what can be checked without a connection; connects at the first call. `mapping` says which custom
    /// attributes are ours.
    ///
    /// # Errors
    /// [`Error::Configuration`] for settings that cannot work, [`Error::Unauthenticated`] for secrets that cannot.
    pub fn new(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        owner: OwnerId,
        sync: SyncId,
        mapping: Mapping,
    ) -> Result<Self, Error> {
        Self::with_backoff(settings, connector, secrets, (owner, sync, mapping), Backoff::default())
    }

    /// With another patience than the default.
    pub fn with_backoff(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        (owner, sync, mapping): (OwnerId, SyncId, Mapping),
        backoff: Backoff,
    ) -> Result<Self, Error> {
        if settings.graph_only {
            return Err(Error::Configuration(
                "a connector with graphOnly can only be read: Graph does not write contacts".to_owned(),
            ));
        }
        let target = identity(&settings.tenant_id)?;
        Ok(Self {
            reader: ContactReader {
                owner_attribute: connector.owner_attribute.clone(),
                mapping,
                scope: MarkScope { owner, sync, target },
            },
            sessions: Sessions::writing(settings, connector, secrets, backoff)?,
            waiting_until: Mutex::new(None),
        })
    }

    pub(super) fn exchange(&self) -> Exchange<'_> {
        Exchange(&self.sessions.exchange)
    }

    pub(super) fn reader(&self) -> &ContactReader {
        &self.reader
    }
}

pub(super) fn identity(tenant: &str) -> Result<SystemIdentity, Error> {
    let wrong = |_| Error::Configuration("tenantId is no tenant id".to_owned());
    SystemIdentity::new(tenant.to_lowercase()).map_err(wrong)
}

/// The domains that the organization delivers itself: all of them, or an error, also for an application that may not
/// ask. An organization without any there is none.
pub(super) async fn accepted_domains(exchange: Exchange<'_>) -> Result<BTreeSet<Domain>, Error> {
    let cmdlet = "Get-AcceptedDomain";
    let call = Call::new(cmdlet).select(["DomainName", "DomainType"]);
    let rows = exchange.whole(call).await?;
    let unreadable = |what: &str| Error::Protocol { system: SYSTEM, hint: format!("{cmdlet} {what}") };
    if rows.is_empty() {
        return Err(unreadable("tells of no domain"));
    }
    let own = rows.iter().filter(|row| row.text("DomainType").is_none_or(|kind| kind != "ExternalRelay"));
    let domain = |row: &Row| Domain::parse(row.text("DomainName")?.trim_start_matches("*.")).ok();
    own.map(|row| domain(row).ok_or_else(|| unreadable("tells of a domain without its name"))).collect()
}

#[async_trait]
impl Target for Microsoft365Target {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        // The tenant's own token endpoint gives no token of another.
        self.sessions.exchange.token().await?;
        Ok(self.reader.scope.target.clone())
    }

    async fn verify(&self) -> Result<Verification, Error> {
        target_verify::verify(self).await
    }

    async fn capabilities(&self) -> Result<Capabilities, Error> {
        // Enough that requests are full for most of the time.
        let batch = (2 * self.sessions.exchange.cmdlets_under_way()).clamp(BATCH, LARGEST_BATCH);
        Ok(Capabilities { can_hide: true, x500: true, batch })
    }

    fn normalizer(&self) -> Normalizer {
        Normalizer::exchange(self.reader.mapping.clone(), &self.reader.owner_attribute, property)
    }

    fn contents(&self) -> BoxStream<'_, Result<TargetEvent, Error>> {
        stream::once(contents::read(self)).try_flatten().boxed()
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        self.carry_out(changes).await
    }

    fn counters(&self) -> Counters {
        self.sessions.counters()
    }
}
