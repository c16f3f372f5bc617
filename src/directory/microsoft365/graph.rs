//! Microsoft Graph: requests, pages and delta rounds.

use super::SYSTEM;
use super::session::Session;
use crate::directory::Error;
use crate::directory::stream::ahead;
use crate::http::{LazyList, READINGS, WholeJson};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::Arc;

pub(super) type Object = Map<String, Value>;

/// Objects of one page. Graph heeds it where it can.
const PAGE: &str = "odata.maxpagesize=999";
/// Ids that one filter takes.
pub(super) const MOST_IDS: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Users,
    Groups,
    Contacts,
}

impl Resource {
    pub(super) const ALL: [Self; 3] = [Self::Users, Self::Groups, Self::Contacts];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Contacts => "contacts",
        }
    }

    /// The least application permission for reading it.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Users => "User.Read.All",
            Self::Groups => "Group.Read.All",
            Self::Contacts => "OrgContact.Read.All",
        }
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failed {
    /// The place in a list or the changes since a token are no longer known: begin anew.
    Lost,
    NotFound,
    Error(Error),
}

impl Failed {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Lost => Error::TokenExpired { system: SYSTEM },
            Self::NotFound => {
                Error::Protocol { system: SYSTEM, hint: "Graph does not have what it has to have".into() }
            }
            Self::Error(error) => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// A page whose objects are still text: the next one is asked for before they are looked at.
pub(super) struct Page {
    objects: LazyList,
    next: Option<String>,
    delta: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'b> {
    /// Always there, also in an empty page: an answer without it is none.
    #[serde(borrow)]
    value: &'b RawValue,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl Page {
    fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failed> {
        self.objects.read().map_err(|_| unreadable())
    }
}

fn unreadable() -> Failed {
    Failed::Error(Error::Protocol { system: SYSTEM, hint: "Graph's answer is no page of a list".to_owned() })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refused {
    error: RefusedError,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RefusedError {
    code: String,
}

#[derive(Clone, Copy)]
pub(super) struct Graph<'a>(pub(super) &'a Arc<Session>);

impl Graph<'_> {
    /// A page by its path and query, or by a link of an earlier one; a link that leads elsewhere is [`Failed::Lost`].
    /// `resource` is what the page tells of, and says which permission is missing if it may not be read.
    pub(super) async fn page(&self, link: &str, resource: Resource) -> Result<Page, Failed> {
        let endpoint = &self.0.endpoint;
        let url = match link.strip_prefix('/') {
            Some(path) => format!("{}/v1.0/{path}", endpoint.base()),
            None => endpoint.follow(link).map_err(|_| Failed::Lost)?,
        };
        let build = |http: &reqwest::Client| http.get(&url).header("prefer", PAGE);
        let mut readings = 0;
        let answer = loop {
            let answer = self.0.send(&WholeJson, build).await?;
            if !answer.status.is_success() {
                break answer;
            }
            readings += 1;
            match serde_json::from_slice::<Envelope<'_>>(&answer.body) {
                Ok(Envelope { value, next, delta }) => {
                    return Ok(Page { objects: LazyList::new(&answer.body, Some(value)), next, delta });
                }
                Err(_) if readings < READINGS => {}
                Err(_) => return Err(unreadable()),
            }
        };
        let code = || serde_json::from_slice::<Refused>(&answer.body).unwrap_or_default().error.code;
        match answer.status {
            StatusCode::GONE => Err(Failed::Lost),
            // A token that is expired, damaged or of another question.
            StatusCode::BAD_REQUEST if link.contains("token=") => Err(Failed::Lost),
            StatusCode::BAD_REQUEST if code().eq_ignore_ascii_case("syncStateNotFound") => Err(Failed::Lost),
            StatusCode::NOT_FOUND => Err(Failed::NotFound),
            StatusCode::FORBIDDEN => Err(Failed::Error(Error::Forbidden {
                system: SYSTEM,
                action: format!("reading {} in Graph", resource.path()),
                hint: format!("give the application the permission {} with admin consent", resource.permission()),
            })),
            status => {
                let code: String = code().chars().filter(char::is_ascii_alphanumeric).take(60).collect();
                let hint = format!("Graph answered {} to a question for {}: {code}", status.as_u16(), resource.path());
                Err(Failed::Error(Error::Protocol { system: SYSTEM, hint }))
            }
        }
    }

    /// All pages of a list.
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &str, resource: Resource) -> Result<Vec<T>, Failed> {
        let mut link = path.to_owned();
        let mut all = Vec::new();
        loop {
            let page = self.page(&link, resource).await?;
            all.extend(page.read::<T>()?);
            match page.next {
                Some(next) => link = next,
                None => return Ok(all),
            }
        }
    }

    /// The objects of these ids that there are.
    pub(super) async fn by_ids<T: DeserializeOwned>(
        &self,
        resource: Resource,
        ids: &[String],
        select: &str,
    ) -> Result<Vec<T>, Failed> {
        let filter = ids.iter().map(|id| format!("id eq '{id}'")).collect::<Vec<_>>().join(" or ");
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        self.all(&format!("/{}?$select={select}&$filter={filter}", resource.path()), resource).await
    }

    /// A round of changes since `link`, or of everything; it begins now, and a page is on its way while another is
    /// looked at.
    pub(super) fn round(self, resource: Resource, select: &str, since: Option<&str>) -> Round {
        let first = since.map_or_else(|| format!("/{}/delta?$select={select}", resource.path()), str::to_owned);
        let pages = stream::try_unfold((self.0.clone(), Some(first)), move |(session, link)| async move {
            let Some(link) = link else { return Ok(None) };
            let page = Graph(&session).page(&link, resource).await?;
            let next = page.next.clone();
            Ok(Some((page, (session, next))))
        });
        Round { pages: ahead(pages).boxed(), delta_link: None }
    }
}

/// The pages of one delta round. A page may be empty though others follow; objects may come again, in any order.
pub(super) struct Round {
    pages: BoxStream<'static, Result<Page, Failed>>,
    /// Where the next round starts; known when there are no more pages.
    delta_link: Option<String>,
}

impl Round {
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, Failed> {
        let Some(page) = self.pages.try_next().await? else { return Ok(None) };
        if page.next.is_none() && page.delta.is_none() {
            let hint = "a round of changes in Graph ended without saying where the next one starts".to_owned();
            return Err(Failed::Error(Error::Protocol { system: SYSTEM, hint }));
        }
        let objects = page.read()?;
        self.delta_link = page.delta;
        Ok(Some(objects))
    }

    /// Where the next round starts, after the last page.
    pub(super) fn finish(self) -> String {
        self.delta_link.expect("the last page has it")
    }
}

pub(super) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn texts<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = &'a str> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

pub(super) fn id(object: &Object) -> Option<String> {
    text(object, "id").map(str::to_lowercase)
}

pub(super) fn is_removed(object: &Object) -> bool {
    object.contains_key("@removed")
}
