//! What the operator is told at its start.

use crate::api::job_template::JobTemplate;
use crate::model::OwnerId;

/// Where Jobs find what they need. The Job's side of it is `galsync job`.
pub mod paths {
    pub const REQUEST_FOLDER: &str = "/run/galsync/request";
    pub const REQUEST_FILE: &str = "request.json";
    pub const SECRETS: &str = "/run/galsync/secrets";
    pub const STORE: &str = "/var/lib/galsync/store";
    pub const SCRATCH: &str = "/tmp";
}

/// The Secret with the credentials of an object store, where the store is one.
pub const STORE_SECRET: &str = "galsync-store";
/// The claim of the volume, where the store is a folder.
pub const STORE_CLAIM: &str = "galsync-store";
pub const SERVICE_ACCOUNT: &str = "galsync-job";
/// The image's user.
pub const USER: i64 = 65_532;

#[derive(Debug, Clone)]
pub struct Settings {
    pub owner: OwnerId,
    /// Watched namespaces; empty = all.
    pub namespaces: Vec<String>,
    pub job: JobSettings,
    pub claim: ClaimSettings,
    pub lease: LeaseSettings,
    /// How long a Job's pod may take until its program runs.
    pub start_deadline_seconds: u64,
    /// How many Jobs run at a time; 0 = no limit.
    pub max_jobs: usize,
    pub retention: Retention,
}

/// How long the store of a namespace keeps what it need not keep.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Reports and plans.
    pub reports_seconds: u64,
    /// Logs and journals.
    pub logs_seconds: u64,
    /// Snapshots of each connector.
    pub snapshots: u32,
}

#[derive(Debug, Clone)]
pub struct JobSettings {
    pub image: String,
    pub image_pull_policy: String,
    /// `file://` + [`paths::STORE`] for a claim of each namespace, or the URL of an object store.
    pub store_url: String,
    /// The most that a Job may put into its scratch folder, as a Kubernetes quantity.
    pub scratch_size: String,
    /// Under the templates of connectors and schedules.
    pub template: JobTemplate,
}

impl JobSettings {
    /// The store is a folder on the namespace's claim.
    pub fn store_is_a_claim(&self) -> bool {
        self.store_url.starts_with("file:")
    }
}

/// The claim that is made where the first connector of a namespace appears.
#[derive(Debug, Clone)]
pub struct ClaimSettings {
    pub size: String,
    pub access_mode: String,
    /// Absent = the cluster's default.
    pub storage_class: Option<String>,
}

/// The Lease that says which of several operators works.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    pub namespace: String,
    /// One for each installation.
    pub name: String,
    /// By which people know this process; it need not be unique.
    pub holder: String,
}
