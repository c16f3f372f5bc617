//! Lists, single objects and members of groups.

use super::error::GraphError;
use super::properties;
use super::query;
use super::route::type_name;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::odata;
use crate::sandbox::microsoft365::recipient::{Recipient, Resource};
use crate::sandbox::microsoft365::tenant::Tenant;
use crate::sandbox::server::call::{Call, Reply};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const DEFAULT_TOP: usize = 100;

/// `GET /users?$top&$select&$filter`; pages are told by a position in the order of arrival.
pub fn list(call: &Call, tenant: &Tenant, resource: Resource) -> Result<Reply, GraphError> {
    query::only(call, &["top", "select", "filter", "skiptoken"])?;
    let chosen = query::select(call, resource, false)?.unwrap_or_else(|| properties::default(resource));
    let top = query::top(call)?.unwrap_or(DEFAULT_TOP);
    let ids = query::ids(call)?;
    let start = position(call)?;
    let order = tenant.view.order(resource);
    let mut value = Vec::new();
    let mut next = order.len();
    for (index, id) in order.iter().enumerate().skip(start) {
        if value.len() == top {
            next = index;
            break;
        }
        let wanted = ids.as_ref().is_none_or(|ids| ids.contains(id));
        if let Some(recipient) = tenant.view.get(*id).filter(|_| wanted) {
            value.push(Value::Object(properties::object(recipient, &chosen, true)));
        }
    }
    Ok(answer(call, value, (next < order.len()).then_some(next)))
}

pub fn one(call: &Call, tenant: &Tenant, resource: Resource, id: &str) -> Result<Reply, GraphError> {
    query::only(call, &["select"])?;
    let chosen = query::select(call, resource, true)?.unwrap_or_else(|| properties::default(resource));
    let recipient = find(tenant, resource, id)?;
    Ok(Reply::json(200, &Value::Object(properties::object(recipient, &chosen, true))))
}

pub fn members(call: &Call, tenant: &Tenant, group: &str, transitive: bool) -> Result<Reply, GraphError> {
    query::only(call, &["top", "select", "skiptoken"])?;
    let top = query::top(call)?.unwrap_or(DEFAULT_TOP);
    let start = position(call)?;
    let group = find(tenant, Resource::Groups, group)?;
    let mut found = Vec::new();
    collect(tenant, group, transitive, &mut BTreeSet::new(), &mut found);
    let next = (start + top < found.len()).then_some(start + top);
    let mut value = Vec::new();
    for (recipient, resource) in found.iter().skip(start).take(top) {
        // A selection may name properties of any of the types.
        let names = odata::option(call, "$select").map(|names| names.split(',').map(str::trim).collect::<Vec<_>>());
        let chosen = match names {
            Some(names) => names.iter().filter_map(|name| properties::find(*resource, name, false)).collect(),
            None => properties::default(*resource),
        };
        let mut object = Map::new();
        object.insert("@odata.type".to_owned(), format!("#microsoft.graph.{}", type_name(*resource)).into());
        object.append(&mut properties::object(recipient, &chosen, true));
        value.push(Value::Object(object));
    }
    Ok(answer(call, value, next))
}

fn collect(
    tenant: &Tenant,
    group: &Recipient,
    transitive: bool,
    seen: &mut BTreeSet<Guid>,
    found: &mut Vec<(Arc<Recipient>, Resource)>,
) {
    for guid in group.group.iter().flat_map(|group| &group.members) {
        let Some((id, resource)) = tenant.view.member(*guid) else { continue };
        let Some(recipient) = tenant.view.get(id).filter(|_| seen.insert(id)) else { continue };
        found.push((recipient.clone(), resource));
        if transitive && resource == Resource::Groups {
            collect(tenant, recipient, transitive, seen, found);
        }
    }
}

fn find<'a>(tenant: &'a Tenant, resource: Resource, id: &str) -> Result<&'a Arc<Recipient>, GraphError> {
    let by_id = || tenant.view.get(Guid::parse(id).ok()?);
    let by_name = || {
        let mut users = tenant.view.order(Resource::Users).iter().filter_map(|id| tenant.view.get(*id));
        let same = |name: &String| name.eq_ignore_ascii_case(id);
        users.find(|user| user.user_principal_name.as_ref().is_some_and(same))
    };
    let found = by_id().or_else(|| (resource == Resource::Users && id.contains('@')).then(by_name).flatten());
    found.filter(|found| found.kind.resource() == Some(resource)).ok_or_else(|| GraphError::NotFound(id.to_owned()))
}

/// `GET /organization` and `GET /domains`.
pub fn organization(tenant: &Tenant) -> Reply {
    let domains = domains_of(tenant).map(|(name, initial, default)| {
        json!({"name": name, "isInitial": initial, "isDefault": default, "type": "Managed", "capabilities": "Email, OfficeCommunicationsOnline"})
    });
    let one = json!({
        "id": tenant.id,
        "displayName": tenant.organization.as_str().split('.').next(),
        "verifiedDomains": domains.collect::<Vec<_>>(),
        "tenantType": "AAD",
    });
    Reply::json(200, &json!({"value": [one]}))
}

pub fn domains(tenant: &Tenant) -> Reply {
    let domains = domains_of(tenant).map(|(name, initial, default)| {
        json!({"id": name, "isInitial": initial, "isDefault": default, "isVerified": true, "authenticationType": "Managed", "supportedServices": ["Email"]})
    });
    Reply::json(200, &json!({"value": domains.collect::<Vec<_>>()}))
}

/// Name, whether it is the initial one, whether it is the default.
fn domains_of(tenant: &Tenant) -> impl Iterator<Item = (&str, bool, bool)> {
    let all = std::iter::once(&tenant.organization).chain(&tenant.domains);
    all.map(|domain| (domain.as_str(), *domain == tenant.organization, domain == tenant.default_domain()))
}

fn position(call: &Call) -> Result<usize, GraphError> {
    match odata::option(call, "$skiptoken") {
        Some(text) => text.strip_prefix("m~").and_then(|text| text.parse().ok()).ok_or(GraphError::BadToken),
        None => Ok(0),
    }
}

fn answer(call: &Call, value: Vec<Value>, next: Option<usize>) -> Reply {
    let mut body =
        json!({"@odata.context": format!("{}/v1.0/$metadata#directoryObjects", call.base_url), "value": value});
    if let Some(next) = next {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in call.query.iter().filter(|(name, _)| !name.to_lowercase().ends_with("skiptoken")) {
            query.append_pair(name, value);
        }
        query.append_pair("$skiptoken", &format!("m~{next}"));
        body["@odata.nextLink"] = Value::String(format!("{}{}?{}", call.base_url, call.path, query.finish()));
    }
    Reply::json(200, &body)
}
