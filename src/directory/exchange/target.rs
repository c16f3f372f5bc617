//! Contacts of ours in a forest, and who holds the other addresses there.

use super::attributes::ldap_name;
use super::connection::{Access, Session, Traffic};
use super::contact::ContactReader;
use super::forest::{self, Organization};
use super::{ExchangeSecrets, contents, target_verify};
use crate::directory::{ChangeOutcome, Error, Normalizer, Target, TargetEvent};
use crate::model::connector::{Connector, ExchangeOnPremises};
use crate::model::mapping::Mapping;
use crate::model::mark::MarkScope;
use crate::model::observed::{Capabilities, Counters, Verification};
use crate::model::{Change, OwnerId, SyncId, SystemIdentity};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// Requests under way at the same time where the connector does not say.
const CONCURRENCY: u32 = 16;
/// A few seconds' work of a domain controller.
const BATCH: usize = 250;

/// One organizational unit of a forest that holds our contacts.
pub struct ExchangeTarget {
    pub(super) settings: ExchangeOnPremises,
    pub(super) owner_attribute: String,
    owner: OwnerId,
    sync: SyncId,
    mapping: Mapping,
    pub(super) concurrency: usize,
    pub(super) access: Access,
    pub(super) traffic: Arc<Traffic>,
    /// One controller for all that this value does, so that it reads what it wrote.
    session: Mutex<Option<Session>>,
    info: OnceCell<Arc<TargetInfo>>,
    /// The contacts' organizational unit was seen, or made.
    pub(super) place: OnceCell<()>,
}

/// What is learnt from the forest once.
pub(super) struct TargetInfo {
    pub(super) scope: MarkScope,
    pub(super) organization: Organization,
    pub(super) reader: ContactReader,
}

impl ExchangeTarget {
    /// Checks what can be checked without a connection; connects at the first call. `mapping` says which
    /// custom attributes are ours.
    ///
    /// # Errors
    /// [`Error::Configuration`] without `contactsOu` or for a CA bundle without certificates,
    /// [`Error::Unauthenticated`] for empty secrets.
    pub fn new(
        settings: &ExchangeOnPremises,
        connector: &Connector,
        secrets: ExchangeSecrets,
        owner: OwnerId,
        sync: SyncId,
        mapping: Mapping,
    ) -> Result<Self, Error> {
        if settings.contacts_ou.as_deref().is_none_or(|ou| ou.trim().is_empty()) {
            return Err(Error::Configuration("contactsOu must name the organizational unit for our contacts".into()));
        }
        Ok(Self {
            settings: settings.clone(),
            owner_attribute: connector.owner_attribute.clone(),
            owner,
            sync,
            mapping,
            concurrency: connector.rate_limit.max_concurrent_requests.filter(|n| *n > 0).unwrap_or(CONCURRENCY)
                as usize,
            access: Access::new(settings, secrets)?,
            traffic: Arc::new(Traffic::new(connector)),
            session: Mutex::new(None),
            info: OnceCell::new(),
            place: OnceCell::new(),
        })
    }

    pub(super) fn contacts_ou(&self) -> &str {
        self.settings.contacts_ou.as_deref().expect("checked at construction")
    }

    pub(super) async fn session(&self) -> Result<Session, Error> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.clone().filter(Session::is_open) {
            return Ok(session);
        }
        let session = Session::connect(&self.settings.ldap.urls, &self.access, &self.traffic).await?;
        let ou = self.contacts_ou();
        if session.naming_context_of(ou).is_none() {
            return Err(Error::Configuration(format!(
                "{} does not hold the domain of {ou}; put a domain controller of that domain into ldap.urls",
                session.server
            )));
        }
        Ok(current.insert(session).clone())
    }

    /// Forgets the connection, so that the next call makes a new one.
    pub(super) async fn disconnect(&self) {
        *self.session.lock().await = None;
    }

    pub(super) async fn info(&self, session: &Session) -> Result<Arc<TargetInfo>, Error> {
        let learn = || async {
            let target = forest::identity(session).await?;
            let organization = Organization::read(session, &self.settings.address_lists).await?;
            Ok(Arc::new(TargetInfo {
                scope: MarkScope { owner: self.owner.clone(), sync: self.sync.clone(), target },
                reader: ContactReader {
                    owner_attribute: self.owner_attribute.clone(),
                    mapping: self.mapping.clone(),
                    address_lists: organization.address_lists.clone(),
                },
                organization,
            }))
        };
        self.info.get_or_try_init(learn).await.cloned()
    }
}

#[async_trait]
impl Target for ExchangeTarget {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        forest::identity(&self.session().await?).await
    }

    async fn verify(&self) -> Result<Verification, Error> {
        target_verify::verify(self).await
    }

    async fn capabilities(&self) -> Result<Capabilities, Error> {
        Ok(Capabilities { can_hide: true, x500: true, batch: BATCH })
    }

    fn normalizer(&self) -> Normalizer {
        Normalizer::exchange(self.mapping.clone(), &self.owner_attribute, ldap_name)
    }

    fn contents(&self) -> BoxStream<'_, Result<TargetEvent, Error>> {
        stream::once(contents::read(self)).try_flatten().boxed()
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<ChangeOutcome>, Error> {
        self.carry_out(changes).await
    }

    fn counters(&self) -> Counters {
        self.traffic.counters()
    }
}
