//! `galsync snapshot diff --summary` of two snapshots against `zstd -dc` over the same two files.

mod common;

use common::{Row, alternate, contacts, mebibytes, records, report, seconds};
use std::process::Command;

const MOST_TIMES: f64 = 1.5;
const MOST_MEMORY: u64 = 64 << 20;

fn main() {
    let [before, after] = contacts::snapshots();
    let mut reference = Command::new("zstd");
    reference.args(["-q", "-dc"]).args([&before, &after]);
    check();
    let [reference, diff] = alternate([reference, contacts::diff()]);
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

/// What is measured must also be right.
fn check() {
    let output = contacts::diff().output();
    let counts: serde_json::Value =
        serde_json::from_slice(&output.expect("galsync can be started").stdout).expect("a summary is JSON");
    let count = u64::from(records());
    let wanted = [("added", count / 200), ("removed", count / 200), ("changed", count / 100)];
    for (name, wanted) in wanted {
        assert_eq!(counts[name], wanted, "{name}");
    }
}
