//! The list of requests that a directory may send, so that a change in the use of a protocol is a visible difference.

use std::path::Path;

/// Compares with the file, which is named from the root of the repository; `GALSYNC_BLESS=1` writes it.
pub fn requests_are_those_of(file: &str, requests: &[String]) {
    let lines = requests.join("\n") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("GALSYNC_BLESS").is_some() {
        std::fs::write(&path, &lines).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(lines, known, "the requests have changed; GALSYNC_BLESS=1 writes {file}");
}
