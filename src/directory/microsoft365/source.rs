//! Reading the recipients of a tenant.

use super::cmdlet::{Call, Exchange};
use super::cursor::Cursor;
use super::entry::Shape;
use super::graph::Graph;
use super::graph_details::AllGraphDetails;
use super::groups::Groups;
use super::recipient_stream::RecipientStream;
use super::session::Sessions;
use super::target::identity;
use super::{Microsoft365Secrets, graph_only, source_verify};
use crate::directory::stream::until_error;
use crate::directory::{Error, Source, SourceEvent, Token};
use crate::http::Backoff;
use crate::model::SystemIdentity;
use crate::model::connector::{Connector, Microsoft365, ReadScope};
use crate::model::observed::{Counters, Verification};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

/// The recipients of one tenant. Exchange says who is there, hidden and restricted; Graph adds what only it has.
pub struct Microsoft365Source {
    pub(super) graph_only: bool,
    identity: SystemIdentity,
    pub(super) scope: ReadScope,
    pub(super) shape: Shape,
    pub(super) sessions: Sessions,
}

impl Microsoft365Source {
    /// Checks what can be checked without a connection; connects at the first call.
    ///
    /// # Errors
    /// [`Error::Configuration`] for settings that cannot work, [`Error::Unauthenticated`] for secrets that cannot.
    pub fn new(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        scope: ReadScope,
    ) -> Result<Self, Error> {
        Self::with_backoff(settings, connector, secrets, scope, Backoff::default())
    }

    /// With another patience than the default.
    pub fn with_backoff(
        settings: &Microsoft365,
        connector: &Connector,
        secrets: Microsoft365Secrets,
        scope: ReadScope,
        backoff: Backoff,
    ) -> Result<Self, Error> {
        Ok(Self {
            graph_only: settings.graph_only,
            identity: identity(&settings.tenant_id)?,
            shape: Shape { attributes: scope.attributes.clone(), owner_attribute: connector.owner_attribute.clone() },
            scope,
            sessions: Sessions::reading(settings, connector, secrets, backoff)?,
        })
    }

    pub(super) fn exchange(&self) -> Exchange<'_> {
        Exchange(&self.sessions.exchange)
    }

    pub(super) fn graph(&self) -> Graph<'_> {
        Graph(&self.sessions.graph)
    }

    async fn start(&self, since: Option<Token>) -> Result<BoxStream<'_, Result<SourceEvent, Error>>, Error> {
        let since = since.as_ref().map(Cursor::parse).transpose()?;
        if self.graph_only {
            return graph_only::read(self, since).await;
        }
        // A cursor of Graph alone does not know since when to look in Exchange.
        if since.as_ref().is_some_and(|since| since.changed.is_none()) {
            return Err(Error::TokenExpired { system: super::SYSTEM });
        }
        // Its first pages are on their way while groups and details are read.
        let recipients = self.exchange().list(Call::new("Get-Recipient").select(self.shape.properties()));
        let groups = async {
            let groups = Groups::read(self.exchange(), &self.scope.groups).await?;
            let members = groups.members(self.graph(), &self.scope.groups).await?;
            Ok((groups, members))
        };
        let details = AllGraphDetails::read(self.graph(), &self.scope.attributes, since.as_ref().map(Cursor::links));
        let ((groups, members), (details, links)) = futures::try_join!(groups, details)?;
        let reading = RecipientStream::new(self, recipients.boxed(), groups, (details, links), since);
        let events = stream::iter(members).map(Ok).chain(reading.events());
        Ok(until_error(events).boxed())
    }
}

#[async_trait]
impl Source for Microsoft365Source {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        // The tenant's own token endpoint gives no token of another.
        self.sessions.graph.token().await?;
        Ok(self.identity.clone())
    }

    async fn verify(&self) -> Result<Verification, Error> {
        source_verify::verify(self).await
    }

    fn read(&self, since: Option<Token>) -> BoxStream<'_, Result<SourceEvent, Error>> {
        stream::once(self.start(since)).try_flatten().boxed()
    }

    fn counters(&self) -> Counters {
        self.sessions.counters()
    }
}
