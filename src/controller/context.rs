//! What every reconciler has: the client, the settings, the caches, the metrics.

use super::active_jobs::ActiveJobs;
use super::archive::{Archive, Line};
use super::error::Error;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::api::{API_VERSION, GalSyncConnector, GalSyncRun, GalSyncSchedule};
use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

/// The name by which this operator's fields are known to the API server.
pub const FIELD_MANAGER: &str = "galsync";

/// An object that may not parse: one that does not must not stop the watch of the others.
pub type Guarded<K> = DeserializeGuard<K>;

pub struct Context {
    pub client: Client,
    pub settings: Settings,
    pub metrics: Metrics,
    pub caches: Vec<Caches>,
    pub active_jobs: ActiveJobs,
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Becomes true once all caches hold what there is.
    pub filled: watch::Receiver<bool>,
}

/// What is known without asking, for one watched namespace or for all.
#[derive(Clone)]
pub struct Caches {
    pub connectors: Store<Guarded<GalSyncConnector>>,
    pub schedules: Store<Guarded<GalSyncSchedule>>,
    /// All but old ones that ended well.
    pub runs: Store<Guarded<GalSyncRun>>,
    /// Those.
    pub archive: Archive,
}

/// An object of a cache that parsed; shared with the cache, since there may be many and each may be large.
pub struct Known<K>(Arc<Guarded<K>>);

impl<K> Known<K> {
    /// `None` for one that did not parse.
    pub fn new(object: Arc<Guarded<K>>) -> Option<Self> {
        object.0.is_ok().then_some(Self(object))
    }
}

impl<K> Deref for Known<K> {
    type Target = K;

    fn deref(&self) -> &K {
        self.0.0.as_ref().expect("only what parsed is known")
    }
}

impl<K> Clone for Known<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> From<K> for Known<K> {
    fn from(object: K) -> Self {
        Self(Arc::new(DeserializeGuard(Ok(object))))
    }
}

/// As a test has them at hand.
#[cfg(test)]
impl<K: Clone> std::ops::DerefMut for Known<K> {
    fn deref_mut(&mut self) -> &mut K {
        Arc::make_mut(&mut self.0).0.as_mut().expect("only what parsed is known")
    }
}

/// As a cache would have them.
#[cfg(test)]
pub fn known<K: Clone>(objects: &[K]) -> Vec<Known<K>> {
    objects.iter().cloned().map(Known::from).collect()
}

/// The objects themselves.
pub fn each<K>(objects: &[Known<K>]) -> impl Iterator<Item = &K> + Clone {
    objects.iter().map(Deref::deref)
}

/// The parsed objects of one kind in one namespace that are wanted.
fn objects<K>(store: &Store<Guarded<K>>, namespace: &str, wanted: impl Fn(&K) -> bool) -> Vec<Known<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let is_wanted = |object: &Guarded<K>| object.0.as_ref().is_ok_and(&wanted);
    let found = store.state_filter(|object| object.meta().namespace.as_deref() == Some(namespace) && is_wanted(object));
    found.into_iter().filter_map(Known::new).collect()
}

impl Context {
    /// Waits until the first lists of all kinds have come: what is not known yet must not be taken for missing.
    pub async fn wait_for_caches(&self) -> Result<(), Error> {
        // Not by the stores' own waiting: it wakes only the last of several that wait.
        self.filled.clone().wait_for(|filled| *filled).await.map(drop).map_err(|_| Error::Stopping)
    }

    pub fn connectors(&self, namespace: &str) -> Vec<Known<GalSyncConnector>> {
        self.caches.iter().flat_map(|caches| objects(&caches.connectors, namespace, |_| true)).collect()
    }

    pub fn schedules(&self, namespace: &str) -> Vec<Known<GalSyncSchedule>> {
        self.caches.iter().flat_map(|caches| objects(&caches.schedules, namespace, |_| true)).collect()
    }

    pub fn runs(&self, namespace: &str) -> Vec<Known<GalSyncRun>> {
        self.runs_that(namespace, |_| true)
    }

    /// The runs of a namespace that are wanted; there are far more than of anything else.
    pub fn runs_that(&self, namespace: &str, wanted: impl Fn(&GalSyncRun) -> bool) -> Vec<Known<GalSyncRun>> {
        self.caches.iter().flat_map(|caches| objects(&caches.runs, namespace, &wanted)).collect()
    }

    /// The runs that name the schedule.
    pub fn runs_of(&self, namespace: &str, schedule: &str) -> Vec<Known<GalSyncRun>> {
        self.runs_that(namespace, |run| names_schedule(run, schedule))
    }

    /// The runs of a schedule that ended well, the newest first; [`Context::runs`] has only the newest of them.
    pub fn ended_well(&self, namespace: &str, schedule: &str) -> Vec<Line> {
        self.caches.iter().flat_map(|caches| caches.archive.of(namespace, schedule)).collect()
    }

    /// Whole seconds, as the API server keeps times.
    pub fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// Writes the whole status, if it differs from the one read. Fails as a conflict when the object has
    /// changed since.
    pub async fn write_status<K, S>(&self, object: &K, before: &S, after: &S) -> Result<(), Error>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq,
    {
        if before == after {
            return Ok(());
        }
        let namespace = object.namespace().ok_or(Error::Incomplete("namespace"))?;
        let api: Api<Guarded<K>> = Api::namespaced(self.client.clone(), &namespace);
        let patch = json!({
            "apiVersion": API_VERSION,
            "kind": K::kind(&()),
            "metadata": { "name": object.name_any(), "resourceVersion": object.resource_version() },
            "status": after,
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        api.patch_status(&object.name_any(), &parameters, &Patch::Apply(&patch)).await?;
        self.metrics.status_written(&K::kind(&()));
        Ok(())
    }
}

/// Whether the run is one of this schedule of its namespace.
pub fn names_schedule(run: &GalSyncRun, schedule: &str) -> bool {
    run.spec.schedule_ref.as_ref().is_some_and(|reference| reference.name.as_str() == schedule)
}

/// References to the incomplete runs of a namespace that `wanted` picks.
pub fn incomplete_runs(
    runs: &Store<Guarded<GalSyncRun>>,
    namespace: &str,
    wanted: impl Fn(&GalSyncRun) -> bool,
) -> Vec<ObjectRef<Guarded<GalSyncRun>>> {
    runs.state_filter(|run| run.namespace().as_deref() == Some(namespace))
        .iter()
        .filter(|run| run.0.as_ref().is_ok_and(|run| !super::run::is_completed(run) && wanted(run)))
        .map(|run: &Arc<_>| ObjectRef::from_obj(run.as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::Value;

    /// A list with an object of a later release in it: the others are read, and it can be named.
    #[test]
    fn an_object_that_does_not_parse_hides_no_other() {
        let connector = |name: &str, spec: Value| {
            json!({ "apiVersion": API_VERSION, "kind": "GalSyncConnector",
                "metadata": { "name": name, "namespace": "n" }, "spec": spec })
        };
        let good = json!({ "type": "Memory", "memory": { "path": "/x" } });
        let list: Vec<Guarded<GalSyncConnector>> = serde_json::from_value(json!([
            connector("a", good.clone()),
            connector("b", json!({ "type": "Later", "later": { "limit": 5 } })),
            connector("c", json!({ "type": "Memory", "memory": { "path": "/x" }, "aLimitOfLater": 5 })),
            connector("d", good),
        ]))
        .unwrap();
        let (store, mut writer) = reflector::store::<Guarded<GalSyncConnector>>();
        for object in list {
            writer.apply_watcher_event(&Event::Apply(object));
        }
        let mut read: Vec<String> = objects(&store, "n", |_| true).iter().map(|object| object.name_any()).collect();
        read.sort_unstable();
        assert_eq!(read, ["a", "d"]);
        let mut unread: Vec<String> =
            store.state().iter().filter(|object| object.0.is_err()).map(|object| object.name_any()).collect();
        unread.sort_unstable();
        assert_eq!(unread, ["b", "c"], "their own reconciler says what is wrong");
    }
}
