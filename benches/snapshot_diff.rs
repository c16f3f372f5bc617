//! `galsync snapshot diff --summary` of two snapshots against `zstd -dc` over the same two files.

mod common;

use common::people::{Version, people};
use common::{Row, alternate, folder, galsync, make, mebibytes, records, report, seconds};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const MOST_TIMES: f64 = 1.5;
const MOST_MEMORY: u64 = 64 << 20;

fn main() {
    let files = [("before", Version::Before), ("after", Version::After)].map(|(name, version)| packed(name, version));
    let [before, after] = &files;
    let mut diff = galsync();
    diff.args(["snapshot", "diff", "--summary"]).args([before, after]);
    let mut reference = Command::new("zstd");
    reference.args(["-q", "-dc"]).args([before, after]);
    check(before, after);
    let [reference, diff] = alternate([reference, diff]);
    let times = diff.time.as_secs_f64() / reference.time.as_secs_f64();
    let what = format!("`snapshot diff --summary`, 2 × {} contacts", records());
    report(
        "snapshot-diff",
        &[
            Row {
                what: format!("{what}: time"),
                measured: format!("{}, {times:.2} × `zstd -dc` ({})", seconds(diff.time), seconds(reference.time)),
                mark: format!("≤ {MOST_TIMES} ×"),
                holds: times <= MOST_TIMES,
            },
            Row {
                what: format!("{what}: resident memory"),
                measured: mebibytes(diff.peak_bytes),
                mark: format!("< {}", mebibytes(MOST_MEMORY)),
                holds: diff.peak_bytes < MOST_MEMORY,
            },
        ],
    );
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

/// What is measured must also be right.
fn check(before: &Path, after: &Path) {
    let output = galsync().args(["snapshot", "diff", "--summary"]).args([before, after]).output();
    let counts: serde_json::Value =
        serde_json::from_slice(&output.expect("galsync can be started").stdout).expect("a summary is JSON");
    let count = u64::from(records());
    let wanted = [("added", count / 200), ("removed", count / 200), ("changed", count / 100)];
    for (name, wanted) in wanted {
        assert_eq!(counts[name], wanted, "{name}");
    }
}
