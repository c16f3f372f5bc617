//! Which finished runs go. What they did stays in the store's reports, in the schedule's status and in the targets.

use super::archive::Line;
use super::context::{Context, Guarded, Known, each};
use super::error::Error;
use super::run::is_completed;
use crate::api::GalSyncRun;
use crate::api::conditions::{self, types};
use crate::api::schedule::History;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Preconditions};
use std::collections::HashSet;

/// What a run counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Successful,
    Failed,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    class: Class,
    ended: Timestamp,
    name: String,
    uid: Option<String>,
    is_going: bool,
}

impl Ended {
    fn of(run: &GalSyncRun) -> Option<Self> {
        let status = run.status.as_ref().filter(|_| is_completed(run))?;
        let good = conditions::is_true(&status.conditions, types::SUCCEEDED);
        Some(Self {
            class: if good { Class::Successful } else { Class::Failed },
            ended: status.completion_time.as_ref()?.0,
            name: run.name_any(),
            uid: run.uid(),
            is_going: run.metadata.deletion_timestamp.is_some(),
        })
    }

    fn archived(line: Line) -> Self {
        let Line { name, uid, ended } = line;
        Self { class: Class::Successful, ended, name, uid: Some(uid), is_going: false }
    }
}

/// The runs that go: beyond the number of their class, or too old. Never one that has not ended, nor the last of a
/// class.
fn superfluous(runs: &[Ended], history: &History, now: Timestamp) -> Vec<Ended> {
    let age = history.max_age.seconds().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(i64::MAX);
    let mut going = Vec::new();
    for (wanted, keep) in [(Class::Successful, history.successful_runs), (Class::Failed, history.failed_runs)] {
        let mut of_class: Vec<&Ended> = runs.iter().filter(|run| run.class == wanted).collect();
        of_class.sort_by_key(|run| (std::cmp::Reverse(run.ended), run.name.as_str()));
        for (place, run) in of_class.into_iter().enumerate().skip(1) {
            let old = now.duration_since(run.ended) > SignedDuration::from_secs(age);
            if (old || place >= keep as usize) && !run.is_going {
                going.push(run.clone());
            }
        }
    }
    going
}

/// Removes what is superfluous among the runs that are whole in the cache, and those of the archive.
pub async fn prune(
    context: &Context,
    namespace: &str,
    history: &History,
    whole: &[Known<GalSyncRun>],
    archived: Vec<Line>,
) -> Result<(), Error> {
    let mut runs: Vec<Ended> = each(whole).filter_map(Ended::of).collect();
    let whole: HashSet<String> = runs.iter().map(|run| run.name.clone()).collect();
    runs.extend(archived.into_iter().filter(|line| !whole.contains(&line.name)).map(Ended::archived));
    let api: Api<Guarded<GalSyncRun>> = Api::namespaced(context.client.clone(), namespace);
    for Ended { name, uid, .. } in superfluous(&runs, history, context.now()) {
        let preconditions = Preconditions { uid, resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        match api.delete(&name, &parameters).await {
            Ok(_) => tracing::debug!(namespace, run = name, "removed an old run"),
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

    fn run(name: &str, hours: i64, succeeded: Option<bool>) -> Option<Ended> {
        let ended = NOW - SignedDuration::from_hours(hours);
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "reason": "R", "message": "", "lastTransitionTime": NOW.to_string() });
        let status = |is: bool| if is { "True" } else { "False" };
        let conditions = match succeeded {
            Some(good) => json!([condition("Completed", "True"), condition("Succeeded", status(good))]),
            None => json!([condition("Completed", "False")]),
        };
        let run: GalSyncRun = serde_json::from_value(json!({ "metadata": { "name": name, "uid": name },
            "spec": { "scheduleRef": { "name": "s" }, "action": "Push" },
            "status": { "conditions": conditions, "completionTime": ended.to_string() } }))
        .unwrap();
        Ended::of(&run)
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
        let runs: Vec<Ended> = runs.into_iter().flatten().collect();
        let gone = |successful_runs, failed_runs, hours: u64| {
            let history = History { successful_runs, failed_runs, max_age: format!("{hours}h").as_str().into() };
            superfluous(&runs, &history, NOW).iter().map(|run| run.name.clone()).collect::<Vec<_>>().join(" ")
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
