//! Reads a source block by block.
//!
//! What is taken of a file's last line, so that no row is ever lost or taken twice: with a newline, always; without
//! one, where it is a JSON object (no object is a proper beginning of another, so it is complete), and then its line
//! ending is taken when it comes; else it is left for later, unless the caller says that nobody writes the file any
//! more. A line that was taken without its ending and then grew by anything else makes the file rewritten.
//!
//! **Invariant:** the cursor after a block and the blocks up to it tell the same, wherever reading was interrupted.

use crate::adapter::{ReadOptions, RowParser, SessionAdapter};
use crate::block::{Block, ReadReport, RowBytes};
use crate::cursor::{Cursor, FileStamp, Marks, OpenRow, Verdict};
use crate::discover::Source;
use crate::key::content_hash;
use crate::rows::{Begins, Piece, Pieces, without_ending};
use crate::sink::{Collected, Sink};
use jay_types::{Code, Error, Result};
use std::io::{Read, Seek as _, SeekFrom};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The blocks of one source, made as they are asked for.
pub struct BlockReader {
    verdict: Verdict,
    client: &'static str,
    adapter_version: u32,
    name: String,
    session: String,
    options: ReadOptions,
    parser: Box<dyn RowParser>,
    pieces: Option<Pieces>,
    held: Option<Piece>,
    marks: Marks,
    offset_bytes: u64,
    row_count: u64,
    open: OpenRow,
    whole_stamp: FileStamp,
    at_end: bool,
    report: ReadReport,
}

impl std::fmt::Debug for BlockReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockReader").field("name", &self.name).field("verdict", &self.verdict).finish_non_exhaustive()
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
        let name = source.path.display().to_string();
        let cannot_read = |cause: std::io::Error| match cause.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("session file {name} is no longer there"))
                .hint("`jay session sync` looks for sources again."),
            _ => Error::io(format!("cannot read session file {name}"), &cause),
        };
        let mut file = std::fs::File::open(&source.path).map_err(cannot_read)?;
        let stamp = FileStamp::of(&file.metadata().map_err(cannot_read)?);
        let (verdict, marks) = match previous {
            None => (Verdict::New, Marks::default()),
            Some(cursor) => cursor.compare(&mut file, &stamp).map_err(cannot_read)?,
        };
        let previous = previous.filter(|_| matches!(verdict, Verdict::Fresh | Verdict::Grown { .. }));
        file.seek(SeekFrom::Start(previous.map_or(0, |cursor| cursor.offset_bytes))).map_err(cannot_read)?;
        let mut reader = Self::start(adapter, source, Box::new(file), previous, options);
        reader.verdict = verdict;
        reader.marks = marks;
        reader.whole_stamp = stamp;
        Ok(reader)
    }

    /// Reads `input` from its beginning as if it were the file of `source`: for archived rows and for tests.
    pub fn over<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        input: Box<dyn Read + Send>,
        options: ReadOptions,
    ) -> Self {
        Self::start(adapter, source, input, None, options)
    }

    fn start<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        input: Box<dyn Read + Send>,
        previous: Option<&Cursor>,
        options: ReadOptions,
    ) -> Self {
        let options = options.bounded();
        let open = previous.map_or(OpenRow::Closed, |cursor| cursor.open);
        let begins = match open {
            OpenRow::Closed => Begins::Row,
            OpenRow::Whole => Begins::Ending,
            OpenRow::Oversized => Begins::Chunk,
        };
        Self {
            verdict: Verdict::New,
            client: adapter.name(),
            adapter_version: adapter.version(),
            name: source.path.display().to_string(),
            session: source.session.clone(),
            options,
            parser: adapter.parser(source, previous.map(|cursor| &cursor.state)),
            pieces: Some(Pieces::new(input, begins, options.max_row_bytes, options.max_block_bytes)),
            held: None,
            marks: Marks::default(),
            offset_bytes: previous.map_or(0, |cursor| cursor.offset_bytes),
            row_count: previous.map_or(0, |cursor| cursor.row_count),
            open,
            whole_stamp: FileStamp::default(),
            at_end: false,
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
        Cursor {
            offset_bytes: self.offset_bytes,
            row_count: self.row_count,
            open: self.open,
            head_hash,
            tail_hash,
            stamp,
            state: self.parser.state(),
        }
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        if let Some(piece) = self.held.take() {
            return Ok(Some(piece));
        }
        let Some(pieces) = &mut self.pieces else { return Ok(None) };
        let piece =
            pieces.next().map_err(|cause| Error::io(format!("cannot read session file {}", self.name), &cause))?;
        match piece {
            Some(Piece::Ending(bytes) | Piece::Tail(bytes))
                if self.open == OpenRow::Whole && !matches!(bytes.as_slice(), b"\n" | b"\r\n" | b"\r") =>
            {
                Err(Error::new(Code::Busy, format!("session file {} changed while it was read", self.name))
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
        while size_bytes < self.options.max_block_bytes {
            let Some(piece) = self.next_piece()? else {
                self.at_end = true;
                self.pieces = None;
                break;
            };
            if !rows.is_empty() && size_bytes + piece.bytes().len() > self.options.max_block_bytes {
                self.held = Some(piece);
                break;
            }
            size_bytes += piece.bytes().len();
            if rows.is_empty() && self.open != OpenRow::Closed {
                first_row = self.row_count;
            }
            self.take(&piece, u32::try_from(rows.len()).unwrap_or(u32::MAX), &mut collected);
            rows.push(RowBytes(piece.into_bytes()));
        }
        if rows.is_empty() {
            return Ok(None);
        }
        for row in &rows {
            self.marks.push(&row.0);
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
            Piece::Chunk { .. } => OpenRow::Oversized,
            Piece::Row(_) | Piece::Ending(_) | Piece::Tail(_) => OpenRow::Whole,
        };
        let first_of_row = match piece {
            Piece::Row(_) => true,
            Piece::Tail(_) => !continues,
            Piece::Ending(_) => false,
            Piece::Chunk { first, .. } => *first,
        };
        if !first_of_row {
            return;
        }
        self.row_count += 1;
        self.report.rows += 1;
        let mut sink = Sink { collected, client: self.client, row, line: self.row_count };
        if let Piece::Chunk { bytes, .. } = piece {
            sink.unknown("(oversized row)");
            // At least this much is in the first piece, however much of the row was there when it was read.
            let beginning = bytes.get(..self.options.max_row_bytes).unwrap_or(bytes);
            sink.carrier(&self.session, None, None, content_hash(&[beginning]));
            return;
        }
        let mut content = without_ending(piece.bytes());
        if self.row_count == 1 {
            content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
        }
        if content.trim_ascii().is_empty() {
            self.report.blank += 1;
        } else {
            self.parser.row(content, &mut sink);
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

impl Iterator for BlockReader {
    type Item = Result<Block>;

    /// The next block. After a failure there is none: the cursor stands behind the last block that was given.
    fn next(&mut self) -> Option<Self::Item> {
        let before = (self.offset_bytes, self.row_count, self.open);
        match self.next_block() {
            Ok(block) => block.map(Ok),
            Err(error) => {
                (self.offset_bytes, self.row_count, self.open) = before;
                self.pieces = None;
                Some(Err(error))
            }
        }
    }
}
