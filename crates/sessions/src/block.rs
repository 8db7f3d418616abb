//! What reading gives: blocks of verbatim rows with the messages that were read from them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jay_types::Hash;
use jay_types::session::{Message, SessionMeta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The verbatim bytes of a source row, its line ending included. In JSON a string, or `{"base64": …}` where the bytes
/// are not UTF-8.
///
/// A row is whole unless the piece before it ends without a newline: then it goes on with that row (a line ending that
/// came later, or the next piece of an oversized row).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowBytes(pub Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged)]
enum RowOnWire {
    Text(String),
    Bytes { base64: String },
}

impl Serialize for RowBytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        if let Ok(text) = std::str::from_utf8(&self.0) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &STANDARD.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for RowBytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match RowOnWire::deserialize(deserializer)? {
            RowOnWire::Text(text) => Ok(Self(text.into_bytes())),
            RowOnWire::Bytes { base64 } => STANDARD.decode(base64).map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// A message and the session that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionMessage {
    /// The client's own id of the session.
    pub session: String,
    /// Hash of what makes this message what it is: the same id and hash in another file is the same message.
    pub content_hash: Hash,
    /// The message; its `row` counts within the block.
    #[serde(flatten)]
    pub message: Message,
}

/// Consecutive rows of one source and what they say: the archive's unit (DESIGN J17).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// The client's name.
    pub client: String,
    /// The version of the adapter that read the messages.
    pub adapter_version: u32,
    /// The rows, verbatim; joined they are the source's bytes from `start` to `end`.
    pub rows: Vec<RowBytes>,
    /// The messages, in the order of their rows.
    pub messages: Vec<SessionMessage>,
    /// What these rows tell of their sessions, one for every session that a message names; to be merged, in order,
    /// into what earlier blocks told.
    pub sessions: Vec<SessionMeta>,
    /// Rows, parts and fields that the adapter does not know: kind → count.
    pub unknown: BTreeMap<String, u64>,
    /// The line of the source on which `rows` begins; the first is 1.
    pub first_row: u64,
    /// Offset of the first byte in the source.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
}

/// What reading a source came to. Add up `rows - carriers - blank` to count the rows that say something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadReport {
    /// Rows that were read, blank ones included.
    pub rows: u64,
    /// Messages that somebody said; carriers are not among them.
    pub messages: u64,
    /// Rows that are kept but say nothing by themselves.
    pub carriers: u64,
    /// Rows of white space.
    pub blank: u64,
    /// What the adapter does not know: kind → count.
    pub unknown: BTreeMap<String, u64>,
    /// Bytes at the end that are left for later because their line is not complete.
    pub pending_bytes: u64,
    /// Bytes of source rows that were read.
    pub bytes: u64,
    /// Blocks that were made.
    pub blocks: u64,
}
