//! What is kept in memory of runs that ended well and are not the newest of their schedule: a line each. A cluster may
//! hold ten thousand of them, and all that is ever asked about one is whether it is to go.

use super::context::Guarded;
use super::informer::Changes;
use super::run::{is_completed, is_manual};
use crate::api::GalSyncRun;
use crate::api::conditions::{self, types};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many runs of a schedule that ended well stay whole.
const WHOLE: usize = 2;

/// A run that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub uid: String,
    pub ended: Timestamp,
}

/// Namespace and schedule.
type Place = (String, String);

/// Of each schedule the runs that ended well, the newest first; those behind [`WHOLE`] are known by their line alone.
type Shelves = HashMap<Place, Vec<Line>>;

#[derive(Clone, Default)]
pub struct Archive(Arc<Mutex<Shelves>>);

/// Sorts the changes of one watch.
pub struct Archivist {
    archive: Archive,
    /// While a list comes in: the shelves that it makes, and what will stay whole.
    list: Shelves,
    whole: HashMap<String, Guarded<GalSyncRun>>,
}

impl Archive {
    fn with<T>(&self, work: impl FnOnce(&mut Shelves) -> T) -> T {
        // Nothing in here leaves the shelves half changed.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The runs of a schedule that ended well, those that are whole in the cache among them.
    pub fn of(&self, namespace: &str, schedule: &str) -> Vec<Line> {
        self.with(|shelves| shelves.get(&(namespace.to_owned(), schedule.to_owned())).cloned().unwrap_or_default())
    }

    /// How many runs are known by their line alone.
    pub fn count(&self) -> usize {
        self.with(|shelves| shelves.values().map(|shelf| shelf.len().saturating_sub(WHOLE)).sum())
    }

    pub fn archivist(&self) -> Archivist {
        Archivist { archive: self.clone(), list: Shelves::new(), whole: HashMap::new() }
    }
}

/// Puts a line to its place; which line now comes directly behind those that are whole, and whether it is this one
/// that is behind them.
fn shelve(shelves: &mut Shelves, place: Place, line: Line) -> (Option<Line>, bool) {
    let shelf = shelves.entry(place).or_default();
    shelf.retain(|other| other.name != line.name);
    let at = shelf.partition_point(|other| (Reverse(other.ended), &other.name) < (Reverse(line.ended), &line.name));
    shelf.insert(at, line);
    (shelf.get(WHOLE).cloned(), at >= WHOLE)
}

fn take_off(shelves: &mut Shelves, place: &Place, name: &str) {
    if let Some(shelf) = shelves.get_mut(place) {
        shelf.retain(|line| line.name != name);
        if shelf.is_empty() {
            shelves.remove(place);
        }
    }
}

fn place(run: &GalSyncRun) -> Option<Place> {
    Some((run.namespace()?, run.spec.schedule_ref.as_ref()?.name.to_string()))
}

/// The line of a run that may be archived: one that a schedule made, that ended well, and about which nobody decided.
fn line(run: &GalSyncRun) -> Option<Line> {
    let status = run.status.as_ref()?;
    let plain = is_completed(run)
        && conditions::is_true(&status.conditions, types::SUCCEEDED)
        && !is_manual(run)
        && run.spec.decisions.as_ref().is_none_or(Vec::is_empty)
        && run.metadata.deletion_timestamp.is_none();
    let line = || Some(Line { name: run.name_any(), uid: run.uid()?, ended: status.completion_time.as_ref()?.0 });
    plain.then(line)?
}

impl Archivist {
    /// `cache` is as it was before this change.
    pub fn sort(
        &mut self,
        event: Event<Guarded<GalSyncRun>>,
        cache: &Store<Guarded<GalSyncRun>>,
    ) -> Changes<GalSyncRun> {
        let known = |object: &Guarded<GalSyncRun>| {
            let run = object.0.as_ref().ok()?;
            Some((place(run)?, run.name_any(), line(run)))
        };
        let cached = |namespace: &str, name: &str| cache.get(&ObjectRef::new(name).within(namespace));
        match event {
            Event::Init => {
                self.list.clear();
                self.whole.clear();
                Changes::only(Event::Init)
            }
            Event::InitApply(object) => {
                let Some((place, name, Some(line))) = known(&object) else {
                    return Changes::only(Event::InitApply(object));
                };
                let path = |name: &str| format!("{}/{name}", place.0);
                let (behind, is_behind) = shelve(&mut self.list, place.clone(), line);
                if let Some(behind) = behind {
                    self.whole.remove(&path(&behind.name));
                }
                if is_behind {
                    // A list may name it a second time, as it is since.
                    self.whole.remove(&path(&name));
                } else {
                    self.whole.insert(path(&name), object);
                }
                Changes::none()
            }
            Event::InitDone => {
                let list = std::mem::take(&mut self.list);
                self.archive.with(|shelves| *shelves = list);
                let whole = std::mem::take(&mut self.whole).into_values().map(Event::InitApply);
                Changes { events: whole.chain([Event::InitDone]).collect(), left_out: Vec::new() }
            }
            Event::Apply(object) => {
                let Some((place, name, line)) = known(&object) else {
                    return Changes::only(Event::Apply(object));
                };
                let Some(line) = line else {
                    self.archive.with(|shelves| take_off(shelves, &place, &name));
                    return Changes::only(Event::Apply(object));
                };
                let namespace = place.0.clone();
                let (behind, is_behind) = self.archive.with(|shelves| shelve(shelves, place, line));
                if is_behind {
                    // Nobody waits for an old run; one that was whole until now has been told of.
                    return Changes { left_out: cached(&namespace, &name).into_iter().collect(), ..Changes::none() };
                }
                let left_out = behind.and_then(|line| cached(&namespace, &line.name)).into_iter().collect();
                Changes { left_out, ..Changes::only(Event::Apply(object)) }
            }
            Event::Delete(object) => {
                if let Some((place, name, _)) = known(&object) {
                    self.archive.with(|shelves| take_off(shelves, &place, &name));
                }
                Changes::only(Event::Delete(object))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::informer::Informer;
    use serde_json::json;

    const BEGIN: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn run(name: &str, hours: i64, succeeded: &str, decisions: usize) -> Guarded<GalSyncRun> {
        let ended = (BEGIN + jiff::SignedDuration::from_hours(hours)).to_string();
        let completed = if succeeded == "Unknown" { "False" } else { "True" };
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "R", "message": "", "lastTransitionTime": ended });
        let decision = json!({ "planDigest": format!("sha256:{}", "0".repeat(64)), "verdict": "Reject", "by": "ada" });
        serde_json::from_value(json!({ "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncRun",
            "metadata": { "name": name, "namespace": "n", "uid": name, "ownerReferences": [
                { "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule", "name": "s", "uid": "u" }] },
            "spec": { "scheduleRef": { "name": "s" }, "action": "Push", "decisions": vec![decision; decisions] },
            "status": { "completionTime": ended,
                "conditions": [condition("Completed", completed), condition("Succeeded", succeeded)] } }))
        .unwrap()
    }

    fn whole(informer: &Informer<GalSyncRun>) -> String {
        let mut names: Vec<String> = informer.cache().state().iter().map(|run| run.name_any()).collect();
        names.sort_unstable();
        names.join(" ")
    }

    #[test]
    fn the_newest_stay_whole_and_of_the_others_a_line() {
        let archive = Archive::default();
        let mut informer = Informer::archiving(&archive);
        let lines = || archive.of("n", "s").into_iter().map(|line| line.name).collect::<Vec<_>>().join(" ");
        informer.take(Event::Init);
        for (name, hours) in [("c", 3), ("a", 1), ("d", 4), ("b", 2)] {
            informer.take(Event::InitApply(run(name, hours, "True", 0)));
        }
        for (name, succeeded, decisions) in [("failed", "False", 0), ("open", "Unknown", 0), ("decided", "True", 1)] {
            informer.take(Event::InitApply(run(name, 0, succeeded, decisions)));
        }
        informer.take(Event::InitDone);
        assert_eq!((whole(&informer).as_str(), lines().as_str()), ("c d decided failed open", "d c b a"));
        assert_eq!(archive.count(), 2);

        informer.take(Event::Apply(run("open", 9, "True", 0)));
        assert_eq!((whole(&informer).as_str(), lines().as_str()), ("d decided failed open", "open d c b a"));
        informer.take(Event::Apply(run("a", 1, "True", 0)));
        assert_eq!(whole(&informer), "d decided failed open", "an old one that changes stays out");
        informer.take(Event::Delete(run("b", 2, "True", 0)));
        informer.take(Event::Apply(run("a", 1, "True", 1)));
        assert_eq!((whole(&informer).as_str(), lines().as_str()), ("a d decided failed open", "open d c"));
    }

    #[test]
    fn a_new_list_replaces_what_was_known() {
        let archive = Archive::default();
        let mut informer = Informer::archiving(&archive);
        for names in [["a", "b", "c"], ["b", "c", "d"]] {
            informer.take(Event::Init);
            for (hours, name) in names.iter().enumerate() {
                informer.take(Event::InitApply(run(name, hours as i64, "True", 0)));
            }
            informer.take(Event::InitDone);
        }
        assert_eq!((whole(&informer).as_str(), archive.of("n", "s").len()), ("c d", 3));
    }
}
