//! Why a pod does not start, or ended without a word. Pure.

use super::jobs::CONTAINER;
use crate::operation::Reason;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};

/// Why a pod does not start, or cannot be reached any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub reason: Reason,
    /// Kubernetes' own word for it.
    pub word: String,
    pub message: String,
}

/// Why a Job ended without an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub reason: Reason,
    pub how: String,
}

impl Loss {
    pub fn interrupted(how: impl Into<String>) -> Self {
        Self { reason: Reason::Interrupted, how: how.into() }
    }

    /// Another attempt would end in the same way.
    pub fn is_final(&self) -> bool {
        self.reason == Reason::OutOfMemory
    }

    /// How the last pod of a Job ended.
    pub fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let loss = |reason, how: String| Self { reason, how };
        let terminated = container(pod).and_then(|c| c.state.as_ref()).and_then(|state| state.terminated.as_ref());
        if terminated.is_some_and(|end| end.reason.as_deref() == Some("OOMKilled")) {
            let how =
                "its pod needed more memory than its limit (OOMKilled); raise jobTemplate.resources.limits.memory";
            return loss(Reason::OutOfMemory, how.to_owned());
        }
        if let Some(end) =
            terminated.filter(|end| ["StartError", "ContainerCannotRun"].contains(&end.reason.as_deref().unwrap_or("")))
        {
            let message = end.message.as_deref().unwrap_or_default();
            return loss(Reason::PodNotStarted, format!("its program could not be started: {}", cut(message)));
        }
        let disruption = condition(pod, "DisruptionTarget", "True");
        let word = status.and_then(|status| status.reason.as_deref());
        if let Some(word) = word.or(disruption.and_then(|found| found.reason.as_deref())) {
            let message = status.and_then(|status| status.message.as_deref());
            let message = message.or(disruption.and_then(|found| found.message.as_deref())).unwrap_or_default();
            let colon = if message.is_empty() { "" } else { ": " };
            let reason = match word {
                "Evicted" | "TerminationByKubelet" | "EvictionByEvictionAPI" | "PreemptionByScheduler" => {
                    Reason::Evicted
                }
                "NodeLost" | "DeletionByTaintManager" | "DeletionByPodGC" => Reason::NodeLost,
                _ => Reason::Interrupted,
            };
            return loss(reason, format!("its pod was ended: {word}{colon}{}", cut(message)));
        }
        Self::interrupted(match terminated {
            Some(end) => format!("its program ended with code {} and left no outcome", end.exit_code),
            None => "its pod ended before its program did".to_owned(),
        })
    }
}

impl Trouble {
    /// Without a pod: what the Job's controller said when it tried to make one.
    pub fn no_pod(note: Option<&str>) -> Self {
        match note {
            Some(note) => Self::new("NoPod", note),
            None => Self { reason: Reason::PodNotStarted, ..Self::new("NoPod", "no pod was made for the Job") },
        }
    }

    /// Why a pod that has not started does not; `note` is the cluster's newest warning about it.
    pub fn starting(pod: &Pod, note: Option<&str>) -> Option<Self> {
        if let Some(condition) = condition(pod, "PodScheduled", "False") {
            let word = condition.reason.as_deref().unwrap_or("Unschedulable");
            return Some(Self::new(word, condition.message.as_deref().unwrap_or_default()));
        }
        let waiting = container(pod)?.state.as_ref()?.waiting.as_ref()?;
        let message = waiting.message.as_deref().or(note).unwrap_or_default();
        Some(Self::new(waiting.reason.as_deref().unwrap_or("Waiting"), message))
    }

    /// A pod that runs, as far as anybody knows, on a node that does not answer: it was told to go and nobody says
    /// that it went.
    pub fn out_of_reach(pod: &Pod) -> Option<Self> {
        pod.metadata.deletion_timestamp.as_ref()?;
        let condition = condition(pod, "DisruptionTarget", "True")?;
        (condition.reason.as_deref() == Some("DeletionByTaintManager")).then(|| {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("unknown");
            let message = format!(
                "the pod was told to leave node {node}, which has not said that it ended; if the node is gone for \
                 good, remove it, or the pod: kubectl delete pod {name} --force"
            );
            Self { reason: Reason::NodeLost, word: "NodeLost".to_owned(), message }
        })
    }

    fn new(word: &str, message: &str) -> Self {
        Self { reason: reason(word, message), word: word.to_owned(), message: cut(message) }
    }
}

fn cut(message: &str) -> String {
    message.chars().take(500).collect()
}

/// What the reader does next.
fn reason(word: &str, message: &str) -> Reason {
    let message = message.to_lowercase();
    let image = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"];
    if image.contains(&word) {
        Reason::ImageUnavailable
    } else if message.contains("persistentvolumeclaim") || message.contains("\"store\"") {
        Reason::StoreUnavailable
    } else if message.contains("secret") {
        Reason::SecretNotFound
    } else if ["Unschedulable", "SchedulingGated", "SchedulerError"].contains(&word) {
        Reason::Unschedulable
    } else if word == "NoPod" {
        Reason::PodRefused
    } else {
        Reason::PodNotStarted
    }
}

pub fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

pub fn condition<'a>(pod: &'a Pod, kind: &str, status: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    conditions.iter().find(|condition| condition.type_ == kind && condition.status == status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "p" }, "status": status })).unwrap()
    }

    fn in_state(state: Value) -> Value {
        json!({ "containerStatuses": [{ "name": CONTAINER, "image": "", "imageID": "", "ready": false,
            "restartCount": 0, "state": state }] })
    }

    /// The words are Kubernetes' own, as they were seen on the lab's cluster or stand in its source.
    #[test]
    fn what_keeps_a_pod_from_starting_has_a_reason() {
        let waiting =
            |word: &str, message: Value| pod(in_state(json!({ "waiting": { "reason": word, "message": message } })));
        let unscheduled = |message: &str| {
            pod(json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": message }] }))
        };
        let creating = || waiting("ContainerCreating", Value::Null);
        for (pod, note, word, wanted) in [
            (
                waiting("ImagePullBackOff", json!("Back-off pulling image \"x\"")),
                None,
                "ImagePullBackOff",
                Reason::ImageUnavailable,
            ),
            (waiting("ErrImagePull", json!("no such secret")), None, "ErrImagePull", Reason::ImageUnavailable),
            (waiting("ErrImageNeverPull", json!("not present")), None, "ErrImageNeverPull", Reason::ImageUnavailable),
            (
                waiting("CreateContainerConfigError", json!("runAsNonRoot")),
                None,
                "CreateContainerConfigError",
                Reason::PodNotStarted,
            ),
            (
                unscheduled("0/1 nodes are available: 1 Insufficient memory."),
                None,
                "Unschedulable",
                Reason::Unschedulable,
            ),
            (
                unscheduled("persistentvolumeclaim \"galsync-store\" not found"),
                None,
                "Unschedulable",
                Reason::StoreUnavailable,
            ),
            (
                unscheduled("pod has unbound immediate PersistentVolumeClaims"),
                None,
                "Unschedulable",
                Reason::StoreUnavailable,
            ),
            (
                creating(),
                Some("MountVolume.SetUp failed for volume \"secret-0\" : secret \"corp\" not found"),
                "ContainerCreating",
                Reason::SecretNotFound,
            ),
            (
                creating(),
                Some("MountVolume.SetUp failed for volume \"secret-0\" : references non-existent secret key: password"),
                "ContainerCreating",
                Reason::SecretNotFound,
            ),
            (
                creating(),
                Some("MountVolume.MountDevice failed for volume \"store\""),
                "ContainerCreating",
                Reason::StoreUnavailable,
            ),
            (creating(), None, "ContainerCreating", Reason::PodNotStarted),
        ] {
            let trouble = Trouble::starting(&pod, note).expect(word);
            assert_eq!((trouble.word.as_str(), trouble.reason), (word, wanted), "{}", trouble.message);
        }
        let quota = "Error creating: pods \"corp-source-x\" is forbidden: exceeded quota: none";
        assert_eq!(Trouble::no_pod(Some(quota)).reason, Reason::PodRefused);
        assert_eq!(Trouble::no_pod(None).reason, Reason::PodNotStarted);
        assert_eq!(Trouble::starting(&pod(json!({})), None), None, "nothing is known yet");
    }

    #[test]
    fn a_pod_that_ended_without_a_word_says_how() {
        let terminated =
            |code: i32, reason: &str| in_state(json!({ "terminated": { "exitCode": code, "reason": reason } }));
        let disrupted = |reason: &str| {
            json!({ "phase": "Failed", "conditions": [{ "type": "DisruptionTarget", "status": "True", "reason": reason,
                "message": "why" }] })
        };
        for (status, reason, said) in [
            (terminated(137, "OOMKilled"), Reason::OutOfMemory, "limits.memory"),
            (terminated(101, "Error"), Reason::Interrupted, "ended with code 101"),
            (terminated(128, "StartError"), Reason::PodNotStarted, "could not be started"),
            (json!({}), Reason::Interrupted, "before its program did"),
            (
                json!({ "reason": "Evicted", "message": "The node was low on resource: memory." }),
                Reason::Evicted,
                "low on resource",
            ),
            (disrupted("EvictionByEvictionAPI"), Reason::Evicted, "EvictionByEvictionAPI: why"),
            (disrupted("DeletionByPodGC"), Reason::NodeLost, "DeletionByPodGC"),
            (json!({ "reason": "NodeLost" }), Reason::NodeLost, "NodeLost"),
        ] {
            let loss = Loss::of(&pod(status));
            assert!(loss.reason == reason && loss.how.contains(said), "{loss:?}");
            assert_eq!(loss.is_final(), reason == Reason::OutOfMemory);
        }
    }

    #[test]
    fn a_node_that_does_not_answer_is_told_of() {
        let mut pod = pod(json!({ "conditions": [{ "type": "DisruptionTarget", "status": "True",
            "reason": "DeletionByTaintManager" }] }));
        assert_eq!(Trouble::out_of_reach(&pod), None);
        pod.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        let trouble = Trouble::out_of_reach(&pod).expect("it was told to go");
        assert!(trouble.reason == Reason::NodeLost && trouble.message.contains("kubectl delete pod p --force"));
    }
}
