//! Once a day and namespace a Job removes from the store what nothing needs any more. The namespace's oldest connector
//! sees to it; when the last Job ran is told by that Job itself, which stays for `kubectl logs` until the next.

use super::context::{Context, Known, each};
use super::error::Error;
use super::events::{self, Event};
use super::job_state::{End, JobState};
use super::jobs::{self, GARBAGE_JOB, Placement};
use super::{job_state, namespace, run};
use crate::api::GalSyncConnector;
use crate::api::reasons::EventReason;
use crate::model::timing::grid_after;
use crate::operation::{FORMAT, Operation, Request, Verdict};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams};
use kube::{Resource, ResourceExt};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Start,
    /// The last Job makes room.
    Release,
    Wait(u64),
}

/// `last` = when the last Job was made, and whether it has ended.
fn next(uid: &str, created: Timestamp, last: Option<(Timestamp, bool)>, now: Timestamp) -> Next {
    // A clock that jumped back leaves a Job of the future behind; it must not hold the store for years.
    let (since, ended) = last.map_or((created, true), |(made, ended)| (made.min(now), ended));
    let due = grid_after(DAY, uid, since);
    let left = u64::try_from(due.duration_since(now).as_secs()).unwrap_or(0);
    match (last, left) {
        (_, 1..) => Next::Wait(left),
        (None, 0) => Next::Start,
        (Some(_), 0) if ended => Next::Release,
        (Some(_), 0) => Next::Wait(600),
    }
}

/// Whether this connector sees to the store of its namespace.
fn leads(connector: &GalSyncConnector, all: &[Known<GalSyncConnector>]) -> bool {
    fn age(connector: &GalSyncConnector) -> (Option<Timestamp>, Option<&str>) {
        (connector.metadata.creation_timestamp.as_ref().map(|time| time.0), connector.metadata.name.as_deref())
    }
    let alive = each(all).filter(|other| other.metadata.deletion_timestamp.is_none());
    alive.map(age).min().is_none_or(|oldest| age(connector) <= oldest)
}

/// Does what is due; returns after how many seconds to look again.
pub async fn look(context: &Context, connector: &GalSyncConnector) -> Result<Option<u64>, Error> {
    let namespace = connector.namespace().ok_or(Error::Incomplete("namespace"))?;
    if !leads(connector, &context.connectors(&namespace)) {
        return Ok(None);
    }
    let job = Api::<Job>::namespaced(context.client.clone(), &namespace).get_opt(GARBAGE_JOB).await?;
    let created = |time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.map(|time| time.0);
    let last = job.as_ref().map(|job| {
        let ended = job_state::is_finished(job) && job.metadata.deletion_timestamp.is_none();
        (created(job.creation_timestamp()).unwrap_or_default(), ended)
    });
    let uid = connector.uid().unwrap_or_default();
    let born = created(connector.creation_timestamp()).unwrap_or_default();
    match (next(&uid, born, last, context.now()), &job) {
        (Next::Wait(seconds), _) => Ok(Some(seconds)),
        (Next::Release, Some(job)) => {
            if let Some(problem) = problem(context, &namespace, job).await? {
                let event = Event::warning(
                    EventReason::StoreNotCleared,
                    format!("the store was not cleared of old files: {problem}"),
                );
                events::publish(context, &connector.object_ref(&()), vec![event]).await;
            }
            run::release(context, &namespace, GARBAGE_JOB, &job.uid().unwrap_or_default()).await?;
            Ok(Some(5))
        }
        (Next::Start | Next::Release, _) => start(context, connector, &namespace).await.map(Some),
    }
}

async fn start(context: &Context, connector: &GalSyncConnector, namespace: &str) -> Result<u64, Error> {
    let (name, retention) = (connector.name_any(), context.settings.retention);
    let owner = &context.settings.owner;
    let request = Request {
        format: FORMAT,
        owner: owner.clone(),
        run: None,
        attempt: 1,
        store_prefix: format!("{owner}/{namespace}"),
        operation: Operation::CollectGarbage {
            keep_reports_seconds: retention.reports_seconds,
            keep_logs_seconds: retention.logs_seconds,
            keep_snapshots: retention.snapshots,
        },
    };
    namespace::prepare(context, namespace).await?;
    let placement = Placement {
        settings: &context.settings.job,
        namespace,
        connector: connector.controller_owner_ref(&()).ok_or(Error::Incomplete("UID"))?,
        generation: connector.metadata.generation.unwrap_or_default(),
        run: None,
        template: connector.spec.job_template.clone().unwrap_or_default(),
        deadline_seconds: 3_600,
    };
    let manifests = jobs::manifests(&request, &name, &placement);
    if !context.active_jobs.take(&manifests.job) {
        return Ok(60);
    }
    // There is no Job, so nobody reads the Request of the one before.
    let requests: Api<ConfigMap> = Api::namespaced(context.client.clone(), namespace);
    match requests.delete(&manifests.request.name_any(), &DeleteParams::default()).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    if run::create(context, namespace, manifests).await? {
        tracing::info!(namespace, "clearing the store");
    }
    Ok(3_600)
}

/// Why the last Job did not do its work.
async fn problem(context: &Context, namespace: &str, job: &Job) -> Result<Option<String>, Error> {
    Ok(match run::read_state(context, namespace, job).await? {
        JobState::Ended(End::Outcome(outcome)) if outcome.verdict == Verdict::Succeeded => None,
        JobState::Ended(End::Outcome(outcome)) => Some(format!("{}: {}", outcome.reason.label(), outcome.message)),
        JobState::Ended(End::DeadlineExceeded) => Some("it took longer than an hour".to_owned()),
        JobState::Ended(End::Lost(loss)) => Some(loss.how),
        JobState::Starting { .. } | JobState::Running | JobState::OutOfReach(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::context::known;
    use serde_json::json;

    #[test]
    fn one_job_a_day() {
        let born: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let hours = |hours| born + SignedDuration::from_hours(hours);
        let due = grid_after(DAY, "u", born);
        let first = due.duration_since(born).as_secs();
        assert!((1..=86_400).contains(&first));
        assert_eq!(next("u", born, None, born), Next::Wait(first.unsigned_abs()));
        assert_eq!(next("u", born, None, due), Next::Start);
        assert_eq!(next("u", born, None, hours(1_000)), Next::Start, "after downtime once, not forty times");
        assert_eq!(next("u", born, Some((due, true)), due), Next::Wait(86_400));
        assert_eq!(next("u", born, Some((due, true)), due + DAY), Next::Release);
        assert_eq!(
            next("u", born, Some((due, false)), due + DAY),
            Next::Wait(600),
            "one that hangs ends by its deadline"
        );
        assert!(matches!(next("u", born, Some((hours(90_000), true)), hours(30)), Next::Wait(1..=86_400)));
    }

    #[test]
    fn the_oldest_connector_sees_to_it() {
        let connector = |name: &str, created: &str| -> GalSyncConnector {
            serde_json::from_value(
                json!({ "metadata": { "name": name, "namespace": "n", "creationTimestamp": created },
                "spec": { "type": "Memory", "memory": { "path": "/x" } } }),
            )
            .unwrap()
        };
        let (old, new) = (connector("z", "2026-01-01T00:00:00Z"), connector("a", "2026-01-02T00:00:00Z"));
        let mut all = known(&[new.clone(), old.clone()]);
        assert!(leads(&old, &all) && !leads(&new, &all));
        all[1].metadata.deletion_timestamp = all[1].metadata.creation_timestamp.clone();
        assert!(leads(&new, &all), "another one when it goes");
    }
}
