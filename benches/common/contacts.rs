//! Two packed snapshots of contacts and their comparison: a benchmark, and the yardstick of another.

use super::people::{Version, people};
use super::{folder, galsync, make, records};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::Command;

/// The earlier and the later snapshot, made unless they are there.
pub fn snapshots() -> [PathBuf; 2] {
    [("before", Version::Before), ("after", Version::After)].map(|(name, version)| packed(name, version))
}

/// `galsync snapshot diff --summary` of the two.
pub fn diff() -> Command {
    let mut diff = galsync();
    diff.args(["snapshot", "diff", "--summary"]).args(snapshots());
    diff
}

fn packed(name: &str, version: Version) -> PathBuf {
    let lines = folder().join(name).with_extension("jsonl");
    make(&lines, |file| {
        let mut output = BufWriter::new(file);
        for person in people(records(), version) {
            writeln!(output, "{}", person.contact()).expect("the benchmark's folder can be written");
        }
    });
    let snapshot = folder().join(name).with_extension("snapshot");
    if !snapshot.exists() {
        let mut pack = galsync();
        pack.args(["snapshot", "pack"]).arg(&lines).arg("-o").arg(&snapshot);
        assert!(pack.status().expect("galsync can be started").success());
    }
    snapshot
}
