//! Places that carry files between machines, as the rest of this crate sees them.
//!
//! A place is a flat list of files under paths with `/`. It promises little: what was written may arrive late elsewhere,
//! and what is read may be another machine's half-written file; who reads checks. Two implementations: a folder of plain
//! files ([`folder`]) and a bucket behind the feature `buckets`. One conformance suite runs over both
//! (`tests/it/remotes.rs`).
//!
//! **Invariant:** a file is there whole under its path or not at all, as far as the place itself goes; a path that
//! [`check_path`] refuses is never asked for.

pub mod address;
#[cfg(feature = "buckets")]
pub mod bucket;
pub mod folder;
pub mod stopping;
pub mod tolerant;

use jay_types::{Error, Result};
use std::io::Write;
use std::path::Path;

/// A file of a remote, as a listing tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path below the remote, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Changes when the file does: for noticing that a file which was passed over is another one by now.
    pub stamp: String,
}

/// What a listing shows of a place of which something cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The files, in order of path.
    pub files: Vec<RemoteFile>,
    /// What is there and cannot be looked at, and why. The path of a directory ends with `/`: what is in it is not known.
    pub unread: Vec<(String, Error)>,
}

/// What became of a file that is written once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was written.
    Written,
    /// A file of that path is there already; it was left alone.
    Exists,
}

/// How far a long transfer has come: bytes done of this file.
pub type Moved<'a> = dyn FnMut(u64) + 'a;

/// A folder or a bucket.
pub trait Remote: Send + Sync {
    /// Its address, as people write it, without what is secret in it.
    fn address(&self) -> &str;

    /// The files whose path begins with `prefix`, in order of path. Files that are being written are left out.
    ///
    /// # Errors
    /// `unreachable` or `io` where the place cannot be asked; `refused` where it does not let us. A place in which nothing
    /// was ever written is empty and no error; a folder that is not there is one, for it may be a disk that is not mounted.
    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>>;

    /// As [`Remote::list`], but what is in the place and cannot be read by itself is told beside the files.
    ///
    /// # Errors
    /// As [`Remote::list`], where the place as a whole cannot be listed.
    fn list_readable(&self, prefix: &str) -> Result<Listing> {
        Ok(Listing { files: self.list(prefix)?, unread: Vec::new() })
    }

    /// A file of at most `max_bytes`; none where it is not there. Of a larger one the first `max_bytes`.
    ///
    /// # Errors
    /// As [`Remote::list`].
    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>>;

    /// Writes a file of any size into `into`; false where it is not there.
    ///
    /// # Errors
    /// As [`Remote::list`], and what `into` says.
    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool>;

    /// Writes a file that is never changed. Never over one that is there.
    ///
    /// # Errors
    /// As [`Remote::list`]; then nothing is there under that path.
    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created>;

    /// As [`Remote::create`], with the bytes of a file of this machine.
    ///
    /// # Errors
    /// As [`Remote::create`].
    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created>;

    /// Writes a file in the place of the one that is there, if any.
    ///
    /// # Errors
    /// As [`Remote::list`]; then the old one is there.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()>;

    /// Removes a file; nothing where it is not there.
    ///
    /// # Errors
    /// As [`Remote::list`].
    fn delete(&self, path: &str) -> Result<()>;

    /// Whether [`Remote::create`] holds two writers apart who come under one name at the same moment. A place is tried for it, by
    /// a file that no listing shows.
    ///
    /// # Errors
    /// As [`Remote::create`].
    fn holds_writers_apart(&self) -> Result<bool> {
        Ok(true)
    }

    /// Removes what writers of ours that were killed have left below `prefix`, which must be this node's own; nothing where a
    /// place leaves nothing behind.
    ///
    /// # Errors
    /// As [`Remote::list`].
    fn sweep(&self, _prefix: &str) -> Result<()> {
        Ok(())
    }
}

/// Most characters of a path: names of files are at most 200 of them.
const PATH_MAX: usize = 400;

/// Refuses a path that could lead out of the remote or means another file on another system. Names that carriers give to their
/// copies, such as `x (conflicted copy).jay`, are allowed: what a file is stands in it, not in its name.
///
/// # Errors
/// `internal`: paths are made by this crate or come from a listing.
pub fn check_path(path: &str) -> Result<()> {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+ (),'=@~".contains(&byte))
    };
    if path.len() > PATH_MAX || !path.split('/').all(is_name) {
        return Err(Error::internal(format!("`{path}` is no path of a file on a remote")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_path;

    #[test]
    fn only_plain_paths_are_asked_for() {
        for good in ["head", "nodes/00ff/1-2.ab.jay", "a+b_c/d", "a/x (Ann's conflicted copy 1).jay"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", ".hidden", "a\\b", "a*b", "é", "a:b", &"a".repeat(401)] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }
}
