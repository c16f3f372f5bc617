//! `galsync snapshot` as a script uses it: output, exit codes, and the common tools beside it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pack(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.path(name);
        let output = galsync(&["pack", "-o", path.to_str().unwrap()], lines);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        path
    }
}

fn galsync(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_galsync"))
        .arg("snapshot")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may refuse before it has read everything.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

const BEFORE: &str = "{\"key\": \"b\", \"v\": 1}\n\n{ \"v\" : \" 2 \", \"key\" : \"a\" }\r\n{\"key\":\"ö\",\"v\":3}";
const AFTER: &str = "{\"key\":\"ö\",\"v\":4}\n{\"key\":\"c\"}\n{\"v\":\" 2 \",\"key\":\"a\"}\n";

#[test]
fn what_was_packed_is_printed_in_order_and_compact() {
    let place = Place::new();
    let file = place.pack("before", BEFORE);
    let printed = galsync(&["cat", shown(&file)], "");
    assert_eq!(printed.status.code(), Some(0));
    let lines = "{\"v\":\" 2 \",\"key\":\"a\"}\n{\"key\":\"b\",\"v\":1}\n{\"key\":\"ö\",\"v\":3}\n";
    assert_eq!(text(&printed.stdout), lines);
    let verified = galsync(&["verify", shown(&file)], "");
    let verified: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&verified["kind"], &verified["records"]), (&"records".into(), &3.into()));
    assert_eq!(verified["bytes"], fs::metadata(&file).unwrap().len());
}

#[test]
fn common_tools_read_it_and_agree_on_its_digests() {
    if Command::new("zstd").arg("--version").output().is_err() {
        eprintln!("passed over: zstd is not installed");
        return;
    }
    let place = Place::new();
    let file = place.pack("before", BEFORE);
    let script = format!(
        "zstd -tq {0} && zstd -dcq {0} | sed '1d;$d' | cut -f1,2 | sha256sum | cut -d' ' -f1; sha256sum {0} | cut -d' ' -f1",
        shown(&file)
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let verified = galsync(&["verify", shown(&file)], "");
    let verified: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    let digests = format!("{}\n{}\n", verified["content"].as_str().unwrap(), verified["file"].as_str().unwrap());
    assert_eq!(text(&output.stdout), digests.replace("sha256:", ""), "{}", text(&output.stderr));
}

#[test]
fn differences_are_lines_and_their_counts_an_object() {
    let place = Place::new();
    let (before, after) = (place.pack("before", BEFORE), place.pack("after", AFTER));
    let changes = galsync(&["diff", shown(&before), shown(&after)], "");
    let wanted = concat!(
        "{\"change\":\"removed\",\"key\":\"b\",\"before\":{\"key\":\"b\",\"v\":1}}\n",
        "{\"change\":\"added\",\"key\":\"c\",\"after\":{\"key\":\"c\"}}\n",
        "{\"change\":\"changed\",\"key\":\"ö\",\"before\":{\"key\":\"ö\",\"v\":3},\"after\":{\"key\":\"ö\",\"v\":4}}\n",
    );
    assert_eq!((changes.status.code(), text(&changes.stdout).as_str()), (Some(0), wanted));
    let counts = galsync(&["diff", "--summary", shown(&before), shown(&after)], "");
    assert_eq!(text(&counts.stdout), "{\"added\":1,\"removed\":1,\"changed\":1,\"unchanged\":1}\n");
}

#[test]
fn a_bad_line_is_named_and_leaves_no_file() {
    let place = Place::new();
    for (lines, message) in [
        ("{\"key\":\"a\"}\nnonsense\n", "error: line 2: it is no JSON object"),
        ("{\"key\":\"a\"}\n{\"key\":\"b\"}\n{\"key\":\"a\"}\n", "error: lines 1 and 3 have the same key"),
    ] {
        let output = galsync(&["pack", "-o", shown(&place.path("out"))], lines);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr).trim(), message);
        assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0);
    }
    let missing = galsync(&["cat", shown(&place.path("nothing"))], "");
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn what_is_no_whole_snapshot_is_refused_by_every_verb() {
    let place = Place::new();
    let good = place.pack("before", BEFORE);
    let content = fs::read(&good).unwrap();
    let mut flipped = content.clone();
    flipped[content.len() / 2] ^= 4;
    for (name, bytes, message) in [
        ("cut", &content[..content.len() - 1], "the snapshot ends too early"),
        ("empty", &[], "the snapshot ends too early"),
        ("flipped", &flipped, "the snapshot is damaged"),
        ("foreign", BEFORE.as_bytes(), "this is no GalSync snapshot"),
    ] {
        let path = place.path(name);
        fs::write(&path, bytes).unwrap();
        for arguments in
            [&["cat", shown(&path)][..], &["verify", shown(&path)], &["diff", "--summary", shown(&good), shown(&path)]]
        {
            let output = galsync(arguments, "");
            assert_eq!(output.status.code(), Some(5), "{arguments:?}");
            assert!(text(&output.stderr).contains(message), "{arguments:?}: {}", text(&output.stderr));
            assert!(arguments[0] == "cat" || output.stdout.is_empty(), "no result for a damaged file");
        }
    }
}

#[test]
fn a_reader_of_the_output_may_stop() {
    let place = Place::new();
    let lines: String = (0..20_000).map(|n| format!("{{\"key\":\"{n}\"}}\n")).collect();
    let file = place.pack("many", &lines);
    let script = format!(
        "{} snapshot cat {} | head -n 1; echo \"${{PIPESTATUS[0]}}\"",
        env!("CARGO_BIN_EXE_galsync"),
        shown(&file)
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(text(&output.stdout), "{\"key\":\"0\"}\n0\n", "{}", text(&output.stderr));
}
