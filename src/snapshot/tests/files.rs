use super::*;
use crate::model::Digest;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn documents() -> impl Strategy<Value = Documents> {
    prop::collection::btree_map("[a-zäß0-9/@.-]{1,40}", r#"\{"v":"[ -!#-~]{0,200}"\}"#, 0..60)
}

/// Large enough for several batches.
fn many() -> Documents {
    (0..3_000)
        .map(|n| (format!("key-{n:05}"), format!(r#"{{"n":{n},"text":"{}"}}"#, "lorem ipsum ".repeat(20))))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read(documents in documents()) {
        let file = write(&documents);
        prop_assert_eq!(&read(&file).unwrap(), &documents);
        prop_assert_eq!(&read_with(Reader::ahead(Cursor::new(file)).unwrap()).unwrap(), &documents);
    }

    #[test]
    fn a_diff_is_that_of_the_maps(before in documents(), changes in documents(), take in 0usize..60) {
        let mut after: Documents = before.clone().into_iter().skip(take / 4).collect();
        after.extend(changes);
        let mut wanted = DiffCounts::default();
        for (key, document) in &before {
            match after.get(key) {
                None => wanted.removed += 1,
                Some(other) if other == document => wanted.unchanged += 1,
                Some(_) => wanted.changed += 1,
            }
        }
        wanted.added = after.keys().filter(|key| !before.contains_key(*key)).count() as u64;
        let mut replayed = before.clone();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let open = |documents| Reader::new(Cursor::new(write(documents))).unwrap();
        let counts = diff(&mut open(&before), &mut open(&after), |difference| {
            match difference {
                Difference::Added(new) | Difference::Changed { after: new, .. } => {
                    replayed.insert(text(new.key), text(new.document));
                }
                Difference::Removed(old) => assert!(replayed.remove(&text(old.key)).is_some()),
            }
            Ok::<(), Error>(())
        }).unwrap();
        prop_assert_eq!(counts, wanted);
        prop_assert_eq!(replayed, after);
    }
}

#[test]
fn a_snapshot_cut_off_anywhere_is_refused() {
    let file = write(&many().into_iter().take(40).collect());
    for length in 0..file.len() {
        let error = read(&file[..length]).expect_err("it is cut off");
        assert!(matches!(error, Error::Truncated), "{length}: {error}");
    }
    let large = write(&many());
    for length in (0..large.len()).step_by(997) {
        assert!(matches!(read(&large[..length]), Err(Error::Truncated)), "{length}");
    }
}

#[test]
fn a_snapshot_with_any_flipped_bit_is_refused() {
    let mut file = write(&many().into_iter().take(25).collect());
    for at in 0..file.len() {
        for bit in 0..8 {
            file[at] ^= 1 << bit;
            assert!(read(&file).expect_err("a bit is flipped").is_damage(), "byte {at} bit {bit}");
            file[at] ^= 1 << bit;
        }
    }
    assert!(read(&file).is_ok());
}

#[test]
fn what_follows_the_end_is_refused() {
    let file = write(&many());
    for more in [&b"x"[..], &file] {
        assert!(matches!(read(&[&file, more].concat()), Err(Error::Truncated | Error::Damaged(_))));
    }
}

#[test]
fn another_file_is_told_from_a_damaged_one() {
    assert!(matches!(read(b""), Err(Error::Truncated)));
    assert!(matches!(read(b"{\"key\":\"a\"}\n"), Err(Error::Foreign)));
    assert!(matches!(read(&sealed(b"some,other,text\n")), Err(Error::Foreign)));
}

/// Compresses and seals any text, as a program with a mistake could.
fn sealed(text: &[u8]) -> Vec<u8> {
    let mut output = super::super::sealed::SealedOutput::new(Vec::new());
    zstd::stream::copy_encode(text, &mut output, 1).unwrap();
    output.finish().unwrap().0
}

#[test]
fn lines_that_are_not_right_are_refused_although_the_seal_is() {
    let hash = "0123456789abcdef0123456789abcdef";
    let line = |key: &str| format!("{key}\t{hash}\t{{}}\n");
    let content = |keys: &[&str]| {
        let columns: String = keys.iter().map(|key| format!("{key}\t{hash}\n")).collect();
        Digest::of(columns.as_bytes())
    };
    let header = "galsync-snapshot\t1\trecords\n";
    let end = |count: u64, keys: &[&str]| format!("\tend\t{count}\t{}\n", content(keys));
    let check = |text: String| read_unsound(&sealed(text.as_bytes()));

    assert_eq!(check(format!("{header}{}{}{}", line("a"), line("b"), end(2, &["a", "b"]))).unwrap(), 2);
    let refused = |text: String| check(text).unwrap_err();
    assert!(matches!(refused(format!("{header}{}{}", line("b"), line("a"))), Error::OutOfOrder { record: 2 }));
    assert!(matches!(refused(format!("{header}{}{}", line("a"), line("a"))), Error::DuplicateKey { record: 2 }));
    assert!(matches!(refused(format!("{header}{}", line("a"))), Error::Truncated));
    assert!(matches!(refused(header.to_owned()), Error::Truncated));
    assert!(matches!(refused(header.trim_end().to_owned()), Error::Damaged(_)));
    assert!(matches!(refused(format!("{header}{}{}", line("a"), end(2, &["a"]))), Error::Damaged(_)));
    assert!(matches!(refused(format!("{header}{}{}", line("a"), end(1, &["b"]))), Error::Damaged(_)));
    assert!(matches!(refused(format!("{header}{}{}", end(0, &[]), line("a"))), Error::Damaged(_)));
    assert!(matches!(refused(format!("{header}{}half a line", end(0, &[]))), Error::Damaged(_)));
    assert!(matches!(refused(format!("{header}a\tshort\t{{}}\n{}", end(1, &["a"]))), Error::Damaged(_)));
    assert!(matches!(refused("galsync-snapshot\t9\trecords\n".into()), Error::Version { found } if found == "9"));
}

fn read_unsound(file: &[u8]) -> Result<u64, Error> {
    Ok(Reader::thorough(Cursor::new(file.to_vec()))?.read_to_end()?.count)
}

#[test]
fn a_line_longer_than_a_batch_is_read() {
    let documents: Documents = [
        ("a".to_owned(), "1".to_owned()),
        ("b".to_owned(), format!("\"{}\"", "x".repeat(3 << 20))),
        ("c".to_owned(), "3".to_owned()),
    ]
    .into();
    assert_eq!(read(&write(&documents)).unwrap(), documents);
}

#[test]
fn the_digests_are_those_of_common_tools() {
    let documents: Documents = [("a".to_owned(), "{}".to_owned()), ("b".to_owned(), "[1]".to_owned())].into();
    let file = write(&documents);
    let summary = Reader::new(Cursor::new(file.clone())).unwrap().read_to_end().unwrap();
    assert_eq!(summary.file, Digest::of(&file));
    assert_eq!(summary.bytes, file.len() as u64);
    let text = String::from_utf8(zstd::stream::decode_all(&file[..]).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let columns: String =
        lines[1..lines.len() - 1].iter().map(|line| line.rsplit_once('\t').unwrap().0.to_owned() + "\n").collect();
    assert_eq!(lines.last().unwrap(), &format!("\tend\t2\t{}", Digest::of(columns.as_bytes())));
    assert!(lines[1].starts_with(&format!("a\t{}\t", &hex::encode(Sha256::digest("{}"))[..32])));
}

#[test]
fn a_writer_takes_records_in_order_only() {
    let mut writer = Writer::new(Vec::new(), Kind::Records).unwrap();
    writer.append(b"b", b"{}").unwrap();
    assert!(matches!(writer.append(b"b", b"{}"), Err(Error::DuplicateKey { record: 2 })));
    assert!(matches!(writer.append(b"a", b"{}"), Err(Error::OutOfOrder { .. })));
    assert!(matches!(writer.append(b"c", b"{\n}"), Err(Error::InvalidDocument)));
    assert!(matches!(writer.append(b"", b"{}"), Err(Error::InvalidKey)));
}

#[test]
fn a_reading_thread_ends_with_its_reader() {
    let file = write(&many());
    for _ in 0..20 {
        let mut reader = Reader::ahead(Cursor::new(file.clone())).unwrap();
        assert!(reader.advance().unwrap());
    }
    let mut damaged = file.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(Reader::ahead(Cursor::new(damaged)).unwrap().read_to_end().unwrap_err().is_damage());
}
