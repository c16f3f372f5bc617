//! What a target held when it was last read in full, for the passes that do not read it (`pullTargetsEvery`).

use super::heads::{Heads, Numbered};
use super::{Error, Store};
use crate::engine::{Failure, LazyContact, TargetContent};
use crate::model::taken::Taken;
use crate::model::{Contact, Digest, Domain, Essence, Key, SystemIdentity};
use crate::snapshot::{self, Cursor, Kind, Reader, Sorter, Summary, Writer, ahead};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

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
    /// Domains that the target said it delivers itself, observed in the same read.
    pub own_domains: BTreeSet<Domain>,
    /// When the full read started.
    pub started: Timestamp,
}

/// One line: all contacts with one mark (there should be one), or all objects that have taken one address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Owned(Vec<Contact>),
    Taken(Vec<Taken>),
}

/// The line of one contact that has an essence begins with it and its legacyExchangeDN, so that only what is not as
/// it should be is parsed: `{"essence":"<32 digits>","dn":"…","owned":[…]}`.
const ESSENCE: &str = "{\"essence\":\"";
const DN: &str = "\",\"dn\":";
const CONTACT: &str = ",\"owned\":[";
const CONTACTS: &str = "{\"owned\":[";
const ADDRESS: &str = "{\"taken\":[";
const END: &str = "]}";

/// Addresses come before contacts, contacts in order of their keys: so a plan can walk them as they stand.
const TAKEN: &str = "address ";
const OWNED: &str = "contact ";

/// Collects contents in any order, in bounded memory.
pub struct ContentsWriter {
    sorter: Sorter,
    key: String,
    line: Vec<u8>,
}

impl Store {
    /// Of one scope: schedules that write into one target have a head each.
    fn contents_heads(&self, connector: &str, scope: &Digest) -> Heads<ContentsHead> {
        Heads::new(self, format!("{FOLDER}/{connector}/{}/heads", &scope.hex()[..16]))
    }

    pub fn contents_writer(&self) -> ContentsWriter {
        ContentsWriter::new(self.scratch())
    }

    /// Keeps a target's contents; from then on they are the latest of their scope.
    pub async fn put_contents(&self, connector: &str, file: File, head: &ContentsHead) -> Result<u64, Error> {
        self.put_blob(&head.contents, file).await?;
        self.contents_heads(connector, &head.scope).append(head).await
    }

    pub async fn latest_contents(
        &self,
        connector: &str,
        scope: &Digest,
    ) -> Result<Option<Numbered<ContentsHead>>, Error> {
        self.contents_heads(connector, scope).latest().await
    }

    /// Forgets what a connector's target held, of all scopes: since then it was written to.
    pub async fn forget_contents(&self, connector: &str) -> Result<(), Error> {
        // The oldest of each first, as they are listed, so that until the end the newest is valid.
        for head in self.list(&format!("{FOLDER}/{connector}")).await? {
            self.delete(&head.key).await?;
        }
        Ok(())
    }
}

/// Contents that [`ContentsWriter::finish`] made, in order.
pub fn read_contents(
    mut file: File,
) -> Result<impl Iterator<Item = Result<TargetContent, Error>> + Send + use<>, Error> {
    file.seek(SeekFrom::Start(0)).map_err(Error::Temporary)?;
    let reader = Reader::new(file)?.expect(Kind::Contacts)?;
    Ok(ahead(Contents { reader, line: Vec::new().into_iter(), failed: false })?)
}

struct Contents {
    reader: Reader,
    /// What is left of a line with several.
    line: std::vec::IntoIter<TargetContent>,
    failed: bool,
}

impl Contents {
    fn read(&mut self) -> Result<Option<TargetContent>, Error> {
        if let Some(content) = self.line.next() {
            return Ok(Some(content));
        }
        if !self.reader.advance()? {
            return Ok(None);
        }
        let record = self.reader.record().expect("advance found one");
        if let Some(folded) = folded(record.key, record.document) {
            return Ok(Some(TargetContent::Folded(folded)));
        }
        self.line = parse_contents(record.key, record.document)?.into_iter();
        self.read()
    }
}

impl Iterator for Contents {
    type Item = Result<TargetContent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.read().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

/// What one record of contents says, by its key and document.
pub fn parse_contents(key: &[u8], document: &[u8]) -> Result<Vec<TargetContent>, Error> {
    if let Some(folded) = folded(key, document) {
        return Ok(vec![TargetContent::Folded(folded)]);
    }
    let line = serde_json::from_slice(document).map_err(|error| snapshot::Error::document(0, &error))?;
    Ok(match line {
        Line::Owned(contacts) => contacts.into_iter().map(|c| TargetContent::Owned(Box::new(c))).collect(),
        Line::Taken(taken) => taken.into_iter().map(|t| TargetContent::Taken(Box::new(t))).collect(),
    })
}

/// The one contact of ours with this key.
pub fn find_contact(cursor: &mut Cursor<'_>, key: &Key) -> Result<Contact, Failure> {
    let record = cursor.find(&contact_key(key))?.ok_or("a contact is not where it was")?;
    match <[TargetContent; 1]>::try_from(parse_contents(record.key, record.document)?) {
        Ok([TargetContent::Folded(contact)]) => contact.unfold(),
        Ok([TargetContent::Owned(contact)]) => Ok(*contact),
        _ => Err("a contact is not what it was".into()),
    }
}

/// The key of the record of a contact of ours.
pub fn contact_key(key: &Key) -> Vec<u8> {
    [OWNED, key.as_str()].concat().into_bytes()
}

/// The key of the record of an address; `value` as [`Taken::value`] writes it.
pub fn address_key(value: &str) -> Vec<u8> {
    let mut key = TAKEN.to_owned();
    key.extend(clean(value));
    key.into_bytes()
}

fn folded(key: &[u8], document: &[u8]) -> Option<LazyContact> {
    let rest = document.strip_prefix(ESSENCE.as_bytes())?;
    let (digits, rest) = rest.split_at_checked(32)?;
    let rest = rest.strip_prefix(DN.as_bytes())?;
    // A quotation mark within a text would have a backslash before it.
    let (dn, contact) = rest.split_at_checked(memchr::memmem::find(rest, CONTACT.as_bytes())?)?;
    let document = contact.strip_prefix(CONTACT.as_bytes())?.strip_suffix(END.as_bytes())?;
    Some(LazyContact {
        key: Key::parse(std::str::from_utf8(key).ok()?.strip_prefix(OWNED)?).ok()?,
        essence: Essence::parse(std::str::from_utf8(digits).ok()?)?,
        legacy_exchange_dn: serde_json::from_slice(dn).ok()?,
        document: document.into(),
    })
}

impl ContentsWriter {
    /// `folder` is for temporary files.
    pub fn new(folder: impl AsRef<std::path::Path>) -> Self {
        Self { sorter: Sorter::new(folder, MEMORY), key: String::new(), line: Vec::new() }
    }

    pub fn push(&mut self, content: &TargetContent) -> Result<(), Error> {
        let Self { sorter, key, line } = self;
        key.clear();
        line.clear();
        match content {
            TargetContent::Owned(contact) => {
                key.extend([OWNED, contact.mark.source.as_str(), "/", contact.mark.anchor.as_str()]);
                begin(line, Essence::of_existing(contact), contact.legacy_exchange_dn.as_ref());
                serde_json::to_writer(&mut *line, contact).expect("contents are plain data");
            }
            TargetContent::Folded(contact) => {
                key.extend([OWNED, contact.key.as_str()]);
                begin(line, Some(contact.essence), contact.legacy_exchange_dn.as_ref());
                line.extend_from_slice(&contact.document);
            }
            TargetContent::Taken(taken) => {
                key.push_str(TAKEN);
                key.extend(clean(&taken.value.to_lowercase()));
                line.extend_from_slice(ADDRESS.as_bytes());
                serde_json::to_writer(&mut *line, taken).expect("contents are plain data");
            }
        }
        line.extend_from_slice(END.as_bytes());
        Ok(sorter.push(key.as_bytes(), line)?)
    }

    /// The contents as a file, and what it is.
    pub fn finish(self, file: File) -> Result<(File, Summary), Error> {
        let mut sorted = self.sorter.finish()?;
        let mut writer = Writer::new(std::io::BufWriter::new(file), Kind::Contacts)?;
        let (mut key, mut line) = (Vec::new(), Vec::new());
        let mut more = sorted.advance()?;
        while more {
            let (first, only) = sorted.record().expect("advance found one");
            key.clear();
            line.clear();
            key.extend_from_slice(first);
            line.extend_from_slice(only);
            more = sorted.advance()?;
            while let Some((_, another)) = sorted.record().filter(|(next, _)| more && *next == key) {
                join(&mut line, another);
                more = sorted.advance()?;
            }
            writer.append(&key, &line)?;
        }
        let (output, summary) = writer.finish()?;
        let file = output.into_inner().map_err(|error| Error::Temporary(error.into_error()))?;
        Ok((file, summary))
    }
}

fn begin(line: &mut Vec<u8>, essence: Option<Essence>, dn: Option<&String>) {
    match essence {
        Some(essence) => {
            write!(line, "{ESSENCE}{essence}{DN}").expect("memory takes bytes");
            serde_json::to_writer(&mut *line, &dn).expect("a text is plain data");
            line.extend_from_slice(CONTACT.as_bytes());
        }
        None => line.extend_from_slice(CONTACTS.as_bytes()),
    }
}

/// Makes one line of two; what stands several times has no essence.
fn join(line: &mut Vec<u8>, another: &[u8]) {
    let list = |line: &[u8]| {
        let begin =
            [&CONTACTS[1..], &ADDRESS[1..]].map(|name| Some(memchr::memmem::find(line, name.as_bytes())? + name.len()));
        begin.into_iter().flatten().min().expect("every line has a list")
    };
    let names_contacts = !line.starts_with(ADDRESS.as_bytes());
    let content = line.split_off(list(line));
    line.clear();
    line.extend_from_slice(if names_contacts { CONTACTS } else { ADDRESS }.as_bytes());
    line.extend_from_slice(content.strip_suffix(END.as_bytes()).expect("every line ends so"));
    line.push(b',');
    line.extend_from_slice(&another[list(another)..]);
}

/// X500 addresses come from others and may hold anything; the key only sorts.
fn clean(value: &str) -> impl Iterator<Item = char> {
    value.chars().filter(|c| !c.is_control()).take(500)
}
