//! `galsync operator`: the controller's process.

use super::{Exit, Shared, UsageError};
use crate::api::job_template::JobTemplate;
use crate::controller::{self, ClaimSettings, JobSettings, LeaseSettings, Retention, Settings};
use crate::model::OwnerId;
use anyhow::Context as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs the operator: watches the custom resources and starts Jobs.
#[derive(Debug, clap::Args)]
pub struct Operator {
    /// Which installation owns the contacts it makes; part of every owner mark. Never change it.
    #[arg(long, env = "GALSYNC_OWNER_ID")]
    owner_id: String,
    /// The image of the Jobs.
    #[arg(long, env = "GALSYNC_JOB_IMAGE")]
    job_image: String,
    /// When the nodes fetch that image.
    #[arg(long, env = "GALSYNC_JOB_IMAGE_PULL_POLICY", default_value = "IfNotPresent",
          value_parser = ["Always", "IfNotPresent", "Never"])]
    job_image_pull_policy: String,
    /// Watch this namespace only; may be repeated. Default: all.
    #[arg(long = "watch-namespace", env = "GALSYNC_WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// Where snapshots and reports live: a folder of the Jobs (a claim is made in each namespace), or the URL
    /// of an object store.
    #[arg(long, env = "GALSYNC_STORE_URL", default_value = "file:///var/lib/galsync/store")]
    store_url: String,
    /// Size of the claim that is made in each namespace with a connector.
    #[arg(long, env = "GALSYNC_STORE_CLAIM_SIZE", default_value = "10Gi")]
    store_claim_size: String,
    /// Storage class of that claim. Default: the cluster's.
    #[arg(long, env = "GALSYNC_STORE_CLAIM_STORAGE_CLASS")]
    store_claim_storage_class: Option<String>,
    /// Access mode of that claim. ReadWriteOnce binds all Jobs of a namespace to one node.
    #[arg(long, env = "GALSYNC_STORE_CLAIM_ACCESS_MODE", default_value = "ReadWriteOnce",
          value_parser = ["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"])]
    store_claim_access_mode: String,
    /// The most that a Job may put into its scratch folder.
    #[arg(long, env = "GALSYNC_JOB_SCRATCH_SIZE", default_value = "4Gi")]
    job_scratch_size: String,
    /// A YAML file in the form of spec.jobTemplate, under the templates of connectors and schedules.
    #[arg(long, env = "GALSYNC_JOB_TEMPLATE")]
    job_template: Option<PathBuf>,
    /// How many seconds a Job's pod may take until its program runs.
    #[arg(long, env = "GALSYNC_JOB_START_DEADLINE", default_value_t = 300)]
    job_start_deadline: u64,
    /// Name of the Lease that says which of several operators works; one for each installation.
    #[arg(long, env = "GALSYNC_LEASE_NAME", default_value = "galsync-operator")]
    lease_name: String,
    /// Namespace of the Lease. Default: the operator's own, or that of the kubeconfig.
    #[arg(long, env = "POD_NAMESPACE")]
    lease_namespace: Option<String>,
    /// The name by which the Lease calls this process.
    #[arg(long, env = "POD_NAME", default_value = "operator")]
    lease_holder: String,
    /// How many Jobs may run at a time, over all namespaces; 0 = no limit.
    #[arg(long, env = "GALSYNC_MAX_JOBS", default_value_t = 20)]
    max_jobs: usize,
    /// How long the stores keep reports and plans, such as 2160h.
    #[arg(long, env = "GALSYNC_KEEP_REPORTS", default_value = "2160h", value_parser = seconds)]
    keep_reports: u64,
    /// How long the stores keep logs and journals, such as 720h.
    #[arg(long, env = "GALSYNC_KEEP_LOGS", default_value = "720h", value_parser = seconds)]
    keep_logs: u64,
    /// How many snapshots of each connector the stores keep; at least 2.
    #[arg(long, env = "GALSYNC_KEEP_SNAPSHOTS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..))]
    keep_snapshots: u32,
    /// Where /metrics, /healthz and /readyz are served.
    #[arg(long, env = "GALSYNC_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
}

impl Operator {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let Self {
            owner_id,
            job_image: image,
            job_image_pull_policy: image_pull_policy,
            watch_namespaces,
            store_url,
            store_claim_size,
            store_claim_storage_class,
            store_claim_access_mode,
            job_scratch_size: scratch_size,
            job_template,
            job_start_deadline,
            max_jobs,
            keep_reports,
            keep_logs,
            keep_snapshots,
            lease_name,
            lease_namespace,
            lease_holder,
            listen,
        } = self;
        let owner = OwnerId::new(owner_id).map_err(|error| UsageError(format!("--owner-id: {error}")))?;
        let template = job_template.map(|path| read_template(&path)).transpose()?.unwrap_or_default();
        shared.runtime.block_on(async {
            let client = kube::Client::try_default().await.context("there is no way to a Kubernetes API server")?;
            let settings = Settings {
                owner,
                namespaces: watch_namespaces.into_iter().filter(|name| !name.is_empty()).collect(),
                job: JobSettings { image, image_pull_policy, store_url, scratch_size, template },
                claim: ClaimSettings {
                    size: store_claim_size,
                    access_mode: store_claim_access_mode,
                    storage_class: store_claim_storage_class,
                },
                lease: LeaseSettings {
                    namespace: lease_namespace.unwrap_or_else(|| client.default_namespace().to_owned()),
                    name: lease_name,
                    holder: lease_holder,
                },
                start_deadline_seconds: job_start_deadline,
                max_jobs,
                retention: Retention {
                    reports_seconds: keep_reports,
                    logs_seconds: keep_logs,
                    snapshots: keep_snapshots,
                },
            };
            let listener =
                tokio::net::TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
            tracing::info!(version = env!("CARGO_PKG_VERSION"), owner = %settings.owner, "operator starts");
            controller::run(client, settings, listener, controller::shutdown_on_signal()?).await?;
            Ok(Exit::Done)
        })
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = crate::api::text::DurationText::from(text).seconds();
    seconds.ok_or_else(|| "write a time span of hours, minutes and seconds, such as 720h".to_owned())
}

fn read_template(path: &std::path::Path) -> anyhow::Result<JobTemplate> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("--job-template {}: {error}", path.display())))?;
    let template = serde_yaml::from_str(&text)
        .map_err(|error| UsageError(format!("--job-template {}: {error}", path.display())))?;
    Ok(template)
}
