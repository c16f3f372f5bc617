//! The operator as a process, and what can be seen of it from outside.

use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As the chart's values have it.
const ALLOCATOR: (&str, &str) = ("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0");

/// The process ends with the value.
pub struct Operator {
    process: Child,
    url: String,
    pub since: Instant,
}

/// Resident memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub now: u64,
    pub peak: u64,
}

impl Operator {
    pub fn start(kubeconfig: &Path, log: &Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = listener.local_addr().expect("it has an address").to_string();
        drop(listener);
        let mut command = super::common::galsync();
        if let Some(binary) = std::env::var_os("GALSYNC_SCALE_BINARY") {
            command = Command::new(binary);
        }
        let log = File::options().create(true).append(true).open(log).expect("a log can be written");
        let process = command
            .args(["operator", "--owner-id", "bench", "--job-image", "localhost/galsync:lab", "--listen", &listen])
            .args(["--lease-namespace", "default"])
            .env("KUBECONFIG", kubeconfig)
            .env(ALLOCATOR.0, ALLOCATOR.1)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log has two writers"))
            .stderr(log)
            .spawn()
            .expect("the operator starts");
        Self { process, url: format!("http://{listen}"), since: Instant::now() }
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) {
        let id = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(asked.success());
        while self.process.try_wait().expect("its state can be read").is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn memory(&self) -> Memory {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
        };
        Memory { now: field("VmRSS:"), peak: field("VmHWM:") }
    }

    /// Seconds of processor time so far.
    pub fn processor(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("it runs");
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
        // User and system time, in ticks of 10 ms.
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Waits until so many schedules and connectors have been looked at; how long after the start that was. Told from
    /// the log of requests: each look reads its object anew.
    pub async fn has_looked(&self, log: &Path, from: u64, schedules: usize, connectors: usize) -> Duration {
        let mut requests = Requests { path: log.to_owned(), read: from };
        let mut seen: [HashSet<String>; 2] = Default::default();
        loop {
            requests.each_since_last(|verb, resource, name| {
                let at = ["galsyncschedules", "galsyncconnectors"].iter().position(|known| *known == resource);
                if let ("get", Some(at)) = (verb, at) {
                    seen[at].insert(name.to_owned());
                }
            });
            if seen[0].len() >= schedules && seen[1].len() >= connectors {
                return self.since.elapsed();
            }
            assert!(self.since.elapsed() < Duration::from_secs(900), "the operator does not look at all objects");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// How many bytes of metrics there are.
    pub async fn scrape(&self) -> usize {
        let answer = reqwest::get(format!("{}/metrics", self.url)).await.expect("metrics are served");
        answer.bytes().await.expect("they can be read").len()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The operator's requests since the last reading, by verb and resource.
pub struct Requests {
    path: PathBuf,
    read: u64,
}

impl Requests {
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: 0 }
    }

    /// How far the log has been read.
    pub fn at(&self) -> u64 {
        self.read
    }

    pub fn since_last(&mut self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        self.each_since_last(|verb, resource, _| {
            *counts.entry((verb.to_owned(), resource.to_owned())).or_default() += 1;
        });
        counts
    }

    /// Verb, resource and name of each request.
    fn each_since_last(&mut self, mut told: impl FnMut(&str, &str, &str)) {
        let mut file = BufReader::new(File::open(&self.path).expect("the audit log is there"));
        file.seek(SeekFrom::Start(self.read)).expect("the log can be read");
        let mut line = String::new();
        // A line that is not written to its end is read the next time.
        while file.read_line(&mut line).expect("the log can be read") > 0 && line.ends_with('\n') {
            self.read += line.len() as u64;
            let entry: Value = serde_json::from_str(&line).expect("a line of the audit log is JSON");
            line.clear();
            let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            // A watch is counted when it begins; it may last longer than the measurement.
            let counts_now = if text("/verb") == "watch" { "ResponseStarted" } else { "ResponseComplete" };
            if text("/stage") == counts_now {
                let part = text("/objectRef/subresource");
                let resource = text("/objectRef/resource").to_owned() + if part.is_empty() { "" } else { "/" } + part;
                told(text("/verb"), &resource, text("/objectRef/name"));
            }
        }
    }
}

pub fn is_write(verb: &str) -> bool {
    !["get", "list", "watch"].contains(&verb)
}
