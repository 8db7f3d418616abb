//! Reads a source block by block.
//!
//! What is taken of a file's last line, so that no row is ever lost or taken twice: with a newline, always; without
//! one, where it is a JSON object (no object is a proper beginning of another, so it is complete), and then its line
//! ending is taken when it comes; else it is left for later, unless the caller says that nobody writes the file any
//! more. A line that was taken without its ending and then grew by anything else makes the file rewritten.
//!
//! A document of a source that has no lines is a row that a newline closes, which is not part of the document.
//!
//! **Invariant:** the cursor after a block and the blocks up to it tell the same, wherever reading was interrupted.

use crate::adapter::{ReadOptions, RowParser, SessionAdapter};
use crate::block::{Block, ReadReport, RowBytes};
use crate::cursor::{Cursor, FileStamp, Marks, OpenRow, Verdict};
use crate::discover::Source;
use crate::documents::{Documents, Fingerprint, Placed, Taken};
use crate::input::{Input, Opened, kept};
use crate::key::content_hash;
use crate::rows::{Piece, without_ending};
use crate::sink::{Collected, Sink};
use jay_types::{Code, Error, Result};
use std::io::Read;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The blocks of one source, made as they are asked for.
pub struct BlockReader {
    verdict: Verdict,
    client: &'static str,
    adapter_version: u32,
    source: Source,
    options: ReadOptions,
    parser: Box<dyn RowParser>,
    input: Option<Input>,
    held: Option<Piece>,
    /// Documents of the block that is being made, and what was taken before them.
    untaken: Vec<Fingerprint>,
    taken: Option<Taken>,
    /// The place of the document that may stand in the same block as the last one.
    next_place: Option<u64>,
    marks: Marks,
    offset_bytes: u64,
    row_count: u64,
    open: OpenRow,
    whole_stamp: FileStamp,
    at_end: bool,
    /// What is told after the block that was read before it.
    failure: Option<Error>,
    has_failed: bool,
    report: ReadReport,
}

impl std::fmt::Debug for BlockReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockReader")
            .field("source", &self.source.name())
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

impl BlockReader {
    /// Opens the file of `source` for reading and decides what is left to read.
    ///
    /// # Errors
    /// `not_found` where the file is gone, `io` where it cannot be read.
    pub fn open<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        previous: Option<&Cursor>,
        options: ReadOptions,
    ) -> Result<Self> {
        let options = options.bounded();
        let opened = Opened::new(adapter, source, previous, options)?;
        let mut reader = Self::start(adapter, source, opened.input, kept(previous, opened.verdict), options);
        reader.verdict = opened.verdict;
        reader.marks = opened.marks;
        reader.whole_stamp = opened.stamp;
        reader.taken = opened.taken;
        Ok(reader)
    }

    /// Reads `input` from its beginning as if it were the file of `source`: for archived rows and for tests.
    pub fn over<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        input: Box<dyn Read + Send>,
        options: ReadOptions,
    ) -> Self {
        let options = options.bounded();
        Self::start(adapter, source, Input::lines(input, None, options), None, options)
    }

    /// Reads `documents` from their beginning as if they were those of `source`.
    pub fn over_documents<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        documents: Box<dyn Documents>,
        options: ReadOptions,
    ) -> Result<Self> {
        let options = options.bounded();
        let taken = Taken::nothing(documents.is_written_once());
        let opened = Opened::documents(documents, None, source, None, options)?;
        let mut reader = Self::start(adapter, source, opened.input, None, options);
        reader.taken = Some(taken);
        Ok(reader)
    }

    fn start<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        input: Input,
        previous: Option<&Cursor>,
        options: ReadOptions,
    ) -> Self {
        Self {
            verdict: Verdict::New,
            client: adapter.name(),
            adapter_version: adapter.version(),
            source: source.clone(),
            options,
            parser: adapter.parser(source, previous.map(|cursor| &cursor.state)),
            input: Some(input),
            held: None,
            untaken: Vec::new(),
            next_place: None,
            taken: None,
            marks: Marks::default(),
            offset_bytes: previous.map_or(0, |cursor| cursor.offset_bytes),
            row_count: previous.map_or(0, |cursor| cursor.row_count),
            open: previous.map_or(OpenRow::Closed, |cursor| cursor.open),
            whole_stamp: FileStamp::default(),
            at_end: false,
            failure: None,
            has_failed: false,
            report: ReadReport::default(),
        }
    }

    /// What was found when the source was opened.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What reading has come to so far; the pending bytes are known when the blocks are all taken.
    #[must_use]
    pub fn report(&self) -> &ReadReport {
        &self.report
    }

    /// Where reading stands after the last block that was given. Taken once more after the last one, when there is no
    /// next, it also remembers the file's stamp, so that [`Cursor::is_unchanged`] can tell without opening it.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let (head_hash, tail_hash) = self.marks.hashes();
        let stamp = if self.at_end {
            self.whole_stamp
        } else {
            FileStamp { size_bytes: self.offset_bytes, modified: None, inode: None }
        };
        // A time that cannot be read again would make the whole cursor none: what it tells would be taken in anew each time.
        let stamp = FileStamp { modified: stamp.modified.filter(|at| at.is_readable()), ..stamp };
        Cursor {
            offset_bytes: self.offset_bytes,
            row_count: self.row_count,
            open: self.open,
            session: None,
            head_hash,
            tail_hash,
            stamp,
            taken: self.taken.clone(),
            state: self.parser.state(),
        }
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        if let Some(piece) = self.held.take() {
            return Ok(Some(piece));
        }
        let Some(input) = &mut self.input else { return Ok(None) };
        let piece = input.next(&self.source)?;
        if piece.is_none() {
            self.report.pending_bytes = input.pending_bytes();
        }
        match piece {
            Some(Piece::Ending(bytes) | Piece::Tail(bytes))
                if self.open == OpenRow::Whole && !matches!(bytes.as_slice(), b"\n" | b"\r\n" | b"\r") =>
            {
                Err(Error::new(
                    Code::Busy,
                    format!("session file {} changed while it was read", self.source.path.display()),
                )
                .hint("Run `jay session sync` again."))
            }
            Some(Piece::Tail(bytes)) if !self.takes_tail(&bytes) => {
                self.report.pending_bytes = bytes.len() as u64;
                Ok(None)
            }
            piece => Ok(piece),
        }
    }

    /// Whether a last line without a newline is complete.
    fn takes_tail(&self, bytes: &[u8]) -> bool {
        self.options.final_pass || (self.open != OpenRow::Whole && crate::json::is_object(bytes))
    }

    fn next_block(&mut self) -> Result<Option<Block>> {
        let (start, mut first_row) = (self.offset_bytes, self.row_count + 1);
        let mut rows: Vec<RowBytes> = Vec::new();
        let mut collected = Collected::default();
        let mut size_bytes = 0;
        self.untaken.clear();
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        while size_bytes < self.options.max_block_bytes {
            let piece = match self.next_piece() {
                // What stands before the damage is not lost with it.
                Err(failure) if !rows.is_empty() => {
                    self.failure = Some(failure);
                    break;
                }
                piece => piece?,
            };
            let Some(piece) = piece else {
                self.at_end = !self.has_failed;
                self.input = None;
                break;
            };
            let is_full = size_bytes + piece.bytes().len() > self.options.max_block_bytes;
            // Rows of a block are numbered without gaps: what was read before may stand between two documents, and of a row
            // in pieces each has the same number.
            let is_apart = match piece.place() {
                None => matches!(piece, Piece::Chunk { first: false, .. }),
                place => place != self.next_place,
            };
            if !rows.is_empty() && (is_full || is_apart) {
                self.held = Some(piece);
                break;
            }
            size_bytes += piece.bytes().len();
            if rows.is_empty() {
                first_row = match piece.place() {
                    Some(place) => place + 1,
                    None if self.open != OpenRow::Closed => self.row_count,
                    None => first_row,
                };
            }
            self.next_place = piece.place().map(|place| place + 1);
            self.take(&piece, u32::try_from(rows.len()).unwrap_or(u32::MAX), &mut collected);
            rows.push(RowBytes(piece.into_bytes()));
        }
        if rows.is_empty() {
            return Ok(None);
        }
        match &mut self.taken {
            Some(taken) => self.untaken.drain(..).for_each(|print| taken.take(print)),
            None => rows.iter().for_each(|row| self.marks.push(&row.0)),
        }
        Ok(Some(self.finish(rows, collected, first_row, start)))
    }

    /// Parses one piece and moves on behind it.
    fn take(&mut self, piece: &Piece, row: u32, collected: &mut Collected) {
        let continues = self.open != OpenRow::Closed;
        let ended = piece.bytes().ends_with(b"\n");
        self.offset_bytes += piece.bytes().len() as u64;
        self.open = match piece {
            _ if ended => OpenRow::Closed,
            Piece::Document(_) => OpenRow::Closed,
            Piece::Chunk { .. } => OpenRow::Oversized,
            Piece::Row(_) | Piece::Ending(_) | Piece::Tail(_) => OpenRow::Whole,
        };
        let first_of_row = match piece {
            Piece::Row(_) | Piece::Document(_) => true,
            Piece::Tail(_) => !continues,
            Piece::Ending(_) => false,
            Piece::Chunk { first, .. } => *first,
        };
        if !first_of_row {
            return;
        }
        self.row_count += 1;
        self.report.rows += 1;
        let line = piece.place().map_or(self.row_count, |place| place + 1);
        let mut sink = Sink { collected, client: self.client, row, line };
        if let Piece::Document(document) = piece {
            self.untaken.push(document.print);
        }
        if let Piece::Chunk { bytes, .. } | Piece::Document(Placed { bytes, is_fragment: true, .. }) = piece {
            oversized(&self.source, bytes, self.options.max_row_bytes, &mut sink);
        } else if !parsed(self.parser.as_mut(), piece.bytes(), self.row_count == 1, &mut sink) {
            self.report.blank += 1;
        }
    }

    fn finish(&mut self, rows: Vec<RowBytes>, collected: Collected, first_row: u64, start: u64) -> Block {
        let report = &mut self.report;
        report.blocks += 1;
        report.bytes += self.offset_bytes - start;
        report.carriers += collected.carriers;
        report.messages += collected.messages.iter().filter(|message| message.message.role.is_some()).count() as u64;
        for (kind, count) in &collected.unknown {
            *report.unknown.entry(kind.clone()).or_default() += count;
        }
        Block {
            client: self.client.to_owned(),
            adapter_version: self.adapter_version,
            rows,
            messages: collected.messages,
            sessions: collected.sessions.into_values().collect(),
            unknown: collected.unknown,
            first_row,
            start,
            end: self.offset_bytes,
        }
    }
}

/// Keeps a row that is too long to be parsed, of which `bytes` are the beginning.
pub(crate) fn oversized(source: &Source, bytes: &[u8], row_max_bytes: usize, sink: &mut Sink<'_>) {
    sink.unknown("(oversized row)");
    // At least this much is in the first piece, however much of the row was there when it was read.
    let beginning = bytes.get(..row_max_bytes).unwrap_or(bytes);
    sink.carrier(&source.session, None, None, content_hash(&[beginning]));
}

/// Says what a whole row means; false where it is blank.
pub(crate) fn parsed(parser: &mut dyn RowParser, row: &[u8], is_first: bool, sink: &mut Sink<'_>) -> bool {
    let mut content = without_ending(row);
    if is_first {
        content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    }
    if content.trim_ascii().is_empty() {
        return false;
    }
    parser.row(content, sink);
    true
}

impl Iterator for BlockReader {
    type Item = Result<Block>;

    /// The next block. After a failure there is none: the cursor stands behind the last block that was given.
    fn next(&mut self) -> Option<Self::Item> {
        let before = (self.offset_bytes, self.row_count, self.open);
        match self.next_block() {
            Ok(block) => block.map(Ok),
            Err(error) => {
                (self.offset_bytes, self.row_count, self.open) = before;
                self.has_failed = true;
                self.input = None;
                Some(Err(error))
            }
        }
    }
}
