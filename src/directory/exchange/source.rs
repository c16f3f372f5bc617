//! Reading the recipients of a forest.

use super::changes;
use super::connection::{Access, Session, Traffic};
use super::cursor::{self, Cursor, Cursors, Position};
use super::entry::{CLASSES, Seen, Shape};
use super::failure::SYSTEM;
use super::groups::{self, Place};
use super::search::{self, Query};
use super::{ExchangeSecrets, forest, names, source_verify};
use crate::directory::stream::{members as member_events, until_error};
use crate::directory::{Completion, Error, Source, SourceEvent, Token};
use crate::model::connector::{Connector, ExchangeOnPremises, ReadScope};
use crate::model::observed::{Counters, Verification};
use crate::model::{Anchor, SystemIdentity};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use std::future::ready;
use std::sync::{Arc, Mutex};

/// The recipients of one forest, or of parts of it.
pub struct ExchangeSource {
    pub(super) settings: ExchangeOnPremises,
    pub(super) owner_attribute: String,
    pub(super) scope: ReadScope,
    pub(super) access: Access,
    pub(super) traffic: Arc<Traffic>,
    /// Cursors of a token that no controller at hand fits: the full read that follows keeps them.
    remembered: Mutex<Cursors>,
}

/// One naming context with those of the connector's bases that lie in it.
pub(super) struct NamingContext {
    pub(super) session: Session,
    pub(super) dn: String,
    pub(super) bases: Vec<String>,
    pub(super) position: Position,
}

impl ExchangeSource {
    /// Checks what can be checked without a connection; connects at the first call.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a CA bundle without certificates, [`Error::Unauthenticated`] for empty secrets.
    pub fn new(
        settings: &ExchangeOnPremises,
        connector: &Connector,
        secrets: ExchangeSecrets,
        scope: ReadScope,
    ) -> Result<Self, Error> {
        Ok(Self {
            settings: settings.clone(),
            owner_attribute: connector.owner_attribute.clone(),
            scope,
            access: Access::new(settings, secrets)?,
            traffic: Arc::new(Traffic::new(connector)),
            remembered: Mutex::default(),
        })
    }

    pub(super) async fn connect(&self) -> Result<Session, Error> {
        Session::connect(&self.settings.ldap.urls, &self.access, &self.traffic).await
    }

    async fn connect_catalog(&self) -> Result<Option<Session>, Error> {
        match &self.settings.ldap.global_catalog_url {
            Some(url) => Session::connect(std::slice::from_ref(url), &self.access, &self.traffic).await.map(Some),
            None => Ok(None),
        }
    }

    /// The controller to read from: the first that answers, but rather one whose cursor is known.
    async fn connect_for(&self, since: Option<&Cursors>) -> Result<Session, Error> {
        let session = self.connect().await?;
        let Some(cursors) = since else { return Ok(session) };
        if cursors.knows(&cursor::position(&session).await?.invocation_id) {
            return Ok(session);
        }
        for url in &self.settings.ldap.urls {
            let Ok(other) = Session::connect_once(std::slice::from_ref(url), &self.access, &self.traffic).await else {
                continue;
            };
            if cursors.knows(&cursor::position(&other).await?.invocation_id) {
                return Ok(other);
            }
        }
        Ok(session)
    }

    /// The naming contexts to read, each at one controller. A base in a domain that the controller does not hold
    /// is read from the global catalog.
    pub(super) async fn naming_contexts(&self, since: Option<&Cursors>) -> Result<Vec<NamingContext>, Error> {
        let session = self.connect_for(since).await?;
        let catalog = self.connect_catalog().await?;
        let mut contexts: Vec<NamingContext> = Vec::new();
        for base in self.bases(&session) {
            let (session, dn) = match (session.naming_context_of(&base), &catalog) {
                (Some(context), _) => (&session, context.to_owned()),
                (None, Some(catalog)) => (catalog, domain_part(&base)),
                (None, None) => {
                    let server = &session.server;
                    return Err(Error::Configuration(format!(
                        "{server} does not hold {base}; add globalCatalogUrl, or a connector of its own for that domain"
                    )));
                }
            };
            match contexts.iter_mut().find(|context| names::same(&context.dn, &dn)) {
                Some(context) => context.bases.push(base),
                None => {
                    let position = cursor::position(session).await?;
                    contexts.push(NamingContext { session: session.clone(), dn, bases: vec![base], position });
                }
            }
        }
        Ok(contexts)
    }

    /// The roots of the read, none inside another.
    fn bases(&self, session: &Session) -> Vec<String> {
        if self.settings.base_dns.is_empty() {
            return vec![session.root.default_naming_context.clone()];
        }
        let all = &self.settings.base_dns;
        let inner = |base: &String, at: usize| {
            all.iter().enumerate().any(|(other_at, other)| {
                other_at != at && names::is_within(base, other) && (!names::same(base, other) || other_at < at)
            })
        };
        all.iter().enumerate().filter(|(at, base)| !inner(base, *at)).map(|(_, base)| base.clone()).collect()
    }

    pub(super) fn shape(&self, contexts: &[NamingContext]) -> Shape {
        let bases = contexts.iter().flat_map(|context| context.bases.iter().cloned()).collect();
        Shape::new(&self.scope.attributes, &self.owner_attribute, bases)
    }

    /// Members of all filter groups, before anything else: a group that is missing fails the read at once.
    async fn members(&self, contexts: &[NamingContext]) -> Result<Vec<SourceEvent>, Error> {
        if self.scope.groups.is_empty() {
            return Ok(Vec::new());
        }
        let own = |context: &NamingContext| Place { session: context.session.clone(), root: context.dn.clone() };
        let mut places: Vec<Place> = contexts.iter().map(own).collect();
        places.extend(self.connect_catalog().await?.map(|session| Place { session, root: String::new() }));
        let mut events = Vec::new();
        for group in &self.scope.groups {
            let anchors: Vec<Anchor> = groups::members(&places, group).await?.into_iter().collect();
            events.extend(member_events(group, &anchors));
        }
        Ok(events)
    }

    async fn start(&self, since: Option<Token>) -> Result<BoxStream<'static, Result<SourceEvent, Error>>, Error> {
        let cursors = match &since {
            Some(token) => Cursors::parse(token),
            None => self.remembered.lock().expect("no holder panics").clone(),
        };
        let contexts = self.naming_contexts(since.is_some().then_some(&cursors)).await?;
        let shape = Arc::new(self.shape(&contexts));
        let mut body: Vec<BoxStream<'static, Result<SourceEvent, Error>>> = Vec::new();
        match since {
            None => {
                for context in &contexts {
                    body.extend(context.bases.iter().map(|base| full(&context.session, base, &shape).boxed()));
                }
            }
            Some(_) => {
                let Some(starts) =
                    contexts.iter().map(|context| context.known_until(&cursors)).collect::<Option<Vec<_>>>()
                else {
                    *self.remembered.lock().expect("no holder panics") = cursors;
                    return Err(Error::TokenExpired { system: SYSTEM });
                };
                let each = || contexts.iter().zip(&starts);
                body.extend(each().map(|(context, usn)| changes::deleted(context, *usn).boxed()));
                body.extend(each().map(|(context, usn)| changes::moved(context, *usn, &shape).boxed()));
                body.extend(each().map(|(context, usn)| changes::changed(context, *usn, &shape).boxed()));
            }
        }
        let members = self.members(&contexts).await?;
        let token = self.next_token(&cursors, &contexts).await?;
        let last = SourceEvent::Complete(Completion { token, ..Completion::default() });
        let events = stream::iter(members).map(Ok).chain(stream::iter(body).flatten());
        Ok(until_error(events.chain(stream::once(ready(Ok(last))))).boxed())
    }

    /// Changes can only be followed where tombstones can be read; otherwise each read is a full one.
    async fn next_token(&self, cursors: &Cursors, contexts: &[NamingContext]) -> Result<Option<Token>, Error> {
        let mut new = Vec::new();
        for context in contexts {
            if !changes::can_see_deleted(&context.session, &context.dn).await? {
                tracing::info!("deleted objects cannot be read, so that the next read is a full one again");
                return Ok(None);
            }
            new.push(Cursor {
                invocation_id: context.position.invocation_id.clone(),
                naming_context: context.dn.clone(),
                usn: context.position.highest_usn,
            });
        }
        Ok(Some(cursors.advanced(new).token()))
    }
}

impl NamingContext {
    /// `None` where the controller's changes since then are not known: another controller, another database, or
    /// a number from its future, as after a restored image.
    fn known_until(&self, cursors: &Cursors) -> Option<u64> {
        let usn = cursors.find(&self.position.invocation_id, &self.dn)?;
        (usn <= self.position.highest_usn).then_some(usn)
    }
}

/// The domain components of a name: the naming context that it lies in, as seen by a global catalog.
fn domain_part(dn: &str) -> String {
    let mut rest = dn;
    while !rest.is_empty() && !rest.trim_start().to_lowercase().starts_with("dc=") {
        rest = names::parent(rest);
    }
    rest.trim().to_owned()
}

fn full(
    session: &Session,
    base: &str,
    shape: &Arc<Shape>,
) -> impl Stream<Item = Result<SourceEvent, Error>> + Send + use<> {
    let filter = format!("(&(mailNickname=*){CLASSES})");
    let records = search::records(session, Query::subtree(base, filter, &shape.ldap_attributes()));
    let (shape, server) = (shape.clone(), session.server.clone());
    records.try_filter_map(move |record| {
        ready(match shape.see(&record) {
            Seen::Entry(entry) => Ok(Some(SourceEvent::Upsert(entry))),
            Seen::NotInScope(_) => Ok(None),
            Seen::Nameless => Err(nameless(&server)),
        })
    })
}

/// Without objectGUID nobody can say who an object is; leaving it out would look like a deletion.
pub(super) fn nameless(server: &str) -> Error {
    Error::Forbidden {
        system: SYSTEM,
        action: "reading objectGUID".to_owned(),
        hint: format!("grant the connector's account the right to read all properties; {server} withholds some"),
    }
}

#[async_trait]
impl Source for ExchangeSource {
    async fn identity(&self) -> Result<SystemIdentity, Error> {
        forest::identity(&self.connect().await?).await
    }

    async fn verify(&self) -> Result<Verification, Error> {
        source_verify::verify(self).await
    }

    fn read(&self, since: Option<Token>) -> BoxStream<'_, Result<SourceEvent, Error>> {
        stream::once(self.start(since)).try_flatten().boxed()
    }

    fn counters(&self) -> Counters {
        self.traffic.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_name_is_its_tail() {
        assert_eq!(domain_part("OU=a\\,DC=no,DC=sub,DC=corp,DC=example"), "DC=sub,DC=corp,DC=example");
        assert_eq!(domain_part("dc=corp,dc=example"), "dc=corp,dc=example");
    }
}
