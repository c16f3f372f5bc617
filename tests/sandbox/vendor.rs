//! Microsoft's own clients as judges of the sandbox.

use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs PyPI or what tests/vendor/setup.sh made; make test runs it"]
fn microsofts_clients_get_tokens_and_walk_deltas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("tests/vendor/setup.sh")).status().expect("a shell");
    if made.code() == Some(2) && std::env::var("CI").as_deref() != Ok("true") {
        return eprintln!("SKIPPED: Microsoft's clients, which need what tests/vendor/setup.sh says above");
    }
    assert!(made.success(), "tests/vendor/setup.sh failed; what it said stands above");
    let judged = Command::new(root.join("target/vendor-venv/bin/python"))
        .arg(root.join("tests/vendor/judge_microsoft365.py"))
        .arg(env!("CARGO_BIN_EXE_galsync"))
        .output()
        .expect("the Python of the environment");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}\n{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(said.lines().count(), 3, "each of the three judges tells what it did: {said}");
}
