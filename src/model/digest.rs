//! SHA-256 digests, written `sha256:<64 hex>`, and the canonical bytes that they are made of.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is written sha256: and 64 lower-case hexadecimal digits")]
pub struct DigestError;

/// The SHA-256 of something, as a person pastes it: `sha256:…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of the texts as if they were one.
    pub fn of_parts(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part.as_bytes()));
        Self(hash.finalize().into())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits without the algorithm's name, fit for a file name.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix("sha256:").ok_or(DigestError)?;
        if digits.len() != 64 || digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| DigestError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;
    fn try_from(text: String) -> Result<Self, DigestError> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Collects values into bytes that are equal exactly when the values are: each is preceded by its length.
#[derive(Clone)]
pub struct Canonical {
    hash: Sha256,
    /// Not hashed yet: many short texts are hashed much faster together.
    waiting: Vec<u8>,
}

/// Bytes that wait at most.
const WAITING: usize = 1024;

impl Canonical {
    /// `version` names the encoding, so that a later one can never be taken for this one.
    pub fn new(version: &str) -> Self {
        let mut canonical = Self { hash: Sha256::new(), waiting: Vec::with_capacity(WAITING) };
        canonical.text(version);
        canonical
    }

    /// Adds up to [`WAITING`] bytes.
    #[inline]
    fn add(&mut self, bytes: &[u8]) {
        if self.waiting.len() + bytes.len() > WAITING {
            self.flush();
        }
        self.waiting.extend_from_slice(bytes);
    }

    #[cold]
    fn flush(&mut self) {
        self.hash.update(&self.waiting);
        self.waiting.clear();
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        bytes.chunks(WAITING).for_each(|bytes| self.add(bytes));
    }

    pub fn number(&mut self, number: u64) {
        self.add(&number.to_be_bytes());
    }

    pub fn texts<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.number(texts.len() as u64);
        for text in texts {
            self.text(text);
        }
    }

    pub fn finish(mut self) -> Digest {
        self.hash.update(&self.waiting);
        Digest(self.hash.finalize().into())
    }
}

/// Eight hexadecimal digits that stand for a value in an owner mark or a log line.
pub fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        for bad in ["", "sha256:", "sha256:12", &format!("sha256:{}", "A".repeat(64)), &digest.hex()] {
            assert_eq!(Digest::parse(bad), Err(DigestError), "{bad}");
        }
    }

    #[test]
    fn lengths_keep_values_apart() {
        let of = |parts: &[&str]| {
            let mut canonical = Canonical::new("test/1");
            parts.iter().for_each(|part| canonical.text(part));
            canonical.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }

    #[test]
    fn pieces_are_hashed_as_one() {
        let pieces = [3, WAITING - 20, 1, WAITING, 7, WAITING + 1, 0, 5].map(|length| "x".repeat(length));
        let mut canonical = Canonical::new("test/1");
        let mut whole = Vec::new();
        pieces.iter().for_each(|piece| canonical.text(piece));
        for piece in std::iter::once(&"test/1".to_owned()).chain(&pieces) {
            whole.extend_from_slice(&(piece.len() as u64).to_be_bytes());
            whole.extend_from_slice(piece.as_bytes());
        }
        assert_eq!(canonical.finish(), Digest::of(&whole));
    }
}
