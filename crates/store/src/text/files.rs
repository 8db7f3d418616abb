//! Files of the index: written beside their names, synced, then renamed.
//!
//! **Invariant:** a file that has its name is complete and on the medium; who refers to it does so after that.

use super::Fault;
use crate::identity::{replace, sync_directory};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What went wrong with a file.
pub(super) fn fault(what: &str, path: &Path, error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Io(format!("cannot {what} {}", path.display()), error),
    }
}

/// A file that is being written and hashed.
#[derive(Debug)]
pub(super) struct Output {
    file: BufWriter<File>,
    path: PathBuf,
    unfinished: PathBuf,
    hasher: blake3::Hasher,
    /// Bytes written so far.
    pub(super) len: u64,
    is_finished: bool,
}

impl Output {
    pub(super) fn new(path: &Path) -> Result<Self, Fault> {
        let unfinished = path.with_extension("tmp");
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unfinished).map_err(|error| fault("make", &unfinished, error))?;
        let file = BufWriter::with_capacity(1 << 18, file);
        let hasher = blake3::Hasher::new();
        Ok(Self { file, path: path.to_owned(), unfinished, hasher, len: 0, is_finished: false })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| fault("write", &self.unfinished, error))
    }

    /// The hash of what was put so far.
    pub(super) fn hash(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    /// Syncs the file and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        let finished = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let finished = finished.and_then(|()| replace(&self.unfinished, &self.path));
        finished.and_then(|()| sync_directory(&self.path)).map_err(|error| fault("write", &self.path, error))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}

/// Makes the directory of an index, for its owner only.
pub(super) fn make_directory(directory: &Path) -> Result<(), Fault> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| fault("make", directory, error))
}

/// Removes every file of the index whose name is not kept; what is not there any more is as good. Tells how many went.
pub(super) fn keep_only(directory: &Path, keep: impl Fn(&str) -> bool) -> Result<usize, Fault> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(fault("list", directory, error)),
    };
    let mut removed = 0;
    for entry in entries {
        let path = entry.map_err(|error| fault("list", directory, error))?.path();
        let is_ours =
            path.extension().is_some_and(|end| ["segment", "manifest", "tmp"].iter().any(|ours| end == *ours));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !is_ours || keep(&name) {
            continue;
        }
        match fs::remove_file(&path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault("remove", &path, error)),
        }
    }
    if removed > 0 {
        let synced = sync_directory(&directory.join("any"));
        synced.map_err(|error| fault("write", directory, error))?;
    }
    Ok(removed)
}
