//! What is written reads back, and what is damaged is told.

use super::*;
use crate::model::reason::{ChangeReason, Undecided, Unwanted, Warning};
use crate::model::taken::{Holder, HolderKind};
use crate::model::{Anchor, Attribute, Contact, ContactName, EntryClass, Key, OwnerId, OwnerMark, SmtpAddress, SyncId};
use crate::operation::{OperationType, Outcome, Reason, RunReference, Verdict};
use std::borrow::Cow;
use std::collections::BTreeSet;

fn contact(title: &str) -> Contact {
    let source = crate::model::SystemIdentity::new("corp").unwrap();
    let target = crate::model::SystemIdentity::new("fabrikam").unwrap();
    let (owner, sync) = (OwnerId::new("owner").unwrap(), SyncId::new("sync").unwrap());
    let key = Key::new(&source, &Anchor::new("a-1").unwrap());
    let address = SmtpAddress::parse("ada@corp.test").unwrap();
    let name = ContactName::derive(&owner, &sync, &target, &key);
    let mark = OwnerMark {
        owner,
        sync,
        target,
        source,
        anchor: Anchor::new("a-1").unwrap(),
        adopted: false,
        class: EntryClass::User,
        hidden_since: None,
        value_hashes: BTreeSet::new(),
    };
    Contact {
        mark,
        name,
        primary: address.clone(),
        delivery: address,
        secondary: BTreeSet::new(),
        x500: [format!("/o=x/cn={title}")].into(),
        hidden: false,
        attributes: [(Attribute::Title, title.to_owned())].into(),
        handle: None,
        legacy_exchange_dn: None,
        foreign_values: BTreeSet::new(),
    }
}

fn title() -> Title {
    Title {
        report: FORMAT,
        operation: OperationType::Simulate,
        connector: "b".into(),
        schedule: "s".into(),
        run: Some(RunReference { namespace: "ns".into(), name: "s-1".into(), uid: "u".into() }),
        attempt: 1,
        time: "2026-01-01T00:00:00Z".parse().unwrap(),
    }
}

fn end(lines: u64) -> End {
    let time = "2026-01-01T00:00:00Z".parse().unwrap();
    End { end: lines, outcome: Outcome::new(Verdict::Succeeded, Reason::Completed, "", time, time) }
}

/// A line with every member.
fn full() -> Line<'static> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<String>>();
    let holder = Holder { kind: HolderKind::Mailbox, handle: "CN=Ada".into(), name: "ada".into() };
    Line {
        source: Some("corp".into()),
        display_name: Some("Ada \"the first\"\nRoe".into()),
        address: Some("ada@corp.test".into()),
        result: Some(WriteResult::Refused),
        hint: Some("too long".into()),
        refused_values: vec!["smtp:x@corp.test".to_owned()].into(),
        warnings: Cow::Owned(Warning::ALL.iter().copied().collect()),
        left_out: Cow::Owned(texts(&["smtp:y@corp.test"])),
        holder: Some(Cow::Owned(holder)),
        x500_for_mailbox: Cow::Owned(texts(&["/o=old/cn=ada"])),
        before: Some(Cow::Owned(contact("Engineer"))),
        after: Some(Cow::Owned(contact("Director"))),
        ..Line::new(Action::Update, "Changed", EntryClass::User, "corp/a-1")
    }
}

/// Every action, class, reason and result once, and a line with every member.
fn all() -> Vec<Line<'static>> {
    let reasons = (ChangeReason::ALL.iter().map(|reason| reason.label()))
        .chain(Unwanted::ALL.iter().map(|reason| reason.label()))
        .chain(Undecided::ALL.iter().map(|reason| reason.label()))
        .chain([""]);
    let of = |action, reason| Line::new(action, reason, EntryClass::User, "corp/a-1");
    let mut lines: Vec<Line<'static>> = Action::ALL.iter().map(|action| of(*action, "New")).collect();
    lines.extend(reasons.map(|reason| of(Action::Skip, reason)));
    lines.extend(
        [EntryClass::User, EntryClass::Group, EntryClass::Contact].map(|class| Line { class, ..of(Action::Keep, "") }),
    );
    let result = |result| Line { result: Some(result), ..of(Action::Create, "New") };
    lines.extend(WriteResult::ALL.map(result));
    lines.push(full());
    lines
}

fn written(lines: &[Line<'_>]) -> String {
    let mut text = serde_json::to_string(&title()).unwrap() + "\n";
    for line in lines {
        text += &(serde_json::to_string(line).unwrap() + "\n");
    }
    text + &serde_json::to_string(&end(lines.len() as u64)).unwrap() + "\n"
}

fn read(text: &str) -> Result<Vec<Line<'static>>, ReadError> {
    Reader::new(text.as_bytes())?.collect()
}

#[test]
fn every_line_reads_back_as_it_was_written() {
    let text = written(&all());
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    assert_eq!(reader.title(), &title());
    assert_eq!(reader.by_ref().map(Result::unwrap).collect::<Vec<_>>(), all());
    assert_eq!(reader.end(), Some(&end(all().len() as u64)));
    let mut again = Vec::new();
    show(Reader::new(text.as_bytes()).unwrap(), &mut Json(&mut again), |_| true).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), text);
}

#[test]
fn names_are_those_that_are_written() {
    for action in Action::ALL {
        assert_eq!(serde_json::to_value(action).unwrap(), action.name());
    }
    for result in WriteResult::ALL {
        assert_eq!(serde_json::to_value(result).unwrap(), result.label());
    }
    for class in [EntryClass::User, EntryClass::Group, EntryClass::Contact] {
        assert_eq!(serde_json::to_value(class).unwrap(), class.name());
    }
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_told_and_none_is_taken_for_whole() {
    let text = written(&[full(), Line::new(Action::Keep, "", EntryClass::Group, "corp/a-2")]);
    let mut position = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        for length in [0, 1, line.len() / 2] {
            let cut = &text[..position + length];
            match read(cut) {
                Err(ReadError::CutOff { line }) => assert_eq!(line, number as u64, "{cut}"),
                Err(ReadError::NotAReport) => assert_eq!(number, 0, "{cut}"),
                other => panic!("{cut}: {other:?}"),
            }
        }
        position += line.len();
    }
    assert_eq!(read(&text).unwrap().len(), 2);
}

#[test]
fn a_damaged_line_is_told_by_its_number_and_nothing_follows() {
    let lines = [full(), full(), full()];
    let text = written(&lines).replacen("\"action\":\"update\"", "\"action\":\"explode\"", 1);
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let error = reader.next().unwrap().unwrap_err();
    assert!(matches!(error, ReadError::Damaged { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("line 2") && error.to_string().contains("explode"), "{error}");
    assert!(reader.next().is_none() && reader.end().is_none());

    let whole = written(&lines);
    for wrong in [whole.replace("{\"end\":3", "{\"end\":2"), format!("{whole}\n"), format!("{whole}{{}}")] {
        let error = read(&wrong).unwrap_err();
        assert!(matches!(error, ReadError::Damaged { line: 5, .. }), "{error}");
    }
}

#[test]
fn what_is_no_report_or_another_releases_is_refused() {
    for bad in ["{}\n", "x\n", "\u{0}\n"] {
        assert!(matches!(read(bad), Err(ReadError::NotAReport)), "{bad}");
    }
    let other = written(&[]).replace("{\"report\":1", "{\"report\":2");
    assert!(matches!(read(&other), Err(ReadError::OtherFormat { found: 2 })));
}

#[test]
fn a_compressed_report_that_was_cut_or_changed_is_told() {
    let whole = zstd::encode_all(written(&all()).as_bytes(), 3).unwrap();
    let opened = |bytes: &[u8]| -> Result<usize, ReadError> {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut count = 0;
        for line in open(file)? {
            line?;
            count += 1;
        }
        Ok(count)
    };
    assert_eq!(opened(&whole).unwrap(), all().len());
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        assert!(opened(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn changes_are_told_field_by_field() {
    let lines = [full(), Line::new(Action::Skip, "Hidden", EntryClass::Group, "corp/a-2")];
    let shown = |wanted: &dyn Fn(&Line<'_>) -> bool| {
        let mut text = Vec::new();
        show(Reader::new(written(&lines).as_bytes()).unwrap(), &mut Text(&mut text), wanted).unwrap();
        String::from_utf8(text).unwrap()
    };
    let text = shown(&|_| true);
    for part in [
        "title: Engineer → Director",
        "x500: /o=x/cn=Engineer → /o=x/cn=Director",
        "Refused  too long",
        "refusedValues: smtp:x@corp.test",
        "held by: Mailbox ada",
        "Hidden",
        "2 lines; Succeeded Completed",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("primary:"), "{text}");
    let text = shown(&|line| line.action == Action::Skip);
    assert!(!text.contains("title:") && text.contains("Hidden") && text.contains("2 lines;"), "{text}");
}
