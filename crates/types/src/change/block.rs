//! The body of an archive change: consecutive source rows of one session, verbatim, with the messages read from them (J17).

use crate::id::Dot;
use crate::session::{Message, SessionMeta};
use serde::{Deserialize, Serialize};

/// Source bytes that a block holds at most, unless one row alone is larger.
pub const BLOCK_MAX_SOURCE_BYTES: usize = 1024 * 1024;

/// Where rows were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSource {
    /// The client.
    pub client: String,
    /// The file on the machine of ingest.
    pub path: String,
    /// 0, 1, …: counts up when the client rewrote the file.
    pub revision: u32,
    /// The machine of ingest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The OS user of ingest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The session that the file's name tells, where the block is of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// One source row, byte for byte, its line end included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number in the source, 0 …
    pub n: u64,
    /// The bytes where they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<String>,
    /// The bytes in hex where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
}

impl Row {
    /// Row `n` of a source.
    #[must_use]
    pub fn new(n: u64, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { n, t: Some(text.to_owned()), x: None },
            Err(_) => Self { n, t: None, x: Some(crate::id::to_hex(bytes)) },
        }
    }

    /// A row whose bytes stand in the block that is read once more.
    #[must_use]
    pub const fn elsewhere(n: u64) -> Self {
        Self { n, t: None, x: None }
    }

    /// The bytes; none where they stand elsewhere, or the row is malformed.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.t, &self.x) {
            (Some(text), None) => Some(text.clone().into_bytes()),
            (None, Some(hex)) => hex
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
                .collect(),
            _ => None,
        }
    }
}

/// What stands in the body of a `block` or `reparse` change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Where the rows were read.
    pub source: BlockSource,
    /// What is known of the session so far.
    pub session: SessionMeta,
    /// The version of the adapter that read the messages.
    pub adapter: u32,
    /// The block whose rows were read once more, in a `reparse` change: its own rows are numbers without bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Dot>,
    /// Character ranges of secrets found in messages: (message index, part index, start byte, end byte, rule).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSpan>,
    /// The messages; `row` is an index into `rows`.
    pub messages: Vec<Message>,
    /// The rows. They come last: who reads what was said ends before them ([`super::said`]).
    pub rows: Vec<Row>,
}

/// A secret in a message's part; masked on every way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSpan {
    /// Index of the message in the block.
    pub message: u32,
    /// Index of the part in the message.
    pub part: u32,
    /// First byte of the part's text.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The rule that found it.
    pub rule: String,
}

impl Block {
    /// The block of a `block` change's JSON.
    ///
    /// # Errors
    /// The reason why it is not one; the change is then deferred.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Wrapper {
            block: Block,
        }
        serde_json::from_slice::<Wrapper>(json).map(|wrapper| wrapper.block).map_err(|error| error.to_string())
    }

    /// The JSON of a `block` change: `{"block": …}`, so that a register beside it stays possible.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wrapper<'a> {
            block: &'a Block,
        }
        serde_json::to_vec(&Wrapper { block: self }).unwrap_or_else(|_| unreachable!("a block becomes JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_every_byte() {
        for bytes in [&b"{\"a\":1}\r\n"[..], b"\xff\x00\n", b""] {
            let row = Row::new(3, bytes);
            let json = serde_json::to_vec(&row).expect("JSON");
            let back: Row = serde_json::from_slice(&json).expect("a row");
            assert_eq!(back.bytes().as_deref(), Some(bytes));
        }
    }
}
