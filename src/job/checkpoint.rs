//! The checkpoint that a plan leaves for the next one: a line for every row, and a line for every row of which
//! something was reported.

use super::error::Error;
use crate::engine::{Failure, MatchKeys, ReportLine};
use crate::model::{Change, ChangeKind, ContactName, Digest, Key, OwnerMark};
use crate::report::Line;
use crate::snapshot::{Frames, Kind, Replacement, Writer};
use crate::store::Store;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fs::File;
use std::io::BufWriter;

/// With more to tell, going on from it would save nothing.
const MOST_REPORTED: u64 = 100_000;

/// What was reported of a row, as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct ReportedRow<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub change: Option<&'a RawValue>,
    #[serde(borrow)]
    pub line: &'a RawValue,
}

/// Pairs each change with the line that follows it.
#[derive(Default)]
pub(super) struct RowPairing(Option<(Key, Box<RawValue>)>);

impl RowPairing {
    /// A change comes before its line.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), Failure> {
        self.0 = Some((change.key().clone(), serde_json::value::to_raw_value(change)?));
        Ok(())
    }

    /// The document of the line's row.
    pub(super) fn line(&mut self, row: &Key, line: &Line<'_>) -> Result<Vec<u8>, Failure> {
        let change = self.0.take_if(|(key, _)| key == row);
        let line = serde_json::value::to_raw_value(line)?;
        let reported = ReportedRow { change: change.as_ref().map(|(_, change)| &**change), line: &line };
        Ok(serde_json::to_vec(&reported)?)
    }
}

const TIMED: u8 = b't';
const PLAIN: u8 = b'-';
const DIGITS: usize = 16;

/// The document of a row: whether it depends on time, and 16 digits for each value.
pub(super) fn row_document(links: &MatchKeys) -> Vec<u8> {
    let mut document = vec![b'"', if links.timed { TIMED } else { PLAIN }];
    for value in &links.values {
        let mut digits = [0; DIGITS];
        hex::encode_to_slice(value.to_be_bytes(), &mut digits).expect("two digits a byte");
        document.extend_from_slice(&digits);
    }
    document.push(b'"');
    document
}

/// Whether the row of this document depends on time.
pub(super) fn is_timed(document: &[u8]) -> bool {
    document.get(1) == Some(&TIMED)
}

/// Hands on the values in a row's document; nothing comes back where it is none.
pub(super) fn read_row(document: &[u8], mut found: impl FnMut(u64)) -> Option<()> {
    let (_, digits) = document.strip_prefix(b"\"")?.strip_suffix(b"\"")?.split_first()?;
    let (all, rest) = digits.as_chunks::<DIGITS>();
    all.iter().try_for_each(|digits| {
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | nibble(*digit)?)).map(&mut found)
    })?;
    rest.is_empty().then_some(())
}

/// All rows are read in every pass, so this is quicker than what takes digits of any base.
fn nibble(digit: u8) -> Option<u64> {
    match digit {
        b'0'..=b'9' => Some(u64::from(digit - b'0')),
        b'a'..=b'f' => Some(u64::from(digit - b'a') + 10),
        _ => None,
    }
}

/// Writes rows and what is reported of them, as a whole plan tells it.
pub(super) struct CheckpointWriter {
    rows: Writer<BufWriter<File>>,
    reported: Writer<BufWriter<File>>,
    pairing: RowPairing,
    count: u64,
}

impl CheckpointWriter {
    pub(super) fn new(store: &Store) -> Result<Self, Error> {
        let writer =
            || -> Result<_, Error> { Ok(Writer::new(BufWriter::new(store.temporary_file()?), Kind::Records)?) };
        Ok(Self { rows: writer()?, reported: writer()?, pairing: RowPairing::default(), count: 0 })
    }

    pub(super) fn row(&mut self, key: &Key, links: &MatchKeys) -> Result<(), Failure> {
        Ok(self.rows.append(key.as_str().as_bytes(), &row_document(links))?)
    }

    pub(super) fn change(&mut self, change: &Change) -> Result<(), Failure> {
        self.pairing.change(change)
    }

    /// `false` = so much is reported that it is not worth keeping.
    pub(super) fn line(&mut self, row: &Key, line: &Line<'_>) -> Result<bool, Failure> {
        self.count += 1;
        let document = self.pairing.line(row, line)?;
        self.reported.append(row.as_str().as_bytes(), &document)?;
        Ok(self.count < MOST_REPORTED)
    }

    /// Puts both into the store: rows, and what was reported.
    pub(super) async fn keep(self, store: &Store) -> Result<(Digest, Digest), Error> {
        Ok((put(self.rows, store).await?, put(self.reported, store).await?))
    }
}

async fn put(writer: Writer<BufWriter<File>>, store: &Store) -> Result<Digest, Error> {
    let (output, summary) = writer.finish()?;
    let file = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
    store.put_blob(&summary.file, file).await?;
    Ok(summary.file)
}

/// Rows and what is reported of them, of a part of the plan.
#[derive(Default)]
pub(super) struct Part {
    pub rows: Vec<(Key, MatchKeys)>,
    pub reported: Vec<(Key, Vec<u8>)>,
    pairing: RowPairing,
    /// A contact was made with another name than its first: whose is the first can be seen in the whole only.
    pub renamed: bool,
}

impl crate::engine::Sink for Part {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        if let Some(after) = change.after().filter(|_| change.kind() == ChangeKind::Create) {
            let OwnerMark { owner, sync, target, .. } = &after.mark;
            self.renamed |= after.name != ContactName::derive(owner, sync, target, change.key());
        }
        self.pairing.change(change)
    }

    fn line(&mut self, line: &ReportLine<'_>) -> Result<(), Failure> {
        let document = self.pairing.line(line.key, &line.into())?;
        self.reported.push((line.key.clone(), document));
        Ok(())
    }

    fn wants_rows(&self) -> bool {
        true
    }

    fn row(&mut self, key: &Key, links: &MatchKeys) -> Result<(), Failure> {
        self.rows.push((key.clone(), links.clone()));
        Ok(())
    }
}

/// The blob with the records replaced, and the file that it was put from.
pub(super) async fn replace(frames: &Frames, changes: &[Replacement], store: &Store) -> Result<(Digest, File), Error> {
    let output = BufWriter::new(store.temporary_file()?);
    let (output, summary) = crate::snapshot::replace(frames, changes, output)?;
    let file = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
    let again = file.try_clone()?;
    store.put_blob(&summary.file, again).await?;
    Ok((summary.file, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back() {
        for links in [MatchKeys::default(), MatchKeys { values: vec![0, 7, u64::MAX], timed: true }] {
            let (document, mut values) = (row_document(&links), Vec::new());
            assert_eq!(read_row(&document, |value| values.push(value)), Some(()));
            assert_eq!((values, is_timed(&document)), (links.values, links.timed));
        }
        for bad in ["", "\"\"", "\"t0\"", "\"t0123456789abcdeg\"", "t0123456789abcdef"] {
            assert_eq!(read_row(bad.as_bytes(), |_| ()), None, "{bad}");
        }
    }
}
