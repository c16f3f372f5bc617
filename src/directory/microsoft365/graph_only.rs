//! Reading from Graph alone: without a role in Exchange, and without knowing who is hidden, which groups are
//! restricted, or that dynamic groups exist.

use super::SYSTEM;
use super::cursor::Cursor;
use super::graph::{Failed, Object, Resource, Round, id, is_removed, text, texts};
use super::graph_details::DeltaLinks;
use super::groups;
use super::source::Microsoft365Source;
use crate::directory::recipient::proxy_address::Addresses;
use crate::directory::stream::until_error;
use crate::directory::{Completion, Error, SourceEvent};
use crate::model::mark::OwnerMark;
use crate::model::{Anchor, Attribute, Country, Entry, RecipientType, SmtpAddress};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

const USER: &str = "id,displayName,givenName,surname,mail,proxyAddresses,jobTitle,companyName,department,officeLocation,\
streetAddress,city,state,postalCode,country,businessPhones,mobilePhone,faxNumber,userType,accountEnabled,assignedPlans,\
onPremisesImmutableId,onPremisesExtensionAttributes";
const GROUP: &str = "id,displayName,mail,mailEnabled,mailNickname,proxyAddresses,groupTypes,securityEnabled,visibility";
const CONTACT: &str = "id,displayName,givenName,surname,mail,mailNickname,proxyAddresses,companyName,department,jobTitle,addresses,phones";

struct DeltaStream<'a> {
    source: &'a Microsoft365Source,
    /// Still to read, the last one first.
    rounds: Vec<(Resource, Round)>,
    links: HashMap<&'static str, String>,
    done: bool,
}

pub(super) async fn read(
    source: &Microsoft365Source,
    since: Option<Cursor>,
) -> Result<BoxStream<'_, Result<SourceEvent, Error>>, Error> {
    let members = members(source).await?;
    let rounds = Resource::ALL.into_iter().rev().map(|resource| {
        let (select, since) = match resource {
            Resource::Users => (USER, since.as_ref().map(|since| since.links().users.as_str())),
            Resource::Groups => (GROUP, since.as_ref().map(|since| since.links().groups.as_str())),
            Resource::Contacts => (CONTACT, since.as_ref().map(|since| since.links().contacts.as_str())),
        };
        (resource, source.graph().round(resource, select, since))
    });
    let full = since.is_none();
    let reading = DeltaStream { source, rounds: rounds.collect(), links: HashMap::new(), done: false };
    let batches = stream::try_unfold(reading, move |mut reading| async move {
        let batch = reading.next().await.map_err(|failed| match failed {
            // What was told of a list that then began anew may be gone: the whole read is repeated.
            Failed::Lost if full => {
                Error::Unavailable { system: SYSTEM, hint: "Graph lost its place in a list; read again".to_owned() }
            }
            failed => failed.into_error(),
        })?;
        Ok(batch.map(|batch| (batch, reading)))
    });
    let events = stream::iter(members).map(Ok).chain(batches.map_ok(|b| stream::iter(b).map(Ok)).try_flatten());
    Ok(until_error(events).boxed())
}

impl DeltaStream<'_> {
    async fn next(&mut self) -> Result<Option<Vec<SourceEvent>>, Failed> {
        while let Some((resource, round)) = self.rounds.last_mut() {
            let resource = *resource;
            if let Some(page) = round.next::<Object>().await? {
                return Ok(Some(page.iter().filter_map(|object| self.event(resource, object)).collect()));
            }
            let (_, round) = self.rounds.pop().expect("it was there above");
            self.links.insert(resource.path(), round.finish());
        }
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let cursor = Cursor::new(DeltaLinks::new(std::mem::take(&mut self.links)), None, BTreeSet::new());
        Ok(Some(vec![SourceEvent::Complete(Completion { token: Some(cursor.token()), names_everybody: false })]))
    }

    fn event(&self, resource: Resource, object: &Object) -> Option<SourceEvent> {
        let anchor = Anchor::new(id(object)?).ok()?;
        let shape = &self.source.shape;
        Some(match entry(resource, object, &anchor, &shape.attributes, &shape.owner_attribute) {
            Some(entry) if !is_removed(object) => SourceEvent::Upsert(Box::new(entry)),
            _ => SourceEvent::Remove(anchor),
        })
    }
}

/// `None` = it has no mail address, so that nobody looks it up.
fn entry(
    resource: Resource,
    object: &Object,
    anchor: &Anchor,
    wanted: &BTreeSet<Attribute>,
    owner_attribute: &str,
) -> Option<Entry> {
    let mail = text(object, "mail");
    let mut entry = Entry::new(anchor.clone(), kind(resource, object)?);
    let addresses = Addresses::of(texts(object, "proxyAddresses"), mail);
    addresses.primary.as_ref()?;
    if !entry.recipient_type.is_delivered_at_primary() {
        entry.external = mail.and_then(|mail| SmtpAddress::parse(mail).ok());
    }
    addresses.fill(&mut entry);
    entry.disabled = object.get("accountEnabled") == Some(&Value::Bool(false));
    entry.immutable_id = text(object, "onPremisesImmutableId").map(str::to_lowercase);
    entry.hidden_membership = text(object, "visibility") == Some("HiddenMembership");
    let extension = |name: &str| object.get("onPremisesExtensionAttributes").and_then(|all| all[name].as_str());
    let number = owner_attribute.trim_start_matches(|c: char| !c.is_ascii_digit());
    // Contacts show no extension attributes: the ones that GalSync makes are known by their alias.
    entry.marked = extension(&format!("extensionAttribute{number}")).is_some_and(OwnerMark::looks_like)
        || resource == Resource::Contacts && text(object, "mailNickname").is_some_and(is_our_alias);
    let values = wanted.iter().filter_map(|attribute| Some((*attribute, attribute_value(*attribute, object)?)));
    entry.attributes = values.collect();
    Some(entry)
}

/// `gs-<6 hex>-<16 hex>`.
fn is_our_alias(alias: &str) -> bool {
    let parts: Vec<&str> = alias.split('-').collect();
    let hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(parts.as_slice(), ["gs", first, second] if hex(first, 6) && hex(second, 16))
}

fn kind(resource: Resource, object: &Object) -> Option<RecipientType> {
    let flag = |name: &str| object.get(name) == Some(&Value::Bool(true));
    Some(match resource {
        Resource::Contacts => RecipientType::MailContact,
        Resource::Groups if texts(object, "groupTypes").any(|kind| kind == "Unified") => {
            RecipientType::Microsoft365Group
        }
        Resource::Groups if !flag("mailEnabled") => return None,
        Resource::Groups if flag("securityEnabled") => RecipientType::SecurityGroup,
        Resource::Groups => RecipientType::DistributionGroup,
        Resource::Users if text(object, "userType") == Some("Guest") => RecipientType::GuestUser,
        Resource::Users => {
            let plans = object.get("assignedPlans").and_then(Value::as_array).into_iter().flatten();
            let licensed =
                plans.filter(|plan| plan["capabilityStatus"] == "Enabled").any(|plan| plan["service"] == "exchange");
            // Shared mailboxes and rooms have no licence, and their accounts are disabled.
            match (licensed, object.get("accountEnabled") == Some(&Value::Bool(false))) {
                (true, _) => RecipientType::UserMailbox,
                (false, true) => RecipientType::SharedMailbox,
                (false, false) => RecipientType::MailUser,
            }
        }
    })
}

fn attribute_value(attribute: Attribute, object: &Object) -> Option<String> {
    use Attribute::*;
    let address = |name: &str| object.get("addresses")?[0][name].as_str();
    let phone = |kind: &str| {
        let phones = object.get("phones").and_then(Value::as_array).into_iter().flatten();
        phones.filter(|phone| phone["type"] == kind).find_map(|phone| phone["number"].as_str())
    };
    let of = |name: &str| text(object, name);
    let found = match attribute {
        DisplayName => of("displayName"),
        GivenName => of("givenName"),
        Surname => of("surname"),
        Title => of("jobTitle"),
        Department => of("department"),
        Company => of("companyName"),
        Office => of("officeLocation").or_else(|| address("officeLocation")),
        BusinessPhone => texts(object, "businessPhones").next().or_else(|| phone("business")),
        MobilePhone => of("mobilePhone").or_else(|| phone("mobile")),
        Fax => of("faxNumber").or_else(|| phone("businessFax")),
        City => of("city").or_else(|| address("city")),
        State => of("state").or_else(|| address("state")),
        Country => of("country").or_else(|| address("countryOrRegion")),
        Street => of("streetAddress").or_else(|| address("street")),
        PostalCode => of("postalCode").or_else(|| address("postalCode")),
        custom if custom.is_custom() => {
            let name = format!("extensionAttribute{}", custom.name().trim_start_matches("custom"));
            object.get("onPremisesExtensionAttributes").and_then(|all| all[name.as_str()].as_str())
        }
        _ => None,
    };
    let found = found.map(str::trim).filter(|value| !value.is_empty())?;
    Some(match attribute {
        Country => self::Country::find(found).map_or(found, |country| country.code).to_owned(),
        _ => found.to_owned(),
    })
}

/// Filter groups by object id, address, alias or display name, as far as Graph lists them.
async fn members(source: &Microsoft365Source) -> Result<Vec<SourceEvent>, Error> {
    let filters = &source.scope.groups;
    if filters.is_empty() {
        return Ok(Vec::new());
    }
    let graph = source.graph();
    let path = "/groups?$select=id,displayName,mail,mailNickname,proxyAddresses&$top=999";
    let all: Vec<Object> = graph.all(path, Resource::Groups).await.map_err(Failed::into_error)?;
    let mut events = Vec::new();
    for filter in filters {
        let found: Vec<String> = all.iter().filter(|group| is_called(group, filter)).filter_map(id).collect();
        let problem = |problem: &'static str| Error::FilterGroup { group: filter.clone(), problem: problem.into() };
        match found.as_slice() {
            [id] => events.extend(groups::members(graph, filter, id).await?),
            [] => return Err(problem("does not exist")),
            _ => return Err(problem("names several groups: write its address or its object id")),
        }
    }
    Ok(events)
}

fn is_called(group: &Object, filter: &str) -> bool {
    let filter = filter.trim().to_lowercase();
    let names = ["id", "displayName", "mail", "mailNickname"].into_iter().filter_map(|name| text(group, name));
    let addresses =
        texts(group, "proxyAddresses").filter_map(|value| value.split_once(':')).map(|(_, address)| address);
    names.chain(addresses).any(|name| name.to_lowercase() == filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(resource: Resource, object: Value) -> Option<Entry> {
        let wanted = [Attribute::DisplayName, Attribute::Country, Attribute::Custom1].into();
        entry(resource, object.as_object().unwrap(), &Anchor::new("a").unwrap(), &wanted, "CustomAttribute15")
    }

    #[test]
    fn people_are_known_by_their_plans() {
        let user = |more: Value| {
            let mut all = json!({"mail": "ada@b.test", "proxyAddresses": ["SMTP:ada@b.test"], "accountEnabled": true,
                "country": "Germany", "displayName": "Ada", "onPremisesExtensionAttributes": {"extensionAttribute1": "x"}});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            seen(Resource::Users, all)
        };
        let plans = json!([{"service": "exchange", "capabilityStatus": "Enabled"}]);
        let kind = |more: Value| user(more).map(|entry| entry.recipient_type);
        assert_eq!(kind(json!({ "assignedPlans": plans })), Some(RecipientType::UserMailbox));
        assert_eq!(kind(json!({"accountEnabled": false})), Some(RecipientType::SharedMailbox));
        assert_eq!(kind(json!({})), Some(RecipientType::MailUser));
        assert_eq!(kind(json!({"userType": "Guest"})), Some(RecipientType::GuestUser));
        assert_eq!(kind(json!({"mail": null, "proxyAddresses": []})), None);
        let entry = user(json!({ "assignedPlans": plans })).unwrap();
        assert_eq!(entry.attributes.into_values().collect::<Vec<_>>(), ["Ada", "DE", "x"]);
        assert!(user(json!({"onPremisesExtensionAttributes": {"extensionAttribute15": "gs1;x"}})).unwrap().marked);
    }

    #[test]
    fn our_own_contacts_are_known_by_their_alias() {
        let contact =
            |alias: &str| seen(Resource::Contacts, json!({"mail": "x@out.test", "mailNickname": alias})).unwrap();
        assert!(contact("gs-11f0b0-5333a706dd46c36e").marked);
        assert!(!contact("gs-team").marked);
        assert_eq!(contact("x").external.unwrap().as_str(), "x@out.test");
    }

    #[test]
    fn groups_without_mail_are_no_entries() {
        let group = |more: Value| {
            let mut all = json!({"mail": "g@b.test", "proxyAddresses": ["SMTP:g@b.test"], "mailEnabled": true});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            seen(Resource::Groups, all).map(|entry| entry.recipient_type)
        };
        assert_eq!(group(json!({})), Some(RecipientType::DistributionGroup));
        assert_eq!(group(json!({"securityEnabled": true})), Some(RecipientType::SecurityGroup));
        assert_eq!(group(json!({"groupTypes": ["Unified"]})), Some(RecipientType::Microsoft365Group));
        assert_eq!(group(json!({"mailEnabled": false})), None);
    }
}
