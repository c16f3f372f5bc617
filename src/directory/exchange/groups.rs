//! Who is in a filter group, directly or through other groups.
//!
//! Members are read from `member`, with their objectGUIDs in extended names: one read per group, also across
//! domains. Members by primary group (`primaryGroupID`), whom `member` does not name, are searched for.

use super::connection::Session;
use super::names;
use super::record::Record;
use super::search::Query;
use crate::directory::Error;
use crate::model::Anchor;
use std::collections::{BTreeMap, BTreeSet};

/// Where groups and their members are looked for: a connection and the root of the search.
pub(super) struct Place {
    pub(super) session: Session,
    pub(super) root: String,
}

const FOUND: &[&str] = &["objectGUID", "objectClass"];

fn problem(group: &str, problem: &'static str) -> Error {
    Error::FilterGroup { group: group.to_owned(), problem: problem.into() }
}

/// All members of the group that a manifest names by distinguished name, address or sAMAccountName.
pub(super) async fn members(places: &[Place], group: &str) -> Result<BTreeSet<Anchor>, Error> {
    let (start, at) = find(places, group).await?;
    let mut anchors = BTreeSet::new();
    let mut seen: BTreeSet<String> = [start.clone()].into();
    let mut open = vec![(start, at)];
    while let Some((guid, at)) = open.pop() {
        let wanted = ["objectGUID", "member", "primaryGroupToken", "distinguishedName"];
        let query = Query::object(&names::guid_dn(&guid), &wanted).with_extended_names();
        let found = places[at].session.find(&query).await?.pop();
        let record = found.ok_or_else(|| problem(group, "has a nested group that cannot be read"))?;
        anchors.extend(record.texts("member").filter_map(extended_guid).filter_map(|guid| Anchor::new(guid).ok()));
        let dn = plain(record.text("distinguishedName").unwrap_or(&record.dn)).to_owned();
        for (at, place) in places.iter().enumerate() {
            for nested in nested_groups(place, &dn).await? {
                if seen.insert(nested.clone()) {
                    open.push((nested, at));
                }
            }
        }
        if let Some(token) = record.number("primaryGroupToken") {
            anchors.extend(by_primary_group(&places[at], token).await?);
        }
    }
    Ok(anchors)
}

/// The group's objectGUID and where it was found.
async fn find(places: &[Place], group: &str) -> Result<(String, usize), Error> {
    let mut found: BTreeMap<String, (usize, Record)> = BTreeMap::new();
    let is_dn = group.contains('=') && group.contains(',');
    let value = names::filter_value(group);
    for (at, place) in places.iter().enumerate() {
        let records = if is_dn {
            // Another domain's controller would only answer with a referral.
            let held = place.root.is_empty() || names::is_within(group, &place.root);
            match held {
                true => place.session.read(group, FOUND).await?.into_iter().collect(),
                false => Vec::new(),
            }
        } else {
            let class = "(|(objectCategory=group)(objectCategory=msExchDynamicDistributionList))";
            let name = format!("(|(sAMAccountName={value})(mail={value})(proxyAddresses=smtp:{value})(cn={value}))");
            place.session.find(&Query::subtree(&place.root, format!("(&{class}{name})"), FOUND)).await?
        };
        for record in records {
            if let Some(guid) = record.guid() {
                found.entry(guid).or_insert((at, record));
            }
        }
    }
    match (found.len(), found.pop_first()) {
        (_, None) => Err(problem(group, "does not exist, or may not be read")),
        (1, Some((guid, (at, record)))) if record.is_class("group") => Ok((guid, at)),
        (1, Some(_)) => Err(problem(group, "is no group with members, but a dynamic list or another object")),
        _ => Err(problem(group, "is the name of several groups; use the distinguished name")),
    }
}

async fn nested_groups(place: &Place, dn: &str) -> Result<Vec<String>, Error> {
    let filter = format!("(&(objectCategory=group)(memberOf={}))", names::filter_value(dn));
    let records = place.session.find(&Query::subtree(&place.root, filter, FOUND)).await?;
    Ok(records.iter().filter_map(Record::guid).collect())
}

async fn by_primary_group(place: &Place, token: i64) -> Result<Vec<Anchor>, Error> {
    let filter = format!("(&(objectCategory=person)(primaryGroupID={token}))");
    let records = place.session.find(&Query::subtree(&place.root, filter, FOUND)).await?;
    Ok(records.iter().filter_map(Record::guid).filter_map(|guid| Anchor::new(guid).ok()).collect())
}

/// `<GUID=…>;<SID=…>;CN=…` → the GUID.
fn extended_guid(name: &str) -> Option<String> {
    let guid = name.strip_prefix("<GUID=")?.split('>').next()?;
    (guid.len() == 36).then(|| guid.to_lowercase())
}

/// `<GUID=…>;<SID=…>;CN=…` → the distinguished name.
fn plain(name: &str) -> &str {
    let mut rest = name;
    while let Some((first, after)) = rest.split_once(">;") {
        if !first.starts_with('<') {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_names_are_taken_apart() {
        let name = "<GUID=0A000000-0000-0000-0000-00000000000b>;<SID=S-1-5-21-1>;CN=a\\>;b,DC=x";
        assert_eq!(extended_guid(name).as_deref(), Some("0a000000-0000-0000-0000-00000000000b"));
        assert_eq!(plain(name), "CN=a\\>;b,DC=x");
        assert_eq!((extended_guid("CN=a"), plain("CN=a,DC=x")), (None, "CN=a,DC=x"));
    }
}
