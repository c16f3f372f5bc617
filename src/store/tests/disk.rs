//! What only a folder has: real full and read-only volumes, and the temporary files of killed writers.

use super::*;
use std::path::Path;
use std::process::Command;

/// A small file system of its own; needs root.
struct Volume(tempfile::TempDir);

impl Volume {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let volume = Self(folder);
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], volume.0.path()).then_some(volume)
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], self.0.path()));
    }

    fn store(&self) -> Result<Store, Error> {
        Store::connect(self.0.path().to_str().unwrap(), &BTreeMap::new(), "o/n", std::env::temp_dir())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(options).arg(folder).output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_full_volume_is_a_clear_error_and_keeps_the_last_snapshot() {
    let Some(volume) = Volume::mount("size=256k") else {
        eprintln!("passed over: mounting a tmpfs needs root");
        return;
    };
    let store = volume.store().unwrap();
    pull(&store, "corp", 100).await.unwrap();
    std::fs::write(volume.0.path().join("ballast"), vec![1; 180 << 10]).unwrap();
    // Whatever amount is left: the blob, or only the head, finds no room.
    for ballast in 0..20 {
        match pull(&store, "corp", 20_000).await {
            Err(error) => assert!(matches!(error, Error::Full), "{error}"),
            Ok(_) => panic!("20,000 entries fit a volume of 256 KiB"),
        }
        assert_eq!(latest_count(&store, "corp").await, Some(100));
        std::fs::write(volume.0.path().join(format!("ballast-{ballast}")), vec![1; 3 << 10]).ok();
    }
}

#[tokio::test]
async fn a_read_only_volume_is_a_clear_error_and_can_be_read() {
    let Some(volume) = Volume::mount("size=4m") else {
        eprintln!("passed over: mounting a tmpfs needs root");
        return;
    };
    let store = volume.store().unwrap();
    pull(&store, "corp", 100).await.unwrap();
    volume.remount("ro");
    assert!(matches!(pull(&store, "corp", 200).await.unwrap_err(), Error::ReadOnly));
    let retention = Retention { keep_snapshots: 2, keep_reports: hours(1), keep_logs: hours(1), grace: hours(1) };
    let (file, orphan, _) = entries(0..9);
    volume.remount("rw");
    store.put_blob(&orphan.file, file).await.unwrap();
    volume.remount("ro");
    let error = store.collect_garbage(&retention, Timestamp::now() + hours(9)).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly), "{error}");
    assert_eq!(latest_count(&volume.store().unwrap(), "corp").await, Some(100));
    let other = volume.0.path().join("new").to_str().unwrap().to_owned();
    assert!(matches!(Store::connect(&other, &BTreeMap::new(), "o/n", "/tmp"), Err(Error::ReadOnly)));
}

#[tokio::test]
async fn temporary_files_of_killed_writers_go_after_the_grace_time() {
    let fixture = in_folder();
    let store = &fixture.store;
    pull(store, "corp", 10).await.unwrap();
    let blobs = store.folder.as_ref().unwrap().join("owner/ns/blobs");
    std::fs::write(blobs.join("0123#1"), "half a blob").unwrap();
    let retention = Retention { keep_snapshots: 2, keep_reports: hours(48), keep_logs: hours(48), grace: hours(24) };
    let unfinished = async |now| store.collect_garbage(&retention, now).await.unwrap().unfinished;
    assert_eq!(unfinished(Timestamp::now()).await, 0);
    assert!(blobs.join("0123#1").exists());
    assert_eq!(unfinished(Timestamp::now() + hours(25)).await, 1);
    assert!(!blobs.join("0123#1").exists());
    assert_eq!(latest_count(store, "corp").await, Some(10));
}
