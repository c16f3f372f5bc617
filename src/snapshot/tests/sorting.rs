use super::*;
use proptest::prelude::*;

fn sort(records: &[(Vec<u8>, Vec<u8>)], memory: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut sorter = Sorter::new(folder.path(), memory);
    for (key, value) in records {
        sorter.push(key, value).unwrap();
    }
    let mut sorted = sorter.finish().unwrap();
    let mut found = Vec::new();
    assert_eq!(sorted.record(), None);
    while sorted.advance().unwrap() {
        let (key, value) = sorted.record().unwrap();
        found.push((key.to_vec(), value.to_vec()));
    }
    assert!(!sorted.advance().unwrap());
    assert_eq!(sorted.record(), None);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "temporary files have no names");
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sorting_is_that_of_the_standard_library(
        records in prop::collection::vec(
            (prop::collection::vec(97u8..100, 0..12), prop::collection::vec(any::<u8>(), 0..3_000)), 0..400),
    ) {
        let mut wanted = records.clone();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(&sort(&records, 64 << 10), &wanted);
        prop_assert_eq!(&sort(&records, 64 << 20), &wanted);
    }
}

#[test]
fn records_of_one_key_stay_in_order_through_several_generations_of_files() {
    let records: Vec<_> = (0..100_000u32)
        .map(|n| (format!("{}", n * 7919 % 1_000).into_bytes(), [n.to_be_bytes(); 25].concat()))
        .collect();
    let mut wanted = records.clone();
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(sort(&records, 64 << 10) == wanted);
}

#[test]
fn a_folder_that_is_not_there_is_a_clear_error() {
    let mut sorter = Sorter::new("/nonexistent", 0);
    let error = (0..10).find_map(|_| sorter.push(b"key", &[0; 30_000]).err()).unwrap();
    assert!(matches!(error, Error::Temporary(_)), "{error}");
}
