//! The operator as a process of this machine.

use std::process::{Child, Command, Stdio};

/// The operator as a process of this machine; it ends with the value.
pub struct Operator(Child);

/// The image of the tests, in the lab's registry or the one that was given.
pub fn image() -> String {
    std::env::var("GALSYNC_TEST_IMAGE").unwrap_or_else(|_| "localhost/galsync:lab".to_owned())
}

impl Operator {
    pub fn start(namespace: &str) -> Self {
        Self::start_at(namespace, "127.0.0.1:0")
    }

    /// Serving its metrics there.
    pub fn start_at(namespace: &str, listen: &str) -> Self {
        Self::at(listen, namespace, &image(), 45, &[])
    }

    /// With further arguments.
    pub fn with_arguments(namespace: &str, more: &[&str]) -> Self {
        Self::at("127.0.0.1:0", namespace, &image(), 45, more)
    }

    /// With another image for its Jobs, and so many seconds for their pods to start.
    pub fn with(namespace: &str, image: &str, deadline: u32) -> Self {
        Self::at("127.0.0.1:0", namespace, image, deadline, &[])
    }

    fn at(listen: &str, namespace: &str, image: &str, deadline: u32, more: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_galsync"))
            .args(["operator", "--owner-id", "test", "--listen", listen])
            .args(["--job-start-deadline", &deadline.to_string()])
            .args(["--job-image", image, "--job-image-pull-policy", "IfNotPresent", "--watch-namespace", namespace])
            .args(["--lease-namespace", namespace])
            .args(more)
            .stdin(Stdio::null())
            .spawn()
            .expect("the operator starts");
        Self(child)
    }

    /// As `kubectl rollout restart` does it: the Lease is given back.
    pub fn stop(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(asked.success() && self.0.wait().expect("it has ended").success(), "it ends when it is asked to");
    }

    /// As a node that loses power would do it.
    pub fn kill(mut self) {
        self.0.kill().expect("the operator runs");
        self.0.wait().expect("it has ended");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
