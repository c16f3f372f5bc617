//! What Exchange's group cmdlets say, and the members of filter groups.

use super::cmdlet::{Call, Exchange};
use super::graph::{self, Failed, Graph, Object, Resource};
use super::row::Row;
use crate::directory::recipient::proxy_address::{Proxy, proxy};
use crate::directory::stream::members as member_events;
use crate::directory::{Error, SourceEvent};
use crate::model::{Anchor, SmtpAddress};
use futures::{StreamExt, TryStreamExt};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

const ALWAYS: [&str; 3] = ["Guid", "RequireSenderAuthenticationEnabled", "AcceptMessagesOnlyFromSendersOrMembers"];
const HIDDEN_MEMBERSHIP: &str = "HiddenGroupMembershipEnabled";
/// By which a filter may name a group.
const NAMES: [&str; 5] = ["ExternalDirectoryObjectId", "Name", "Alias", "DisplayName", "EmailAddresses"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) restricted_senders: bool,
    pub(super) hidden_membership: bool,
}

/// A group that a filter names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// By Graph's id.
    Group(String),
    /// Only Exchange knows its members.
    Dynamic,
}

/// All groups by Exchange's id, and those that filters name.
#[derive(Debug, Default)]
pub(super) struct Groups {
    details: HashMap<String, Details>,
    named: HashMap<String, Vec<Named>>,
}

impl Groups {
    pub(super) async fn read(exchange: Exchange<'_>, filters: &BTreeSet<String>) -> Result<Self, Error> {
        // All three are on their way at once.
        let lists = ["Get-DistributionGroup", "Get-UnifiedGroup", "Get-DynamicDistributionGroup"].map(|cmdlet| {
            let dynamic = cmdlet == "Get-DynamicDistributionGroup";
            let mut names = ALWAYS.to_vec();
            names.extend((!dynamic).then_some(HIDDEN_MEMBERSHIP));
            names.extend(NAMES.into_iter().filter(|_| !filters.is_empty()));
            (dynamic, exchange.list(Call::new(cmdlet).select(names)).boxed())
        });
        let mut groups = Self::default();
        for (dynamic, mut pages) in lists {
            while let Some(page) = pages.try_next().await? {
                page.iter().for_each(|row| groups.add(row, dynamic, filters));
            }
        }
        Ok(groups)
    }

    fn add(&mut self, row: &Row, dynamic: bool, filters: &BTreeSet<String>) {
        let Some(guid) = row.guid() else { return };
        for filter in filters.iter().filter(|filter| is_called(row, filter)) {
            let named = match row.graph_id() {
                Some(id) if !dynamic => Named::Group(id),
                _ => Named::Dynamic,
            };
            self.named.entry(filter.clone()).or_default().push(named);
        }
        let restricted_senders = row.flag("RequireSenderAuthenticationEnabled")
            || row.texts("AcceptMessagesOnlyFromSendersOrMembers").next().is_some();
        self.details.insert(guid, Details { restricted_senders, hidden_membership: row.flag(HIDDEN_MEMBERSHIP) });
    }

    pub(super) fn details(&self, guid: &str) -> Option<Details> {
        self.details.get(guid).copied()
    }

    /// Members of all filter groups, nested ones included.
    pub(super) async fn members(
        &self,
        graph: Graph<'_>,
        filters: &BTreeSet<String>,
    ) -> Result<Vec<SourceEvent>, Error> {
        let mut events = Vec::new();
        for filter in filters {
            let id = self
                .id(filter)
                .map_err(|problem| Error::FilterGroup { group: filter.clone(), problem: problem.into() })?;
            events.extend(members(graph, filter, &id).await?);
        }
        Ok(events)
    }

    fn id(&self, filter: &str) -> Result<String, &'static str> {
        match self.named.get(filter).map(Vec::as_slice) {
            Some([Named::Group(id)]) => Ok(id.clone()),
            Some([Named::Dynamic]) => Err("is a dynamic distribution group, whose members cannot be read"),
            Some([_, ..]) => Err("names several groups: write its address or its object id"),
            // A security group without mail is in Entra only.
            _ => Uuid::parse_str(filter).map(|id| id.to_string()).map_err(|_| "does not exist"),
        }
    }
}

pub(super) async fn members(graph: Graph<'_>, filter: &str, id: &str) -> Result<Vec<SourceEvent>, Error> {
    let problem = |problem: &'static str| Error::FilterGroup { group: filter.to_owned(), problem: problem.into() };
    let path = format!("/groups/{id}/transitiveMembers?$select=id&$top=999");
    let members: Vec<Object> = graph.all(&path, Resource::Groups).await.map_err(|failed| match failed {
        Failed::NotFound => problem("does not exist"),
        failed => failed.into_error(),
    })?;
    let anchors: Vec<Anchor> = members.iter().filter_map(|member| Anchor::new(graph::id(member)?).ok()).collect();
    Ok(member_events(filter, &anchors))
}

/// By id, address, name, alias or display name.
fn is_called(row: &Row, filter: &str) -> bool {
    let filter = filter.trim();
    if let Ok(address) = SmtpAddress::parse(filter) {
        let holds = |value| match proxy(value) {
            Proxy::Primary(text) | Proxy::Secondary(text) => SmtpAddress::parse(text).is_ok_and(|held| held == address),
            _ => false,
        };
        return row.texts("EmailAddresses").any(holds);
    }
    let names = ["ExternalDirectoryObjectId", "Guid", "Name", "Alias", "DisplayName"];
    names.iter().filter_map(|name| row.text(name)).any(|name| name.to_lowercase() == filter.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_group_is_named_in_many_ways_and_must_be_one() {
        let filters: BTreeSet<String> =
            ["Board", "board@b.test", "ID-1", "twins", "all", "nobody"].map(str::to_owned).into();
        let mut groups = Groups::default();
        let add = |groups: &mut Groups, guid: &str, id: &str, name: &str, dynamic| {
            let value = json!({"Guid": guid, "ExternalDirectoryObjectId": id, "DisplayName": name,
                "EmailAddresses": [format!("SMTP:{name}@b.test")]});
            groups.add(&row(value), dynamic, &filters);
        };
        add(&mut groups, "g-1", "id-1", "board", false);
        add(&mut groups, "g-2", "id-2", "Twins", false);
        add(&mut groups, "g-3", "id-3", "twins", false);
        add(&mut groups, "g-4", "", "All", true);
        for filter in ["Board", "board@b.test", "ID-1"] {
            assert_eq!(groups.id(filter).as_deref(), Ok("id-1"), "{filter}");
        }
        assert!(groups.id("twins").unwrap_err().contains("several"));
        assert!(groups.id("all").unwrap_err().contains("dynamic"));
        assert_eq!(groups.id("nobody"), Err("does not exist"));
        let id = "11111111-2222-3333-4444-555555555555";
        assert_eq!(groups.id(id).as_deref(), Ok(id), "a security group without mail");
    }

    #[test]
    fn restrictions_are_read_in_both_forms() {
        let mut groups = Groups::default();
        let mut details = |value| {
            groups.add(&row(value), false, &BTreeSet::new());
            groups.details("g").unwrap()
        };
        assert!(!details(json!({"Guid": "G"})).restricted_senders);
        assert!(details(json!({"Guid": "G", "RequireSenderAuthenticationEnabled": true})).restricted_senders);
        let some =
            details(json!({"Guid": "G", "AcceptMessagesOnlyFromSendersOrMembers": ["x"], HIDDEN_MEMBERSHIP: true}));
        assert!(some.restricted_senders && some.hidden_membership);
    }
}
