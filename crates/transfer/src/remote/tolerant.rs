//! A remote as one sync sees it: what others wrote there and this machine may not read is left out, and noted.
//!
//! One closed directory or file of somebody else must not keep everybody from sharing. What this machine wrote itself it has to
//! read and write, and a place that as a whole cannot be asked is an error.
//!
//! **Invariant:** what is left out is not what is gone: [`Tolerant::is_unread`] tells them apart.

use super::{Created, Listing, Moved, Remote, RemoteFile};
use jay_types::{Code, Error, Result};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A remote, and what of it could not be read.
pub struct Tolerant<'a> {
    inner: &'a dyn Remote,
    /// Where this machine writes.
    own: String,
    /// Why something was left out, by its path; that of a directory ends with `/`.
    unread: Mutex<BTreeMap<String, String>>,
}

impl<'a> Tolerant<'a> {
    /// `inner`, for the machine whose files lie below `own`, which ends with `/`.
    #[must_use]
    pub const fn new(inner: &'a dyn Remote, own: String) -> Self {
        Self { inner, own, unread: Mutex::new(BTreeMap::new()) }
    }

    fn noted(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where a file was left out, or lies in a directory that was.
    #[must_use]
    pub fn is_unread(&self, path: &str) -> bool {
        let noted = self.noted();
        noted.contains_key(path)
            || path.match_indices('/').any(|(at, _)| path.get(..=at).is_some_and(|above| noted.contains_key(above)))
    }

    /// What was left out, and why.
    #[must_use]
    pub fn unread(&self) -> Vec<(String, String)> {
        self.noted().iter().map(|(path, why)| (path.clone(), why.clone())).collect()
    }

    /// Leaves out what is another's and cannot be read; any other error is one.
    fn leave_out(&self, path: &str, error: Error) -> Result<()> {
        if error.code != Code::Io || path.starts_with(&self.own) {
            return Err(error);
        }
        self.noted().insert(path.to_owned(), error.message);
        Ok(())
    }
}

impl Remote for Tolerant<'_> {
    fn address(&self) -> &str {
        self.inner.address()
    }

    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        let Listing { files, unread } = self.inner.list_readable(prefix)?;
        for (path, error) in unread {
            self.leave_out(&path, error)?;
        }
        Ok(files)
    }

    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.inner.read(path, max_bytes).or_else(|error| self.leave_out(path, error).map(|()| None))
    }

    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        // What fails later may be what is written into.
        if self.read(path, 1)?.is_none() {
            return Ok(false);
        }
        self.inner.download(path, into, moved)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.inner.create(path, bytes)
    }

    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        self.inner.upload(path, from, moved)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.inner.replace(path, bytes)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.inner.delete(path)
    }

    fn holds_writers_apart(&self) -> Result<bool> {
        self.inner.holds_writers_apart()
    }

    fn sweep(&self, prefix: &str) -> Result<()> {
        self.inner.sweep(prefix)
    }
}
