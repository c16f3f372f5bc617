//! Delta rounds: all objects at first, then what changed since, page by page (Microsoft Graph: "Use delta query").

use super::error::GraphError;
use super::properties;
use super::query;
use super::view::{Removal, Sequence, View};
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::odata;
use crate::sandbox::microsoft365::recipient::{Recipient, Resource};
use crate::sandbox::microsoft365::tenant::{LostDelta, Tenant};
use crate::sandbox::server::call::{Call, Reply};
use crate::sandbox::server::clock::after;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most objects of a page that a client may ask for.
const MAX_PAGE: usize = 999;

/// What a link carries. Opaque to clients.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    tenant: Guid,
    resource: Resource,
    issued: Timestamp,
    select: Option<Vec<String>>,
    ids: Option<Vec<Guid>>,
    size: usize,
    /// Where the round starts in the log; none = it tells all objects.
    from: Option<Sequence>,
    /// Only within a round.
    page: Option<Page>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Page {
    /// Where the next round will start.
    until: Sequence,
    number: usize,
    position: usize,
    /// Members of the group at `position` that were told already.
    members: usize,
}

/// One object of a round.
#[derive(Debug, Clone, Default)]
struct Item {
    id: Guid,
    changed: BTreeSet<&'static str>,
    joined: BTreeSet<Guid>,
    left: BTreeSet<Guid>,
}

pub fn delta(call: &Call, tenant: &Tenant, resource: Resource, now: Timestamp) -> Result<Reply, GraphError> {
    let token = match (odata::option(call, "$deltatoken"), odata::option(call, "$skiptoken")) {
        (Some("latest"), None) => {
            query::only(call, &["deltatoken", "select", "filter"])?;
            let mut token = first(call, tenant, resource, now)?;
            token.from = Some(tenant.view.log().len());
            return Ok(answer(call, resource, Vec::new(), ("@odata.deltaLink", "$deltatoken", &token)));
        }
        (Some(""), None) | (None, None) => {
            query::only(call, &["deltatoken", "select", "filter"])?;
            first(call, tenant, resource, now)?
        }
        (Some(text), None) | (None, Some(text)) => {
            query::only(call, &["deltatoken", "skiptoken"])?;
            known(text, call, tenant, resource, now)?
        }
        (Some(_), Some(_)) => return Err(GraphError::BadToken),
    };
    page(call, tenant, token, now)
}

fn first(call: &Call, tenant: &Tenant, resource: Resource, now: Timestamp) -> Result<Token, GraphError> {
    let select = query::select(call, resource, false)?;
    let select = select.map(|names| names.into_iter().map(str::to_owned).collect());
    let ids = query::ids(call)?;
    let size = tenant.graph.delta_page_size;
    Ok(Token { tenant: tenant.id, resource, issued: now, select, ids, size, from: None, page: None })
}

fn known(text: &str, call: &Call, tenant: &Tenant, resource: Resource, now: Timestamp) -> Result<Token, GraphError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| GraphError::BadToken)?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|_| GraphError::BadToken)?;
    if token.tenant != tenant.id || token.resource != resource {
        return Err(GraphError::BadToken);
    }
    if after(token.issued, tenant.graph.delta_token_life) <= now {
        return Err(GraphError::SyncState);
    }
    match tenant.lost_delta {
        Some((time, how)) if token.issued <= time => Err(lost(call, &token, how)),
        _ => Ok(token),
    }
}

/// The error by which Graph forgets a token.
fn lost(call: &Call, token: &Token, how: LostDelta) -> GraphError {
    match how {
        LostDelta::SyncStateNotFound => GraphError::SyncState,
        LostDelta::ResyncRequired => {
            let select = token.select.as_ref().map(|names| format!("&$select={}", names.join(","))).unwrap_or_default();
            GraphError::Resync(format!("{}{}?$deltatoken={select}", call.base_url, call.path))
        }
    }
}

fn page(call: &Call, tenant: &Tenant, mut token: Token, now: Timestamp) -> Result<Reply, GraphError> {
    let (view, settings, resource) = (&tenant.view, &tenant.graph, token.resource);
    if let Some(size) = call.preference("odata.maxpagesize") {
        let size = size.parse::<usize>().ok().filter(|size| *size > 0);
        token.size = size.ok_or_else(|| GraphError::Value("Prefer", "odata.maxpagesize".to_owned()))?.min(MAX_PAGE);
    }
    let selected = match &token.select {
        Some(names) => query::selected(names.iter().map(String::as_str), resource, false)?,
        None => Vec::new(),
    };
    let shown = match &token.select {
        Some(_) => selected.clone(),
        None => properties::default(resource),
    };
    let tracks_members = resource == Resource::Groups && (token.select.is_none() || selected.contains(&"members"));
    let minimal = token.from.is_some() && call.preference("return") == Some("minimal");
    let mut at = token.page.unwrap_or(Page { until: view.log().len(), number: 0, position: 0, members: 0 });
    let items = match token.from {
        None => Items::All(view.order(resource)),
        Some(from) => {
            // A round that tells something new begins a little before it.
            let start = if at.until > from { from.saturating_sub(settings.replay) } else { from };
            Items::Changed(changed(view, resource, start..at.until, &shown, tracks_members))
        }
    };
    let tell = |item: &Item| show(view, item, &shown, minimal);
    let wanted = |item: &Item| token.ids.as_ref().is_none_or(|ids| ids.contains(&item.id));

    let mut value = Vec::new();
    let empty = settings.empty_page_every > 0 && (at.number + 1).is_multiple_of(settings.empty_page_every);
    if !empty {
        let repeated = at.position.saturating_sub(token.size)..at.position;
        for position in repeated.filter(|p| settings.repeat_every > 0 && p.is_multiple_of(settings.repeat_every)) {
            value.extend(items.get(position).filter(&wanted).as_ref().and_then(tell));
        }
        let full = value.len() + token.size;
        while value.len() < full && at.position < items.len() {
            let item = items.get(at.position).filter(&wanted);
            let Some((item, mut object)) = item.and_then(|item| tell(&item).map(|object| (item, object))) else {
                at.position += 1;
                continue;
            };
            let mut more = false;
            if tracks_members && !object.contains_key("@removed") {
                let members = members(view, &item, token.from.is_none());
                let end = (at.members + settings.member_slice).min(members.len());
                if !members.is_empty() {
                    object.insert("members@delta".to_owned(), Value::Array(members[at.members..end].to_vec()));
                }
                more = end < members.len();
                at.members = if more { end } else { 0 };
            }
            value.push(object);
            if more {
                break;
            }
            at.position += 1;
        }
        // The order means nothing; clients must not rely on it.
        if at.number % 2 == 1 {
            value.reverse();
        }
    }
    at.number += 1;
    let done = at.position >= items.len();
    token.issued = now;
    if done {
        token.from = Some(at.until);
        token.page = None;
    } else {
        token.page = Some(at);
    }
    let link =
        if done { ("@odata.deltaLink", "$deltatoken", &token) } else { ("@odata.nextLink", "$skiptoken", &token) };
    Ok(answer(call, resource, value, link))
}

enum Items<'a> {
    All(&'a [Guid]),
    Changed(Vec<Item>),
}

impl Items<'_> {
    fn len(&self) -> usize {
        match self {
            Self::All(ids) => ids.len(),
            Self::Changed(items) => items.len(),
        }
    }

    fn get(&self, position: usize) -> Option<Item> {
        match self {
            Self::All(ids) => ids.get(position).map(|id| Item { id: *id, ..Item::default() }),
            Self::Changed(items) => items.get(position).cloned(),
        }
    }
}

/// Objects with a change that the selection tracks, in the order of their first change.
fn changed(
    view: &View,
    resource: Resource,
    range: std::ops::Range<Sequence>,
    shown: &[&'static str],
    tracks_members: bool,
) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut known: BTreeMap<Guid, usize> = BTreeMap::new();
    for change in view.log()[range].iter().filter(|change| change.resource == resource) {
        let tracked = change.removed.is_some()
            || change.properties.iter().any(|name| shown.contains(name))
            || tracks_members && (!change.joined.is_empty() || !change.left.is_empty());
        if !tracked {
            continue;
        }
        let index = *known.entry(change.id).or_insert_with(|| {
            items.push(Item { id: change.id, ..Item::default() });
            items.len() - 1
        });
        let item = &mut items[index];
        item.changed.extend(&change.properties);
        for member in &change.joined {
            item.left.remove(member);
            item.joined.insert(*member);
        }
        for member in &change.left {
            item.joined.remove(member);
            item.left.insert(*member);
        }
    }
    items
}

fn show(view: &View, item: &Item, shown: &[&'static str], minimal: bool) -> Option<Map<String, Value>> {
    if let Some(recipient) = view.get(item.id) {
        if !minimal {
            return Some(properties::object(recipient, shown, false));
        }
        let changed: Vec<&'static str> = shown.iter().copied().filter(|name| item.changed.contains(name)).collect();
        return Some(properties::object(recipient, &changed, true));
    }
    let removal: Removal = view.removal(item.id)?;
    let gone = json!({"id": item.id, "@removed": {"reason": removal.reason()}});
    gone.as_object().cloned()
}

/// Entries of `members@delta`: all members at first, later who joined and who left.
fn members(view: &View, item: &Item, all: bool) -> Vec<Value> {
    let entry = |guid: &Guid, removed: bool| {
        let (id, resource) = view.member(*guid)?;
        let mut entry =
            json!({"@odata.type": format!("#microsoft.graph.{}", super::route::type_name(resource)), "id": id});
        if removed {
            entry["@removed"] = json!({"reason": "deleted"});
        }
        Some(entry)
    };
    if all {
        let group = view.get(item.id).and_then(|recipient: &std::sync::Arc<Recipient>| recipient.group.as_ref());
        return group
            .map(|group| group.members.iter().filter_map(|guid| entry(guid, false)).collect())
            .unwrap_or_default();
    }
    let joined = item.joined.iter().filter_map(|guid| entry(guid, false));
    joined.chain(item.left.iter().filter_map(|guid| entry(guid, true))).collect()
}

fn answer(call: &Call, resource: Resource, value: Vec<Map<String, Value>>, link: (&str, &str, &Token)) -> Reply {
    let (name, parameter, token) = link;
    let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(token).expect("a token is plain data"));
    let collection = match resource {
        Resource::Users => "users",
        Resource::Groups => "groups",
        Resource::Contacts => "contacts",
    };
    let body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#{collection}", call.base_url),
        name: format!("{}{}?{parameter}={text}", call.base_url, call.path),
        "value": value,
    });
    Reply::json(200, &body)
}
