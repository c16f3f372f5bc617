//! What merely stands, read from the caches at each scrape.

mod connector;
mod run;
mod schedule;

use super::catalogue::{self, Family, Kind};
use super::counters::Metrics;
use super::gaps::Gaps;
use crate::api::GalSyncRun;
use crate::controller::context::{Caches, Guarded};
use crate::controller::run::is_completed;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// All figures that carry the name of an object.
pub struct StateMetrics {
    caches: Vec<Caches>,
    metrics: Metrics,
    gaps: Gaps,
    /// Only to tell the registry what there will be.
    described: Figures,
}

/// The gauges of one scrape, by name.
struct Figures(BTreeMap<&'static str, GaugeVec>);

/// Gauges of the process, which stand elsewhere.
const OF_THE_PROCESS: [Family; 4] = [catalogue::BUILD, catalogue::LEADER, catalogue::STARTED, catalogue::MEMORY];

impl Figures {
    fn new() -> prometheus::Result<Self> {
        let gauges =
            catalogue::families().filter(|family| family.kind == Kind::Gauge && !OF_THE_PROCESS.contains(family));
        let gauges =
            gauges.map(|family| Ok((family.name, GaugeVec::new(Opts::new(family.name, family.help), family.labels)?)));
        gauges.collect::<prometheus::Result<_>>().map(Self)
    }

    /// The labels in the catalogue's order.
    fn set(&self, family: Family, labels: &[&str], value: f64) {
        self.0[family.name].with_label_values(labels).set(value);
    }

    /// As [`Self::set_count`], where several caches count together.
    fn add_count(&self, family: Family, labels: &[&str], count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a cluster has far fewer objects than 2^52")]
        self.0[family.name].with_label_values(labels).add(count as f64);
    }

    fn set_count(&self, family: Family, labels: &[&str], count: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts of people, bytes and seconds are far below 2^52")]
        self.set(family, labels, count as f64);
    }

    fn set_flag(&self, family: Family, labels: &[&str], flag: bool) {
        self.set(family, labels, f64::from(u8::from(flag)));
    }

    fn set_time(&self, family: Family, labels: &[&str], time: Option<&Time>) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        if let Some(time) = time {
            self.set(family, labels, time.0.as_second() as f64);
        }
    }

    /// The later of the time that is set and this one.
    fn raise_time(&self, family: Family, labels: &[&str], time: &Time) {
        let gauge = self.0[family.name].with_label_values(labels);
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        gauge.set(gauge.get().max(time.0.as_second() as f64));
    }

    fn set_conditions(&self, [kind, namespace, name]: [&str; 3], conditions: &[Condition]) {
        for condition in conditions {
            let labels = |status| [kind, namespace, name, condition.type_.as_str(), status];
            self.set_flag(catalogue::CONDITION, &labels("True"), false);
            self.set_flag(catalogue::CONDITION, &labels(condition.status.as_str()), true);
        }
    }
}

impl StateMetrics {
    pub fn new(caches: Vec<Caches>, metrics: Metrics) -> prometheus::Result<Self> {
        Ok(Self { caches, metrics, gaps: Gaps::default(), described: Figures::new()? })
    }
}

impl Collector for StateMetrics {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.described.0.values().flat_map(Collector::desc);
        gauges.chain(self.metrics.object_descriptions()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let figures = Figures::new().expect("the same gauges were made before");
        let mut there = There::default();
        for caches in &self.caches {
            let connectors = readable("GalSyncConnector", &caches.connectors, &figures);
            let schedules = readable("GalSyncSchedule", &caches.schedules, &figures);
            let runs = readable("GalSyncRun", &caches.runs, &figures);
            figures.add_count(catalogue::WATCHED, &["GalSyncRun"], caches.archive.count() as u64);
            for connector in connectors.iter().filter_map(|object| object.0.as_ref().ok()) {
                connector::figures(connector, &figures);
                let (namespace, name) = there.add(true, connector);
                self.metrics.connector_is_there(&namespace, &name);
            }
            let runs: Vec<_> = runs.iter().filter_map(|object| object.0.as_ref().ok()).collect();
            let by_name = by_name(&runs);
            for schedule in schedules.iter().filter_map(|object| object.0.as_ref().ok()) {
                schedule::figures(schedule, &by_name, self.gaps.seconds(schedule), &figures);
                let (namespace, name) = there.add(false, schedule);
                let targets = schedule.spec.targets.iter().map(|target| target.connector_ref.name.as_str());
                self.metrics.schedule_is_there(&namespace, &name, schedule.spec.mode.action(), targets);
            }
            run::figures(runs, &there, &figures);
        }
        let gauges = figures.0.values().flat_map(Collector::collect);
        let gauges = gauges.filter(|family| !family.get_metric().is_empty());
        gauges.chain(self.metrics.collect_alive(|labels| there.has_all(labels))).collect()
    }
}

/// The objects of one kind, counted.
fn readable<K>(kind: &str, store: &Store<Guarded<K>>, figures: &Figures) -> Vec<Arc<Guarded<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let objects = store.state();
    let unreadable = objects.iter().filter(|object| object.0.is_err()).count();
    figures.add_count(catalogue::WATCHED, &[kind], objects.len() as u64);
    figures.add_count(catalogue::UNREADABLE, &[kind], unreadable as u64);
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

    fn has_all(&self, labels: &HashMap<&str, &str>) -> bool {
        let namespace = labels.get("namespace").copied().unwrap_or_default();
        self.namespaces.contains(namespace)
            && labels.get("schedule").is_none_or(|name| self.has_schedule(namespace, name))
            && labels.get("connector").is_none_or(|name| self.has_connector(namespace, name))
    }
}
