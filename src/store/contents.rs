//! What a target held when it was last read in full, for the passes that do not read it (`pullTargetsEvery`).

use super::heads::{Heads, Numbered};
use super::{Error, Store};
use crate::engine::TargetContent;
use crate::model::taken::Taken;
use crate::model::{Contact, Digest, SystemIdentity};
use crate::snapshot::{Documents, Kind, Reader, Sorter, Summary, Writer};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Seek, SeekFrom};

pub(super) const FOLDER: &str = "contents";
const MEMORY: usize = 8 << 20;

/// A complete read of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsHead {
    pub identity: SystemIdentity,
    /// Whose contacts count as ours in it, and which of their attributes: of no use for another scope.
    pub scope: Digest,
    /// The blob.
    pub contents: Digest,
    /// When the full read started.
    pub started: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum LineRef<'a> {
    Owned(&'a Contact),
    Taken(&'a Taken),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Owned(Box<Contact>),
    Taken(Box<Taken>),
}

/// Collects contents in any order, in bounded memory.
pub struct ContentsWriter {
    sorter: Sorter,
    count: u64,
}

impl Store {
    pub(super) fn contents_heads(&self, connector: &str) -> Heads<ContentsHead> {
        Heads::new(self, format!("{FOLDER}/{connector}/heads"))
    }

    pub fn contents_writer(&self) -> ContentsWriter {
        ContentsWriter::new(self.scratch())
    }

    /// Keeps a target's contents; from then on they are the connector's latest.
    pub async fn put_contents(&self, connector: &str, file: File, head: &ContentsHead) -> Result<u64, Error> {
        self.put_blob(&head.contents, file).await?;
        self.contents_heads(connector).append(head).await
    }

    pub async fn latest_contents(&self, connector: &str) -> Result<Option<Numbered<ContentsHead>>, Error> {
        self.contents_heads(connector).latest().await
    }

    pub async fn open_contents(
        &self,
        contents: &Digest,
    ) -> Result<impl Iterator<Item = Result<TargetContent, Error>> + Send + use<>, Error> {
        Ok(documents(self.open(contents, Kind::Contacts).await?))
    }

    /// Forgets what a connector's target held: since then it was written to.
    pub async fn forget_contents(&self, connector: &str) -> Result<(), Error> {
        self.contents_heads(connector).remove_all().await
    }
}

/// Contents that [`ContentsWriter::finish`] made, without their ever being in the store.
pub fn read_contents(
    mut file: File,
) -> Result<impl Iterator<Item = Result<TargetContent, Error>> + Send + use<>, Error> {
    file.seek(SeekFrom::Start(0)).map_err(Error::Temporary)?;
    Ok(documents(Reader::ahead(file)?.expect(Kind::Contacts)?))
}

fn documents(reader: Reader) -> impl Iterator<Item = Result<TargetContent, Error>> + Send + use<> {
    let lines: Documents<Line> = reader.documents();
    lines.map(|line| {
        Ok(match line? {
            Line::Owned(contact) => TargetContent::Owned(contact),
            Line::Taken(taken) => TargetContent::Taken(taken),
        })
    })
}

impl ContentsWriter {
    /// `folder` is for temporary files.
    pub fn new(folder: impl AsRef<std::path::Path>) -> Self {
        Self { sorter: Sorter::new(folder, MEMORY), count: 0 }
    }

    pub fn push(&mut self, content: &TargetContent) -> Result<(), Error> {
        // The count keeps apart what stands twice, such as two contacts with one mark.
        self.count += 1;
        let (key, line) = match content {
            TargetContent::Owned(contact) => (format!("owned {}", contact.key()), LineRef::Owned(contact)),
            TargetContent::Taken(taken) => (format!("taken {}", clean(&taken.value)), LineRef::Taken(taken)),
        };
        let line = serde_json::to_vec(&line).expect("contents are plain data");
        Ok(self.sorter.push(format!("{key} {:012}", self.count).as_bytes(), &line)?)
    }

    /// The contents as a file, and what it is.
    pub fn finish(self, file: File) -> Result<(File, Summary), Error> {
        let mut sorted = self.sorter.finish()?;
        let mut writer = Writer::new(std::io::BufWriter::new(file), Kind::Contacts)?;
        while sorted.advance()? {
            let (key, line) = sorted.record().expect("advance found one");
            writer.append(key, line)?;
        }
        let (output, summary) = writer.finish()?;
        let file = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
        Ok((file, summary))
    }
}

/// X500 addresses come from others and may hold anything; the key only sorts.
fn clean(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).take(500).collect()
}
