//! What only Graph knows of a recipient: details that are joined to what Exchange says.

use super::graph::{Failed, Graph, MOST_IDS, Resource, Round};
use crate::directory::Error;
use crate::model::{Attribute, Entry};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Attributes that Exchange's list of recipients does not have.
const ENRICHED: [Attribute; 3] = [Attribute::MobilePhone, Attribute::Fax, Attribute::Street];

/// Most people have nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct GraphDetails {
    disabled: bool,
    immutable_id: Option<Box<str>>,
    hidden_membership: bool,
    attributes: Vec<(Attribute, Box<str>)>,
}

/// What Graph said last of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Plain,
    More(Box<GraphDetails>),
    Removed,
}

/// Details of everybody, or of those that changed.
#[derive(Debug, Default)]
pub(super) struct AllGraphDetails(HashMap<Uuid, Known>);

/// Where the next rounds start.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct DeltaLinks {
    pub(super) users: String,
    pub(super) groups: String,
    pub(super) contacts: String,
}

impl DeltaLinks {
    fn of(&self, resource: Resource) -> &str {
        match resource {
            Resource::Users => &self.users,
            Resource::Groups => &self.groups,
            Resource::Contacts => &self.contacts,
        }
    }

    pub(super) fn new(mut links: HashMap<&'static str, String>) -> Self {
        let mut take = |resource: Resource| links.remove(resource.path()).unwrap_or_default();
        Self { users: take(Resource::Users), groups: take(Resource::Groups), contacts: take(Resource::Contacts) }
    }
}

/// Exactly the properties that details need: those that are not selected are not followed either.
pub(super) fn select(resource: Resource, attributes: &BTreeSet<Attribute>) -> String {
    let mut names = vec!["id"];
    let wanted = |attribute| attributes.contains(&attribute);
    match resource {
        Resource::Users => {
            names.extend(["accountEnabled", "onPremisesImmutableId"]);
            names.extend(wanted(Attribute::MobilePhone).then_some("mobilePhone"));
            names.extend(wanted(Attribute::Fax).then_some("faxNumber"));
            names.extend(wanted(Attribute::Street).then_some("streetAddress"));
        }
        Resource::Groups => names.extend(["mailEnabled", "visibility"]),
        Resource::Contacts => {
            names.push("mail");
            names.extend((wanted(Attribute::MobilePhone) || wanted(Attribute::Fax)).then_some("phones"));
            names.extend(wanted(Attribute::Street).then_some("addresses"));
        }
    }
    names.join(",")
}

/// An object as Graph tells it, its details alone.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GraphObject {
    id: String,
    #[serde(rename = "@removed")]
    removed: Option<IgnoredAny>,
    account_enabled: Option<bool>,
    on_premises_immutable_id: Option<String>,
    visibility: Option<String>,
    mobile_phone: Option<String>,
    fax_number: Option<String>,
    street_address: Option<String>,
    phones: Option<Vec<Phone>>,
    addresses: Option<Vec<Address>>,
}

#[derive(Debug, Deserialize)]
struct Phone {
    #[serde(rename = "type")]
    kind: Option<String>,
    number: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Address {
    street: Option<String>,
}

fn set(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

impl GraphDetails {
    fn of(object: &GraphObject) -> Self {
        let phone = |kind: &str| {
            let mut of_kind = object.phones.iter().flatten().filter(|phone| phone.kind.as_deref() == Some(kind));
            of_kind.find_map(|phone| phone.number.as_deref())
        };
        let value = |attribute: Attribute| match attribute {
            Attribute::MobilePhone => set(&object.mobile_phone).or_else(|| phone("mobile")),
            Attribute::Fax => set(&object.fax_number).or_else(|| phone("businessFax")),
            _ => set(&object.street_address).or_else(|| object.addresses.as_ref()?.first()?.street.as_deref()),
        };
        let known = |attribute: Attribute| {
            let value = value(attribute).map(str::trim).filter(|value| !value.is_empty())?;
            Some((attribute, value.into()))
        };
        Self {
            disabled: object.account_enabled == Some(false),
            immutable_id: set(&object.on_premises_immutable_id).map(|id| id.to_lowercase().into()),
            hidden_membership: object.visibility.as_deref() == Some("HiddenMembership"),
            attributes: ENRICHED.into_iter().filter_map(known).collect(),
        }
    }

    fn add_to(&self, entry: &mut Entry, wanted: &BTreeSet<Attribute>) {
        entry.disabled = self.disabled;
        entry.immutable_id = self.immutable_id.as_deref().map(str::to_owned);
        entry.hidden_membership |= self.hidden_membership;
        let attributes = self.attributes.iter().filter(|(attribute, _)| wanted.contains(attribute));
        entry.attributes.extend(attributes.map(|(attribute, value)| (*attribute, value.to_string())));
    }
}

impl Known {
    fn of(object: &GraphObject) -> Self {
        if object.removed.is_some() {
            return Self::Removed;
        }
        match GraphDetails::of(object) {
            plain if plain == GraphDetails::default() => Self::Plain,
            details => Self::More(Box::new(details)),
        }
    }

    /// `false` = Graph has no such object.
    pub(super) fn add_to(&self, entry: &mut Entry, wanted: &BTreeSet<Attribute>) -> bool {
        match self {
            Self::Plain => true,
            Self::More(details) => {
                details.add_to(entry, wanted);
                true
            }
            Self::Removed => false,
        }
    }
}

impl AllGraphDetails {
    /// Those of everybody, or what changed since; and where the next rounds start.
    pub(super) async fn read(
        graph: Graph<'_>,
        attributes: &BTreeSet<Attribute>,
        since: Option<&DeltaLinks>,
    ) -> Result<(Self, DeltaLinks), Error> {
        let begin =
            |resource| graph.round(resource, &select(resource, attributes), since.map(|links| links.of(resource)));
        let mut details = Self::default();
        let mut links = HashMap::new();
        // All three are on their way at once.
        for (resource, mut round) in Resource::ALL.map(|resource| (resource, begin(resource))) {
            let mut tries = 0;
            let link = loop {
                match details.take(round).await {
                    Ok(link) => break link,
                    // In the middle of a list of everybody: begin it anew. What was said before still holds.
                    Err(Failed::Lost) if since.is_none() && tries < 3 => tries += 1,
                    Err(failed) => return Err(failed.into_error()),
                }
                round = begin(resource);
            };
            links.insert(resource.path(), link);
        }
        Ok((details, DeltaLinks::new(links)))
    }

    async fn take(&mut self, mut round: Round) -> Result<String, Failed> {
        while let Some(page) = round.next().await? {
            self.add(&page);
        }
        Ok(round.finish())
    }

    /// The last word about an object holds.
    fn add(&mut self, page: &[GraphObject]) {
        for object in page {
            if let Ok(id) = Uuid::parse_str(&object.id) {
                self.0.insert(id, Known::of(object));
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Known> {
        self.0.get(&Uuid::parse_str(id).ok()?)
    }

    /// Asks for these, and knows of each afterwards whether it is there.
    pub(super) async fn look_up(
        &mut self,
        graph: Graph<'_>,
        resource: Resource,
        ids: &[String],
        attributes: &BTreeSet<Attribute>,
    ) -> Result<(), Error> {
        let select = select(resource, attributes);
        for ids in ids.chunks(MOST_IDS) {
            let page = graph.by_ids(resource, ids, &select).await.map_err(Failed::into_error)?;
            for id in ids.iter().filter_map(|id| Uuid::parse_str(id).ok()) {
                self.0.insert(id, Known::Removed);
            }
            self.add(&page);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Anchor, RecipientType};
    use serde_json::{Value, json};

    fn known(object: Value) -> Known {
        Known::of(&serde_json::from_value(object).unwrap())
    }

    fn joined(object: Value, wanted: &[Attribute]) -> Entry {
        let mut entry = Entry::new(Anchor::new("a").unwrap(), RecipientType::UserMailbox);
        assert!(known(object).add_to(&mut entry, &wanted.iter().copied().collect()));
        entry
    }

    #[test]
    fn details_add_what_only_graph_has() {
        let user = json!({"id": "a", "accountEnabled": false, "onPremisesImmutableId": "AbC=", "mobilePhone": " +49 1 ",
            "faxNumber": "2", "streetAddress": null});
        let entry = joined(user, &[Attribute::MobilePhone, Attribute::Street]);
        assert!(entry.disabled);
        assert_eq!(entry.immutable_id.as_deref(), Some("abc="));
        assert_eq!(entry.attributes, [(Attribute::MobilePhone, "+49 1".to_owned())].into());
        let contact = json!({"id": "a", "phones": [{"type": "mobile", "number": "1"}, {"type": "businessFax", "number": "2"}],
            "addresses": [{"street": "Main"}]});
        let entry = joined(contact, &[Attribute::MobilePhone, Attribute::Fax, Attribute::Street]);
        assert_eq!(entry.attributes.into_values().collect::<Vec<_>>(), ["Main", "1", "2"]);
    }

    #[test]
    fn most_have_nothing_and_some_are_gone() {
        assert_eq!(known(json!({"id": "a", "accountEnabled": true})), Known::Plain);
        assert_eq!(known(json!({"id": "a", "@removed": {"reason": "changed"}})), Known::Removed);
        let id = "11111111-2222-3333-4444-555555555555";
        let page = |objects: Value| -> Vec<GraphObject> { serde_json::from_value(objects).unwrap() };
        let mut details = AllGraphDetails::default();
        details.add(&page(json!([{"id": id}, {"id": "no id"}, {"id": id, "@removed": {"reason": "deleted"}}])));
        assert_eq!(details.get(&id.to_uppercase()), Some(&Known::Removed));
        details.add(&page(json!([{"id": id}])));
        assert_eq!(details.get(id), Some(&Known::Plain));
    }
}
