//! A Kubernetes of its own without nodes: etcd, the API server, and of the controllers those of Jobs and of garbage.
//! The programs are the lab's (`lab/binaries.sh`); the lab itself is left alone.

use base64::Engine;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// By these names the audit log tells the operator's requests from those of the benchmark.
pub const OPERATOR: &str = "the-operator";
const ADMINISTRATOR: &str = "the-administrator";

/// The programs end with the value.
pub struct ControlPlane {
    folder: PathBuf,
    url: String,
    certificate: PathBuf,
    programs: Vec<Child>,
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Where `lab/binaries.sh` keeps them; `None` when it has not built them.
pub fn programs() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("GALSYNC_LAB_CACHE").unwrap_or_else(|| {
        let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        caches.unwrap_or_default().join("galsync-lab")
    });
    let folder = cache.join("bin");
    ["etcd", "kube-apiserver", "kube-controller-manager"]
        .iter()
        .all(|name| folder.join(name).exists())
        .then_some(folder)
}

impl ControlPlane {
    pub async fn start(programs: &Path, folder: &Path) -> Self {
        let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]);
        let key = key.expect("a certificate can be made");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the benchmark's folder can be written");
            path
        };
        let certificate = write("tls.crt", &pem("CERTIFICATE", key.cert.der()));
        let tls_key = write("tls.key", &pem("PRIVATE KEY", &key.signing_key.serialize_der()));
        let public = key.signing_key.subject_public_key_info();
        let public_key = write("tls.pub", &pem("PUBLIC KEY", &public));
        let tokens = format!("{ADMINISTRATOR},{ADMINISTRATOR},1,system:masters\n{OPERATOR},{OPERATOR},2\n");
        let tokens = write("tokens.csv", &tokens);
        let policy = json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
            "rules": [{ "level": "Metadata", "users": [OPERATOR] }, { "level": "None" }] });
        let policy = write("audit-policy.json", &policy.to_string());
        let (etcd, peers, port) = (free_port(), free_port(), free_port());
        let mut this = Self {
            folder: folder.to_owned(),
            url: format!("https://127.0.0.1:{port}"),
            certificate,
            programs: Vec::new(),
        };
        let (etcd, peers) = (format!("http://127.0.0.1:{etcd}"), format!("http://127.0.0.1:{peers}"));
        this.run(
            &programs.join("etcd"),
            &[
                format!("--data-dir={}", folder.join("etcd").display()),
                "--unsafe-no-fsync".to_owned(),
                "--quota-backend-bytes=4294967296".to_owned(),
                format!("--listen-client-urls={etcd}"),
                format!("--advertise-client-urls={etcd}"),
                format!("--listen-peer-urls={peers}"),
                format!("--initial-advertise-peer-urls={peers}"),
                format!("--initial-cluster=default={peers}"),
            ],
        );
        this.run(
            &programs.join("kube-apiserver"),
            &[
                format!("--etcd-servers={etcd}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                format!("--tls-cert-file={}", this.certificate.display()),
                format!("--tls-private-key-file={}", tls_key.display()),
                format!("--token-auth-file={}", tokens.display()),
                "--authorization-mode=AlwaysAllow".to_owned(),
                "--service-account-issuer=https://localhost".to_owned(),
                format!("--service-account-key-file={}", public_key.display()),
                format!("--service-account-signing-key-file={}", tls_key.display()),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                // Nobody but the benchmark's own clients: fairness between users would only hide what is slow.
                "--enable-priority-and-fairness=false".to_owned(),
                format!("--audit-policy-file={}", policy.display()),
                format!("--audit-log-path={}", this.audit_log().display()),
            ],
        );
        let client = this.client().await;
        let since = Instant::now();
        while client.request_text(http::Request::get("/readyz").body(Vec::new()).expect("a request")).await.is_err() {
            let ended = this.programs.iter_mut().any(|program| !matches!(program.try_wait(), Ok(None)));
            if ended || since.elapsed() > Duration::from_secs(120) {
                let log = std::fs::read_to_string(folder.join("kube-apiserver.log")).unwrap_or_default();
                panic!("the API server does not become ready: {}", log.lines().last().unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let kubeconfig = this.kubeconfig(ADMINISTRATOR);
        this.run(
            &programs.join("kube-controller-manager"),
            &[
                format!("--kubeconfig={}", kubeconfig.display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                "--controllers=job-controller,garbage-collector-controller".to_owned(),
                "--concurrent-job-syncs=10".to_owned(),
                "--kube-api-qps=500".to_owned(),
                "--kube-api-burst=1000".to_owned(),
            ],
        );
        this
    }

    fn run(&mut self, program: &Path, arguments: &[String]) {
        let name = program.file_name().expect("a program has a name");
        let log = File::create(self.folder.join(name).with_extension("log")).expect("a log can be made");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log has two writers"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.programs.push(child);
    }

    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// A way in for the user of this name.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        let value: Value = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{ "name": "it", "cluster": { "server": self.url, "certificate-authority": self.certificate } }],
            "users": [{ "name": "it", "user": { "token": user } }],
            "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it", "namespace": "default" } }] });
        let path = self.folder.join(format!("{user}.kubeconfig"));
        std::fs::write(&path, value.to_string()).expect("the benchmark's folder can be written");
        path
    }

    pub async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig(ADMINISTRATOR)).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("a configuration")).expect("a client")
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for program in self.programs.iter_mut().rev() {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}
