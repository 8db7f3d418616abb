//! A transcript that was put aside in the database: the lines of a file in one value, compressed or not.

use crate::database::{Database, Filter, Select};
use crate::documents::{Document, Documents};
use crate::input::cannot_read;
use crate::rows::{Begins, Piece, Pieces};
use jay_types::Result;
use rusqlite::types::Value;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// Bytes of a transcript: what is compressed can be made to promise any number.
const TRANSCRIPT_MAX_BYTES: u64 = 4 << 30;

/// Reads the lines, each a document.
pub(super) struct Archive {
    path: PathBuf,
    /// Until it is known how long a row may be.
    input: Option<Box<dyn Read + Send>>,
    pieces: Option<Pieces>,
    line: u64,
}

impl Archive {
    pub(super) fn open(path: &Path, database: &Database, table: &str, session: &str, generation: &str) -> Result<Self> {
        let (session, generation) = (Value::Text(session.to_owned()), Value::Text(generation.to_owned()));
        let filter = Filter::Both([("session_id", &session), ("generation", &generation)]);
        let columns = ["encoding", "archive_blob"];
        let rows = database.rows(&Select { table, columns: &columns, filter, order: &[] })?;
        let row = rows.into_iter().next().unwrap_or_default();
        let bytes = Cursor::new(row.bytes("archive_blob").unwrap_or_default().to_vec());
        let input: Box<dyn Read + Send> = if row.text("encoding").as_deref() == Some("zstd") {
            let frames = zstd::Decoder::new(bytes).map_err(|cause| cannot_read(path, &cause))?;
            Box::new(frames.take(TRANSCRIPT_MAX_BYTES))
        } else {
            Box::new(bytes)
        };
        Ok(Self { path: path.to_path_buf(), input: Some(input), pieces: None, line: 0 })
    }
}

impl Documents for Archive {
    fn next(&mut self, max_bytes: usize) -> Result<Option<Document>> {
        if let Some(input) = self.input.take() {
            self.pieces = Some(Pieces::new(input, Begins::Row, max_bytes, max_bytes));
        }
        let Some(pieces) = &mut self.pieces else { return Ok(None) };
        loop {
            let Some(piece) = pieces.next().map_err(|cause| cannot_read(&self.path, &cause))? else { return Ok(None) };
            let is_fragment = matches!(piece, Piece::Chunk { .. });
            let mut bytes = piece.into_bytes();
            bytes.truncate(bytes.strip_suffix(b"\n").unwrap_or(&bytes).len());
            self.line += 1;
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some(Document { key: self.line.to_le_bytes().to_vec(), bytes, is_fragment }));
            }
        }
    }

    fn is_written_once(&self) -> bool {
        true
    }
}
