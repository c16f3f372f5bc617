//! What changed at a domain controller since a cursor (mail-rules §9).
//!
//! A search with the source's own filter and `uSNChanged>=N` never returns an object that *left* the filter.
//! So all changed objects of the classes that can be recipients are read, over the whole naming context, and
//! judged here.

use super::connection::Session;
use super::entry::{CLASSES, Seen, Shape};
use super::failure::code;
use super::search::{self, Problem, Query};
use super::source::{NamingContext, nameless};
use super::{names, record::Record};
use crate::directory::{Error, SourceEvent};
use crate::model::Anchor;
use futures::stream::{Stream, TryStreamExt};
use std::future::ready;
use std::sync::Arc;

type Event = Result<SourceEvent, Error>;

/// Well-known object "Deleted Objects" ([MS-ADTS] 6.1.1.4).
const DELETED_OBJECTS: &str = "18e2ea80684f11d2b9aa00c04f79f805";

/// Whether the account sees tombstones. By default only administrators do: the container's attributes are
/// hidden from others, and so, silently, is all that lies in it.
pub(super) async fn can_see_deleted(session: &Session, naming_context: &str) -> Result<bool, Error> {
    let container = format!("<WKGUID={DELETED_OBJECTS},{naming_context}>");
    let query = Query::object(&container, &["objectGUID"]).with_deleted();
    match search::all(session, &query).await {
        Ok(found) => Ok(found.first().is_some_and(|container| container.guid().is_some())),
        Err(Problem::Code(result)) if matches!(result.rc, code::NO_OBJECT | code::INSUFFICIENT_RIGHTS) => Ok(false),
        Err(problem) => Err(problem.into_error(session, "looking for deleted objects")),
    }
}

/// Anchors of all objects deleted since.
pub(super) fn deleted(context: &NamingContext, usn: u64) -> impl Stream<Item = Event> + Send + use<> {
    let filter = format!("(&(isDeleted=TRUE)(uSNChanged>={}))", usn + 1);
    let query = Query::subtree(&context.dn, filter, &["objectGUID"]).with_deleted();
    search::records(&context.session, query).try_filter_map(|record| {
        let anchor = record.guid().and_then(|guid| Anchor::new(guid).ok());
        ready(Ok(anchor.map(SourceEvent::Remove)))
    })
}

/// Recipients below containers that changed since: renaming or moving an organizational unit moves them in or
/// out of scope without touching them.
pub(super) fn moved(context: &NamingContext, usn: u64, shape: &Arc<Shape>) -> impl Stream<Item = Event> + Send + use<> {
    let filter = format!(
        "(&(uSNChanged>={})(uSNCreated<={usn})(|(objectClass=organizationalUnit)(objectClass=container)))",
        usn + 1
    );
    let query = Query::subtree(&context.dn, filter, &["objectGUID"]);
    let system = format!("CN=System,{}", context.dn);
    let (session, shape) = (context.session.clone(), shape.clone());
    search::records(&context.session, query)
        .try_filter(move |container| ready(!names::is_within(&container.dn, &system)))
        .map_ok(move |container| {
            let below =
                Query::subtree(&container.dn, format!("(&(mailNickname=*){CLASSES})"), &shape.ldap_attributes());
            judged(search::records(&session, below), &session, &shape)
        })
        .try_flatten()
}

/// Objects that changed since, recipients or not.
pub(super) fn changed(
    context: &NamingContext,
    usn: u64,
    shape: &Arc<Shape>,
) -> impl Stream<Item = Event> + Send + use<> {
    let filter = format!("(&(uSNChanged>={}){CLASSES})", usn + 1);
    let query = Query::subtree(&context.dn, filter, &shape.ldap_attributes());
    judged(search::records(&context.session, query), &context.session, shape)
}

fn judged<R>(records: R, session: &Session, shape: &Arc<Shape>) -> impl Stream<Item = Event> + Send + use<R>
where
    R: Stream<Item = Result<Record, Error>> + Send + 'static,
{
    let (shape, server) = (shape.clone(), session.server.clone());
    records.and_then(move |record| {
        ready(match shape.see(&record) {
            Seen::Entry(entry) => Ok(SourceEvent::Upsert(entry)),
            Seen::NotInScope(anchor) => Ok(SourceEvent::Remove(anchor)),
            Seen::Nameless => Err(nameless(&server)),
        })
    })
}
