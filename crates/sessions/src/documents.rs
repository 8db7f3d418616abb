//! Sources that are no file of lines: a session in a database, a JSON file that is rewritten whole, a directory of
//! small files.
//!
//! Such a source changes in its middle, so an offset tells nothing. It is read as documents, each with a key that stays
//! when its content changes. What was taken of it is remembered as a fingerprint for every document ([`Taken::Each`]):
//! the next time only documents that are new or changed are given, as a new revision that holds nothing else. A source
//! with too many documents for that, which is written once and never touched (an export), is remembered as one hash over
//! all that was taken ([`Taken::Prefix`]).
//!
//! **Invariant:** a document is given again unless its fingerprint is known. Of every document all bytes are given, in
//! one row or, where it is longer than a row may be, in several.

use crate::key::content_hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jay_types::{Hash, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// One piece of a source, whole in itself: a row of a database with what hangs on it, an element of an array, a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is known by; stays when the content changes.
    pub key: Vec<u8>,
    /// Its bytes, verbatim.
    pub bytes: Vec<u8>,
    /// True for a piece of something that is longer than a row may be; it is kept and not parsed.
    pub is_fragment: bool,
}

/// Reads a source's documents in the order of the conversation.
pub trait Documents: Send {
    /// The next document, of at most `max_bytes` where it can be read in pieces.
    ///
    /// # Errors
    /// `io`, `busy` or `bad_input` where the source cannot be read.
    fn next(&mut self, max_bytes: usize) -> Result<Option<Document>>;

    /// Bytes at the end that are not complete; known when there is no next.
    fn pending_bytes(&self) -> u64 {
        0
    }

    /// What is not complete, for sources that nobody writes any more.
    fn rest(&mut self) -> Option<Document> {
        None
    }

    /// True where the client lets documents go that it had: what is new stands behind all that was ever there, wherever it
    /// stands now. Elsewhere a document has the place that it has among those that are there.
    fn forgets(&self) -> bool {
        false
    }

    /// True for what is written once: it is remembered as a whole, and read again whole should it change.
    fn is_written_once(&self) -> bool {
        false
    }
}

/// Half of it of the key's hash: two keys of one hash would change places at every sync, and four bytes would make that likely
/// from some ten thousand documents on.
const FINGERPRINT_BYTES: usize = 12;
const KEY_BYTES: usize = 6;
type KeyHash = [u8; KEY_BYTES];
type ContentHash = [u8; FINGERPRINT_BYTES - KEY_BYTES];

/// A document's key and content, shortened: what changed is missed once in 2^48 changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    key: KeyHash,
    content: ContentHash,
}

impl Fingerprint {
    fn of(key: &[u8], bytes: &[u8]) -> Self {
        let (key_hash, content_hash) = (content_hash(&[key]), content_hash(&[bytes]));
        let mut print = Self { key: [0; KEY_BYTES], content: [0; FINGERPRINT_BYTES - KEY_BYTES] };
        print.key.iter_mut().zip(key_hash.0).for_each(|(to, from)| *to = from);
        print.content.iter_mut().zip(content_hash.0).for_each(|(to, from)| *to = from);
        print
    }
}

/// What of a source's documents was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Every document by itself.
    Each(Prints),
    /// That many from the beginning.
    Prefix {
        /// How many.
        count: u64,
        /// Hash over them, in order.
        hash: Hash,
    },
}

/// Fingerprints by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints(BTreeMap<KeyHash, ContentHash>);

impl Taken {
    /// Nothing yet.
    pub(crate) fn nothing(is_prefix: bool) -> Self {
        if is_prefix { Self::Prefix { count: 0, hash: content_hash(&[]) } } else { Self::Each(Prints::default()) }
    }

    pub(crate) fn take(&mut self, print: Fingerprint) {
        match self {
            Self::Each(prints) => {
                prints.0.insert(print.key, print.content);
            }
            Self::Prefix { count, hash } => {
                *count += 1;
                *hash = content_hash(&[&hash.0, &print.key, &print.content]);
            }
        }
    }

    /// How many documents were taken, each counted once whatever it said.
    fn count(&self) -> u64 {
        match self {
            Self::Each(prints) => prints.0.len() as u64,
            Self::Prefix { count, .. } => *count,
        }
    }

    fn knows(&self, key: KeyHash) -> bool {
        matches!(self, Self::Each(prints) if prints.0.contains_key(&key))
    }

    fn has(&self, print: Fingerprint) -> bool {
        match self {
            Self::Each(prints) => prints.0.get(&print.key) == Some(&print.content),
            Self::Prefix { .. } => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TakenOnWire {
    Each(String),
    Prefix { count: u64, hash: Hash },
}

impl Serialize for Taken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = match self {
            Self::Prefix { count, hash } => TakenOnWire::Prefix { count: *count, hash: *hash },
            Self::Each(prints) => {
                let mut bytes = Vec::with_capacity(prints.0.len() * FINGERPRINT_BYTES);
                for (key, content) in &prints.0 {
                    bytes.extend_from_slice(key);
                    bytes.extend_from_slice(content);
                }
                TakenOnWire::Each(STANDARD.encode(bytes))
            }
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Taken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match TakenOnWire::deserialize(deserializer)? {
            TakenOnWire::Prefix { count, hash } => Self::Prefix { count, hash },
            TakenOnWire::Each(text) => {
                let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
                let print = |bytes: &[u8]| Some((*bytes.first_chunk()?, *bytes.last_chunk()?));
                Self::Each(Prints(bytes.chunks_exact(FINGERPRINT_BYTES).filter_map(print).collect()))
            }
        })
    }
}

/// A document that is to be read, with its place among all.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) bytes: Vec<u8>,
    /// The first is 0.
    pub(crate) place: u64,
    pub(crate) is_fragment: bool,
    pub(crate) print: Fingerprint,
}

/// Gives the documents that were not taken before, none longer than a row may be.
pub(crate) struct Changes {
    documents: Box<dyn Documents>,
    taken_before: Taken,
    place: u64,
    /// The place behind all that was ever taken.
    behind: u64,
    row_max: usize,
    piece_max: usize,
    waiting: VecDeque<Document>,
}

impl Changes {
    pub(crate) fn new(documents: Box<dyn Documents>, before: Taken, row_max: usize, piece_max: usize) -> Self {
        Self {
            documents,
            behind: before.count(),
            taken_before: before,
            place: 0,
            row_max,
            piece_max: piece_max.max(1),
            waiting: VecDeque::new(),
        }
    }

    /// Reads over what was taken as a prefix; false where it is no longer there.
    pub(crate) fn skip_prefix(&mut self) -> Result<bool> {
        let Taken::Prefix { count, .. } = self.taken_before else { return Ok(true) };
        let mut found = Taken::nothing(true);
        for _ in 0..count {
            let Some(document) = self.any()? else { return Ok(false) };
            found.take(document.print);
        }
        Ok(found == self.taken_before)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Placed>> {
        while let Some(document) = self.any()? {
            if !self.taken_before.has(document.print) {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    /// What is not complete, after there is no next.
    pub(crate) fn rest(&mut self) -> Result<Option<Placed>> {
        if let Some(document) = self.documents.rest() {
            self.cut(document);
        }
        self.next()
    }

    pub(crate) fn pending_bytes(&self) -> u64 {
        self.documents.pending_bytes()
    }

    /// The next document, whether it was taken or not.
    fn any(&mut self) -> Result<Option<Placed>> {
        if self.waiting.is_empty() {
            match self.documents.next(self.row_max)? {
                Some(document) => self.cut(document),
                None => return Ok(None),
            }
        }
        let Some(Document { key, bytes, is_fragment }) = self.waiting.pop_front() else { return Ok(None) };
        let print = Fingerprint::of(&key, &bytes);
        let mut place = self.place;
        self.place += 1;
        if self.documents.forgets() && !self.taken_before.knows(print.key) {
            place = place.max(self.behind);
            self.behind = place + 1;
        }
        Ok(Some(Placed { place, is_fragment, print, bytes }))
    }

    /// Queues a document, in pieces where it is too long to be parsed.
    fn cut(&mut self, document: Document) {
        let is_long =
            document.bytes.len() > self.row_max || (document.is_fragment && document.bytes.len() > self.piece_max);
        if !is_long {
            self.waiting.push_back(document);
            return;
        }
        for (number, piece) in document.bytes.chunks(self.piece_max).enumerate() {
            let key = [document.key.as_slice(), &(number as u64).to_le_bytes()].concat();
            self.waiting.push_back(Document { key, bytes: piece.to_vec(), is_fragment: true });
        }
    }
}
