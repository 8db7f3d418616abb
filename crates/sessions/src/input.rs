//! Opens a source and decides what is left to read of it.
//!
//! There are three kinds: a file of lines, one whose lines are compressed (`.zst`), and one that is read as documents.

use crate::adapter::{ReadOptions, SessionAdapter};
use crate::cursor::{Cursor, FileStamp, Marks, OpenRow, Verdict, compare_stream};
use crate::discover::Source;
use crate::documents::{Changes, Documents, Taken};
use crate::rows::{Begins, Piece, Pieces};
use jay_types::{Error, Result};
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

/// Where pieces come from.
pub(crate) enum Input {
    Lines(Pieces),
    Documents {
        changes: Changes,
        /// Looked for already, to know whether there is one.
        first: Option<Piece>,
        final_pass: bool,
    },
}

/// A source that was opened and compared with its cursor.
pub(crate) struct Opened {
    pub(crate) verdict: Verdict,
    pub(crate) marks: Marks,
    pub(crate) stamp: FileStamp,
    pub(crate) taken: Option<Taken>,
    pub(crate) input: Input,
}

impl Opened {
    /// Opens `source` for reading only; `options` are within their bounds.
    pub(crate) fn new<A: SessionAdapter + ?Sized>(
        adapter: &A,
        source: &Source,
        previous: Option<&Cursor>,
        options: ReadOptions,
    ) -> Result<Self> {
        if let Some(documents) = adapter.documents(source)? {
            let gone = || Error::internal("a source of documents became one of lines");
            let again = || adapter.documents(source)?.ok_or_else(gone);
            return Self::documents(documents, Some(&again), source, previous, options);
        }
        if is_compressed(&source.path) {
            return Self::compressed(source, previous, options);
        }
        let (mut file, stamp) = open_file(source)?;
        let cannot_read = |cause| cannot_read(&source.path, &cause);
        let (verdict, marks) = match previous {
            None => (Verdict::New, Marks::default()),
            Some(cursor) => cursor.compare(&mut file, &stamp).map_err(cannot_read)?,
        };
        let kept = kept(previous, verdict);
        file.seek(SeekFrom::Start(kept.map_or(0, |cursor| cursor.offset_bytes))).map_err(cannot_read)?;
        Ok(Self { verdict, marks, stamp, taken: None, input: Input::lines(Box::new(file), kept, options) })
    }

    fn compressed(source: &Source, previous: Option<&Cursor>, options: ReadOptions) -> Result<Self> {
        let cannot_read = |cause| cannot_read(&source.path, &cause);
        let open = || -> Result<_> {
            let (file, stamp) = open_file(source)?;
            let frames = Frames(zstd::Decoder::new(file).map_err(cannot_read)?);
            Ok((BufReader::with_capacity(64 << 10, frames), stamp))
        };
        let (mut stream, stamp) = open()?;
        let (verdict, marks) = match previous {
            None => (Verdict::New, Marks::default()),
            Some(cursor) => compare_stream(cursor, &mut stream).map_err(cannot_read)?,
        };
        if verdict == Verdict::Rewritten {
            stream = open()?.0;
        }
        let input = Input::lines(Box::new(stream), kept(previous, verdict), options);
        Ok(Self { verdict, marks, stamp, taken: None, input })
    }

    /// `again` opens a source that was rewritten from its beginning.
    pub(crate) fn documents(
        documents: Box<dyn Documents>,
        again: Option<&dyn Fn() -> Result<Box<dyn Documents>>>,
        source: &Source,
        previous: Option<&Cursor>,
        options: ReadOptions,
    ) -> Result<Self> {
        let (row_max, piece_max) = (options.max_row_bytes, options.max_block_bytes);
        let changes = |documents, before| Changes::new(documents, before, row_max, piece_max);
        let nothing = Taken::nothing(documents.is_written_once());
        let before = previous.and_then(|cursor| cursor.taken.clone());
        let (mut verdict, mut before) = match (previous, before) {
            (None, _) => (Verdict::New, nothing.clone()),
            (Some(_), None) => (Verdict::Rewritten, nothing.clone()),
            (Some(cursor), Some(before)) => match before {
                Taken::Each(_) => (Verdict::Changed { from: cursor.offset_bytes }, before),
                Taken::Prefix { .. } => (Verdict::Grown { from: cursor.offset_bytes }, before),
            },
        };
        let mut left = changes(documents, before.clone());
        if let (false, Some(again)) = (left.skip_prefix()?, again) {
            (verdict, before) = (Verdict::Rewritten, nothing);
            left = changes(again()?, before.clone());
        }
        let mut input = Input::Documents { changes: left, first: None, final_pass: options.final_pass };
        let found = input.next(source)?;
        if found.is_none() && matches!(verdict, Verdict::Changed { .. } | Verdict::Grown { .. }) {
            verdict = Verdict::Fresh;
        }
        if let Input::Documents { first, .. } = &mut input {
            *first = found;
        }
        Ok(Self { verdict, marks: Marks::default(), stamp: source.stamp, taken: Some(before), input })
    }
}

/// The cursor from which reading goes on.
pub(crate) fn kept(previous: Option<&Cursor>, verdict: Verdict) -> Option<&Cursor> {
    previous.filter(|_| !matches!(verdict, Verdict::New | Verdict::Rewritten))
}

impl Input {
    pub(crate) fn lines(input: Box<dyn Read + Send>, previous: Option<&Cursor>, options: ReadOptions) -> Self {
        let begins = match previous.map_or(OpenRow::Closed, |cursor| cursor.open) {
            OpenRow::Closed => Begins::Row,
            OpenRow::Whole => Begins::Ending,
            OpenRow::Oversized => Begins::Chunk,
        };
        Self::Lines(Pieces::new(input, begins, options.max_row_bytes, options.max_block_bytes))
    }

    pub(crate) fn next(&mut self, source: &Source) -> Result<Option<Piece>> {
        match self {
            Self::Lines(pieces) => pieces.next().map_err(|cause| cannot_read(&source.path, &cause)),
            Self::Documents { changes, first, final_pass } => {
                if let Some(piece) = first.take() {
                    return Ok(Some(piece));
                }
                let next = match changes.next()? {
                    None if *final_pass => changes.rest()?,
                    next => next,
                };
                Ok(next.map(|mut document| {
                    document.bytes.push(b'\n');
                    Piece::Document(document)
                }))
            }
        }
    }

    /// Bytes at the end that are not complete, of a source that is read as documents.
    pub(crate) fn pending_bytes(&self) -> u64 {
        if let Self::Documents { changes, .. } = self { changes.pending_bytes() } else { 0 }
    }
}

/// Frames one after the other; one that is not complete yet ends the stream.
struct Frames<R: std::io::BufRead>(zstd::Decoder<'static, R>);

impl<R: std::io::BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }
}

/// True for a file whose lines are compressed.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "zst" || ending == "zstd")
}

fn open_file(source: &Source) -> Result<(std::fs::File, FileStamp)> {
    let cannot_read = |cause| cannot_read(&source.path, &cause);
    let file = std::fs::File::open(&source.path).map_err(cannot_read)?;
    let stamp = FileStamp::of(&file.metadata().map_err(cannot_read)?);
    Ok((file, stamp))
}

/// What to say where a source's file cannot be read.
pub(crate) fn cannot_read(path: &Path, cause: &std::io::Error) -> Error {
    let name = path.display();
    match cause.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("session file {name} is no longer there"))
            .hint("`jay session sync` looks for sources again."),
        _ => Error::io(format!("cannot read session file {name}"), cause),
    }
}
