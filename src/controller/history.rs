//! Which finished runs go. What they did stays in the store's reports, in the schedule's status and in the targets.

use super::context::{Context, Guarded};
use super::error::Error;
use super::run::is_completed;
use crate::api::GalSyncRun;
use crate::api::conditions::{self, types};
use crate::api::schedule::History;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};

/// What a run counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Successful,
    Failed,
}

fn class(run: &GalSyncRun) -> Option<(Class, Timestamp)> {
    let status = run.status.as_ref().filter(|_| is_completed(run))?;
    let good = conditions::is_true(&status.conditions, types::SUCCEEDED);
    let class = if good { Class::Successful } else { Class::Failed };
    Some((class, status.completion_time.as_ref()?.0))
}

/// The runs that go: beyond the number of their class, or too old. Never one that has not ended, nor the last of a
/// class.
fn superfluous<'a>(runs: &'a [GalSyncRun], history: &History, now: Timestamp) -> Vec<&'a GalSyncRun> {
    let age = history.max_age.seconds().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(i64::MAX);
    let mut going = Vec::new();
    for (wanted, keep) in [(Class::Successful, history.successful_runs), (Class::Failed, history.failed_runs)] {
        let mut of_class: Vec<(Timestamp, &GalSyncRun)> = runs
            .iter()
            .filter_map(|run| class(run).filter(|(class, _)| *class == wanted).map(|(_, ended)| (ended, run)))
            .collect();
        of_class.sort_by_key(|(ended, run)| (std::cmp::Reverse(*ended), run.name_any()));
        for (place, (ended, run)) in of_class.into_iter().enumerate().skip(1) {
            let old = now.duration_since(ended) > SignedDuration::from_secs(age);
            if (old || place >= keep as usize) && run.metadata.deletion_timestamp.is_none() {
                going.push(run);
            }
        }
    }
    going
}

/// Removes what is superfluous among the runs that `own` picks.
pub async fn prune(
    context: &Context,
    namespace: &str,
    history: &History,
    own: impl Fn(&GalSyncRun) -> bool,
) -> Result<(), Error> {
    let mut runs = context.runs(namespace);
    runs.retain(|run| own(run));
    let api: Api<Guarded<GalSyncRun>> = Api::namespaced(context.client.clone(), namespace);
    for run in superfluous(&runs, history, context.now()) {
        let preconditions = Preconditions { uid: run.uid(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        match api.delete(&run.name_any(), &parameters).await {
            Ok(_) => tracing::debug!(namespace, run = run.name_any(), "removed an old run"),
            // Gone, or another one of the same name.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn run(name: &str, hours: i64, succeeded: Option<bool>) -> GalSyncRun {
        let ended = NOW - SignedDuration::from_hours(hours);
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "R", "message": "", "lastTransitionTime": NOW.to_string() });
        let status = |is: bool| if is { "True" } else { "False" };
        let conditions = match succeeded {
            Some(good) => json!([condition("Completed", "True"), condition("Succeeded", status(good))]),
            None => json!([condition("Completed", "False")]),
        };
        serde_json::from_value(json!({ "metadata": { "name": name, "uid": name },
            "spec": { "scheduleRef": { "name": "s" }, "action": "Push" },
            "status": { "conditions": conditions, "completionTime": ended.to_string() } }))
        .unwrap()
    }

    #[test]
    fn the_last_of_each_class_and_what_waits_stay() {
        let (good, bad) = (Some(true), Some(false));
        let runs = [
            run("good-1", 1, good),
            run("good-2", 2, good),
            run("good-3", 3, good),
            run("bad-9", 900, bad),
            run("bad-99", 990, bad),
            run("waits", 9_000, None),
        ];
        let gone = |successful_runs, failed_runs, hours: u64| {
            let history = History { successful_runs, failed_runs, max_age: format!("{hours}h").as_str().into() };
            superfluous(&runs, &history, NOW).iter().map(|run| run.name_any()).collect::<Vec<_>>().join(" ")
        };
        for (successful, failed, hours, wanted) in [
            (10, 10, 2_160, ""),
            (2, 10, 2_160, "good-3"),
            (1, 1, 2_160, "good-2 good-3 bad-99"),
            (10, 10, 950, "bad-99"),
            (10, 10, 1, "good-2 good-3 bad-99"),
        ] {
            assert_eq!(gone(successful, failed, hours), wanted, "{successful} {failed} {hours}");
        }
    }
}
