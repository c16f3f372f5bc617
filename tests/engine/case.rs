//! A case as it is written: defaults first, then what is said of them.

use crate::world::{MemoryLedger, SourceState, World, connector};
use galsync::engine::{History, LedgerRecord};
use galsync::model::filters::Filters;
use galsync::model::mapping::Mapping;
use galsync::model::observed::Capabilities;
use galsync::model::safety::{Policy, Safety};
use galsync::model::schedule::{Conflict, SourceRules, TargetRules};
use galsync::model::taken::Taken;
use galsync::model::{
    Anchor, Attribute, Contact, Domain, Entry, OwnerId, RecipientType, SmtpAddress, SyncId, SystemIdentity,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// Which rule this shows.
    pub about: String,
    #[serde(default)]
    pub target: TargetText,
    #[serde(default)]
    pub rules: RulesText,
    #[serde(default)]
    pub claimed_elsewhere: BTreeSet<Domain>,
    #[serde(default)]
    pub ledger: Vec<LedgerRecord>,
    /// In order of precedence.
    pub sources: Vec<SourceText>,
    /// What was pushed, with approval, the day before the first step.
    #[serde(default)]
    pub synced: BTreeMap<String, Vec<Value>>,
    pub steps: Vec<Step>,
    #[serde(default)]
    #[allow(dead_code)]
    pub expect: Value,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TargetText {
    pub identity: Option<String>,
    pub cannot_hide: bool,
    pub no_x500: bool,
    /// `[]` = unknown.
    pub domains: Option<Vec<Domain>>,
    /// Told with its contents.
    pub own_domains: BTreeSet<Domain>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct RulesText {
    pub policy: Option<Policy>,
    pub hide_days: Option<u64>,
    pub mapping: Mapping,
    /// Laid over the defaults.
    pub safety: Value,
    pub conflict: Conflict,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SourceText {
    pub name: String,
    /// The name, where it is not said.
    pub identity: Option<String>,
    /// `<name>.test`, where they are not said.
    pub domains: Option<Vec<Domain>>,
    pub same_organization_as: Option<String>,
    /// The connector's, laid over the defaults.
    #[serde(default)]
    pub filters: Value,
    /// The schedule's, laid over those that let everything through.
    #[serde(default)]
    pub schedule_filters: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Step {
    #[serde(default = "one")]
    pub days: i64,
    /// Each source's entries from now on: a name, or `{id: name, …}` with the fields of an entry.
    #[serde(default)]
    pub entries: BTreeMap<String, Vec<Value>>,
    #[serde(default)]
    pub remove_sources: Vec<String>,
    #[serde(default)]
    pub breaks_off: BTreeMap<String, usize>,
    #[serde(default)]
    pub unsorted: bool,
    /// Laid over the contacts of these keys.
    #[serde(default)]
    pub edit: BTreeMap<String, Value>,
    /// Somebody deletes these contacts.
    #[serde(default)]
    pub delete: Vec<String>,
    /// Somebody copies these contacts, mark and all.
    #[serde(default)]
    pub duplicate: Vec<String>,
    /// All that is not ours in the target, from now on.
    #[serde(default)]
    pub taken: Option<Vec<Taken>>,
    #[serde(default)]
    pub policy: Option<Policy>,
    #[serde(default)]
    pub forget_history: bool,
    #[serde(default)]
    pub then: Then,
}

#[derive(Debug, Deserialize, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// The plan is pushed; a person approved it if it is unsafe.
    #[default]
    Push,
    /// Pushed as if a person had approved it.
    Approve,
    /// Pushed, but only the first so many changes: then it is killed.
    PushFirst(usize),
    /// The plan waits for the step that pushes it.
    Keep,
    /// The kept plan is pushed: what of it still fits.
    PushKept,
    Nothing,
}

fn one() -> i64 {
    1
}

pub fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (name, value) in patch {
                match value {
                    Value::Null => drop(base.remove(name)),
                    value => merge(base.entry(name.clone()).or_insert(Value::Null), value),
                }
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

fn over<T: serde::Serialize + serde::de::DeserializeOwned>(base: T, patch: &Value) -> T {
    let mut value = serde_json::to_value(base).expect("plain data");
    if !patch.is_null() {
        merge(&mut value, patch);
    }
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {patch}"))
}

/// `ada` is a user mailbox `ada@<first domain>` with the display name Ada.
pub fn entry(source: &SourceState, text: &Value) -> Entry {
    let id = text.as_str().or_else(|| text["id"].as_str()).expect("an entry has an id");
    let mut entry = Entry::new(Anchor::new(id).unwrap(), RecipientType::UserMailbox);
    let domain = source.connector.authoritative_domains.first().map_or("nowhere.test", Domain::as_str);
    entry.primary = Some(SmtpAddress::parse(&format!("{id}@{domain}")).unwrap());
    let name = id[..1].to_uppercase() + &id[1..];
    entry.attributes.insert(Attribute::DisplayName, name);
    let Value::Object(mut fields) = text.clone() else { return entry };
    fields.remove("id");
    if let Some(kind) = fields.remove("type") {
        fields.insert("recipientType".into(), kind);
    }
    over(entry, &Value::Object(fields))
}

impl Case {
    pub fn world(&self) -> World {
        let identity = self.target.identity.clone().unwrap_or("fabrikam".into());
        let fabrikam = vec![Domain::parse("fabrikam.test").unwrap()];
        let target = connector("target", self.target.domains.as_ref().unwrap_or(&fabrikam));
        let capabilities = Capabilities { can_hide: !self.target.cannot_hide, x500: !self.target.no_x500, batch: 100 };
        let rules = TargetRules {
            owner: OwnerId::new("prod").unwrap(),
            sync: SyncId::new("sync").unwrap(),
            policy: self.rules.policy.unwrap_or(Policy::Sync),
            mapping: self.rules.mapping.clone(),
            safety: over(Safety::default(), &self.rules.safety),
            hide_for_seconds: self.rules.hide_days.unwrap_or(30) * 86_400,
            conflict: self.rules.conflict,
        };
        let sources = self.sources.iter().map(|text| {
            let own = vec![Domain::parse(&format!("{}.test", text.name)).unwrap()];
            let mut connector = connector(&text.name, text.domains.as_ref().unwrap_or(&own));
            connector.same_organization_as = text.same_organization_as.clone();
            connector.filters = over(Filters::default(), &text.filters);
            SourceState {
                connector,
                rules: SourceRules { filters: over(Filters::open(), &text.schedule_filters) },
                identity: SystemIdentity::new(text.identity.clone().unwrap_or(text.name.clone())).unwrap(),
                entries: Vec::new(),
                breaks_off: None,
                unsorted: false,
            }
        });
        World {
            target,
            identity: SystemIdentity::new(identity).unwrap(),
            capabilities,
            own_domains: self.target.own_domains.clone(),
            rules,
            sources: sources.collect(),
            contacts: BTreeMap::new(),
            taken: Vec::new(),
            ledger: MemoryLedger(self.ledger.clone()),
            history: History::default(),
            claimed_elsewhere: self.claimed_elsewhere.clone(),
            now: "2026-03-01T10:00:00Z".parse().unwrap(),
            backwards: false,
        }
    }
}

impl Step {
    pub fn change(&self, world: &mut World) {
        world.now += jiff::SignedDuration::from_hours(24 * self.days);
        set_entries(world, &self.entries);
        world.sources.retain(|source| !self.remove_sources.contains(&source.connector.name));
        for source in &mut world.sources {
            source.breaks_off = self.breaks_off.get(&source.connector.name).copied();
            source.unsorted = self.unsorted;
        }
        for (key, patch) in &self.edit {
            let handle = handle_of(world, key);
            let contact = world.contacts.remove(&handle).unwrap();
            let mut contact: Contact = over(contact, patch);
            contact.handle = Some(handle.clone());
            world.contacts.insert(handle, contact);
        }
        for key in &self.delete {
            let handle = handle_of(world, key);
            world.contacts.remove(&handle);
        }
        for key in &self.duplicate {
            let handle = handle_of(world, key);
            let mut copy = world.contacts[&handle].clone();
            copy.handle = Some(format!("{handle} copy"));
            world.contacts.insert(format!("{handle} copy"), copy);
        }
        if let Some(taken) = &self.taken {
            world.taken = taken.clone();
        }
        if let Some(policy) = self.policy {
            world.rules.policy = policy;
        }
        if self.forget_history {
            world.history = History::default();
        }
    }
}

pub fn set_entries(world: &mut World, entries: &BTreeMap<String, Vec<Value>>) {
    for (name, texts) in entries {
        let found = world.sources.iter_mut().find(|source| source.connector.name == *name);
        let source = found.unwrap_or_else(|| panic!("there is no source {name}"));
        source.entries = texts.iter().flat_map(expand).map(|text| entry(source, &text)).collect();
    }
}

/// `person*40` are forty persons, with all that is said of them.
fn expand(text: &Value) -> Vec<Value> {
    let id = text.as_str().or_else(|| text["id"].as_str()).unwrap_or_default();
    let numbered = id.split_once('*').and_then(|(name, count)| Some((name, count.parse::<usize>().ok()?)));
    let Some((name, count)) = numbered else { return vec![text.clone()] };
    let each = |number: usize| {
        let id = format!("{name}{number:03}");
        let mut text = text.clone();
        match text.as_object_mut() {
            Some(fields) => drop(fields.insert("id".into(), json!(id))),
            None => text = json!(id),
        }
        text
    };
    (1..=count).map(each).collect()
}

fn handle_of(world: &World, key: &str) -> String {
    let found = world.contacts.iter().find(|(_, contact)| contact.key().as_str() == key);
    found.unwrap_or_else(|| panic!("there is no contact {key}")).0.clone()
}
