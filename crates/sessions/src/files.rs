//! Sources that are many small files.

use crate::cursor::FileStamp;
use crate::key::content_hash;
use jay_types::{Error, Result};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of one small file; of a longer one the rest is not read.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// The files of a directory with this ending, by name, in the order of their names; none where there is no directory. No link
/// is followed.
pub(crate) fn list(directory: &Path, ending: &str) -> Vec<PathBuf> {
    if directory.is_symlink() {
        return Vec::new();
    }
    let mut files = all(directory);
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files
}

/// The files of a directory, by name; none where there is no directory. No link in it is followed.
pub(crate) fn all(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let is_file = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let mut files: Vec<_> = entries.flatten().filter(is_file).map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The directories in a directory, by name; none where there is none. No link is followed.
pub(crate) fn directories(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let is_wanted = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut found: Vec<_> = entries.flatten().filter(is_wanted).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The bytes of a small file.
///
/// # Errors
/// `not_found` where it is gone, `bad_input` where it is longer than 64 MiB, `io`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let cannot_read = |cause| crate::input::cannot_read(path, &cause);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot_read)?;
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(Error::bad_input(format!("session file {name} is longer than {} MiB", FILE_MAX_BYTES >> 20))
            .hint("Move it out of the directory of sessions."));
    }
    Ok(bytes)
}

/// The stamps of many files as one.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    stamp: FileStamp,
    seen: Vec<u8>,
}

impl Tally {
    /// Counts a file; what failed where it cannot be looked at.
    pub(crate) fn count(&mut self, path: &Path) -> Result<(), String> {
        let metadata = std::fs::metadata(path)
            .map_err(|cause| Error::io(format!("cannot look at {}", path.display()), &cause).message)?;
        let stamp = FileStamp::of(&metadata);
        self.stamp.size_bytes += stamp.size_bytes;
        self.stamp.modified = self.stamp.modified.max(stamp.modified);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (size, time) = (stamp.size_bytes.to_le_bytes(), stamp.modified.map_or(0, |at| at.0).to_le_bytes());
        self.seen = content_hash(&[&self.seen, name.as_bytes(), &size, &time]).0.to_vec();
        Ok(())
    }

    pub(crate) fn stamp(self) -> FileStamp {
        let seen = self.seen.first_chunk().map(|first| u64::from_le_bytes(*first));
        FileStamp { inode: seen, ..self.stamp }
    }
}
