//! Reads files out of a zip archive, in which exports come.
//!
//! Only the list at the end of the archive is believed, and of that only where a file begins and how it is packed: what a
//! file comes to is what its stream gives.
//!
//! **Invariant:** nothing is unpacked to the disk, and memory is bounded by the list and a window.

use crate::inflate::Inflate;
use jay_types::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Bytes of the longest end of an archive: its record and a comment.
const END_MAX_BYTES: u64 = 22 + 0xffff;
/// Bytes of the list of files that is read.
const LIST_MAX_BYTES: u64 = 64 << 20;
const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    is_packed: bool,
    packed_bytes: u64,
    offset: u64,
}

/// True where a file begins as a zip archive does.
pub(crate) fn is_zip(path: &Path) -> bool {
    let mut head = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == LOCAL
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::bad_input(format!("{} is no zip archive that can be read: {what}", path.display()))
        .hint("Unpack it and give the directory to `jay session sync --path`.")
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// The files of an archive.
pub(crate) fn list(path: &Path) -> Result<Vec<Entry>> {
    let cannot_read = |cause| crate::input::cannot_read(path, &cause);
    let mut file = File::open(path).map_err(cannot_read)?;
    let size = file.metadata().map_err(cannot_read)?.len();
    let from = size.saturating_sub(END_MAX_BYTES);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(from)).map_err(cannot_read)?;
    (&file).take(END_MAX_BYTES).read_to_end(&mut end).map_err(cannot_read)?;
    let at = end.windows(END.len()).rposition(|window| window == END).ok_or_else(|| damaged(path, "it has no end"))?;
    let told = |at| number(&end, at, 4);
    let (length, start) = told(at + 12).zip(told(at + 16)).ok_or_else(|| damaged(path, "its end is torn"))?;
    if start == 0xffff_ffff {
        return Err(damaged(path, "it is longer than 4 GiB"));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(cannot_read)?;
    (&file).take(length.min(LIST_MAX_BYTES)).read_to_end(&mut bytes).map_err(cannot_read)?;
    let mut entries = Vec::new();
    let mut rest = bytes.as_slice();
    while rest.starts_with(ENTRY) {
        let (entry, length) = entry(rest).ok_or_else(|| damaged(path, "its list is torn"))?;
        entries.extend(entry);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(entries)
}

/// An entry of the list, none where it is packed in another way, with its length in the list.
fn entry(bytes: &[u8]) -> Option<(Option<Entry>, usize)> {
    let field = |at, length| number(bytes, at, length);
    let lengths = [field(28, 2)?, field(30, 2)?, field(32, 2)?];
    let name = bytes.get(46..46 + usize::try_from(lengths.first().copied()?).ok()?)?;
    let length = 46 + usize::try_from(lengths.iter().sum::<u64>()).ok()?;
    let is_secret = field(8, 2)? & 1 == 1;
    let method = field(10, 2)?;
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        is_packed: method == 8,
        packed_bytes: field(20, 4)?,
        offset: field(42, 4)?,
    };
    Some(((!is_secret && (method == 0 || method == 8)).then_some(entry), length))
}

/// Opens a file of an archive.
pub(crate) fn open(path: &Path, name: &str) -> Result<Box<dyn BufRead + Send>> {
    let cannot_read = |cause| crate::input::cannot_read(path, &cause);
    let gone = || Error::not_found(format!("{} has no file {name}", path.display()));
    let entry = list(path)?.into_iter().find(|entry| entry.name == name).ok_or_else(gone)?;
    let mut file = File::open(path).map_err(cannot_read)?;
    let mut head = [0; 30];
    file.seek(SeekFrom::Start(entry.offset)).map_err(cannot_read)?;
    file.read_exact(&mut head).map_err(cannot_read)?;
    if !head.starts_with(LOCAL) {
        return Err(damaged(path, "a file does not begin where the list says"));
    }
    let skipped = number(&head, 26, 2).unwrap_or(0) + number(&head, 28, 2).unwrap_or(0);
    file.seek(SeekFrom::Start(entry.offset + 30 + skipped)).map_err(cannot_read)?;
    let packed = BufReader::with_capacity(256 << 10, file.take(entry.packed_bytes));
    Ok(if entry.is_packed { Box::new(BufReader::new(Inflate::new(packed))) } else { Box::new(packed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zip");
        for bytes in [&b"PK\x03\x04"[..], b"PK\x03\x04 and PK\x05\x06", &[b'P'; 70_000]] {
            jay_testkit::write(&path, bytes);
            let error = list(&path).unwrap_err();
            assert!(error.message.contains("is no zip archive that can be read"), "{}", error.message);
        }
    }
}
