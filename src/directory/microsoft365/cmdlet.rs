//! Calls of cmdlets, and what they give.

use super::SYSTEM;
use super::cmdlet_error::{CmdletError, Cmdlets};
use super::invocation::Invocation;
use super::properties::Rows;
use super::row::Row;
use super::session::Session;
use crate::directory::Error;
use crate::directory::stream::ahead;
use crate::http::{LazyList, READINGS, lazy_list};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Why a cmdlet gave no result.
#[derive(Debug)]
pub(super) enum Failed {
    /// The cmdlet was refused; what that means depends on what was wanted.
    Cmdlet(CmdletError),
    /// It was not looked at.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The cmdlet endpoint of one tenant.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a>(pub(super) &'a Arc<Session>);

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    cmdlet: &'static str,
    parameters: Map<String, Value>,
    select: String,
    just_made: bool,
}

/// In what kind of request a cmdlet goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// With others that wait, if the connector permits it.
    Gathered,
    /// Pages are large, and each but the first has an address of its own.
    Alone,
}

/// A page whose objects are still text: the next one is asked for before they are looked at.
struct Page {
    rows: LazyList,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'b> {
    #[serde(default, borrow, deserialize_with = "lazy_list::present")]
    value: Option<&'b RawValue>,
    #[serde(default, rename = "@adminapi.warnings")]
    warnings: Vec<String>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
}

impl Call {
    pub(super) fn new(cmdlet: &'static str) -> Self {
        Self { cmdlet, parameters: Map::new(), select: String::new(), just_made: false }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn with_all(mut self, parameters: Map<String, Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Only these properties of the result.
    pub(super) fn select<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.select = names.into_iter().collect::<Vec<_>>().join(",");
        self
    }

    /// The object was made a moment ago: it may not be found at once.
    pub(super) fn on_new_object(mut self) -> Self {
        self.just_made = true;
        self
    }
}

impl Exchange<'_> {
    fn url(&self, call: &Call) -> String {
        let Session { account, endpoint, .. } = &**self.0;
        let url = format!("{}/adminapi/beta/{}/InvokeCommand", endpoint.base(), account.tenant);
        if call.select.is_empty() { url } else { format!("{url}?$select={}", call.select) }
    }

    async fn page(&self, call: &Call, url: String, way: Way) -> Result<Page, Failed> {
        let (tenant, just_made) = (&self.0.account.tenant, call.just_made);
        let invocation = Arc::new(Invocation::new(url, tenant, call.cmdlet, &call.parameters, just_made));
        for _ in 0..READINGS {
            let answer = match way {
                Way::Gathered => self.0.invoke(&invocation).await?,
                Way::Alone => self.0.send(&Cmdlets { just_made }, |http| invocation.request(http)).await?,
            };
            if !answer.status.is_success() {
                return Err(Failed::Cmdlet(CmdletError::of(answer.status, &answer.body)));
            }
            let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(&answer.body) else { continue };
            if !envelope.warnings.is_empty() {
                // Their words can hold names.
                tracing::debug!(cmdlet = call.cmdlet, count = envelope.warnings.len(), "warnings");
            }
            return Ok(Page { rows: LazyList::new(&answer.body, envelope.value), next: envelope.next });
        }
        Err(unreadable(call).into())
    }

    /// The result of a cmdlet that gives one page at most.
    pub(super) async fn run(&self, call: &Call) -> Result<Vec<Row>, Failed> {
        let page = self.page(call, self.url(call), Way::Gathered).await?;
        Ok(rows(&page.rows, call)?)
    }

    /// All pages, one after the other, the next one on its way while one is looked at; it begins now. A failure
    /// concerns the whole list.
    pub(super) fn list(self, call: Call) -> impl Stream<Item = Result<Vec<Row>, Error>> + Send + use<> {
        self.pages(call.with("ResultSize", "Unlimited"))
    }

    fn pages(self, call: Call) -> impl Stream<Item = Result<Vec<Row>, Error>> + Send + use<> {
        let call = Arc::new(call);
        let first = self.url(&call);
        let state = (self.0.clone(), call.clone(), Some(first), 0_usize);
        let pages = stream::try_unfold(state, |(session, call, url, number)| async move {
            let Some(url) = url else { return Ok(None) };
            let page = Exchange(&session).page(&call, url, Way::Alone).await;
            let page = page.map_err(|failed| failed.into_error(call.cmdlet))?;
            // Only what finds nothing at all may leave its list out, and a tenant has recipients.
            // Any other page without one is not whole: taken for empty, it would be a thousand people gone.
            let nothing_at_all = number == 0 && page.next.is_none() && call.cmdlet != "Get-Recipient";
            if page.rows.is_absent() && !nothing_at_all {
                return Err(unreadable(&call));
            }
            let next = match page.next {
                None => None,
                // The same body goes to the link.
                Some(link) => Some(session.endpoint.follow(&link).map_err(|_| Error::Protocol {
                    system: SYSTEM,
                    hint: format!("{} names no usable next page", call.cmdlet),
                })?),
            };
            Ok(Some((page.rows, (session, call, next, number + 1))))
        });
        ahead(pages).map(move |page| rows(&page?, &call))
    }

    pub(super) async fn all(self, call: Call) -> Result<Vec<Row>, Error> {
        self.list(call).try_concat().await
    }

    /// All rows of a cmdlet that gives everything unasked.
    pub(super) async fn whole(self, call: Call) -> Result<Vec<Row>, Error> {
        self.pages(call).try_concat().await
    }
}

fn rows(page: &LazyList, call: &Call) -> Result<Vec<Row>, Error> {
    page.read::<Rows>().map(|rows| rows.0).map_err(|_| unreadable(call))
}

fn unreadable(call: &Call) -> Error {
    let hint = format!("the answer to {} is not what the cmdlet endpoint gives", call.cmdlet);
    Error::Protocol { system: SYSTEM, hint }
}

impl Failed {
    pub(super) fn into_error(self, cmdlet: &'static str) -> Error {
        match self {
            Self::Cmdlet(error) => error.into_error(cmdlet),
            Self::Error(error) => error,
        }
    }
}

/// Values to add to a list and to remove from it, by value, so that others' values stay.
pub(super) fn edit(add: Vec<String>, remove: Vec<String>) -> Value {
    let mut table = json!({ "@odata.type": "#Exchange.GenericHashTable" });
    for (name, values) in [("Add", add), ("Remove", remove)] {
        if !values.is_empty() {
            table[name] = json!(values);
        }
    }
    table
}

/// A text in a filter.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
