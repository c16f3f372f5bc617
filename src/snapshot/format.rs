//! The lines of a snapshot, and what keeps them apart.

use super::Error;
use crate::model::Digest;
use sha2::{Digest as _, Sha256};

pub(super) const VERSION: &str = "1";
const NAME: &str = "galsync-snapshot";

/// Longer than `<system identity>/<anchor>` can be, and than any address value.
pub(super) const MAX_KEY_BYTES: usize = 4_096;
/// Bounds the memory of a reader whatever the file says.
pub(super) const MAX_DOCUMENT_BYTES: usize = 16 << 20;
pub(super) const HASH_CHARS: usize = 32;

/// What the records of a snapshot are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any JSON documents: what `galsync snapshot pack` makes.
    Records,
    /// `model::Entry` by anchor.
    Entries,
    /// What a target holds: its own contacts by key, and who has taken which address.
    Contacts,
    /// The address ledger.
    Ledger,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Entries => "entries",
            Self::Contacts => "contacts",
            Self::Ledger => "ledger",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Records, Self::Entries, Self::Contacts, Self::Ledger].into_iter().find(|kind| kind.name() == name)
    }
}

/// One record, borrowed from a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub key: &'a [u8],
    /// 32 hexadecimal digits; equal for equal documents.
    pub hash: &'a [u8],
    pub document: &'a [u8],
}

impl Record<'_> {
    /// Whether the hash is the document's.
    pub fn is_sound(&self) -> bool {
        self.hash == hash(self.document)
    }
}

/// The first half of the document's SHA-256 in hexadecimal digits.
pub(super) fn hash(document: &[u8]) -> [u8; HASH_CHARS] {
    let mut digits = [0; HASH_CHARS];
    let digest = Sha256::digest(document);
    hex::encode_to_slice(&digest[..HASH_CHARS / 2], &mut digits).expect("two digits a byte");
    digits
}

pub(super) fn header(kind: Kind) -> String {
    format!("{NAME}\t{VERSION}\t{}\n", kind.name())
}

/// `line` without its line feed.
pub(super) fn parse_header(line: &[u8]) -> Result<Kind, Error> {
    let line = std::str::from_utf8(line).map_err(|_| Error::Foreign)?;
    let rest = line.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('\t')).ok_or(Error::Foreign)?;
    let (version, kind) = rest.split_once('\t').ok_or(Error::Foreign)?;
    if version != VERSION {
        return Err(Error::Version { found: version.chars().filter(|c| !c.is_control()).take(20).collect() });
    }
    Kind::parse(kind).ok_or_else(|| Error::damaged("its kind is not known"))
}

/// Stands for the digest where parts of an earlier snapshot were taken over without being read.
const NO_DIGEST: &str = "-";

/// Begins the last line; a record's line cannot, since no key is empty.
pub(super) const TRAILER_START: u8 = b'\t';

pub(super) fn trailer(count: u64, content: Option<&Digest>) -> String {
    let content = content.map_or_else(|| NO_DIGEST.to_owned(), Digest::to_string);
    format!("\tend\t{count}\t{content}\n")
}

/// `line` without its line feed.
pub(super) fn parse_trailer(line: &[u8]) -> Option<(u64, Option<Digest>)> {
    let (count, content) = std::str::from_utf8(line).ok()?.strip_prefix("\tend\t")?.split_once('\t')?;
    let content = if content == NO_DIGEST { None } else { Some(Digest::parse(content).ok()?) };
    Some((count.parse().ok()?, content))
}

pub(super) fn check_key(key: &[u8]) -> Result<(), Error> {
    let plain = std::str::from_utf8(key).is_ok_and(|key| !key.chars().any(char::is_control));
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !plain { Err(Error::InvalidKey) } else { Ok(()) }
}

pub(super) fn check_document(document: &[u8]) -> Result<(), Error> {
    if document.len() > MAX_DOCUMENT_BYTES || memchr::memchr(b'\n', document).is_some() {
        return Err(Error::InvalidDocument);
    }
    Ok(())
}

/// Whether a writer takes this record, its place aside.
pub fn check(key: &[u8], document: &[u8]) -> Result<(), Error> {
    check_key(key)?;
    check_document(document)
}

/// What a finished snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub kind: Kind,
    pub count: u64,
    /// Over keys and hashes: equal for snapshots with the same records, however they are compressed. Absent where
    /// parts were copied from an earlier snapshot.
    pub content: Option<Digest>,
    /// SHA-256 of the file: its name as a blob.
    pub file: Digest,
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_line_read_back() {
        for kind in [Kind::Records, Kind::Entries, Kind::Contacts, Kind::Ledger] {
            assert_eq!(parse_header(header(kind).trim_end().as_bytes()).unwrap(), kind);
        }
        assert!(matches!(parse_header(b"galsync-snapshot\t2\tentries"), Err(Error::Version { found }) if found == "2"));
        assert!(matches!(parse_header(b"galsync-snapshot\t1\tcheese"), Err(Error::Damaged(_))));
        assert!(matches!(parse_header(b"{\"key\": 1}"), Err(Error::Foreign)));
        let content = Digest::of(b"");
        assert_eq!(
            parse_trailer(trailer(7, Some(&content)).trim_end_matches('\n').as_bytes()),
            Some((7, Some(content)))
        );
        assert_eq!(parse_trailer(trailer(7, None).trim_end_matches('\n').as_bytes()), Some((7, None)));
        assert_eq!(parse_trailer(b"\tend\t7\tsha256:12"), None);
    }

    #[test]
    fn keys_that_would_break_a_line_are_refused() {
        assert!(check_key("müller@b.test".as_bytes()).is_ok());
        for bad in [&b""[..], b"a\tb", b"a\nb", b"\xff", &[b'a'; MAX_KEY_BYTES + 1]] {
            assert!(matches!(check_key(bad), Err(Error::InvalidKey)));
        }
    }
}
