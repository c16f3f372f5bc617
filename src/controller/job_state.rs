//! What a Job and its pods say about an operation. Pure.

use super::jobs::keys;
use super::pod_trouble::{Loss, Trouble, condition, container};
use crate::operation::{FORMAT, OperationType, Outcome, Reason, Verdict};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// How far an operation's Job has come.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// Its program does not run yet; `trouble` says why not, where the cluster tells.
    Starting {
        since: Timestamp,
        trouble: Option<Trouble>,
    },
    Running,
    /// It ran when its node was last heard of.
    OutOfReach(Trouble),
    Ended(End),
}

#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Outcome(Box<Outcome>),
    DeadlineExceeded,
    /// It ended and left no outcome: killed, evicted, out of memory, or its node went.
    Lost(Loss),
}

/// Whose a Job is, by its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Run {
        uid: String,
        name: String,
        operation: OperationType,
        connector: String,
        attempt: u32,
    },
    /// A periodic Verify.
    Connector {
        uid: String,
        generation: i64,
    },
    /// A Job that somebody else made.
    Stranger,
}

pub fn owner(job: &Job) -> Owner {
    let (labels, annotations) = (job.labels(), job.annotations());
    let Some(operation) = labels.get(keys::OPERATION).and_then(|name| operation(name)) else {
        return Owner::Stranger;
    };
    let connector = annotations.get(keys::CONNECTOR).cloned().unwrap_or_default();
    match (labels.get(keys::RUN_UID), labels.get(keys::CONNECTOR_UID)) {
        (Some(uid), _) => Owner::Run {
            uid: uid.clone(),
            name: annotations.get(keys::RUN).cloned().unwrap_or_default(),
            operation,
            connector,
            attempt: labels.get(keys::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1),
        },
        (None, Some(uid)) => Owner::Connector {
            uid: uid.clone(),
            generation: annotations.get(keys::GENERATION).and_then(|text| text.parse().ok()).unwrap_or(0),
        },
        (None, None) => Owner::Stranger,
    }
}

fn operation(name: &str) -> Option<OperationType> {
    use OperationType::{CollectGarbage, EmptyCache, Pull, Push, Simulate, Verify};
    [Verify, Pull, Simulate, Push, EmptyCache, CollectGarbage].into_iter().find(|kind| kind.name() == name)
}

/// A Job that only holds a slot.
pub fn is_placeholder(job: &Job) -> bool {
    job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false)
}

/// The condition that says that no pod of the Job will run any more.
fn finished(job: &Job) -> Option<(bool, &str)> {
    let conditions = job.status.as_ref()?.conditions.as_deref()?;
    let done = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
    match (done("Complete"), done("Failed")) {
        (Some(_), _) => Some((true, "")),
        (None, Some(failed)) => Some((false, failed.reason.as_deref().unwrap_or_default())),
        (None, None) => None,
    }
}

pub fn is_finished(job: &Job) -> bool {
    finished(job).is_some()
}

/// `pods` are those of this Job; `note` is the newest warning about the last of them, or about the Job.
pub fn state(job: &Job, pods: &[Pod], note: Option<&str>) -> JobState {
    let created = job.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    let mut pods: Vec<&Pod> = pods.iter().collect();
    pods.sort_by_key(|pod| pod.creation_timestamp().map(|time| time.0));
    let Some((_, reason)) = finished(job) else {
        let Some(pod) = pods.last() else {
            return JobState::Starting { since: last_change(job).max(created), trouble: Some(Trouble::no_pod(note)) };
        };
        // A pod that was taken away: the Job makes another one, which has the same time to start.
        if let Some(taken) = taken_away(pod) {
            return JobState::Starting { since: taken.max(created), trouble: Some(Trouble::no_pod(note)) };
        }
        if has_started(pod) {
            return Trouble::out_of_reach(pod).map_or(JobState::Running, JobState::OutOfReach);
        }
        let since = pod.creation_timestamp().map_or(created, |time| time.0.max(created));
        return JobState::Starting { since, trouble: Trouble::starting(pod, note) };
    };
    let message = pods.iter().rev().find_map(|pod| termination(pod));
    let end = match message.map(|text| read_outcome(&text, created)) {
        Some(Some(outcome)) => End::Outcome(Box::new(outcome)),
        _ if reason == "DeadlineExceeded" => End::DeadlineExceeded,
        _ => End::Lost(pods.last().map_or_else(|| Loss::interrupted("its pod is gone"), |pod| Loss::of(pod))),
    };
    JobState::Ended(end)
}

fn has_started(pod: &Pod) -> bool {
    container(pod)
        .and_then(|status| status.state.as_ref())
        .is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

/// When the cluster last wrote the Job's status: of a Job whose pod was evicted, when it ended. The Job makes another
/// one after a while, also hours after its creation.
fn last_change(job: &Job) -> Timestamp {
    let entries = job.metadata.managed_fields.iter().flatten();
    let of_status = entries.filter(|entry| entry.subresource.as_deref() == Some("status"));
    of_status.filter_map(|entry| entry.time.as_ref()).map(|time| time.0).max().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// When the pod was ended by the cluster, not by its program.
fn taken_away(pod: &Pod) -> Option<Timestamp> {
    let failed = pod.status.as_ref()?.phase.as_deref() == Some("Failed");
    let condition = condition(pod, "DisruptionTarget", "True").filter(|_| failed && termination(pod).is_none())?;
    condition.last_transition_time.as_ref().map(|time| time.0)
}

fn termination(pod: &Pod) -> Option<String> {
    let state = container(pod)?.state.as_ref()?;
    state.terminated.as_ref()?.message.clone().filter(|text| !text.trim().is_empty())
}

fn read_outcome(text: &str, created: Timestamp) -> Option<Outcome> {
    #[derive(serde::Deserialize)]
    struct Version {
        format: u32,
    }
    let Version { format } = serde_json::from_str(text).ok()?;
    if format != FORMAT {
        let message = format!(
            "the Job answered in format {format}, this operator reads {FORMAT}; operator and Job image are of different releases"
        );
        return Some(Outcome::new(Verdict::Failed, Reason::VersionMismatch, message, created, created));
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(conditions: Value) -> Job {
        serde_json::from_value(json!({
            "metadata": { "name": "corp-source", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "status": { "conditions": conditions },
        }))
        .unwrap()
    }

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p", "creationTimestamp": "2026-01-01T00:00:01Z" }, "status": status,
        }))
        .unwrap()
    }

    fn container(state: Value) -> Value {
        json!({ "containerStatuses": [{ "name": "galsync", "image": "", "imageID": "", "ready": false,
            "restartCount": 0, "state": state }] })
    }

    fn outcome() -> Outcome {
        let time = "2026-01-01T00:00:02Z".parse().unwrap();
        Outcome::new(Verdict::Failed, Reason::Unreachable, "no route", time, time)
    }

    fn terminated(code: i32, reason: &str, message: &str) -> Value {
        container(json!({ "terminated": { "exitCode": code, "reason": reason, "message": message } }))
    }

    #[test]
    fn a_finished_job_tells_its_outcome_however_it_exited() {
        let text = outcome().to_termination_message();
        let ended = JobState::Ended(End::Outcome(Box::new(outcome())));
        for (conditions, code) in [
            (json!([{ "type": "Complete", "status": "True" }]), 0),
            (json!([{ "type": "Failed", "status": "True" }]), 5),
        ] {
            assert_eq!(state(&job(conditions), &[pod(terminated(code, "Error", &text))], None), ended);
        }
        // A disruption: the Job made a second pod; the newest message counts.
        let first = pod(terminated(137, "Error", ""));
        assert_eq!(
            state(
                &job(json!([{ "type": "Complete", "status": "True" }])),
                &[first, pod(terminated(0, "", &text))],
                None
            ),
            ended
        );
    }

    #[test]
    fn a_job_without_an_outcome_is_lost_and_says_how() {
        let failed = |reason: &str| job(json!([{ "type": "Failed", "status": "True", "reason": reason }]));
        let lost = |text: &str| JobState::Ended(End::Lost(Loss::interrupted(text)));
        for (job, pods, wanted) in [
            (failed(""), vec![], lost("its pod is gone")),
            (
                failed(""),
                vec![pod(terminated(101, "Error", ""))],
                lost("its program ended with code 101 and left no outcome"),
            ),
            (
                failed(""),
                vec![pod(terminated(1, "Error", "thread main panicked"))],
                lost("its program ended with code 1 and left no outcome"),
            ),
            (failed("DeadlineExceeded"), vec![], JobState::Ended(End::DeadlineExceeded)),
        ] {
            assert_eq!(state(&job, &pods, None), wanted);
        }
    }

    #[test]
    fn an_answer_in_another_format_says_so() {
        let text = r#"{"format":99,"verdict":"Succeeded"}"#;
        let done = job(json!([{ "type": "Complete", "status": "True" }]));
        let JobState::Ended(End::Outcome(outcome)) = state(&done, &[pod(terminated(0, "", text))], None) else {
            panic!("no outcome")
        };
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::VersionMismatch));
    }

    #[test]
    fn a_job_is_starting_until_a_pod_of_it_has_started() {
        let unfinished = job(json!([]));
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let starting = |pods: &[Pod], note: Option<&str>| match state(&unfinished, pods, note) {
            JobState::Starting { since, trouble } => (since, trouble.map(|trouble| trouble.reason)),
            other => panic!("{other:?}"),
        };
        let waiting = || pod(container(json!({ "waiting": { "reason": "ImagePullBackOff" } })));
        let (made, second) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z"));
        assert_eq!(starting(&[], Some("exceeded quota")), (made, Some(Reason::PodRefused)));
        assert_eq!(starting(&[waiting()], None), (second, Some(Reason::ImageUnavailable)));
        assert_eq!(state(&unfinished, &[pod(container(json!({ "running": {} })))], None), JobState::Running);
        // The program is through, the Job's controller has not seen it yet.
        assert_eq!(state(&unfinished, &[pod(terminated(0, "", "{}"))], None), JobState::Running);
        // Evicted, and the next pod is not admitted: the time to start begins anew.
        let evicted = json!({ "phase": "Failed", "conditions": [{ "type": "DisruptionTarget", "status": "True",
            "reason": "EvictionByEvictionAPI", "lastTransitionTime": "2026-01-01T01:00:00Z" }] });
        let wanted = (at("2026-01-01T01:00:00Z"), Some(Reason::PodRefused));
        assert_eq!(starting(&[pod(evicted)], Some("exceeded quota")), wanted);
        // Its pod is gone for good, and the Job has not made another one yet.
        let mut gone = unfinished.clone();
        gone.metadata.managed_fields = serde_json::from_value(json!([
            { "manager": "galsync", "operation": "Update", "time": "2026-01-03T00:00:00Z" },
            { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
              "time": "2026-01-02T00:00:00Z" },
        ]))
        .unwrap();
        let JobState::Starting { since, .. } = state(&gone, &[], None) else { panic!("it starts again") };
        assert_eq!(since, at("2026-01-02T00:00:00Z"));
    }

    #[test]
    fn a_job_tells_whose_it_is() {
        let made = |labels: Value, annotations: Value| -> Job {
            serde_json::from_value(json!({ "metadata": { "labels": labels, "annotations": annotations } })).unwrap()
        };
        assert_eq!(owner(&made(json!({}), json!({}))), Owner::Stranger);
        let labels = json!({ "galsync.dev/operation": "Pull", "galsync.dev/run-uid": "u", "galsync.dev/attempt": "2",
            "galsync.dev/connector-uid": "c" });
        let annotations = json!({ "galsync.dev/run": "r", "galsync.dev/connector": "corp" });
        let wanted = Owner::Run {
            uid: "u".to_owned(),
            name: "r".to_owned(),
            operation: OperationType::Pull,
            connector: "corp".to_owned(),
            attempt: 2,
        };
        assert_eq!(owner(&made(labels, annotations)), wanted);
        let labels = json!({ "galsync.dev/operation": "Verify", "galsync.dev/connector-uid": "c" });
        let wanted = Owner::Connector { uid: "c".to_owned(), generation: 7 };
        assert_eq!(owner(&made(labels, json!({ "galsync.dev/generation": "7" }))), wanted);
    }
}
