//! Reads bytes as a client's file in one go: for fuzzing, tests and looking at a file.

use crate::adapter::{ReadOptions, SessionAdapter};
use crate::block::{ReadReport, SessionMessage};
use crate::discover::Source;
use crate::reader::BlockReader;
use crate::splitter::{Shape, Splitter};
use jay_types::session::SessionMeta;
use std::collections::BTreeMap;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The counts.
    pub report: ReadReport,
    /// Sessions by id, each merged from all blocks.
    pub sessions: BTreeMap<String, SessionMeta>,
    /// Every message, carriers among them.
    pub messages: Vec<SessionMessage>,
    /// True where the blocks' rows, joined, are the bytes that went in.
    pub is_lossless: bool,
}

/// Reads `bytes` as a whole file of `adapter`'s client, the last line included. Never panics, whatever they are.
#[must_use]
pub fn read_all(adapter: &dyn SessionAdapter, bytes: &[u8]) -> Summary {
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    summed(BlockReader::over(adapter, &source(adapter), input, ReadOptions::default().last()), bytes, false)
}

/// Reads `bytes` as a JSON file of `adapter`'s client that is cut by `shape`, in rows of at most `max_row_bytes`. Never
/// panics, whatever they are.
#[must_use]
pub fn read_pieces(adapter: &dyn SessionAdapter, bytes: &[u8], shape: Shape, max_row_bytes: usize) -> Summary {
    let splitter = Splitter::new(std::io::Cursor::new(bytes.to_vec()), shape, "memory");
    let options = ReadOptions { max_row_bytes, ..ReadOptions::default().last() };
    // A client that keeps lines too is told that these are none.
    let source = Source { within: Some("memory".to_owned()), ..source(adapter) };
    match BlockReader::over_documents(adapter, &source, Box::new(splitter), options) {
        Ok(reader) => summed(reader, bytes, true),
        // Bytes in memory can always be read.
        Err(_) => Summary::default(),
    }
}

/// Reads each line of `bytes` as a document of `adapter`'s client, as a row of its database is one. Never panics, whatever
/// they are.
#[must_use]
pub fn read_documents(adapter: &dyn SessionAdapter, bytes: &[u8]) -> Summary {
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let source = Source { within: Some("memory".to_owned()), ..source(adapter) };
    summed(BlockReader::over(adapter, &source, input, ReadOptions::default().last()), bytes, false)
}

fn source(adapter: &dyn SessionAdapter) -> Source {
    Source {
        client: adapter.name().to_owned(),
        path: "memory".into(),
        session: "00000000-0000-4000-8000-000000000000".to_owned(),
        ..Source::default()
    }
}

/// Reads all and compares it with `bytes`; `is_closed` where a newline that is not in them closes each row.
fn summed(mut reader: BlockReader, bytes: &[u8], is_closed: bool) -> Summary {
    let mut summary = Summary { is_lossless: true, ..Summary::default() };
    let mut rest = bytes;
    // Bytes in memory can always be read, so there are no failures to look at.
    for block in reader.by_ref().flatten() {
        for row in &block.rows {
            let row = row.0.strip_suffix(b"\n").filter(|_| is_closed).unwrap_or(&row.0);
            match rest.strip_prefix(row) {
                Some(after) => rest = after,
                None => summary.is_lossless = false,
            }
        }
        for meta in block.sessions {
            summary.sessions.entry(meta.id.clone()).or_insert_with(|| meta.clone()).merge(&meta);
        }
        summary.messages.extend(block.messages);
    }
    summary.is_lossless &= rest.is_empty();
    summary.report = reader.report().clone();
    summary
}
