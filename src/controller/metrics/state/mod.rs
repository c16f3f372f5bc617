//! What merely stands, read from the caches at each scrape.

mod connector;
mod run;
mod schedule;

use super::catalogue::{self, Family};
use super::counters::Metrics;
use super::gaps::Gaps;
use super::series::Series;
use crate::api::GalSyncRun;
use crate::controller::context::{Caches, Guarded};
use crate::controller::run::is_completed;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// All figures that carry the name of an object.
pub struct StateMetrics {
    caches: Vec<Caches>,
    metrics: Metrics,
    gaps: Gaps,
}

/// The figures of one scrape.
#[derive(Default)]
pub struct Figures {
    families: BTreeMap<&'static str, Series>,
    /// Where several caches count together, by family and label.
    sums: BTreeMap<(&'static str, String), (Family, u64)>,
}

impl Figures {
    /// The labels in the catalogue's order.
    pub(super) fn set(&mut self, family: Family, labels: &[&str], value: f64) {
        self.families.entry(family.name).or_insert_with(|| Series::new(family)).set(labels, value);
    }

    /// Adds to the figure of a family with one label.
    fn add_count(&mut self, family: Family, label: &str, count: u64) {
        self.sums.entry((family.name, label.to_owned())).or_insert((family, 0)).1 += count;
    }

    pub(super) fn set_count(&mut self, family: Family, labels: &[&str], count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts of people, bytes and seconds are far below 2^52")]
        self.set(family, labels, count as f64);
    }

    fn set_flag(&mut self, family: Family, labels: &[&str], flag: bool) {
        self.set(family, labels, f64::from(u8::from(flag)));
    }

    fn set_time(&mut self, family: Family, labels: &[&str], time: Option<&Time>) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        if let Some(time) = time {
            self.set(family, labels, time.0.as_second() as f64);
        }
    }

    fn set_conditions(&mut self, [kind, namespace, name]: [&str; 3], conditions: &[Condition]) {
        for condition in conditions {
            let labels = |status| [kind, namespace, name, condition.type_.as_str(), status];
            self.set_flag(catalogue::CONDITION, &labels("True"), false);
            self.set_flag(catalogue::CONDITION, &labels(condition.status.as_str()), true);
        }
    }

    /// Their part of the page, family by family; what has been written is held no longer.
    pub(super) fn parts(self) -> impl Iterator<Item = String> + Send {
        self.families.into_values().flat_map(Series::parts)
    }
}

impl StateMetrics {
    pub fn new(caches: Vec<Caches>, metrics: Metrics) -> Self {
        Self { caches, metrics, gaps: Gaps::default() }
    }

    pub(super) fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        let mut there = There::default();
        for caches in &self.caches {
            let connectors = readable("GalSyncConnector", &caches.connectors, &mut figures);
            let schedules = readable("GalSyncSchedule", &caches.schedules, &mut figures);
            let runs = readable("GalSyncRun", &caches.runs, &mut figures);
            figures.add_count(catalogue::WATCHED, "GalSyncRun", caches.archive.count() as u64);
            let mut runs: Vec<_> = runs.iter().filter_map(|object| object.0.as_ref().ok()).collect();
            runs.sort_by_key(|run| run.creation_timestamp().map(|time| time.0));
            let newest_pulls = run::newest_pulls(&runs);
            for connector in connectors.iter().filter_map(|object| object.0.as_ref().ok()) {
                let (namespace, name) = there.add(true, connector);
                connector::figures(connector, newest_pulls.get(&(namespace, &name)).copied(), &mut figures);
            }
            let by_name = by_name(&runs);
            for schedule in schedules.iter().filter_map(|object| object.0.as_ref().ok()) {
                there.add(false, schedule);
                schedule::figures(schedule, &by_name, self.gaps.seconds(schedule), &mut figures);
            }
            run::figures(&runs, &there, &mut figures);
        }
        for ((_, label), (family, count)) in std::mem::take(&mut figures.sums) {
            figures.set_count(family, &[&label], count);
        }
        self.metrics.of_objects.tell(|family, labels| there.has_all(family, labels), &mut figures);
        figures
    }
}

/// The objects of one kind, counted.
fn readable<K>(kind: &str, store: &Store<Guarded<K>>, figures: &mut Figures) -> Vec<Arc<Guarded<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let objects = store.state();
    let unreadable = objects.iter().filter(|object| object.0.is_err()).count();
    figures.add_count(catalogue::WATCHED, kind, objects.len() as u64);
    figures.add_count(catalogue::UNREADABLE, kind, unreadable as u64);
    objects
}

/// Runs that have not ended, by namespace and name.
type Runs<'a> = HashMap<(String, String), &'a GalSyncRun>;

fn by_name<'a>(runs: &[&'a GalSyncRun]) -> Runs<'a> {
    let open = runs.iter().filter(|run| !is_completed(run));
    open.map(|run| ((run.namespace().unwrap_or_default(), run.name_any()), *run)).collect()
}

/// Which objects there are: their figures are shown, those of others are forgotten.
#[derive(Default)]
struct There {
    connectors: HashSet<(String, String)>,
    schedules: HashSet<(String, String)>,
    namespaces: HashSet<String>,
}

impl There {
    fn add<K: Resource>(&mut self, is_connector: bool, object: &K) -> (String, String) {
        let name = (object.namespace().unwrap_or_default(), object.name_any());
        self.namespaces.insert(name.0.clone());
        let kind = if is_connector { &mut self.connectors } else { &mut self.schedules };
        kind.insert(name.clone());
        name
    }

    fn has_schedule(&self, namespace: &str, name: &str) -> bool {
        // Runs of a connector have none.
        name.is_empty() || self.schedules.contains(&(namespace.to_owned(), name.to_owned()))
    }

    fn has_connector(&self, namespace: &str, name: &str) -> bool {
        self.connectors.contains(&(namespace.to_owned(), name.to_owned()))
    }

    fn has_all(&self, family: Family, labels: &[&str]) -> bool {
        let label = |name: &str| family.labels.iter().position(|known| *known == name).map(|place| labels[place]);
        let namespace = label("namespace").unwrap_or_default();
        self.namespaces.contains(namespace)
            && label("schedule").is_none_or(|name| self.has_schedule(namespace, name))
            && label("connector").is_none_or(|name| self.has_connector(namespace, name))
    }
}
