//! One watch of one kind: it fills a cache, and tells all who listen of a change once the cache shows it.
//!
//! With a watch each, a reconciler could be woken by a change that another watch, whose cache it reads, had not seen
//! yet; it would judge by the past, and nothing would wake it again.

use super::archive::Archive;
use super::context::Guarded;
use super::metrics::Metrics;
use crate::api::GalSyncRun;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Objects of one answer of a list: they are in memory three times while it is read, and the heap stays as large.
const PAGE: u32 = 25;

pub struct Informer<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    writer: Writer<Guarded<K>>,
    /// They drop what comes twice before they are run, so that the queues stay short.
    listeners: Vec<UnboundedSender<Arc<Guarded<K>>>>,
    sort: Option<Sort<K>>,
}

/// What becomes of a change of the watch.
pub struct Changes<K> {
    /// To be taken into the cache, and told.
    pub events: Vec<Event<Guarded<K>>>,
    /// To be taken out of the cache without a word: they are there as before, but for us.
    pub left_out: Vec<Arc<Guarded<K>>>,
}

impl<K> Changes<K> {
    pub fn none() -> Self {
        Self { events: Vec::new(), left_out: Vec::new() }
    }

    /// The event as it came.
    pub fn only(event: Event<Guarded<K>>) -> Self {
        Self { events: vec![event], left_out: Vec::new() }
    }
}

type Sort<K> = Box<dyn FnMut(Event<Guarded<K>>, &Store<Guarded<K>>) -> Changes<K> + Send + Sync>;

impl Informer<GalSyncRun> {
    /// One whose cache leaves old runs to the archive.
    pub fn archiving(archive: &Archive) -> Self {
        let mut archivist = archive.archivist();
        Self { sort: Some(Box::new(move |event, cache| archivist.sort(event, cache))), ..Self::new() }
    }
}

impl<K> Informer<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    pub fn new() -> Self {
        Self { writer: Writer::new(()), listeners: Vec::new(), sort: None }
    }

    pub fn cache(&self) -> Store<Guarded<K>> {
        self.writer.as_reader()
    }

    /// All objects that are there, then those that came, changed or went.
    pub fn listen(&mut self) -> UnboundedReceiver<Arc<Guarded<K>>> {
        let (sender, receiver) = unbounded();
        self.listeners.push(sender);
        receiver
    }

    /// Watches without end.
    pub async fn run(self, api: Api<Guarded<K>>, metrics: Metrics) {
        let broke_off = || metrics.watch_broke_off(&K::kind(&()));
        self.follow(watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff(), broke_off).await;
    }

    async fn follow(
        mut self,
        events: impl Stream<Item = Result<Event<Guarded<K>>, watcher::Error>>,
        broke_off: impl Fn(),
    ) {
        futures::pin_mut!(events);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                // A watch that starts anew, after the API server was away or had forgotten the version.
                Err(error) => {
                    broke_off();
                    tracing::info!("{error}");
                }
            }
        }
    }

    /// Takes one change of the watch.
    pub fn take(&mut self, mut event: Event<Guarded<K>>) {
        if let Event::Apply(object) | Event::InitApply(object) = &mut event {
            lighten(object.meta_mut());
        }
        let cache = self.cache();
        let Changes { events, left_out } = match &mut self.sort {
            Some(sort) => sort(event, &cache),
            None => Changes::only(event),
        };
        events.into_iter().for_each(|event| self.apply(event));
        for object in left_out {
            self.writer.apply_watcher_event(&Event::Delete((*object).clone()));
        }
    }

    fn apply(&mut self, event: Event<Guarded<K>>) {
        // A list after an outage does not name those that went meanwhile.
        let known = match &event {
            Event::InitDone => self.cache().state(),
            _ => Vec::new(),
        };
        self.writer.apply_watcher_event(&event);
        match event {
            Event::Apply(object) | Event::Delete(object) => self.tell(Arc::new(object)),
            Event::InitDone => {
                let mut all: HashMap<ObjectRef<Guarded<K>>, Arc<Guarded<K>>> = HashMap::new();
                for object in known.into_iter().chain(self.cache().state()) {
                    all.insert(ObjectRef::from_obj(object.as_ref()), object);
                }
                all.into_values().for_each(|object| self.tell(object));
            }
            Event::Init | Event::InitApply(_) => {}
        }
    }

    fn tell(&mut self, object: Arc<Guarded<K>>) {
        tracing::trace!(kind = %K::kind(&()), name = object.name_any(), "changed");
        self.listeners.retain(|listener| listener.unbounded_send(Arc::clone(&object)).is_ok());
    }
}

/// Leaves out what no reconciler looks at, and what is often more than all the rest.
fn lighten(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::core::DeserializeGuard;

    fn object(name: &str) -> Guarded<ConfigMap> {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.namespace = Some("default".to_owned());
        DeserializeGuard(Ok(object))
    }

    async fn told(events: Vec<Event<Guarded<ConfigMap>>>) -> (Vec<String>, Vec<String>) {
        let mut informer = Informer::<ConfigMap>::new();
        let (cache, mut first, second) = (informer.cache(), informer.listen(), informer.listen());
        informer.follow(futures::stream::iter(events.into_iter().map(Ok)), || ()).await;
        let mut names = Vec::new();
        while let Some(object) = first.next().await {
            names.push(object.name_any());
        }
        let others: Vec<String> = second.map(|object| object.name_any()).collect().await;
        assert_eq!(names, others, "all listeners are told the same");
        let mut kept: Vec<String> = cache.state().iter().map(|object| object.name_any()).collect();
        kept.sort_unstable();
        (names, kept)
    }

    #[tokio::test]
    async fn a_change_is_told_when_the_cache_shows_it() {
        let mut informer = Informer::<ConfigMap>::new();
        let (cache, mut changes) = (informer.cache(), informer.listen());
        informer.take(Event::Init);
        informer.take(Event::InitApply(object("a")));
        assert!(changes.try_recv().is_err(), "told before the cache has it");
        informer.take(Event::InitDone);
        assert_eq!(changes.try_recv().expect("told").name_any(), "a");
        assert_eq!(cache.state().len(), 1);
    }

    #[tokio::test]
    async fn those_that_went_during_an_outage_are_told_of() {
        let events = vec![
            Event::Init,
            Event::InitApply(object("a")),
            Event::InitDone,
            Event::Apply(object("b")),
            Event::Init,
            Event::InitApply(object("b")),
            Event::InitDone,
            Event::Delete(object("b")),
        ];
        let (mut names, kept) = told(events).await;
        assert_eq!(names.len(), 5, "{names:?}");
        names[2..4].sort_unstable();
        assert_eq!(names, ["a", "b", "a", "b", "b"]);
        assert_eq!(kept, Vec::<String>::new());
    }
}
