//! Cuts a stream into rows, within bounded memory and without changing a byte.
//!
//! **Invariant:** the pieces given out, joined, are the bytes read so far, and a row is whole unless it is longer than
//! the bound.

use crate::documents::Placed;
use std::io::{BufRead, BufReader, Read};

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes of `\r\n`.
const LONGEST_ENDING: usize = 2;

/// A row without its line ending, as far as that is there.
pub(crate) fn without_ending(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// A part of the stream.
#[derive(Debug)]
pub(crate) enum Piece {
    /// A whole row with its newline.
    Row(Vec<u8>),
    /// The line ending of a row that was taken without it.
    Ending(Vec<u8>),
    /// A piece of a row that is too long to be parsed; `first` where the row begins with it.
    Chunk { bytes: Vec<u8>, first: bool },
    /// What stands after the last newline.
    Tail(Vec<u8>),
    /// A document of a source that has no lines, closed by a newline that the source has not.
    Document(Placed),
}

impl Piece {
    pub(crate) fn bytes(&self) -> &[u8] {
        let (Self::Row(bytes)
        | Self::Ending(bytes)
        | Self::Chunk { bytes, .. }
        | Self::Tail(bytes)
        | Self::Document(Placed { bytes, .. })) = self;
        bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let (Self::Row(bytes)
        | Self::Ending(bytes)
        | Self::Chunk { bytes, .. }
        | Self::Tail(bytes)
        | Self::Document(Placed { bytes, .. })) = self;
        bytes
    }

    /// The place of a document among all of its source.
    pub(crate) fn place(&self) -> Option<u64> {
        if let Self::Document(document) = self { Some(document.place) } else { None }
    }
}

/// What the stream begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// A new row.
    Row,
    /// The line ending of a row that was taken without it.
    Ending,
    /// The next bytes of an oversized row.
    Chunk,
}

/// Reads pieces.
pub(crate) struct Pieces {
    input: BufReader<Box<dyn Read + Send>>,
    begins: Begins,
    row_max: usize,
    chunk_max: usize,
    /// Bytes of an oversized row that were read before it was known to be one, and how many of them are given out.
    ahead: Vec<u8>,
    given: usize,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("begins", &self.begins).finish_non_exhaustive()
    }
}

impl Pieces {
    pub(crate) fn new(input: Box<dyn Read + Send>, begins: Begins, row_max: usize, chunk_max: usize) -> Self {
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        Self { input, begins, row_max, chunk_max: chunk_max.max(1), ahead: Vec::new(), given: 0 }
    }

    /// The next piece, or none at the end of the stream.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Piece>> {
        if !self.ahead.is_empty() {
            return Ok(Some(self.chunk(false)));
        }
        match self.begins {
            Begins::Chunk => {
                let mut bytes = Vec::new();
                self.read_line(&mut bytes, self.chunk_max)?;
                if bytes.is_empty() {
                    return Ok(None);
                }
                if bytes.ends_with(b"\n") {
                    self.begins = Begins::Row;
                }
                Ok(Some(Piece::Chunk { bytes, first: false }))
            }
            Begins::Row | Begins::Ending => self.row(),
        }
    }

    fn row(&mut self) -> std::io::Result<Option<Piece>> {
        let mut bytes = Vec::new();
        self.read_line(&mut bytes, self.row_max + LONGEST_ENDING)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let whole = bytes.ends_with(b"\n");
        if self.begins == Begins::Ending {
            self.begins = if whole { Begins::Row } else { Begins::Ending };
            return Ok(Some(if whole { Piece::Ending(bytes) } else { Piece::Tail(bytes) }));
        }
        // Counted without its ending, so that a row is the same before and after its ending came.
        if without_ending(&bytes).len() > self.row_max {
            self.begins = if whole { Begins::Row } else { Begins::Chunk };
            self.ahead = bytes;
            return Ok(Some(self.chunk(true)));
        }
        Ok(Some(if whole { Piece::Row(bytes) } else { Piece::Tail(bytes) }))
    }

    /// The next `chunk_max` of the bytes read ahead.
    fn chunk(&mut self, first: bool) -> Piece {
        let left = self.ahead.get(self.given..).unwrap_or_default();
        let bytes = left.get(..self.chunk_max).unwrap_or(left).to_vec();
        self.given += bytes.len();
        if self.given == self.ahead.len() {
            (self.ahead, self.given) = (Vec::new(), 0);
        }
        Piece::Chunk { bytes, first }
    }

    /// Appends up to and with the next newline, or `max` bytes, or all that is left.
    fn read_line(&mut self, into: &mut Vec<u8>, max: usize) -> std::io::Result<()> {
        while into.len() < max {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(());
            }
            let window = available.get(..max - into.len()).unwrap_or(available);
            let newline = memchr::memchr(b'\n', window);
            let taken = window.get(..newline.map_or(window.len(), |at| at + 1)).unwrap_or(window);
            into.extend_from_slice(taken);
            let count = taken.len();
            self.input.consume(count);
            if newline.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }
}
