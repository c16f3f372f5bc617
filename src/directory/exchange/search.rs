//! Searches: always in pages, the next page asked for while the last one is worked on, ranges completed.

use super::connection::Session;
use super::failure::{self, code, is_busy};
use super::names;
use super::record::Record;
use crate::directory::Error;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{LdapError, LdapResult, Scope};

/// AD's default MaxPageSize; a search for more is cut off at it.
const PAGE_SIZE: i32 = 1000;
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";

#[derive(Debug, Clone)]
pub(super) struct Query {
    base: String,
    scope: Scope,
    filter: String,
    attributes: Vec<String>,
    controls: Vec<&'static str>,
    limit: Option<i32>,
}

impl Query {
    pub(super) fn subtree(base: &str, filter: impl Into<String>, attributes: &[&str]) -> Self {
        let attributes = attributes.iter().map(|name| (*name).to_owned()).collect();
        Self {
            base: base.to_owned(),
            scope: Scope::Subtree,
            filter: filter.into(),
            attributes,
            controls: Vec::new(),
            limit: None,
        }
    }

    pub(super) fn object(dn: &str, attributes: &[&str]) -> Self {
        Self { scope: Scope::Base, ..Self::subtree(dn, "(objectClass=*)", attributes) }
    }

    /// Also tombstones, which hold little but their objectGUID.
    pub(super) fn with_deleted(mut self) -> Self {
        self.controls.push(SHOW_DELETED);
        self
    }

    /// Distinguished names as `<GUID=…>;<SID=…>;CN=…`.
    pub(super) fn with_extended_names(mut self) -> Self {
        self.controls.push(EXTENDED_DN);
        self
    }

    /// No more than the first few.
    pub(super) fn at_most(mut self, limit: i32) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn action(&self) -> String {
        if self.base.is_empty() { "reading the root entry".into() } else { format!("reading {}", self.base) }
    }

    fn controls(&self, cookie: Vec<u8>) -> Vec<RawControl> {
        let control = |oid: &&str| RawControl {
            ctype: (*oid).to_owned(),
            crit: true,
            // SEQUENCE { INTEGER 1 }: GUIDs as text with hyphens.
            val: (*oid == EXTENDED_DN).then(|| vec![0x30, 0x03, 0x02, 0x01, 0x01]),
        };
        let mut controls: Vec<RawControl> = self.controls.iter().map(control).collect();
        if self.scope != Scope::Base {
            let paged: RawControl =
                PagedResults { size: self.limit.unwrap_or(PAGE_SIZE).min(PAGE_SIZE), cookie }.into();
            controls.push(RawControl { crit: true, ..paged });
        }
        controls
    }
}

/// Why a search did not succeed.
pub(super) enum Problem {
    Code(Box<LdapResult>),
    Connection(LdapError),
    Malformed,
}

impl Problem {
    pub(super) fn into_error(self, session: &Session, action: &str) -> Error {
        match self {
            Self::Code(result) => failure::of_result(&session.server, action, &result),
            Self::Connection(error) => session.failed(&error),
            Self::Malformed => {
                let hint = format!("{} sent an entry that cannot be read while {action}", session.server);
                Error::Protocol { system: failure::SYSTEM, hint }
            }
        }
    }
}

type Page = (Vec<Record>, Vec<u8>);

async fn page(session: Session, query: Query, cookie: Vec<u8>) -> Result<Page, Problem> {
    for attempt in 0.. {
        session.traffic.request().await;
        let mut ldap = session.handle();
        ldap.with_controls(query.controls(cookie.clone()));
        let opened = ldap.streaming_search(&query.base, query.scope, &query.filter, query.attributes.clone()).await;
        let mut found = opened.map_err(Problem::Connection)?;
        let mut records = Vec::new();
        while let Some(entry) = found.next().await.map_err(Problem::Connection)? {
            if !entry.is_ref() && !entry.is_intermediate() {
                records.push(Record::parse(entry).ok_or(Problem::Malformed)?);
            }
        }
        let result = found.finish().await;
        if is_busy(&result) && session.traffic.busy(attempt).await {
            continue;
        }
        if result.rc != code::SUCCESS {
            return Err(Problem::Code(Box::new(result)));
        }
        session.traffic.read(records.iter().map(Record::size).sum());
        for record in &mut records {
            complete_ranges(&session, record).await?;
        }
        return Ok((records, next_cookie(&result)));
    }
    unreachable!("the loop returns")
}

fn next_cookie(result: &LdapResult) -> Vec<u8> {
    let cookie = result.ctrls.iter().find_map(|Control(kind, raw)| {
        matches!(kind, Some(ControlType::PagedResults)).then(|| raw.parse::<PagedResults>().cookie)
    });
    cookie.unwrap_or_default()
}

/// Fetches what a server holds back of attributes with many values (AD: MaxValRange, 1,500).
async fn complete_ranges(session: &Session, record: &mut Record) -> Result<(), Problem> {
    for (name, start) in record.fold_ranges() {
        let mut next = Some(start);
        while let Some(start) = next {
            let wanted = format!("{name};range={start}-*");
            let dn = record.guid().map_or_else(|| record.dn.clone(), |guid| names::guid_dn(&guid));
            let mut query = Query::object(&dn, &[&wanted]);
            if record.dn.starts_with("<GUID=") {
                query = query.with_extended_names();
            }
            // A base search has one page, and its own answer is one range again.
            let found = Box::pin(raw_object(session.clone(), query)).await?;
            let mut part = found.ok_or(Problem::Malformed)?;
            next = record.append_range(&name, &mut part);
            if next.is_some_and(|next| next <= start) {
                return Err(Problem::Malformed);
            }
        }
    }
    Ok(())
}

async fn raw_object(session: Session, query: Query) -> Result<Option<Record>, Problem> {
    for attempt in 0.. {
        session.traffic.request().await;
        let mut ldap = session.handle();
        ldap.with_controls(query.controls(Vec::new()));
        let found = ldap.search(&query.base, query.scope, &query.filter, query.attributes.clone()).await;
        let ldap3::SearchResult(entries, result) = found.map_err(Problem::Connection)?;
        if is_busy(&result) && session.traffic.busy(attempt).await {
            continue;
        }
        if result.rc != code::SUCCESS {
            return Err(Problem::Code(Box::new(result)));
        }
        let record = entries.into_iter().find(|entry| !entry.is_ref() && !entry.is_intermediate()).map(Record::parse);
        return record.map_or(Ok(None), |record| record.map(Some).ok_or(Problem::Malformed));
    }
    unreachable!("the loop returns")
}

/// Everything that a search finds, at most its limit.
pub(super) async fn all(session: &Session, query: &Query) -> Result<Vec<Record>, Problem> {
    if let Some(limit) = query.limit {
        let (mut records, _) = page(session.clone(), query.clone(), Vec::new()).await?;
        records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        return Ok(records);
    }
    pages(session.clone(), query.clone()).try_concat().await
}

/// One search as a stream of its pages. While one is handed out, the next is under way.
fn pages(session: Session, query: Query) -> impl Stream<Item = Result<Vec<Record>, Problem>> {
    let ask = move |cookie: Vec<u8>| tokio::spawn(page(session.clone(), query.clone(), cookie));
    let first = Some(ask(Vec::new()));
    stream::try_unfold((first, ask), |(pending, ask)| async move {
        let Some(pending) = pending else { return Ok(None) };
        let (records, cookie) = pending.await.unwrap_or(Err(Problem::Connection(LdapError::EndOfStream)))?;
        let next = (!cookie.is_empty()).then(|| ask(cookie));
        Ok(Some((records, (next, ask))))
    })
}

/// One search as a stream of records; its end without an error means that everything was read.
pub(super) fn records(session: &Session, query: Query) -> impl Stream<Item = Result<Record, Error>> + Send + use<> {
    let action = query.action();
    let session = session.clone();
    let pages = pages(session.clone(), query).map_err(move |problem| problem.into_error(&session, &action));
    pages.map_ok(|records| stream::iter(records).map(Ok)).try_flatten()
}
