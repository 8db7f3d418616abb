//! What a reader remembers of a source, and what the source's state tells against it.

use crate::documents::Taken;
use crate::key::content_hash;
use jay_types::{Hash, Timestamp};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// Bytes at the head and before the offset by which a file is known again.
pub(crate) const MARK_BYTES: usize = 4 << 10;

/// What a file system says of a file, or a database of a session: equal where nothing has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its size.
    pub size_bytes: u64,
    /// When it was last modified, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Its inode number, where there is one. Of what is no single file a number that changes with what is counted in
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
}

impl FileStamp {
    /// The stamp of a file's metadata.
    #[must_use]
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| match at.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).ok(),
            Err(before) => i64::try_from(before.duration().as_micros()).ok().map(|micros| -micros),
        });
        #[cfg(unix)]
        let inode = Some(std::os::unix::fs::MetadataExt::ino(metadata));
        #[cfg(not(unix))]
        let inode = None;
        Self { size_bytes: metadata.len(), modified: modified.map(Timestamp), inode }
    }
}

/// Whether the last row that was taken is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenRow {
    /// It ended with a newline.
    #[default]
    Closed,
    /// It was taken whole but without its line ending, or without the newline of `\r\n`: nothing else may follow.
    Whole,
    /// It is oversized and goes on.
    Oversized,
}

/// Where reading stands in a source. Kept by the caller beside the block after which it was taken, in the same
/// transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Bytes that were taken.
    pub offset_bytes: u64,
    /// Rows that were taken; one whose line ending is still to come is counted.
    pub row_count: u64,
    /// Whether the last row is complete.
    #[serde(default)]
    pub open: OpenRow,
    /// The session of a last row that is not complete, to which the rest of it belongs; noted by the caller, who knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// BLAKE3 of the first 4 KiB at most that were taken.
    pub head_hash: Hash,
    /// BLAKE3 of the last 4 KiB at most before the offset.
    pub tail_hash: Hash,
    /// The file when its end was reached. In the middle of a file only the offset as its size, which no whole file's
    /// stamp can equal unless nothing is left.
    pub stamp: FileStamp,
    /// What was taken of a source that is read as documents; the hashes above are then of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Taken>,
    /// What the adapter must remember to go on.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub state: serde_json::Value,
}

/// What is left to read of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was never read.
    New,
    /// Nothing has been put in since.
    Fresh,
    /// Rows were appended.
    Grown {
        /// Offset to go on from.
        from: u64,
    },
    /// Documents were put in or changed: a new revision holds these and nothing else.
    Changed {
        /// Bytes of rows that were read before.
        from: u64,
    },
    /// What was read is no longer there: a new revision is read from the beginning.
    Rewritten,
}

/// The bytes by which a file is known again, kept up to date while reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Marks {
    /// Takes the next bytes of the file.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let wanted = MARK_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
        if bytes.len() >= MARK_BYTES {
            self.tail.clear();
        }
        self.tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(MARK_BYTES)..).unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(MARK_BYTES);
        self.tail.drain(..surplus);
    }

    /// Hashes of the head and of the tail.
    pub(crate) fn hashes(&self) -> (Hash, Hash) {
        (content_hash(&[&self.head]), content_hash(&[&self.tail]))
    }

    /// Reads the marks of a file up to `offset`; fewer bytes where it is shorter.
    fn read(file: &mut (impl Read + Seek), offset: u64) -> std::io::Result<Self> {
        let length = offset.min(MARK_BYTES as u64);
        let mut marks = Self::default();
        file.seek(SeekFrom::Start(0))?;
        file.take(length).read_to_end(&mut marks.head)?;
        file.seek(SeekFrom::Start(offset - length))?;
        file.take(length).read_to_end(&mut marks.tail)?;
        Ok(marks)
    }
}

impl Cursor {
    /// True where size, time and inode say that nothing has changed, without looking into the file. Bytes that were left
    /// pending stay so; [`crate::ReadOptions::final_pass`] is the way to take them.
    #[must_use]
    pub fn is_unchanged(&self, stamp: &FileStamp) -> bool {
        stamp.modified.is_some() && self.stamp == *stamp
    }

    /// Compares the file with what was taken from it. A file that was rewritten in its middle alone, with the same
    /// first and last 4 KiB up to the offset, is taken as grown or fresh.
    pub(crate) fn compare(
        &self,
        file: &mut (impl Read + Seek),
        stamp: &FileStamp,
    ) -> std::io::Result<(Verdict, Marks)> {
        if stamp.size_bytes < self.offset_bytes {
            return Ok((Verdict::Rewritten, Marks::default()));
        }
        let marks = Marks::read(file, self.offset_bytes)?;
        if marks.hashes() != (self.head_hash, self.tail_hash) {
            return Ok((Verdict::Rewritten, Marks::default()));
        }
        file.seek(SeekFrom::Start(self.offset_bytes))?;
        if self.open == OpenRow::Whole && !only_an_ending_follows(file, marks.tail.last() == Some(&b'\r'))? {
            return Ok((Verdict::Rewritten, Marks::default()));
        }
        file.seek(SeekFrom::Start(self.offset_bytes))?;
        let verdict = if stamp.size_bytes == self.offset_bytes {
            Verdict::Fresh
        } else {
            Verdict::Grown { from: self.offset_bytes }
        };
        Ok((verdict, marks))
    }
}

/// Compares a stream that cannot be sought in with what was taken from it, as [`Cursor::compare`] does with a file. The
/// stream then stands behind what was taken, unless it was rewritten.
pub(crate) fn compare_stream(cursor: &Cursor, stream: &mut impl BufRead) -> std::io::Result<(Verdict, Marks)> {
    let mut marks = Marks::default();
    let mut left = cursor.offset_bytes;
    while left > 0 {
        let available = stream.fill_buf()?;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(available.len());
        if wanted == 0 {
            return Ok((Verdict::Rewritten, Marks::default()));
        }
        marks.push(available.get(..wanted).unwrap_or_default());
        stream.consume(wanted);
        left -= wanted as u64;
    }
    if marks.hashes() != (cursor.head_hash, cursor.tail_hash) {
        return Ok((Verdict::Rewritten, Marks::default()));
    }
    let next = stream.fill_buf()?;
    if cursor.open == OpenRow::Whole && !only_an_ending_follows(&mut &*next, marks.tail.last() == Some(&b'\r'))? {
        return Ok((Verdict::Rewritten, Marks::default()));
    }
    let verdict = if next.is_empty() { Verdict::Fresh } else { Verdict::Grown { from: cursor.offset_bytes } };
    Ok((verdict, marks))
}

/// True where a line ending follows, the beginning of one, or nothing.
fn only_an_ending_follows(file: &mut impl Read, has_return: bool) -> std::io::Result<bool> {
    let mut next = Vec::with_capacity(2);
    file.take(2).read_to_end(&mut next)?;
    Ok(match next.as_slice() {
        [] | [b'\n', ..] => true,
        [b'\r'] | [b'\r', b'\n'] => !has_return,
        _ => false,
    })
}
