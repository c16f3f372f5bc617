//! From a Request to the objects that carry it out: an immutable ConfigMap and a Job. Pure.

use super::credentials::{Secrets, add_workload_tokens, secrets};
use super::names::{MAX_NAME, Slot, bounded};
use super::settings::{JobSettings, SERVICE_ACCOUNT, STORE_CLAIM, STORE_SECRET, USER, paths};
use crate::api::job_template::JobTemplate;
use crate::operation::{Operation, OperationType, Request};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub const MANAGER: &str = "galsync-operator";
pub const CONTAINER: &str = "galsync";

/// Labels and annotations by which a Job tells whose it is.
pub mod keys {
    pub const RUN_UID: &str = "galsync.dev/run-uid";
    pub const CONNECTOR_UID: &str = "galsync.dev/connector-uid";
    pub const OPERATION: &str = "galsync.dev/operation";
    pub const ATTEMPT: &str = "galsync.dev/attempt";
    pub const SLOT: &str = "galsync.dev/slot";
    /// For people and selectors; the whole name stands in the annotation of the same key.
    pub const RUN: &str = "galsync.dev/run";
    pub const CONNECTOR: &str = "galsync.dev/connector";
    /// On runs.
    pub const SCHEDULE: &str = "galsync.dev/schedule";
    /// The connector's generation that a periodic Verify looks at.
    pub const GENERATION: &str = "galsync.dev/generation";
}

/// What a Job needs beside its Request.
pub struct Placement<'a> {
    pub settings: &'a JobSettings,
    pub namespace: &'a str,
    /// The connector: its Jobs go when it goes.
    pub connector: OwnerReference,
    pub generation: i64,
    /// The run; absent for a periodic Verify.
    pub run: Option<OwnerReference>,
    /// The schedule's over the connector's.
    pub template: JobTemplate,
    pub deadline_seconds: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Manifests {
    pub request: ConfigMap,
    /// The Job that runs the operation.
    pub job: Job,
    /// A Job that never runs and holds the other slot, for an operation that takes both.
    pub placeholder: Option<Job>,
}

/// The Job that clears a namespace's store; one name, so that there is one at a time.
pub const GARBAGE_JOB: &str = "galsync-garbage";

/// The name of the Request's ConfigMap; one a run, operation, connector and attempt.
pub fn request_name(request: &Request, connector: &str) -> String {
    let operation = request.operation.kind().name().to_lowercase();
    let name = match &request.run {
        Some(run) => format!("{}-{operation}-{connector}-{}", run.name, request.attempt),
        None => format!("{connector}-{operation}"),
    };
    bounded(&name, 253)
}

pub fn manifests(request: &Request, connector: &str, placement: &Placement<'_>) -> Manifests {
    let Placement { settings, namespace, connector: owner, generation, run, template, deadline_seconds } = placement;
    let kind = request.operation.kind();
    let slot = Slot::of(kind);
    let request_name = request_name(request, connector);
    let run_name = request.run.as_ref().map(|run| run.name.as_str());
    let labels = |slot: Slot| {
        let mut labels: BTreeMap<&str, String> = [
            ("app.kubernetes.io/name", "galsync".to_owned()),
            (MANAGED_BY, MANAGER.to_owned()),
            ("app.kubernetes.io/component", "job".to_owned()),
            (keys::OPERATION, kind.name().to_owned()),
            (keys::ATTEMPT, request.attempt.to_string()),
            (keys::SLOT, slot.name().to_owned()),
            (keys::CONNECTOR, bounded(connector, MAX_NAME)),
            (keys::CONNECTOR_UID, owner.uid.clone()),
        ]
        .into();
        if let Some(run) = &request.run {
            labels.insert(keys::RUN, bounded(&run.name, MAX_NAME));
            labels.insert(keys::RUN_UID, run.uid.clone());
        }
        labels
    };
    let annotations = || {
        let mut annotations: BTreeMap<&str, String> =
            [(keys::CONNECTOR, connector.to_owned()), (keys::GENERATION, generation.to_string())].into();
        if let Some(name) = run_name {
            annotations.insert(keys::RUN, name.to_owned());
        }
        annotations
    };
    let metadata = |slot: Slot| {
        json!({
            "name": if kind == OperationType::CollectGarbage { GARBAGE_JOB.to_owned() } else { slot.job(connector) },
            "namespace": namespace, "labels": labels(slot), "annotations": annotations(), "ownerReferences": [owner],
        })
    };
    let secrets = secrets(&request.operation);
    let mut pod = pod(settings, template, &request_name, &secrets, &labels(slot));
    add_workload_tokens(&mut pod["spec"], &request.operation);
    let job = |slot: Slot, suspend: bool| {
        let value = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(slot),
            "spec": {
                "suspend": suspend,
                "backoffLimit": 0,
                "completions": 1,
                "parallelism": 1,
                "activeDeadlineSeconds": deadline_seconds,
                "podReplacementPolicy": "Failed",
                "podFailurePolicy": { "rules": [{
                    "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }],
                }] },
                "template": pod,
            },
        });
        serde_json::from_value(value).expect("the manifest is a Job")
    };
    let config_map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": request_name, "namespace": namespace, "labels": labels(slot),
            "annotations": annotations(), "ownerReferences": [run.as_ref().unwrap_or(owner)],
        },
        "immutable": true,
        "data": { paths::REQUEST_FILE: serde_json::to_string(request).expect("a request is plain data") },
    });
    let takes_both = matches!(request.operation, Operation::EmptyCache { .. });
    Manifests {
        request: serde_json::from_value(config_map).expect("the manifest is a ConfigMap"),
        job: job(slot, false),
        placeholder: takes_both.then(|| job(Slot::Target, true)),
    }
}

fn pod(
    settings: &JobSettings,
    template: &JobTemplate,
    request_name: &str,
    secrets: &Secrets,
    labels: &BTreeMap<&str, String>,
) -> Value {
    let template = template.over(&settings.template);
    let mut volumes = vec![
        json!({ "name": "request", "configMap": { "name": request_name } }),
        json!({ "name": "scratch", "emptyDir": { "sizeLimit": settings.scratch_size } }),
    ];
    let mut mounts = vec![
        json!({ "name": "request", "mountPath": paths::REQUEST_FOLDER, "readOnly": true }),
        json!({ "name": "scratch", "mountPath": paths::SCRATCH }),
    ];
    let mut mount_secret = |index: usize, name: &str, source: Value| {
        let volume = format!("secret-{index}");
        volumes.push(json!({ "name": volume, "secret": source }));
        let path = format!("{}/{name}", paths::SECRETS);
        mounts.push(json!({ "name": volume, "mountPath": path, "readOnly": true }));
    };
    for (index, (name, keys)) in secrets.iter().enumerate() {
        let items: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "path": key })).collect();
        // Readable for the group that fsGroup gives the pod, and for nobody else.
        mount_secret(index, name, json!({ "secretName": name, "items": items, "defaultMode": 0o440 }));
    }
    if settings.store_is_a_claim() {
        volumes.push(json!({ "name": "store", "persistentVolumeClaim": { "claimName": STORE_CLAIM } }));
        mounts.push(json!({ "name": "store", "mountPath": paths::STORE }));
    } else {
        let source = json!({ "secretName": STORE_SECRET, "optional": true, "defaultMode": 0o440 });
        mount_secret(secrets.len(), STORE_SECRET, source);
    }
    let mut pod_labels: BTreeMap<&str, &str> =
        template.pod_labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Ours last: a template cannot make a pod look like another's.
    pod_labels.extend(labels.iter().map(|(name, value)| (*name, value.as_str())));
    let mut spec = json!({
        "restartPolicy": "Never",
        "serviceAccountName": template.service_account_name.as_ref().map_or(SERVICE_ACCOUNT, |name| name.as_str()),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": CONTAINER,
            "image": settings.image,
            "imagePullPolicy": settings.image_pull_policy,
            "command": ["/galsync", "job",
                "--request", format!("{}/{}", paths::REQUEST_FOLDER, paths::REQUEST_FILE),
                "--secrets", paths::SECRETS,
                "--store", settings.store_url],
            "resources": template.resources.unwrap_or_default(),
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "terminationMessagePolicy": "File",
            "volumeMounts": mounts,
        }],
        "volumes": volumes,
        "nodeSelector": template.node_selector,
        "tolerations": template.tolerations,
        "imagePullSecrets": template.image_pull_secrets,
    });
    if let Some(name) = &template.priority_class_name {
        spec["priorityClassName"] = json!(name);
    }
    if let Some(affinity) = &template.affinity {
        spec["affinity"] = json!(affinity);
    }
    json!({ "metadata": { "labels": pod_labels, "annotations": template.pod_annotations }, "spec": spec })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::convert::checked_connector;
    use crate::model::OwnerId;
    use crate::model::connector::{Connector, ReadScope};
    use crate::operation::{FORMAT, RunReference};

    fn connector() -> Connector {
        let object = serde_json::from_value(json!({
            "metadata": { "name": "corp" },
            "spec": { "type": "ExchangeOnPremises", "exchangeOnPremises": { "ldap": {
                "urls": ["ldaps://dc1"], "credentialsRef": { "name": "corp" }, "caBundleRef": { "name": "corp" } } } }
        }))
        .unwrap();
        checked_connector(&object).unwrap()
    }

    fn made(operation: Operation, store_url: &str, template: Value) -> Value {
        let request = Request {
            format: FORMAT,
            owner: OwnerId::new("o").unwrap(),
            run: Some(RunReference { namespace: "n".into(), name: "r".repeat(80), uid: "run-uid".into() }),
            attempt: 2,
            store_prefix: "o/n".into(),
            operation,
        };
        let owner = |name: &str| OwnerReference { name: name.to_owned(), uid: name.to_owned(), ..Default::default() };
        let settings = JobSettings {
            image: "image:1".into(),
            image_pull_policy: "Never".into(),
            store_url: store_url.into(),
            scratch_size: "4Gi".into(),
            template: serde_json::from_value(json!({ "podLabels": { "team": "mail" }, "nodeSelector": { "a": "b" } }))
                .unwrap(),
        };
        let placement = Placement {
            settings: &settings,
            namespace: "n",
            connector: owner("corp"),
            generation: 3,
            run: Some(owner("run")),
            template: serde_json::from_value(template).unwrap(),
            deadline_seconds: 60,
        };
        let Manifests { request, job, placeholder } = manifests(&request, "corp", &placement);
        json!({ "request": request, "job": job, "placeholder": placeholder })
    }

    fn pull() -> Operation {
        Operation::Pull { connector: connector(), read: ReadScope::default(), full: false }
    }

    #[test]
    fn a_job_is_restricted_locked_and_traceable() {
        let made = made(pull(), "file:///var/lib/galsync/store", json!({ "podLabels": { MANAGED_BY: "somebody" } }));
        let pod = "/job/spec/template/spec";
        for (pointer, wanted) in [
            ("/job/metadata/name", json!("corp-source")),
            ("/job/metadata/labels/galsync.dev~1run-uid", json!("run-uid")),
            ("/job/metadata/labels/galsync.dev~1attempt", json!("2")),
            ("/job/metadata/annotations/galsync.dev~1run", json!("r".repeat(80))),
            ("/job/metadata/ownerReferences/0/uid", json!("corp")),
            ("/job/spec/backoffLimit", json!(0)),
            ("/job/spec/podReplacementPolicy", json!("Failed")),
            ("/job/spec/activeDeadlineSeconds", json!(60)),
            ("/job/spec/suspend", json!(false)),
            ("/job/spec/template/metadata/labels/team", json!("mail")),
            ("/job/spec/template/metadata/labels/app.kubernetes.io~1managed-by", json!(MANAGER)),
            (&format!("{pod}/automountServiceAccountToken"), json!(false)),
            (&format!("{pod}/serviceAccountName"), json!("galsync-job")),
            (&format!("{pod}/securityContext/runAsNonRoot"), json!(true)),
            (&format!("{pod}/securityContext/seccompProfile/type"), json!("RuntimeDefault")),
            (&format!("{pod}/nodeSelector/a"), json!("b")),
            (&format!("{pod}/containers/0/securityContext/readOnlyRootFilesystem"), json!(true)),
            (&format!("{pod}/containers/0/securityContext/capabilities/drop/0"), json!("ALL")),
            (&format!("{pod}/containers/0/terminationMessagePolicy"), json!("File")),
            (&format!("{pod}/containers/0/env"), Value::Null),
            ("/request/immutable", json!(true)),
            ("/request/metadata/ownerReferences/0/uid", json!("run")),
            ("/placeholder", Value::Null),
        ] {
            assert_eq!(made.pointer(pointer).cloned().unwrap_or(Value::Null), wanted, "{pointer}");
        }
        let labels = made["job"]["metadata"]["labels"].as_object().unwrap();
        assert!(labels.values().all(|value| value.as_str().unwrap().len() <= 63));
        let text = made["request"]["data"]["request.json"].as_str().unwrap();
        assert!(Request::from_json(text.as_bytes()).is_ok(), "the Job can read its request");
        let name = made["request"]["metadata"]["name"].clone();
        assert_eq!(made.pointer(&format!("{pod}/volumes/0/configMap/name")), Some(&name));
    }

    #[test]
    fn secrets_are_mounted_only_where_they_are_needed() {
        let volumes = |operation: Operation, store: &str| -> Vec<Value> {
            let made = made(operation, store, json!({}));
            let volumes = made.pointer("/job/spec/template/spec/volumes").unwrap().as_array().unwrap().clone();
            volumes.into_iter().filter(|volume| volume["name"] != "request" && volume["name"] != "scratch").collect()
        };
        let claim = json!({ "name": "store", "persistentVolumeClaim": { "claimName": "galsync-store" } });
        let keys = ["ca.crt", "password", "username"].map(|key| json!({ "key": key, "path": key }));
        let corp =
            json!({ "name": "secret-0", "secret": { "secretName": "corp", "items": keys, "defaultMode": 0o440 } });
        let bucket = json!({ "name": "secret-1",
            "secret": { "secretName": "galsync-store", "optional": true, "defaultMode": 0o440 } });
        let file = "file:///var/lib/galsync/store";
        assert_eq!(volumes(pull(), file), [corp.clone(), claim.clone()]);
        assert_eq!(volumes(pull(), "s3://bucket/x"), [corp, bucket]);
        assert_eq!(volumes(Operation::EmptyCache { connector: connector() }, file), [claim]);
    }

    #[test]
    fn garbage_collection_has_a_job_of_its_own_and_no_secret() {
        let collect = Operation::CollectGarbage { keep_reports_seconds: 1, keep_logs_seconds: 1, keep_snapshots: 2 };
        let made = made(collect, "file:///x", json!({}));
        assert_eq!(made["job"]["metadata"]["name"], GARBAGE_JOB);
        assert_eq!(made["placeholder"], Value::Null);
        let volumes = made.pointer("/job/spec/template/spec/volumes").unwrap().as_array().unwrap();
        assert!(volumes.iter().all(|volume| volume.get("secret").is_none()), "{volumes:?}");
    }

    #[test]
    fn empty_cache_holds_both_slots() {
        let made = made(Operation::EmptyCache { connector: connector() }, "file:///x", json!({}));
        assert_eq!(made["job"]["metadata"]["name"], "corp-source");
        assert_eq!(made["placeholder"]["metadata"]["name"], "corp-target");
        assert_eq!(made["placeholder"]["spec"]["suspend"], true);
    }
}
