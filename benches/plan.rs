//! The whole plan of one target from 1,000,000 entries (filter with CEL, map, preflight, diff) against
//! `galsync snapshot diff --summary` of two snapshots as large.
//!
//! The plan is computed by this program itself, started anew with `measure-plan`, so that its memory can be seen.

mod common;

use common::people::{self, Version, people};
use common::{Row, alternate, company, contacts, folder, make, mebibytes, records, report, seconds};
use galsync::engine::{
    Failure, PlanInput, PlanResult, ReportLine, Sink, SourceInput, TargetContent, TargetInput, plan,
};
use galsync::model::observed::Capabilities;
use galsync::model::taken::{Holder, HolderKind, Taken};
use galsync::model::{Anchor, Change, Contact, Entry, Key, SystemIdentity};
use galsync::snapshot::{self, EntryMerge, FileScratch, Frames, Kind, Reader, ahead};
use galsync::store::{ContentsWriter, find_contact, read_contents};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

const MOST_TIMES: f64 = 10.0;
const MOST_MEMORY: u64 = 128 << 20;
const MEASURE: &str = "measure-plan";

fn main() {
    if std::env::args().any(|argument| argument == MEASURE) {
        let result = planned(Version::After, Some(contents()), &mut Nowhere);
        check(&result);
        return;
    }
    prepare();
    let mut own = Command::new(std::env::current_exe().expect("this program has a path"));
    own.arg(MEASURE);
    let [diff, own] = alternate([contacts::diff(), own]);
    let times = own.time.as_secs_f64() / diff.time.as_secs_f64();
    let what = format!("the plan of {} entries", records());
    report(
        "plan",
        &[
            Row {
                what: format!("{what}: time"),
                measured: format!("{}, {times:.1} × the diff ({})", seconds(own.time), seconds(diff.time)),
                mark: format!("≤ {MOST_TIMES} ×"),
                holds: times <= MOST_TIMES,
            },
            Row {
                what: format!("{what}: resident memory"),
                measured: mebibytes(own.peak_bytes),
                mark: format!("< {}", mebibytes(MOST_MEMORY)),
                holds: own.peak_bytes < MOST_MEMORY,
            },
        ],
    );
}

fn entries(version: Version) -> PathBuf {
    folder().join(if version == Version::Before { "entries-before.snapshot" } else { "entries-after.snapshot" })
}

fn contents() -> PathBuf {
    folder().join("target-contents.snapshot")
}

/// The sources' snapshots, and the target as a first push of the earlier one left it.
fn prepare() {
    for version in [Version::Before, Version::After] {
        make(&entries(version), |file| {
            let mut merge = EntryMerge::new(&folder(), 64 << 20);
            people(records(), version)
                .for_each(|person| merge.upsert(&company::entry(&person)).expect("room for sorting"));
            let mut nobody = |_: &Anchor, _: Option<&Entry>, _: Option<&Entry>| Ok::<(), snapshot::Error>(());
            merge.finish(None, file, &mut nobody).expect("the benchmark's folder can be written");
        });
    }
    make(&contents(), |file| {
        let mut writer = ContentsWriter::new(folder());
        // Every tenth address more is held by a mailbox of the target.
        for number in 0..records() / 10 {
            let value = format!("smtp:local{number}@fabrikam.example");
            let holder = Holder { kind: HolderKind::Mailbox, handle: format!("m{number}"), name: format!("m{number}") };
            let taken = Taken { value, primary: true, holder };
            writer.push(&TargetContent::Taken(Box::new(taken))).expect("room for sorting");
        }
        let mut sink = Creates(writer);
        planned(Version::Before, None, &mut sink);
        sink.0.finish(file).expect("the benchmark's folder can be written");
    });
}

/// Keeps what a first push would make.
struct Creates(ContentsWriter);

impl Sink for Creates {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        let mut contact = change.after().expect("a first sync creates").clone();
        contact.handle = Some(format!("cn={}", contact.name));
        Ok(self.0.push(&TargetContent::Owned(Box::new(contact)))?)
    }

    fn line(&mut self, _: &ReportLine<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn change(&mut self, _: &Change) -> Result<(), Failure> {
        Ok(())
    }

    fn line(&mut self, _: &ReportLine<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

fn read_entries(version: Version) -> impl Iterator<Item = Result<Entry, Failure>> {
    let reader = Reader::open(&entries(version)).and_then(|reader| reader.expect(Kind::Entries));
    let entries = ahead::<Entry, snapshot::Error>(reader.expect("it is a snapshot").documents());
    entries.expect("a thread can be started").map(|entry| Ok(entry?))
}

fn planned(version: Version, contents: Option<PathBuf>, sink: &mut dyn Sink) -> PlanResult {
    let (source, target) = (company::source(), company::target());
    let (source_rules, rules) = (company::source_rules(), company::target_rules());
    let capabilities = Capabilities { can_hide: true, x500: true, batch: 100 };
    let open = || contents.as_ref().map(|path| File::open(path).expect("it was prepared"));
    let frames = open().map(|file| Frames::open(file, Kind::Contacts).expect("it is a snapshot"));
    let cursor = frames.as_ref().map(|frames| RefCell::new(frames.cursor()));
    let again = |key: &Key| {
        let mut cursor = cursor.as_ref().expect("there are contents").borrow_mut();
        find_contact(&mut cursor, key)
    };
    let contents: Box<dyn Iterator<Item = Result<TargetContent, Failure>>> = match open() {
        Some(file) => Box::new(read_contents(file).expect("it is a snapshot").map(|content| Ok(content?))),
        None => Box::new(std::iter::empty()),
    };
    let input = PlanInput {
        rules: &rules,
        target: TargetInput {
            connector: &target,
            identity: SystemIdentity::new("fabrikam").expect("an identity"),
            capabilities: &capabilities,
            own_domains: &target.authoritative_domains,
            normalize: &|contact: Contact| (contact, Vec::new()),
            contents,
            again: Some(&again),
        },
        sources: vec![SourceInput {
            identity: SystemIdentity::new(people::SYSTEM).expect("an identity"),
            connector: &source,
            rules: &source_rules,
            fresh: true,
            entries: Box::new(read_entries(version)),
        }],
        ledger: &(),
        history: None,
        claimed_elsewhere: &BTreeSet::new(),
        now: Timestamp::UNIX_EPOCH,
    };
    plan(input, &FileScratch::new(folder()), sink).expect("a plan")
}

/// What is measured must also be right.
fn check(result: &PlanResult) {
    let total = result.counts.total();
    let count = u64::from(records());
    let found = BTreeMap::from([("create", total.create), ("update", total.update), ("delete", total.delete)]);
    let wanted = BTreeMap::from([("create", count / 200), ("update", count / 100), ("delete", count / 200)]);
    assert_eq!(found, wanted);
}
