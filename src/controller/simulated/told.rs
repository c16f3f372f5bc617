//! No outcome is lost: a Job that told one stands there until the outcome is written down.

use super::cluster::Cluster;
use crate::api::run::OperationStatus;
use crate::controller::run::{self, wire};
use crate::operation::{Outcome, Request};
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Outcomes that were told and are not known to be written down yet, by the UIDs of their Jobs.
#[derive(Default)]
pub struct Told(BTreeMap<String, Answer>);

struct Answer {
    path: String,
    request: Request,
    outcome: Outcome,
}

/// Where an outcome stands.
#[derive(PartialEq)]
enum Place {
    Nowhere,
    Written,
    /// Nobody waits for it: its run is gone, or knows how this attempt ended.
    Needless,
}

impl Told {
    /// A Job ends with this outcome.
    pub fn tells(&mut self, cluster: &Cluster, path: &str, uid: &str, request: Request, outcome: Outcome) {
        let answer = Answer { path: path.to_owned(), request, outcome };
        if place(cluster, uid, &answer) != Place::Needless {
            self.0.insert(uid.to_owned(), answer);
        }
    }

    /// Panics when a Job has gone whose outcome never stood anywhere else. To be called before anything else can
    /// have come in its place.
    pub fn check(&mut self, cluster: &Cluster) {
        self.0.retain(|uid, answer| match place(cluster, uid, answer) {
            Place::Written => false,
            Place::Nowhere | Place::Needless => {
                let objects = cluster.api.lock();
                let there = objects.by_path.get(&answer.path).is_some_and(|job| job["metadata"]["uid"] == uid.as_str());
                drop(objects);
                assert!(there, "the outcome of {} is lost: {:?}", answer.path, cluster.runs());
                true
            }
        });
    }
}

fn place(cluster: &Cluster, uid: &str, answer: &Answer) -> Place {
    let Answer { request, outcome, .. } = answer;
    let Some(connector) = request.operation.connector().map(|connector| connector.name.as_str()) else {
        // Garbage collection answers to nobody.
        return Place::Needless;
    };
    let Some(reference) = &request.run else {
        let status = cluster.connector(connector).status.unwrap_or_default();
        let job = status.verification.and_then(|verification| verification.job_uid);
        return if job.is_some_and(|job| job.as_str() == uid) { Place::Written } else { Place::Nowhere };
    };
    let run = cluster.run(&reference.name).filter(|run| run.uid().as_deref() == Some(reference.uid.as_str()));
    let Some(run) = &run else { return Place::Needless };
    let kind = request.operation.kind();
    let own = |entry: &&OperationStatus| Some(entry.kind) == wire::kind(kind) && entry.connector.as_str() == connector;
    let entry = run.status.iter().flat_map(|status| &status.operations).find(own);
    if entry.is_some_and(|entry| entry.attempts == request.attempt && wire::outcome(entry).as_ref() == Some(outcome)) {
        Place::Written
    } else if run::has_recorded(run, kind, connector, request.attempt) {
        Place::Needless
    } else {
        Place::Nowhere
    }
}
