//! The state of one tenant and the ways to change it. Exchange is where changes happen; Graph learns of them
//! later.

use super::config::{ExchangeSettings, GraphSettings, Tenant as Settings};
use super::directory::{Conflict, Directory, Number, freed};
use super::graph::view::View;
use super::recipient::Recipient;
use super::token::credentials::Application;
use crate::model::Domain;
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::server::clock::after;
use crate::sandbox::server::limits::{Bucket, Window};
use fastrand::Rng;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One tenant, behind a lock of its own.
#[derive(Debug)]
pub struct Tenant {
    pub id: Guid,
    pub organization: Domain,
    pub domains: Vec<Domain>,
    pub apps: HashMap<Guid, Application>,
    pub exchange: ExchangeSettings,
    pub graph: GraphSettings,
    pub directory: Directory,
    pub view: View,
    /// Cmdlets of the tenant, and resource units of Graph.
    pub cmdlets: Option<Bucket>,
    pub resource_units: Option<Bucket>,
    pub creates: Option<Window>,
    /// Addresses that were freed, with the time until which they stay taken.
    held: HashMap<String, Timestamp>,
    /// Tokens issued up to this time are lost, and how that is told.
    pub lost_delta: Option<(Timestamp, LostDelta)>,
    pub random: Rng,
    /// Cmdlets by name and status, those of batches one by one.
    pub cmdlets_answered: BTreeMap<(&'static str, u16), u64>,
    /// Counts what rotates: encodings of errors, warnings, lags.
    pub errors_told: u64,
    pub writes_done: u64,
    pub contacts_made: u64,
}

/// How Graph says that it no longer knows a delta token, by the code of its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LostDelta {
    /// With 400; the client starts anew by itself.
    SyncStateNotFound,
    /// With 410 and a `Location` to start anew.
    ResyncRequired,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Conflict(Conflict),
    /// The address was freed a moment ago.
    Held {
        proxy: String,
    },
}

impl Tenant {
    pub fn new(settings: &Settings, apps: HashMap<Guid, Application>, seed: u64) -> Self {
        let rate = settings.exchange.cmdlets_per_second;
        Self {
            id: settings.id,
            organization: settings.organization.clone(),
            domains: settings.domains.clone(),
            apps,
            exchange: settings.exchange.clone(),
            graph: settings.graph.clone(),
            directory: Directory::default(),
            view: View::default(),
            cmdlets: rate.map(|rate| Bucket::new(rate, f64::from(settings.exchange.burst))),
            resource_units: settings
                .graph
                .resource_units
                .map(|units| Bucket::new(f64::from(units) / 10.0, f64::from(units))),
            creates: settings.exchange.create_quota.map(|quota| Window::new(quota.count, quota.window)),
            held: HashMap::new(),
            lost_delta: None,
            random: Rng::with_seed(seed),
            cmdlets_answered: BTreeMap::new(),
            errors_told: 0,
            writes_done: 0,
            contacts_made: 0,
        }
    }

    /// The domain of new addresses.
    pub fn default_domain(&self) -> &Domain {
        self.domains.first().unwrap_or(&self.organization)
    }

    pub fn is_accepted(&self, domain: &str) -> bool {
        std::iter::once(&self.organization).chain(&self.domains).any(|own| own.as_str().eq_ignore_ascii_case(domain))
    }

    /// Whether a request may call this tenant so: its id, its organization or one of its domains.
    pub fn is_called(&self, name: &str) -> bool {
        Guid::parse(name).is_ok_and(|id| id == self.id) || self.is_accepted(name)
    }

    pub fn new_id(&mut self) -> Guid {
        Guid::random(self.random.u128(..))
    }

    /// A legacyExchangeDN as Exchange Online makes them.
    pub fn new_legacy_dn(&mut self, alias: &str) -> String {
        let tail: String = alias.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let id = self.new_id().digits();
        format!("/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn={id}-{tail}")
    }

    /// Brings Graph's view up to `now`.
    pub fn catch_up(&mut self, now: Timestamp) {
        self.view.catch_up(now);
        self.held.retain(|_, until| *until > now);
    }

    /// Adds an object that Graph knows at once: the state at the start.
    pub fn seed(&mut self, recipient: Recipient) -> Result<Number, Conflict> {
        let recipient = Arc::new(recipient);
        let number = self.directory.insert(recipient.clone())?;
        self.view.seed(recipient);
        Ok(number)
    }

    pub fn add(&mut self, recipient: Recipient, now: Timestamp) -> Result<Number, Refused> {
        self.refuse_held(&recipient, None)?;
        let recipient = Arc::new(recipient);
        let number = self.directory.insert(recipient.clone()).map_err(Refused::Conflict)?;
        self.view.expect(after(now, self.graph.lag), recipient);
        Ok(number)
    }

    /// Writes the new state of the object at `number`.
    pub fn update(&mut self, number: Number, mut recipient: Recipient, now: Timestamp) -> Result<(), Refused> {
        let Some(old) = self.directory.get(number).cloned() else { return Ok(()) };
        self.refuse_held(&recipient, Some(&old))?;
        recipient.changed = now;
        let recipient = Arc::new(recipient);
        self.directory.replace(number, recipient.clone()).map_err(Refused::Conflict)?;
        self.hold(&freed(&old, Some(&recipient)), now);
        self.view.expect(after(now, self.graph.lag), recipient);
        Ok(())
    }

    /// Deletes the object, takes it out of all groups and holds its addresses.
    pub fn delete(&mut self, number: Number, now: Timestamp) -> Option<Arc<Recipient>> {
        let old = self.directory.remove(number)?;
        self.hold(&freed(&old, None), now);
        let visible = after(now, self.graph.lag);
        self.view.expect_removal(visible, after(visible, self.graph.soft_delete_life), &old);
        self.leave_groups(old.guid, now);
        Some(old)
    }

    fn leave_groups(&mut self, guid: Guid, now: Timestamp) {
        let is_in = |recipient: &Arc<Recipient>| recipient.group.as_ref().is_some_and(|g| g.members.contains(&guid));
        let groups: Vec<Number> =
            self.directory.after(None).filter(|(_, recipient)| is_in(recipient)).map(|(number, _)| number).collect();
        for number in groups {
            let Some(group) = self.directory.get(number) else { continue };
            let mut group = Recipient::clone(group);
            if let Some(part) = group.group.as_mut() {
                part.members.retain(|member| *member != guid);
            }
            self.update(number, group, now).expect("fewer members conflict with nothing");
        }
    }

    fn hold(&mut self, proxies: &[String], now: Timestamp) {
        if !self.exchange.address_held_for.0.is_zero() {
            let until = after(now, self.exchange.address_held_for);
            self.held.extend(proxies.iter().map(|proxy| (proxy.clone(), until)));
        }
    }

    fn refuse_held(&self, new: &Recipient, old: Option<&Recipient>) -> Result<(), Refused> {
        if self.held.is_empty() {
            return Ok(());
        }
        let before: Vec<String> = old.map(|old| super::directory::occupied(old).collect()).unwrap_or_default();
        let taken = super::directory::occupied(new).find(|key| self.held.contains_key(key) && !before.contains(key));
        match taken {
            Some(proxy) => Err(Refused::Held { proxy }),
            None => Ok(()),
        }
    }
}
