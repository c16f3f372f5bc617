//! Reads a snapshot record by record.

use super::Error;
use super::batch::{Batch, BatchReader};
use super::format::Summary;
use super::format::{Kind, Record};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::Read;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Batches that a reading thread may be ahead: on a busy machine it then waits less often. Four mebibytes.
const BATCHES_AHEAD: usize = 16;

/// A cursor over the records: [`Reader::advance`], then [`Reader::record`]. Only after `advance` has said
/// `false` without an error is what was read known to be whole.
pub struct Reader {
    kind: Kind,
    origin: Origin,
    batch: Batch,
    /// One more than the index of the current record in the batch.
    position: usize,
    read: u64,
    summary: Option<Summary>,
}

enum Origin {
    Here(Box<BatchReader>),
    Thread { batches: Receiver<Message>, used: Sender<Batch> },
}

enum Message {
    Batch(Batch),
    End(Summary),
    Failed(Error),
}

impl Reader {
    pub fn new(input: impl Read + Send + 'static) -> Result<Self, Error> {
        let (reader, kind, batch) = BatchReader::open(Box::new(input), false)?;
        Ok(Self::start(kind, Origin::Here(Box::new(reader)), batch))
    }

    /// Like [`Reader::new`], but also checks the digest in the last line. Any damage shows without it, by the seal;
    /// this finds a writer with a mistake.
    pub fn thorough(input: impl Read + Send + 'static) -> Result<Self, Error> {
        let (reader, kind, batch) = BatchReader::open(Box::new(input), true)?;
        Ok(Self::start(kind, Origin::Here(Box::new(reader)), batch))
    }

    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::new(File::open(path)?)
    }

    /// Like [`Reader::new`], but decompresses and checks on a thread of its own, which ends with the reader.
    pub fn ahead(input: impl Read + Send + 'static) -> Result<Self, Error> {
        let (reader, kind, batch) = BatchReader::open(Box::new(input), false)?;
        let (send, batches) = sync_channel(BATCHES_AHEAD);
        let (used, back) = channel();
        std::thread::Builder::new().name("snapshot".into()).spawn(move || read_ahead(reader, &send, &back))?;
        Ok(Self::start(kind, Origin::Thread { batches, used }, batch))
    }

    fn start(kind: Kind, origin: Origin, batch: Batch) -> Self {
        Self { kind, origin, batch, position: 0, read: 0, summary: None }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn expect(self, kind: Kind) -> Result<Self, Error> {
        if self.kind == kind { Ok(self) } else { Err(Error::Kind { found: self.kind.name(), wanted: kind.name() }) }
    }

    /// Moves to the next record; `false` = there is none, and everything before was as it was written.
    pub fn advance(&mut self) -> Result<bool, Error> {
        if self.position < self.batch.len() {
            self.position += 1;
        } else if self.summary.is_some() {
            return Ok(false);
        } else if !self.next_batch()? {
            self.batch = Batch::default();
            self.position = 0;
            return Ok(false);
        }
        self.read += 1;
        Ok(true)
    }

    fn next_batch(&mut self) -> Result<bool, Error> {
        match &mut self.origin {
            Origin::Here(reader) => {
                reader.fill(&mut self.batch)?;
                if self.batch.len() == 0 {
                    self.summary = Some(reader.finish()?);
                }
            }
            Origin::Thread { batches, used } => {
                // The thread may be gone already; then the batch is just dropped.
                let _ = used.send(std::mem::take(&mut self.batch));
                match batches.recv() {
                    Ok(Message::Batch(batch)) => self.batch = batch,
                    Ok(Message::End(summary)) => self.summary = Some(summary),
                    Ok(Message::Failed(error)) => return Err(error),
                    Err(_) => return Err(Error::Io(std::io::Error::other("the reading thread died"))),
                }
            }
        }
        self.position = 1;
        Ok(self.summary.is_none())
    }

    /// The current record; none before the first and after the last.
    pub fn record(&self) -> Option<Record<'_>> {
        self.position.checked_sub(1).and_then(|index| self.batch.record(index))
    }

    /// How many records were read so far: the number of the current one.
    pub fn number(&self) -> u64 {
        self.read
    }

    /// What the snapshot is, once it was read to the end.
    pub fn summary(&self) -> Option<Summary> {
        self.summary
    }

    /// Reads what is left, so that everything is checked.
    pub fn read_to_end(&mut self) -> Result<Summary, Error> {
        while self.advance()? {}
        Ok(self.summary.expect("advance came to the end"))
    }

    /// The documents as values, in the order of their keys.
    pub fn documents<T: DeserializeOwned>(self) -> Documents<T> {
        Documents { reader: self, failed: false, document: PhantomData }
    }
}

fn read_ahead(mut reader: BatchReader, send: &SyncSender<Message>, back: &Receiver<Batch>) {
    loop {
        let mut batch = back.try_recv().unwrap_or_default();
        let message = match reader.fill(&mut batch) {
            Ok(()) if batch.len() > 0 => Message::Batch(batch),
            Ok(()) => reader.finish().map_or_else(Message::Failed, Message::End),
            Err(error) => Message::Failed(error),
        };
        let last = !matches!(message, Message::Batch(_));
        if send.send(message).is_err() || last {
            return;
        }
    }
}

/// Iterates over the documents of a snapshot. After an error it ends.
pub struct Documents<T> {
    reader: Reader,
    failed: bool,
    document: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Documents<T> {
    fn read(&mut self) -> Result<Option<T>, Error> {
        if !self.reader.advance()? {
            return Ok(None);
        }
        let record = self.reader.record().expect("advance found one");
        // Checked as a whole, the texts in it need not be checked one by one.
        let parsed = match std::str::from_utf8(record.document) {
            Ok(document) => serde_json::from_str(document),
            Err(_) => serde_json::from_slice(record.document),
        };
        parsed.map(Some).map_err(|error| Error::document(self.reader.number(), &error))
    }
}

impl<T: DeserializeOwned> Iterator for Documents<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}
