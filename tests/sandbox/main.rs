//! The sandbox from outside: over HTTP, as a client sees it.

#![allow(clippy::unwrap_used)] // whatever is not as it should be fails the test

mod batches;
mod client;
#[path = "../directory_support/mod.rs"]
mod directory_support;
mod exchange;
mod faults;
mod graph;
mod limits;
mod token;
mod vendor;

use galsync::sandbox::config::Config;

#[test]
fn the_example_is_right() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo/sandbox.yaml");
    Config::load(&path).unwrap();
}
